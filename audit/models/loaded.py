"""A model in memory, with its identity: what a record says of it.

Knows configs and digests of tensors; not where a model comes from (`loading.py`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.errors import UsageError

if TYPE_CHECKING:
    from audit.models.cache.store import ModelCache
    from audit.models.crew import Crew

DEFAULT_NAME = "live model"
"""Of a model that nobody named."""

GENERATION_FILE = "generation_config.json"


@dataclass(frozen=True, eq=False)
class Unread:
    """A model that is known and whose weights are still in their files.

    Attributes:
        structure: its modules without numbers, on the meta device.
        read: reads the weights and gives the model.
        generation: its generation config, where the files that say so are not here.
    """

    structure: Any
    read: Callable[[], Any]
    generation: Any = None


class _Model:
    """The field `model` of a `LoadedModel`: where it is `Unread`, the first look reads it."""

    def __get__(self, owner: LoadedModel | None, kind: type) -> Any:
        if owner is None:
            return self
        held = vars(owner)["model"]
        if isinstance(held, Unread):
            held = vars(owner)["model"] = held.read()
        return held

    def __set__(self, owner: LoadedModel, model: Any) -> None:
        vars(owner)["model"] = model


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model in memory with its tokenizer, and what a record says about them.

    Attributes:
        name: as the user wrote it.
        model: a transformers `PreTrainedModel`; given as `Unread` it is read at the first look.
        tokenizer: a transformers tokenizer.
        architecture: class name of the model.
        n_layers: number of blocks.
        d_model: width of the residual stream.
        n_parameters: tied parameters count once.
        dtype: number type of the weights, `float32`.
        device: where its input goes, `cuda:0`.
        weights_digest: sha256 of the weights files; of the tensors for a live model.
        tokenizer_digest: sha256 of the tokenizer and its chat template.
        context_length: longest prompt in tokens, None where the model states none.
        path: folder it came from, None for a live model.
        unread: names of the weights in its files that the model has no place for.
        cache: what it was asked before; None of a model that others may have changed since its
            digest was taken.
        crew: others that hold this model and run it instead; None where it runs here.
    """

    name: str
    model: Any = field(repr=False)  # to show it would be to read it
    tokenizer: Any
    architecture: str
    n_layers: int
    d_model: int
    n_parameters: int
    dtype: str
    device: str
    weights_digest: str
    tokenizer_digest: str
    context_length: int | None
    path: Path | None
    unread: tuple[str, ...] = ()
    cache: ModelCache | None = None
    crew: Crew | None = None

    @property
    def in_memory(self) -> bool:
        """Whether the weights have been read."""
        return not isinstance(vars(self)["model"], Unread)

    @property
    def structure(self) -> Any:
        """The model's modules; without numbers where the weights have not been read."""
        held = vars(self)["model"]
        return held.structure if isinstance(held, Unread) else held

    @property
    def generation(self) -> Any:
        """How the model writes, its generation config; None of one that cannot."""
        from transformers import GenerationConfig

        held, own = vars(self)["model"], getattr(self.structure, "generation_config", None)
        if own is None or not isinstance(held, Unread):
            return own
        if held.generation is not None:
            return held.generation
        # The empty modules have only what the config says of it.
        told = self.path is not None and (self.path / GENERATION_FILE).is_file()
        return GenerationConfig.from_pretrained(self.path) if told else own

    @property
    def home(self) -> str:
        """Where this process works on what the model gave: on its device, if that is here."""
        return self.device if self.crew is None else "cpu"

    @property
    def speaks(self) -> bool:
        """Whether the model has a vocabulary head to choose and to write with."""
        model = self.structure
        return model.get_output_embeddings() is not None and model.can_generate()

    def must_speak(self) -> None:
        """Refuse a model that can neither choose nor write.

        Raises:
            UsageError: it has no vocabulary head.
        """
        if not self.speaks:
            raise UsageError(
                f"{self.architecture} has no vocabulary head, so it neither chooses nor writes; "
                "use a causal language model, or a check without a behaviour"
            )


