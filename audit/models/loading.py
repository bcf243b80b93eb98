"""A name becomes a model that can be measured, with its identity.

Knows folders, hub ids and organisms; devices and number types; which architectures can
answer. It does not know what is measured. Weights are safetensors unless a pickle is
asked for, code from a checkpoint never runs, and a local folder needs no network.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.errors import MeasurementError, UsageError, did_you_mean
from audit.models.checkpoint_files import (
    TOKENIZER_FILES,
    check_safetensors,
    files_digest,
    tokenizer_digest,
    weight_files,
)
from audit.models.hub import fetch
from audit.models.loaded import LoadedModel, describe, wrap_model
from audit.models.quiet import quiet

__all__ = ["DTYPES", "LoadedModel", "load_model", "wrap_model"]

DTYPES = ("auto", "float32", "bfloat16", "float16")
DEVICE_MAPS = ("auto", "balanced", "balanced_low_0", "sequential")
DeviceMap = str | dict[str, str | int] | None
ORGANISMS = Path(__file__).parents[1] / "organisms" / "weights"
# What transformers raises over a file that does not say what it should.
_UNREADABLE = (ValueError, OSError, KeyError, TypeError, AttributeError, ImportError)
VOCABULARIES = ("tokenizer.json", "tokenizer.model", "spiece.model", "vocab.json", "vocab.txt")


def load_model(
    name: str,
    *,
    device: str | None = None,
    dtype: str | None = None,
    allow_pickle: bool = False,
    device_map: DeviceMap = None,
) -> LoadedModel:
    """Load a model by its name, in eval mode.

    Args:
        name: a folder, a hub id `org/name@revision`, or `organism:NAME`.
        device: as torch writes it; by default the first of cuda, mps and cpu that is there.
        dtype: one of `DTYPES`; `auto`, the default, keeps that of the checkpoint.
        allow_pickle: read pickled weights where there are no others (tensors only).
        device_map: how a model that is too large for one device is spread over several, as
            accelerate writes it: `auto`, or a table from modules to devices.

    Raises:
        UsageError: the name, a file, the device, its map or the dtype is wrong.
        MeasurementError: the device has too little memory.
    """
    found = find_model(
        name, device=device, dtype=dtype, allow_pickle=allow_pickle, device_map=device_map
    )
    model, unread = read_weights(found)
    return describe(
        name,
        model,
        found.tokenizer,
        weights_digest=files_digest(found.files),
        tokenizer_sha=tokenizer_digest(found.folder),
        path=found.folder,
        unread=unread,
    )


@dataclass(frozen=True, eq=False)
class FoundModel:
    """The files of a model, looked through; its weights are still in them.

    Attributes:
        name: as the user wrote it.
        folder: where they are.
        files: those that hold the weights.
        config: a transformers config.
        tokenizer: a transformers tokenizer.
        device: the `torch.device` it is for.
        dtype: one of `DTYPES`.
        device_map: of a model that is spread over several devices.
    """

    name: str
    folder: Path
    files: tuple[Path, ...]
    config: Any
    tokenizer: Any
    device: Any
    dtype: str
    device_map: DeviceMap = None


def find_model(
    name: str,
    *,
    device: str | None = None,
    dtype: str | None = None,
    allow_pickle: bool = False,
    device_map: DeviceMap = None,
) -> FoundModel:
    """All of a model but its weights. Arguments and errors as in `load_model`."""
    if device_map is not None:
        check_device_map(device)
    chosen = choose_device(device)
    check_dtype(dtype)
    folder = _folder(name, allow_pickle=allow_pickle)
    files = weight_files(folder, allow_pickle=allow_pickle)
    if files[0].suffix == ".safetensors":
        check_safetensors(files)
    config = _config(folder)
    tokenizer = read_tokenizer(folder)
    return FoundModel(
        name, folder, tuple(files), config, tokenizer, chosen, dtype or "auto", device_map
    )


def read_weights(found: FoundModel) -> tuple[Any, tuple[str, ...]]:
    """The model on its device in eval mode, and which weights of its files it has no place for.

    Raises:
        UsageError: a file is not what it should be.
        MeasurementError: the device has too little memory.
    """
    import torch

    pickled = found.files[0].suffix != ".safetensors"
    try:
        model, unread = _model(found, pickled=pickled)
        if found.device_map is None:
            model = model.to(found.device)
        return model.eval(), unread
    except torch.OutOfMemoryError:
        raise MeasurementError(
            f"{found.name} does not fit into the memory of {found.device}"
            if found.device_map is None
            else f"{found.name} does not fit into the memory of the devices that it is spread over"
        ) from None


def empty_model(config: Any) -> Any:
    """The modules of a model of this config without numbers, on the meta device."""
    import torch
    from transformers import AutoModel, AutoModelForCausalLM

    auto = AutoModelForCausalLM if _is_causal(config) else AutoModel
    with quiet(), torch.device("meta"):
        return auto.from_config(copy.deepcopy(config), trust_remote_code=False)


def _folder(name: str, *, allow_pickle: bool) -> Path:
    if name.startswith("organism:"):
        return _organism(name.removeprefix("organism:"))
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    if path.exists():
        raise UsageError(f"{name} is a file; a model is the folder with its config.json")
    if name.startswith((".", "/", "~")) or name.count("/") > 1 or name.endswith("/"):
        raise UsageError(f"there is no folder {name}")
    return fetch(name, allow_pickle=allow_pickle)


def _organism(name: str) -> Path:
    known = sorted(folder.name for folder in ORGANISMS.glob("*") if folder.is_dir())
    if name not in known:
        raise UsageError(
            f"there is no organism {name!r}{did_you_mean(name, known)} "
            f"(there are: {', '.join(known) or 'none in this installation'})"
        )
    return ORGANISMS / name


def check_dtype(dtype: str | None) -> None:
    """Refuse a number type that is none of `DTYPES`.

    Raises:
        UsageError: it is another.
    """
    if dtype not in (None, *DTYPES):
        raise UsageError(f"dtype is one of {', '.join(DTYPES)}, not {dtype!r}")


def check_device_map(device: str | None) -> None:
    """Refuse a device map beside a device, or without the package that lays it out.

    Raises:
        UsageError: either.
    """
    import importlib.util

    if device is not None:
        raise UsageError(
            f"--device {device} is one device and --device-map spreads a model over several: "
            "give one of the two"
        )
    if importlib.util.find_spec("accelerate") is None:
        raise UsageError(
            "--device-map needs the package accelerate: pip install 'alignment-audit[training]'"
        )


def choose_device(device: str | None) -> Any:
    """The `torch.device` of that name, or the best one that is there.

    Raises:
        UsageError: this machine has no such device.
    """
    import torch

    if device is None:
        if torch.cuda.is_available():
            device = "cuda"
        else:
            device = "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"this machine has no device {device!r} for torch: {reason}") from None
    return chosen


def read_tokenizer(folder: Path) -> Any:
    """The tokenizer in a folder of a model or of an adapter.

    Raises:
        UsageError: there is none, or it cannot be read.
    """
    from transformers import AutoTokenizer

    found = [name for name in TOKENIZER_FILES if (folder / name).is_file()]
    if not set(found) & set(VOCABULARIES) and not list(folder.glob("*.tiktoken")):
        raise UsageError(
            f"{folder} has no tokenizer: none of {', '.join(VOCABULARIES)} is there; "
            "save it beside the model with tokenizer.save_pretrained"
        )
    try:
        with quiet():
            return AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
    except _UNREADABLE as error:
        raise UsageError(f"the tokenizer in {folder} cannot be read: {_gist(error)}") from None
    except Exception as error:  # the tokenizers library raises the bare class
        if type(error) is not Exception:
            raise
        raise UsageError(f"the tokenizer in {folder} cannot be read: {_gist(error)}") from None


def _config(folder: Path) -> Any:
    from huggingface_hub.errors import StrictDataclassError
    from transformers import AutoConfig

    if not (folder / "config.json").is_file():
        raise UsageError(f"{folder} has no config.json, so it is not the folder of a model")
    try:
        with quiet():
            return AutoConfig.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
    except (*_UNREADABLE, StrictDataclassError) as error:
        raise UsageError(f"{folder / 'config.json'} cannot be used: {_gist(error)}") from None


def _model(found: FoundModel, *, pickled: bool) -> tuple[Any, tuple[str, ...]]:
    """The model, every weight of it from the files, and what it left there."""
    import pickle

    from transformers import AutoModel, AutoModelForCausalLM

    folder = found.folder
    auto = AutoModelForCausalLM if _is_causal(found.config) else AutoModel
    try:
        with quiet():
            model, info = auto.from_pretrained(
                folder,
                config=found.config,
                dtype=found.dtype,
                device_map=found.device_map,
                use_safetensors=not pickled,
                weights_only=True,
                local_files_only=True,
                trust_remote_code=False,
                ignore_mismatched_sizes=True,  # so that we can say which, below
                output_loading_info=True,
            )
    except pickle.UnpicklingError as error:
        raise UsageError(
            f"a pickle in {folder} holds more than tensors and is refused: {_gist(error)}"
        ) from None
    except _UNREADABLE as error:
        raise UsageError(f"{folder} is not a model that can be loaded: {_gist(error)}") from None
    _every_weight_was_there(folder, info)
    return model, tuple(sorted(info["unexpected_keys"]))


def _is_causal(config: Any) -> bool:
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as CAUSAL

    if getattr(config, "is_encoder_decoder", False):
        raise UsageError(
            f"{config.model_type} has an encoder and a decoder; only decoders and encoders "
            "by themselves can be audited"
        )
    if config.model_type not in CAUSAL:
        return False
    return not config.architectures or config.architectures[0] in CAUSAL.values()


def _every_weight_was_there(folder: Path, info: dict[str, Any]) -> None:
    """A weight that the files lack would be random, and an audit of noise."""
    for key, found, expected in sorted(info["mismatched_keys"]):
        raise UsageError(
            f"{folder}: the weight {key} has shape {list(found)} in the file, "
            f"but config.json asks for {list(expected)}"
        )
    # The pooling head of an encoder is above every place that is read.
    missing = sorted(key for key in info["missing_keys"] if not key.startswith("pooler."))
    if missing:
        raise UsageError(
            f"{folder} lacks {len(missing)} weights that config.json asks for, "
            f"the first of them {missing[0]}; they would be random numbers"
        )


def _gist(error: BaseException) -> str:
    """The first sentence of a library's message."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].endswith(":"):
        return f"{lines[0]} {lines[1]}"
    return lines[0] if lines else type(error).__name__
