"""The files of an SAE: where they are, which tensors they hold, and whether they may be read.

Refuses what could be read wrongly: a missing, surplus or misshapen tensor, numbers that are not
finite, half precision, a pickle nobody allowed. Knows nothing of what the tensors mean; how
they lie on disk is known in `tensor_files.py`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probes.sae.sae import SAEError
from probes.sae.tensor_files import read_tensors

if TYPE_CHECKING:
    from torch import Tensor

Shape = tuple[str | int, ...]
PICKLES = (".pt", ".pth", ".bin")


@dataclass(frozen=True)
class Source:
    """Where an SAE lies, and what reading it may cost.

    Attributes:
        given: path or hub id as the user wrote it.
        folder: holds the files.
        file: the weights, where the user named a file and no folder.
        allow_pickle: read torch's pickles, always with `weights_only=True`.
        allow_half: read float16 and bfloat16 as float32.
        rounded: the half precisions that were met on the way.
    """

    given: str
    folder: Path
    file: Path | None = None
    allow_pickle: bool = False
    allow_half: bool = False
    rounded: set[str] = field(default_factory=set, compare=False)

    @property
    def trail(self) -> str:
        """Every name on the way to the files: some formats say half of it in folder names."""
        resolved = (self.file or self.folder).absolute().as_posix()
        return f"{self.given} {resolved}".replace("--", "/")

    def weights(self, *patterns: str) -> tuple[Path, ...]:
        """Weight files that match a pattern: those of the folder, or the named one alone."""
        if self.file is not None:
            return (self.file,) if any(self.file.match(pattern) for pattern in patterns) else ()
        return tuple(sorted({found for p in patterns for found in self.folder.glob(p)}))

    def only(self, *patterns: str) -> Path:
        """The one weight file that matches.

        Raises:
            SAEError: there is none, or more than one to choose from.
        """
        found = self.weights(*patterns)
        if len(found) == 1:
            return found[0]
        wanted = " or ".join(patterns)
        if not found:
            raise SAEError(f"{self.folder}: expected {wanted}, found {self.listing()}")
        names = ", ".join(path.name for path in found[:6]) + (", ..." if len(found) > 6 else "")
        raise SAEError(
            f"{self.folder}: expected one file {wanted}, found {len(found)} ({names}); "
            "name the file itself"
        )

    def beside(self, name: str) -> Path | None:
        """A file of that name in the folder, if it is there."""
        path = self.folder / name
        return path if path.is_file() else None

    def listing(self) -> str:
        """What the folder holds, for messages."""
        names = sorted(p.name + ("/" if p.is_dir() else "") for p in self.folder.iterdir())
        return (", ".join(names[:12]) + (", ..." if len(names) > 12 else "")) or "nothing"

    def tensors(self, file: Path) -> dict[str, Any]:
        """All that a weight file holds, tensors as they are stored, on the CPU.

        Raises:
            SAEError: the file is cut short, or a pickle that nobody allowed.
        """
        if file.suffix in PICKLES and not self.allow_pickle:
            raise SAEError(
                f"{file}: expected safetensors or npz, found a pickle, which can run code when it "
                "is read; pass allow_pickle (--allow-pickle) to read its tensors and nothing else"
            )
        return read_tensors(file)

    def checked(
        self,
        file: Path,
        tensors: Mapping[str, Any],
        wanted: Mapping[str, Shape],
        sizes: Mapping[str, int] | None = None,
        optional: Mapping[str, Shape] | None = None,
    ) -> dict[str, Tensor]:
        """Exactly the wanted tensors, in float32, with sizes that agree.

        Args:
            file: for messages.
            tensors: what it holds.
            wanted: shape of each tensor that must be there; a size is a number or a name.
            sizes: named sizes that a configuration already states.
            optional: the same for tensors that may be there.

        Raises:
            SAEError: a tensor is missing, surplus, misshapen, not finite or in half precision.
        """
        known = dict(sizes or {})
        surplus = [name for name in tensors if name not in {*wanted, *(optional or {})}]
        missing = [name for name in wanted if name not in tensors]
        if missing or surplus:
            said = [f"no {name}" for name in missing] + [f"a surplus {name}" for name in surplus]
            raise SAEError(
                f"{file}: expected the tensors {', '.join(wanted)}; found {', '.join(said)}"
            )
        shapes = {**wanted, **{n: s for n, s in (optional or {}).items() if n in tensors}}
        return {
            name: self._one(file, name, tensors[name], shape, known)
            for name, shape in shapes.items()
        }

    def _one(
        self, file: Path, name: str, tensor: Any, shape: Shape, known: dict[str, int]
    ) -> Tensor:
        import torch

        if not isinstance(tensor, torch.Tensor):
            raise SAEError(f"{file}: expected {name} to be a tensor, found {type(tensor).__name__}")
        stated = [known.get(size, size) if isinstance(size, str) else size for size in shape]
        found = list(tensor.shape)
        if len(found) != len(shape) or any(
            isinstance(s, int) and s != f for s, f in zip(stated, found, strict=True)
        ):
            said = ", ".join(
                f"{n} {s}" if isinstance(n, str) and n != s else str(s)
                for n, s in zip(shape, stated, strict=True)
            )
            raise SAEError(f"{file}: expected {name} [{said}], found {found}")
        known.update((n, f) for n, f in zip(shape, found, strict=True) if isinstance(n, str))
        kind = str(tensor.dtype).removeprefix("torch.")
        half = kind in ("float16", "bfloat16")
        if half and not self.allow_half:
            raise SAEError(
                f"{file}: expected {name} in float32, found {kind}; rounding moves features across "
                f"their thresholds, so pass allow_half (--allow-half) to read it as float32"
            )
        if half:
            self.rounded.add(kind)
        elif kind not in ("float32", "float64"):
            raise SAEError(f"{file}: expected {name} in float32, found {kind}")
        wide: Tensor = tensor.detach().to(torch.float32)
        bad = int((~wide.isfinite()).sum())
        if bad:
            raise SAEError(
                f"{file}: expected finite numbers in {name}, found {bad} of {wide.numel()} "
                "that are not"
            )
        return wide


def integer(file: Path, name: str, tensors: Mapping[str, Any]) -> int:
    """A whole number that is stored among the tensors.

    Raises:
        SAEError: it is not there, or not one whole number.
    """
    import torch

    value = tensors.get(name)
    if not isinstance(value, torch.Tensor) or value.numel() != 1 or value.is_floating_point():
        found = "no such tensor" if value is None else f"{value!r}"
        raise SAEError(f"{file}: expected {name} to be one whole number, found {found}")
    return int(value)


def digest(files: Iterable[Path]) -> str:
    """Sha256 over the content of files, in the order given."""
    total = hashlib.sha256()
    for path in files:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                total.update(block)
    return f"sha256:{total.hexdigest()}"


def write_atomically(file: Path, content: bytes) -> None:
    """Temporary file, fsync, rename: a crash leaves the old file or the new one."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
