"""By what an answer is found again: which model was asked, which tokens it saw, what was wanted.

Whatever can change a number beyond the last bits belongs in here. The size of batches does not:
results agree within the tolerance that captures are tested to, whatever runs beside a prompt.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from importlib import metadata
from typing import Any

from audit.models.loaded import LIVE, LoadedModel
from audit.models.sequences import Read
from probes.pooling import POOLINGS
from probes.sae.sae import FeatureReader

CAPTURE_VERSION = 1
"""To be raised by whoever changes the numbers that `capture`, `continuations` or a pooling give."""

KEY = 16  # bytes
MOST_FEATURES = 1024  # of an SAE; all of them, of many rows, would fill the disk
_LIBRARIES = ("torch", "transformers", "transformer-lens", "tokenizers")
_OF_THE_FILES_ALONE = ("_name_or_path", "transformers_version", "_from_model_config")
_NOT_IN_ENCODING = ("W_dec", "W_skip", "origin")


def model_identity(model: LoadedModel) -> dict[str, str] | None:
    """What tells this model from any other, read off the model in memory; None of a live one."""
    if model.weights_digest == LIVE:
        return None
    config = model.model.config
    generation = getattr(model.model, "generation_config", None)
    return {
        "weights": model.weights_digest,
        "tokenizer": model.tokenizer_digest,
        "architecture": model.architecture,
        "config": _digest(_plain(config.to_dict())),
        "generation": _digest(_plain(generation.to_dict() if generation is not None else {})),
        "dtype": model.dtype,
        "attention": str(getattr(config, "_attn_implementation", None)),
        "device": model.device.partition(":")[0],
    }


def surroundings() -> dict[str, str]:
    """What numbers depend on beside the model: the code that makes them, and its settings."""
    import torch

    return {
        "capture": str(CAPTURE_VERSION),
        "matmul": torch.get_float32_matmul_precision(),
        **{name: metadata.version(name) for name in _LIBRARIES},
    }


def _plain(config: Any) -> Any:
    """A config without what it says of the files that it came from."""
    if not isinstance(config, Mapping):
        return config
    return {
        str(key): _plain(value) for key, value in config.items() if key not in _OF_THE_FILES_ALONE
    }


def _digest(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def folder_name(identity: Mapping[str, str]) -> str:
    """The name of a model's folder, 32 hexadecimal digits."""
    return _digest(dict(identity))[:32]


def sequence_id(ids: Sequence[int]) -> bytes:
    """Digest of a prompt's token ids, 32 bytes."""
    return hashlib.sha256(array("q", ids)).digest()


def answer_key(sequence: bytes, asked: Sequence[int] = ()) -> bytes:
    """Digest of a prompt and of what is asked at it, `KEY` bytes; the first is the prompt's own.

    Thus a shard, which is told by the first byte, holds all that is known of a prompt.
    """
    return sequence[:1] + hashlib.sha256(sequence + array("q", asked).tobytes()).digest()[: KEY - 1]


def pooled_kind(read: Read) -> str | None:
    """The kind of answer that a read asks for; None where it cannot be told from another.

    The pooling of another package may change under the same name. Nor is kept what is too large.
    """
    if read.pooling not in POOLINGS:
        return None
    reader = None
    if read.reader is not None:
        if len(read.reader.features) > MOST_FEATURES:
            return None
        reader = _reader_digest(read.reader)
        if reader is None:
            return None
    return _kind(
        "pooled",
        hook_name=read.hook_name,
        pooling=read.pooling,
        window=read.window,
        reader=reader,
    )


def next_kind() -> str:
    """The kind of answer of log-probabilities of next tokens."""
    return _kind("next")


def text_kind(max_new_tokens: int) -> str:
    """The kind of answer of greedy continuations."""
    return _kind("text", max_new_tokens=max_new_tokens)


def token_kind(hook_name: str) -> str:
    """The kind of answer of single tokens' activations."""
    return _kind("tokens", hook_name=hook_name)


def _kind(name: str, **asked: object) -> str:
    return json.dumps({"kind": name, **asked}, sort_keys=True)


def _reader_digest(reader: FeatureReader) -> str | None:
    """Digest of all that an encoder computes with; None where a part of it has no digest."""
    digest = hashlib.sha256(repr((reader.features, reader.sliced)).encode())
    return digest.hexdigest() if _fed(digest, reader.sae) else None


def _fed(digest: Any, value: Any) -> bool:
    """Whether a value, and all that it holds, could be put into the digest."""
    import torch

    if isinstance(value, torch.Tensor):
        flat = value.detach().cpu().contiguous().reshape(-1)
        digest.update(f"{value.dtype} {tuple(value.shape)}\0".encode())
        digest.update(flat.view(torch.uint8).numpy().data)
        return True
    if is_dataclass(value):
        digest.update(f"{type(value).__module__}.{type(value).__qualname__}\0".encode())
        return all(
            _fed(digest, field.name) and _fed(digest, getattr(value, field.name))
            for field in fields(value)
            if field.name not in _NOT_IN_ENCODING
        )
    digest.update(f"{value!r}\0".encode())
    return value is None or isinstance(value, str | int | float)