LoadedModel.model = _Model()  # after the class is made: a field's own value would be its default

LIVE = "live: not hashed"
"""Stands for the digest of weights that change with every step."""


def wrap_model(
    model: Any, tokenizer: Any, *, name: str = DEFAULT_NAME, digest: bool = True
) -> LoadedModel:
    """A `LoadedModel` around a model that is already in memory, which is not changed.

    The wrappers of data parallel training, of `torch.compile` and of PEFT are looked through. The
    weights digest is taken now, over the tensors; without `digest` it is `LIVE`.
    """
    model = unwrapped(model)
    if hasattr(model, "get_base_model"):  # PEFT: its layers are in the base, which runs with them
        model = model.get_base_model()
    return describe(
        name,
        model,
        tokenizer,
        weights_digest=state_digest(model) if digest else LIVE,
        tokenizer_sha=_live_tokenizer_digest(tokenizer),
        path=None,
    )


def unwrapped(model: Any) -> Any:
    """The model without the wrappers of data parallel training and of `torch.compile`."""
    while (inner := getattr(model, "module", getattr(model, "_orig_mod", None))) is not None:
        model = inner
    return model


def state_digest(model: Any) -> str:
    """sha256 over name, number type, shape and bytes of every tensor of the state dict."""
    import torch

    digest = hashlib.sha256()
    for key, tensor in sorted(model.state_dict().items()):
        digest.update(f"{key}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _live_tokenizer_digest(tokenizer: Any) -> str:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    words = _untouched(backend) if backend else repr(sorted(tokenizer.get_vocab().items()))
    template = repr(tokenizer.chat_template)
    return hashlib.sha256(f"{words}\0{template}".encode()).hexdigest()


def _untouched(backend: Any) -> str:
    """All of a fast tokenizer but how it was last asked to pad and to cut."""
    said: dict[str, Any] = json.loads(backend.to_str())
    return json.dumps({**said, "padding": None, "truncation": None}, sort_keys=True)


def describe(
    name: str,
    model: Any,
    tokenizer: Any,
    *,
    weights_digest: str,
    tokenizer_sha: str,
    path: Path | None,
    unread: tuple[str, ...] = (),
) -> LoadedModel:
    """A `LoadedModel` with everything that can be read off the model itself."""
    config = model.config.get_text_config()
    weight = next(model.parameters())
    return LoadedModel(
        name=name,
        model=model,
        tokenizer=tokenizer,
        architecture=type(model).__name__,
        n_layers=int(config.num_hidden_layers),
        d_model=int(config.hidden_size),
        n_parameters=sum(parameter.numel() for parameter in model.parameters()),
        dtype=str(weight.dtype).removeprefix("torch."),
        device=str(device_of(model)),
        weights_digest=weights_digest,
        tokenizer_digest=tokenizer_sha,
        context_length=_context_length(model, tokenizer),
        path=path,
        unread=unread,
    )


def device_of(model: Any) -> Any:
    """The `torch.device` that a model takes its input on.

    Of one that accelerate has spread, its hook knows: weights that are on the host or on disk
    until they are needed say nothing of it.
    """
    import torch

    first = getattr(getattr(model, "_hf_hook", None), "execution_device", None)
    return model.device if first is None else torch.device(first)


def _context_length(model: Any, tokenizer: Any) -> int | None:
    """Longest prompt, as the config states it.

    An encoder's position table may hold rows that are no positions (RoBERTa keeps two), so
    there the tokenizer's limit counts too. Decoders' tokenizers often carry a stale one.
    """
    config = model.config.get_text_config()
    limits = [getattr(config, key, None) for key in ("max_position_embeddings", "max_seq_len")]
    if not model.can_generate():
        limits.append(tokenizer.model_max_length)
    known = [int(limit) for limit in limits if limit is not None and 0 < limit < 10**9]
    return min(known, default=None)
