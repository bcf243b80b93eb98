"""An adapter folder: what it changes, and the base model that it is to be put on.

Knows adapter_config.json as PEFT writes it. Loads no weights: it says what must be loaded.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.errors import UsageError
from audit.models.checkpoint_files import INDEX, PICKLED, WEIGHTS, files_digest

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
ADAPTER_PICKLE = "adapter_model.bin"

# Options under which the weight is no longer W + scaling * B A on the named modules.
_BEYOND_LORA = (
    "use_dora",
    "modules_to_save",
    "layer_replication",
    "trainable_token_indices",
    "alora_invocation_tokens",
    "target_parameters",
    "megatron_config",
    "lora_bias",
    "use_qalora",
    "use_bdlora",
    "arrow_config",
    "kasa_config",
    "monteclora_config",
    "ensure_weight_tying",
)
_LEAVE_OUT = ("exclude_modules", "layers_to_transform", "layers_pattern")
# Ways to begin that leave the base alone; the others take a part of it into the adapter.
_BEGINNINGS = (None, True, False, "gaussian", "eva", "orthogonal", "mica")


@dataclass(frozen=True)
class Adapter:
    """What an adapter folder asks for.

    Attributes:
        folder: where it is.
        base: folder or hub id of the model under it.
        method: PEFT's name of the method, `LORA`.
        rank: inner width of the update, None for a method without one.
        scaling: factor of the update, None for a method without one.
        targets: ends of the paths of the modules it changes, or one pattern of whole paths.
        beyond: options set that a plain LoRA update does not have, by their names.
        alpha: what the scaling is taken from, None for a method without one.
        rank_stabilised: the scaling falls with the root of the rank and not with the rank.
        ranks: pattern and rank of the modules whose rank is another.
        alphas: pattern and alpha of the modules whose alpha is another.
        by_pattern: `targets` is one pattern.
        partly: it leaves out some of the modules that `targets` names.
    """

    folder: Path
    base: str
    method: str
    rank: int | None
    scaling: float | None
    targets: tuple[str, ...]
    beyond: tuple[str, ...]
    alpha: float | None = None
    rank_stabilised: bool = False
    ranks: tuple[tuple[str, float], ...] = ()
    alphas: tuple[tuple[str, float], ...] = ()
    by_pattern: bool = False
    partly: bool = False

    def targeted(self, path: str) -> bool:
        """Whether the config promises an update of the module at `path`."""
        if self.partly:
            return False
        if self.by_pattern:
            return any(re.fullmatch(pattern, path) for pattern in self.targets)
        return path.endswith(tuple(f".{end}" for end in self.targets)) or path in self.targets

    def of_module(self, path: str) -> tuple[int, float] | None:
        """Rank and scaling of the update of the module at `path`; None where none is stated."""
        rank, alpha = _first(self.ranks, path, self.rank), _first(self.alphas, path, self.alpha)
        return (int(rank), _scaling(rank, alpha, self.rank_stabilised)) if rank and alpha else None

    def __str__(self) -> str:
        size = f" of rank {self.rank}" if self.rank is not None else ""
        return f"{self.method}{size} over {self.base}"


def is_adapter(folder: Path) -> bool:
    """Whether the folder holds an adapter and no weights of a model of its own.

    Some trainers put the config.json of the base beside the adapter.
    """
    if not (folder / ADAPTER_CONFIG).is_file():
        return False
    whole = (WEIGHTS, INDEX, PICKLED)
    return not any(next(folder.glob(pattern), None) for pattern in whole)


def read_adapter(folder: Path, *, base: str | None = None) -> Adapter:
    """The adapter in `folder`, over `base` or over the model that it names itself.

    Raises:
        UsageError: the config cannot be read, its patterns of ranks or alphas are none, or
            neither it nor `base` names a base model.
    """
    config = _config(folder)
    method = str(config.get("peft_type") or "LORA").upper()
    rank, alpha = _number(config.get("r")), _number(config.get("lora_alpha"))
    stabilised = bool(config.get("use_rslora"))
    targets = config.get("target_modules") or ()
    beyond = [key for key in _BEYOND_LORA if config.get(key)]
    if config.get("init_lora_weights") not in _BEGINNINGS:
        beyond.append(f"init_lora_weights={config['init_lora_weights']}")
    if config.get("bias", "none") != "none":
        beyond.append("bias")
    return Adapter(
        folder=folder,
        base=base or _named_base(folder, config),
        method=method,
        rank=int(rank) if rank is not None else None,
        scaling=_scaling(rank, alpha, stabilised) if rank and alpha is not None else None,
        targets=(targets,) if isinstance(targets, str) else tuple(sorted(map(str, targets))),
        beyond=tuple(beyond),
        alpha=alpha,
        rank_stabilised=stabilised,
        ranks=_patterns(folder, config, "rank_pattern"),
        alphas=_patterns(folder, config, "alpha_pattern"),
        by_pattern=isinstance(targets, str),
        partly=any(config.get(key) not in (None, []) for key in _LEAVE_OUT),
    )


def base_of(folder: Path, *, base: str | None = None) -> str | None:
    """The base that the adapter in `folder` goes on; None while its config cannot be read.

    Raises:
        UsageError: the config is whole and names no base model, and none was given.
    """
    if base is not None:
        return base
    try:
        config = _config(folder)
    except UsageError:  # still being written, which the complete folder will settle
        return None
    return _named_base(folder, config)


def _named_base(folder: Path, config: dict[str, Any]) -> str:
    named = config.get("base_model_name_or_path")
    if not isinstance(named, str) or not named:
        raise UsageError(
            f"{folder / ADAPTER_CONFIG} names no base_model_name_or_path, and an adapter is no "
            "model by itself; say with --base which model it goes on"
        )
    path = Path(named).expanduser()
    if path.is_dir():
        return named
    if "\\" in named or named.startswith((".", "/", "~")) or named.count("/") > 1:
        raise UsageError(
            f"{folder / ADAPTER_CONFIG} names the base model {named}, a folder that is not on "
            "this machine; say with --base where it is"
        )
    revision = config.get("revision")
    return f"{named}@{revision}" if isinstance(revision, str) and revision else named


def _config(folder: Path) -> dict[str, Any]:
    file = folder / ADAPTER_CONFIG
    try:
        config = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise UsageError(f"{file} is not whole JSON: {error}") from None
    if not isinstance(config, dict):
        raise UsageError(f"{file} holds a {type(config).__name__}, where an object was expected")
    return config


def _number(value: Any) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if good else None


def _scaling(rank: float, alpha: float, stabilised: bool) -> float:
    """alpha / r (arXiv:2106.09685), or alpha / sqrt(r) (arXiv:2312.03732)."""
    return alpha / (rank**0.5 if stabilised else rank)


def _patterns(folder: Path, config: dict[str, Any], key: str) -> tuple[tuple[str, float], ...]:
    given = config.get(key) or {}
    numbers = {k: _number(v) for k, v in given.items()} if isinstance(given, dict) else {"": None}
    try:
        good = [(re.compile(k).pattern, v) for k, v in numbers.items() if v is not None]
    except re.error:
        good = []
    if len(good) < len(numbers):
        raise UsageError(
            f"{folder / ADAPTER_CONFIG} has the {key} {given!r}, where patterns with a number each "
            "were expected"
        )
    return tuple(good)


def _first(
    patterns: tuple[tuple[str, float], ...], path: str, otherwise: float | None
) -> float | None:
    """What the first pattern says that matches the end of a module's path, as PEFT reads it."""
    matches = (number for pattern, number in patterns if re.match(rf"(.*\.)?({pattern})$", path))
    return next(matches, otherwise)


def adapted_digest(base: str, adapter: Adapter, file: Path) -> str:
    """The digest of weights with an adapter in them.

    Args:
        base: the digest of the base's.
        adapter: what its config asks for.
        file: that holds its tensors.
    """
    scalings = (adapter.rank, adapter.alpha, adapter.rank_stabilised, adapter.ranks, adapter.alphas)
    parts = (base, files_digest([file]), repr(scalings))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
