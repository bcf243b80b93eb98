"""One checkpoint of a series becomes a model in memory, or one sentence on why it cannot.

Whatever is wrong with a single checkpoint is a `MeasurementError` that names its folder, so
that a series goes on with the next one; what is wrong with the request itself (a device that
is not there) stays a `UsageError`. Knows what a folder may do while it is read: be still
written, be overwritten, be deleted.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.cluster.crew import RayCrew
from audit.cluster.far import absolute, crew_of, named_digest, open_far
from audit.cluster.joining import LOCAL, join
from audit.engine.assembly import Options
from audit.errors import MeasurementError, UsageError
from audit.models.cache.store import with_cache
from audit.models.checkpoint_files import (
    TOKENIZER_FILES,
    check_safetensors,
    tokenizer_digest,
)
from audit.models.loaded import LoadedModel, describe
from audit.models.loading import (
    VOCABULARIES,
    DeviceMap,
    check_device_map,
    check_dtype,
    choose_device,
    load_model,
    read_tokenizer,
)
from audit.series.adapters import (
    ADAPTER_PICKLE,
    ADAPTER_WEIGHTS,
    Adapter,
    adapted_digest,
    read_adapter,
)
from audit.series.broken import why_broken
from audit.series.checkpoints import Checkpoint
from audit.series.completeness import Completeness, is_complete
from audit.series.identity import Identity, differences, identity
from audit.series.merging import merge, must_be_plain

if TYPE_CHECKING:
    from torch import Tensor

# Masks that old checkpoints of GPT-J and GPT-Neo keep in every block.
_MASK = re.compile(r".*\.(attn|attention)\.(masked_)?bias")
_READ = ("config.json", *TOKENIZER_FILES)
Bases = MutableMapping[tuple[str, str | None, str | None], LoadedModel]


def open_checkpoint(
    checkpoint: Checkpoint,
    *,
    device: str | None = None,
    dtype: str | None = None,
    allow_pickle: bool = False,
    device_map: DeviceMap = None,
    reference: Identity | None = None,
    bases: Bases | None = None,
) -> LoadedModel:
    """The model of a checkpoint in eval mode, under the checkpoint's name.

    An adapter is put on its base. Its digest of weights is that of the base's files, the
    adapter's file and the scalings together.

    Args:
        checkpoint: of any kind.
        device: as `load_model` takes it.
        dtype: as `load_model` takes it.
        allow_pickle: read pickled weights where there are no others (tensors only).
        device_map: as `load_model` takes it; not for adapters.
        reference: what the checkpoint must be like, before and after it is loaded.
        bases: bases of adapters that were read before; a base that is read is kept there.

    Raises:
        UsageError: the device or the dtype is wrong, for whichever checkpoint.
        MeasurementError: this checkpoint cannot be audited; the sentence names its folder.
    """
    choose_device(device)
    check_dtype(dtype)
    if device_map is not None:
        check_device_map(device)
        if checkpoint.kind == "adapter":
            raise UsageError(
                f"--device-map spreads whole models, and {checkpoint.source} is a LoRA adapter: "
                "merge it into its base, save that and audit the saved folder"
            )
    with _one_sentence(checkpoint):
        if (reason := why_broken(checkpoint, reference)) is not None:
            raise MeasurementError(reason)
        if checkpoint.kind != "adapter":
            model = load_model(
                checkpoint.source,
                device=device,
                dtype=dtype,
                allow_pickle=allow_pickle,
                device_map=device_map,
            )
            _must_be_read_whole(model, checkpoint.source)
            found = identity(model.path) if model.path is not None else Identity()
        else:
            model, found = _adapted(checkpoint, device, dtype, allow_pickle, bases)
        _must_be_numbers(model, checkpoint.source)
    # Only now has a model on the hub a folder.
    unlike = differences(reference, found) if reference is not None else ()
    if grave := [one for one in unlike if one.grave]:
        raise MeasurementError(
            f"{checkpoint.source} is not like the reference: {'; '.join(map(str, grave))}"
        )
    return replace(model, name=checkpoint.name)


def open_like(
    checkpoint: Checkpoint,
    like: Identity | None,
    *,
    options: Options,
    bases: Bases,
    crew: RayCrew | None = None,
) -> LoadedModel:
    """A checkpoint as the options say, with the cache before it, and like the reference.

    Args:
        checkpoint: of any kind.
        like: what it must be like.
        options: of the run.
        bases: as `open_checkpoint` takes them.
        crew: who holds it on a cluster, from `crew_like`; asked for now if None.

    Raises:
        UsageError: as `open_checkpoint`.
        MeasurementError: as `open_checkpoint`.
    """
    if options.ray is not None:
        crew = crew or crew_like(checkpoint, like, options)
        return open_far(crew, cache=options.cache)
    model = open_checkpoint(
        checkpoint,
        device=options.device,
        dtype=options.dtype,
        allow_pickle=options.allow_pickle,
        device_map=options.device_map,
        reference=like,
        bases=bases,
    )
    return with_cache(model) if options.cache else model


def crew_like(
    checkpoint: Checkpoint, like: Identity | None, options: Options, *, most: int | None = None
) -> RayCrew:
    """Those that will open a checkpoint on the cluster, as `open_like` would have opened it here.

    At most so many as `most` says; as many as have a place by default.

    Raises:
        UsageError: the cluster cannot be joined, or an option is wrong.
        MeasurementError: what is wrong with the checkpoint and can be told without its weights.
    """
    cluster = join(options.ray or LOCAL)
    check_dtype(options.dtype)
    with _one_sentence(checkpoint):
        if (reason := why_broken(checkpoint, like)) is not None:
            raise MeasurementError(reason)
        weights = _weights_digest(checkpoint, allow_pickle=options.allow_pickle)
    base = None if checkpoint.base is None else absolute(checkpoint.base)
    opener = partial(
        open_checkpoint,
        replace(checkpoint, source=absolute(checkpoint.source), base=base),
        device=options.device,
        dtype=options.dtype,
        allow_pickle=options.allow_pickle,
        reference=like,
    )
    return crew_of(opener, weights=weights, cluster=cluster, most=most)


def _weights_digest(checkpoint: Checkpoint, *, allow_pickle: bool) -> str:
    """That of the opened checkpoint, from its files."""
    if checkpoint.kind != "adapter":
        return named_digest(checkpoint.source, allow_pickle=allow_pickle)
    folder = Path(checkpoint.source).expanduser()
    adapter = read_adapter(folder, base=checkpoint.base)
    file = folder / ADAPTER_WEIGHTS
    return adapted_digest(
        named_digest(adapter.base, allow_pickle=allow_pickle),
        adapter,
        file if file.is_file() else folder / ADAPTER_PICKLE,
    )


@contextmanager
def _one_sentence(checkpoint: Checkpoint) -> Iterator[None]:
    """Turn what is wrong with the files into one sentence; a change of them comes before all."""
    folder = checkpoint.folder
    before = is_complete(folder) if folder is not None else None
    try:
        yield
    except MeasurementError:
        _must_be_unchanged(before)
        raise
    except UsageError as error:
        _must_be_unchanged(before)
        raise MeasurementError(str(error)) from error
    except Exception as error:  # over a file they do not expect, libraries raise whatever breaks
        _must_be_unchanged(before)
        said = textwrap.shorten(str(error), 240) or "which says no more"
        raise MeasurementError(
            f"{checkpoint.source} cannot be loaded: {type(error).__name__}, {said}"
        ) from error
    _must_be_unchanged(before)


def _must_be_unchanged(before: Completeness | None) -> None:
    """Refuse a folder whose files are not those that they were before it was read."""
    if before is None or not before.files:
        return
    folder = before.folder
    if not folder.is_dir():
        raise MeasurementError(f"{folder} was deleted while it was read")
    states = [
        {
            name: state
            for name, *state in look.files
            if name in _READ or name.endswith((".safetensors", ".bin", ".index.json"))
        }
        for look in (before, is_complete(folder))
    ]
    old, new = states
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            raise MeasurementError(f"{folder} lost {name} while it was read")
        if old.get(name) != new[name]:
            raise MeasurementError(f"{folder / name} was written to while it was read")


def _adapted(
    checkpoint: Checkpoint,
    device: str | None,
    dtype: str | None,
    allow_pickle: bool,
    bases: Bases | None,
) -> tuple[LoadedModel, Identity]:
    """The base with the adapter in its weights, and what it is compared by."""
    folder = Path(checkpoint.source).expanduser()
    adapter = read_adapter(folder, base=checkpoint.base)
    must_be_plain(adapter)
    tensors, file = _tensors(folder, allow_pickle=allow_pickle)
    for key, tensor in tensors.items():
        _must_be_finite(f"the adapter in {folder}", key, tensor)
    base = _base(adapter, device, dtype, allow_pickle, bases)
    model = merge(base.model, adapter, tensors)
    tokenizer, tokenizer_sha = base.tokenizer, base.tokenizer_digest
    if any((folder / name).is_file() for name in VOCABULARIES):
        tokenizer, tokenizer_sha = read_tokenizer(folder), tokenizer_digest(folder)
        rows = len(model.get_input_embeddings().weight)
        # A base whose own tokenizer has more tokens than rows was trained without them.
        if len(tokenizer) > max(rows, len(base.tokenizer)):
            raise MeasurementError(
                f"the tokenizer in {folder} has {len(tokenizer)} tokens, and the model has "
                f"embeddings for {rows}; save the adapter with its resized embeddings"
            )
    adapted = describe(
        checkpoint.name,
        model,
        tokenizer,
        weights_digest=adapted_digest(base.weights_digest, adapter, file),
        tokenizer_sha=tokenizer_sha,
        path=folder,
    )
    own, below = identity(folder), identity(base.path) if base.path is not None else Identity()
    if own.vocabulary is None:
        return adapted, below
    shape = (below.architecture, below.d_model, below.n_layers)
    return adapted, replace(own, architecture=shape[0], d_model=shape[1], n_layers=shape[2])


def _base(
    adapter: Adapter,
    device: str | None,
    dtype: str | None,
    allow_pickle: bool,
    bases: Bases | None,
) -> LoadedModel:
    key = (adapter.base, device, dtype)
    if bases is not None and key in bases:
        return bases[key]
    try:
        base = load_model(adapter.base, device=device, dtype=dtype, allow_pickle=allow_pickle)
    except UsageError as error:
        raise MeasurementError(f"the base of {adapter.folder}: {error}") from error
    _must_be_read_whole(base, f"{adapter.base}, the base of {adapter.folder},")
    _must_be_numbers(base, f"{adapter.base}, the base of {adapter.folder},")
    if bases is not None:
        bases[key] = base
    return base


def _tensors(folder: Path, *, allow_pickle: bool) -> tuple[dict[str, Tensor], Path]:
    """The tensors of an adapter's file, on the host, and the file."""
    import pickle

    import torch
    from safetensors.torch import load_file

    file = folder / ADAPTER_WEIGHTS
    if file.is_file():
        check_safetensors([file])
        return load_file(file), file
    file = folder / ADAPTER_PICKLE
    if not allow_pickle:
        raise MeasurementError(
            f"{folder} holds the adapter only as a pickle ({file.name}), and reading a pickle "
            "can run code that somebody hid in it; convert it to safetensors, or pass "
            "--allow-pickle if you trust whoever made it"
        )
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise MeasurementError(f"{file} holds more than tensors and is refused") from error
    if not isinstance(content, dict) or not all(map(torch.is_tensor, content.values())):
        raise MeasurementError(f"{file} does not hold tensors by their names")
    return content, file


