"""Whether a checkpoint folder is all there, before anybody spends a forward pass on it.

Says in words what a loader would miss, and what shows that somebody is still writing. A
safetensors file states its own length and JSON its own end, so a cut of either is seen at
once; text without an end (merges.txt, vocab.txt, a chat template) and old pickles are not,
and only a second look that finds every file as it was settles those. Reads headers and JSON
and no weights: whether these are numbers is the engine's question.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audit.models.checkpoint_files import INDEX, PICKLED, WEIGHTS
from audit.models.loading import VOCABULARIES
from audit.series.adapters import ADAPTER_CONFIG, ADAPTER_PICKLE, ADAPTER_WEIGHTS, is_adapter
from audit.series.checkpoints import is_staging
from audit.series.steps import TRAINER_STATE

_JSON = (
    "config.json",
    ADAPTER_CONFIG,
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "chat_template.json",
    TRAINER_STATE,
)
_PICKLE_INDEX = "pytorch_model.bin.index.json"
# What the writers call a file that they will rename: ours and torch's, the hub's, browsers'
# and rsync's.
_TEMPORARY = re.compile(
    r".*\.(tmp|temp|incomplete|partial|part|crdownload)|\.tmp.*"
    r"|\..+\.(safetensors|json|bin|model)\.\w{6}"
)
_DOWNLOADS = Path(".cache", "huggingface", "download")
# The Trainer writes these after the weights and its state after all of them.
_BEFORE_STATE = ("training_args.bin", "optimizer.pt", "optimizer.bin", "scheduler.pt", "rng_state*")
_TRAINING_SHARDS = ("*.distcp", "pytorch_model_fsdp_*", "global_step*", "*model_states.pt")
_SHARD = re.compile(r"model-\d+-of-(\d+)\.safetensors")
_HEADER_LIMIT = 100_000_000  # bytes; what the reference implementation accepts at most
_LFS = b"version https://git-lfs"


@dataclass(frozen=True)
class Completeness:
    """What one look at a checkpoint folder found.

    Attributes:
        folder: that was looked at.
        missing: what a loader would lack, one phrase each.
        writing: what shows that somebody may still be writing, one phrase each.
        files: name, size in bytes and time of change in nanoseconds, for the next look.
    """

    folder: Path
    missing: tuple[str, ...]
    writing: tuple[str, ...]
    files: tuple[tuple[str, int, int], ...] = field(repr=False)

    @property
    def complete(self) -> bool:
        """Whether nothing is missing and nobody seems to be writing."""
        return not (self.missing or self.writing)

    def __bool__(self) -> bool:
        return self.complete

    def __str__(self) -> str:
        if self.complete:
            return f"{self.folder} is complete"
        parts = []
        if self.missing:
            parts.append(f"is not complete: {_few(self.missing)}")
        if self.writing:
            parts.append(f"seems to be still being written: {_few(self.writing)}")
        return f"{self.folder} {', and it '.join(parts)}"


def _few(phrases: tuple[str, ...], most: int = 3) -> str:
    more = f"; and {len(phrases) - most} more" if len(phrases) > most else ""
    return "; ".join(phrases[:most]) + more


def is_complete(folder: Path, *, earlier: Completeness | None = None) -> Completeness:
    """Look whether everything that a loader needs is in `folder`, whole.

    Args:
        folder: of a model or of an adapter.
        earlier: an earlier look; whatever differs from it counts as still being written.
    """
    try:
        files = files_in(folder)
        missing = tuple(_missing(folder))
        writing = tuple(_writing(folder, files, earlier))
    except (FileNotFoundError, NotADirectoryError):
        if folder.is_dir():
            return Completeness(folder, (), ("a file went away during the look",), ())
        return Completeness(folder, ("the folder is not there any more",), (), ())
    except OSError as error:
        reason = f"{error.filename or folder} cannot be read ({error.strerror or error})"
        return Completeness(folder, (reason,), (), ())
    return Completeness(folder, missing, writing, files)


def files_in(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Name, size in bytes and time of change in nanoseconds of each file.

    Raises:
        OSError: the folder or a file went away.
    """
    found = []
    for path in sorted(folder.iterdir()):
        if path.is_file():
            state = path.stat()
            found.append((path.name, state.st_size, state.st_mtime_ns))
    return tuple(found)


def _missing(folder: Path) -> Iterator[str]:
    adapter = is_adapter(folder)
    if not adapter and not (folder / "config.json").is_file():
        yield "config.json is not there"
    for name in _JSON:
        if (folder / name).is_file():
            yield from _not_an_object(folder / name)
    if adapter:
        yield from _adapter_weights(folder)
        return
    yield from _model_weights(folder)
    if not any((folder / name).is_file() for name in VOCABULARIES) and not any(
        folder.glob("*.tiktoken")
    ):
        yield f"no tokenizer is there (none of {', '.join(VOCABULARIES)})"
    for name in VOCABULARIES:
        if (folder / name).is_file() and not (folder / name).stat().st_size:
            yield f"{name} is empty"


def _adapter_weights(folder: Path) -> Iterator[str]:
    if (folder / ADAPTER_WEIGHTS).is_file():
        yield from _safetensors(folder / ADAPTER_WEIGHTS)
    elif (folder / ADAPTER_PICKLE).is_file():
        yield from _pickle(folder / ADAPTER_PICKLE)
    else:
        yield f"the adapter has no weights, neither {ADAPTER_WEIGHTS} nor {ADAPTER_PICKLE}"


