"""A model that was loaded before is described without reading its weights.

What loading found is kept under the digests of all the files that it was read from. Where they
are the same again, so is the model, and its weights come into memory only when somebody looks
at them: when something is asked that the cache does not hold.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from audit.errors import UsageError
from audit.models.cache.digests import FileState, file_state, remembered_digest
from audit.models.cache.folder import MODELS, CacheFolder, cache_folder
from audit.models.cache.keys import model_identity, surroundings
from audit.models.cache.store import cache_of
from audit.models.checkpoint_files import tokenizer_digest
from audit.models.loaded import LoadedModel, Unread, describe
from audit.models.loading import DeviceMap, FoundModel, empty_model, find_model, read_weights

_SAID_OF_IT = (
    "architecture",
    "n_layers",
    "d_model",
    "n_parameters",
    "dtype",
    "device",
    "context_length",
)


def open_model(
    name: str,
    *,
    device: str | None = None,
    dtype: str | None = None,
    allow_pickle: bool = False,
    device_map: DeviceMap = None,
    root: Path | None = None,
    say: Callable[[str], None] = lambda sentence: None,
) -> LoadedModel:
    """`load_model` with the user's cache: a model that is known stays in its files until needed.

    Args:
        name: as in `load_model`.
        device: as in `load_model`.
        dtype: as in `load_model`.
        allow_pickle: as in `load_model`.
        device_map: as in `load_model`.
        root: folder of another cache than the user's.
        say: told in a sentence when weights are read, and what is wrong with the cache.

    Raises:
        UsageError: as `load_model`.
        MeasurementError: as `load_model`.
    """
    found = find_model(
        name, device=device, dtype=dtype, allow_pickle=allow_pickle, device_map=device_map
    )
    folder = CacheFolder(root or cache_folder(), say)
    state = file_state(found.files)
    weights = remembered_digest(found.files, folder)
    tokenizer = tokenizer_digest(found.folder)
    place = f"{MODELS}/{_key(found, weights, tokenizer)}.json"
    known = folder.note(place)
    if known is not None:
        return _known(found, known, state, weights, tokenizer, folder)
    say(f"loading {name}")
    model, unread = read_weights(found)
    loaded = describe(
        name,
        model,
        found.tokenizer,
        weights_digest=weights,
        tokenizer_sha=tokenizer,
        path=found.folder,
        unread=unread,
    )
    _must_still_be(state, found)
    identity = model_identity(loaded)
    if _same_shape(model, found):
        folder.put_note(
            place,
            {
                **{said: getattr(loaded, said) for said in _SAID_OF_IT},
                "unread": list(unread),
                "identity": identity,
            },
        )
    return replace(loaded, cache=cache_of(name, identity, folder))


def _known(
    found: FoundModel,
    known: Mapping[str, Any],
    state: FileState,
    weights: str,
    tokenizer: str,
    folder: CacheFolder,
) -> LoadedModel:
    def read() -> Any:
        folder.say(f"loading {found.name}")
        model, _ = read_weights(found)
        _must_still_be(state, found)
        return model

    return LoadedModel(
        name=found.name,
        model=Unread(empty_model(found.config), read),
        tokenizer=found.tokenizer,
        weights_digest=weights,
        tokenizer_digest=tokenizer,
        path=found.folder,
        unread=tuple(known["unread"]),
        cache=cache_of(found.name, known["identity"], folder),
        **{said: known[said] for said in _SAID_OF_IT},
    )


def _must_still_be(state: FileState, found: FoundModel) -> None:
    """Refuse weights from files that changed since their digest was taken."""
    if file_state(found.files) != state:
        raise UsageError(f"{found.folder} was written to while it was audited; run it again")


def _key(found: FoundModel, weights: str, tokenizer: str) -> str:
    """Digest of all that loading depends on."""
    configs = [
        hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
        for name in ("config.json", "generation_config.json")
        for file in [Path(found.folder / name)]
    ]
    where = str(found.device) if found.device_map is None else json.dumps(found.device_map)
    parts = [weights, tokenizer, *configs, found.dtype, where, surroundings()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _same_shape(model: Any, found: FoundModel) -> bool:
    """Whether the empty model stands for the real one: the same modules and names."""
    empty = empty_model(found.config)
    return type(empty) is type(model) and {
        name: tuple(parameter.shape) for name, parameter in empty.named_parameters()
    } == {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