def _must_be_read_whole(model: LoadedModel, place: str) -> None:
    """Refuse a block's weights that the model leaves out: without them it is another model."""
    lists = {
        found[1]
        for name, _ in model.model.named_parameters()
        if (found := re.match(r"(.*?\.)\d+\.", name))
    }
    lists |= {f"{model.model.base_model_prefix}.{before}" for before in lists}
    left = [
        name
        for name in model.unread
        if not _MASK.fullmatch(name)
        and any(re.match(rf"{re.escape(before)}\d+\.", name) for before in lists)
    ]
    if left:
        raise MeasurementError(
            f"{place} has {len(left)} weights in its blocks that config.json makes no place for, "
            f"the first of them {left[0]}; without them it would be another model"
        )


def _must_be_numbers(model: LoadedModel, place: str) -> None:
    """Refuse weights that are no numbers; whatever is measured on them would be none either."""
    seen = set()
    for name, tensor in model.model.state_dict().items():
        if tensor.data_ptr() not in seen:
            seen.add(tensor.data_ptr())
            _must_be_finite(place, name, tensor)


def _must_be_finite(place: str, name: str, tensor: Any) -> None:
    import torch

    if not tensor.is_floating_point() or not tensor.numel() or tensor.is_meta:
        return  # the last: weights that a device map leaves on disk are not read for this
    # The extremes carry a NaN on and need no second tensor of this size.
    values = tensor.float() if tensor.element_size() == 1 else tensor
    if bool(torch.isfinite(torch.stack(values.aminmax())).all()):
        return
    nan, infinite = int(values.isnan().sum()), int(values.isinf().sum())
    kind = str(tensor.dtype).removeprefix("torch.")
    raise MeasurementError(
        f"{place} has weights that are no numbers, the first of them in {name}: {nan} NaN and "
        f"{infinite} infinite of {tensor.numel()} in {kind}"
    )