def _model_weights(folder: Path) -> Iterator[str]:
    """In the order in which the loader looks for weights."""
    if (folder / WEIGHTS).is_file():
        yield from _safetensors(folder / WEIGHTS)
        return
    if (folder / INDEX).is_file():
        yield from _indexed(folder, INDEX)
        return
    if (folder / _PICKLE_INDEX).is_file():
        yield from _indexed(folder, _PICKLE_INDEX)
        return
    shards = [found for path in folder.iterdir() if (found := _SHARD.fullmatch(path.name))]
    if shards:
        there = f"{len(shards)} of {int(shards[0][1])} shards are there"
        yield f"{there} and {INDEX} is not, which comes after them"
        return
    if pickles := sorted(folder.glob(PICKLED)):
        for path in pickles:
            yield from _pickle(path)
        return
    yield _no_weights(folder)


def _no_weights(folder: Path) -> str:
    for pattern in _TRAINING_SHARDS:
        if (found := next(folder.glob(pattern), None)) is not None:
            return (
                f"the weights are only in the shards of the training ({found.name}); "
                "merge them into safetensors"
            )
    return f"no weights are there, neither {WEIGHTS} nor {INDEX}"


def _indexed(folder: Path, index: str) -> Iterator[str]:
    wrong = list(_not_an_object(folder / index))
    if wrong:
        yield from wrong
        return
    weight_map = json.loads((folder / index).read_text("utf-8")).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        yield f"{index} has no weight_map"
        return
    shards = sorted({str(shard) for shard in weight_map.values()})
    there = [shard for shard in shards if (folder / shard).is_file()]
    if len(there) < len(shards):
        absent = next(shard for shard in shards if shard not in there)
        yield f"{len(there)} of the {len(shards)} shards that {index} names are there, not {absent}"
    for shard in there:
        if not shard.endswith(".safetensors"):
            yield from _pickle(folder / shard)
            continue
        header, wrong_header = _header(folder / shard)
        if wrong_header:
            yield wrong_header
            continue
        promised = sorted(key for key, value in weight_map.items() if value == shard)
        if lacking := [key for key in promised if key not in header]:
            yield f"{shard} lacks {len(lacking)} weights that {index} places there, {lacking[0]}"


def _safetensors(file: Path) -> Iterator[str]:
    _, wrong = _header(file)
    if wrong:
        yield wrong


def _header(file: Path) -> tuple[dict[str, Any], str | None]:
    """The header of a safetensors file, and what is wrong with the file.

    The format: eight bytes with the length of a JSON header, the header, and the tensors,
    the last of which ends where the file does.
    """
    size = file.stat().st_size
    with file.open("rb") as stream:
        start = stream.read(8)
        if (start + stream.read(len(_LFS) - 8)) == _LFS:
            return {}, f"{file.name} is a pointer of git-lfs and not the weights; run git lfs pull"
        length = int.from_bytes(start, "little")
        if len(start) < 8 or size < 8 + length <= 8 + _HEADER_LIMIT:
            return {}, f"{file.name} ends inside its header, after {size} bytes"
        if not 2 <= length <= _HEADER_LIMIT:
            return {}, f"{file.name} does not begin with a safetensors header"
        stream.seek(8)
        raw = stream.read(length)
    try:
        header: dict[str, Any] = json.loads(raw)
        header.pop("__metadata__", None)
        ends = [int(tensor["data_offsets"][1]) for tensor in header.values()]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return {}, f"the header of {file.name} is not one of safetensors"
    whole = 8 + length + max(ends, default=0)
    if size != whole:
        return header, f"{file.name} has {size} of {whole} bytes"
    if not header:
        return header, f"{file.name} holds no tensor"
    return header, None


def _pickle(file: Path) -> Iterator[str]:
    """A zip lists its content at its end; the pickles of old have no such end."""
    with file.open("rb") as stream:
        start = stream.read(2)
    if start != b"\x80\x02" and not zipfile.is_zipfile(file):
        yield f"{file.name} is not a whole file of torch ({file.stat().st_size} bytes)"


def _not_an_object(file: Path) -> Iterator[str]:
    try:
        content = json.loads(file.read_text("utf-8"))
    except ValueError:
        size = file.stat().st_size
        yield f"{file.name} is not whole JSON ({size} bytes)" if size else f"{file.name} is empty"
        return
    if not isinstance(content, dict):
        yield f"{file.name} holds a {type(content).__name__}, where an object was expected"


def _writing(
    folder: Path, files: tuple[tuple[str, int, int], ...], earlier: Completeness | None
) -> Iterator[str]:
    if is_staging(folder):
        yield f"{folder.name} is a name that its writer changes when it is done"
    downloads = folder / _DOWNLOADS
    inside = [*folder.iterdir(), *(downloads.glob("*.incomplete") if downloads.is_dir() else ())]
    if temporary := sorted(path.name for path in inside if _TEMPORARY.fullmatch(path.name)):
        yield f"{temporary[0]} is a temporary file (remove it if nobody is writing)"
    if re.fullmatch(r"checkpoint-\d+", folder.name) and not (folder / TRAINER_STATE).is_file():
        late = [path.name for pattern in _BEFORE_STATE for path in folder.glob(pattern)]
        if late:
            yield f"{late[0]} is there and {TRAINER_STATE}, which the Trainer writes last, is not"
    if earlier is not None:
        yield from _changed(earlier, files)


def _changed(earlier: Completeness, files: tuple[tuple[str, int, int], ...]) -> Iterator[str]:
    before = {name: (size, changed) for name, size, changed in earlier.files}
    now = {name: (size, changed) for name, size, changed in files}
    for name in sorted(before.keys() | now.keys()):
        if name not in before:
            yield f"{name} was not there at the last look"
        elif name not in now:
            yield f"{name} has gone since the last look"
        elif before[name][0] != now[name][0]:
            yield f"{name} had {before[name][0]} bytes at the last look and has {now[name][0]}"
        elif before[name] != now[name]:
            yield f"{name} was written to since the last look"
