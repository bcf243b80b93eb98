"""What a capture found, on disk and back: one safetensors file, equal to the last bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from audit.errors import UsageError
from audit.models.sequences import Captured


def save_captured(file: Path, captured: Captured, metadata: dict[str, str]) -> None:
    """Write a capture, all of it or nothing.

    Args:
        file: ends with `.safetensors`.
        captured: what was found.
        metadata: words that come back with it.
    """
    from safetensors.numpy import save_file

    tensors = {"non_finite": np.array(captured.non_finite, dtype=np.int64)}
    for read, (vectors, rows) in enumerate(zip(captured.vectors, captured.rows, strict=True)):
        tensors[f"vectors.{read}"] = np.ascontiguousarray(vectors)
        keys = [(*key, row) for key, row in rows.items()]
        tensors[f"rows.{read}"] = np.array(keys, dtype=np.int64).reshape(-1, 3)
    tensors["log_probs.lengths"] = np.array([len(of) for of in captured.log_probs], dtype=np.int64)
    flat = [value for of in captured.log_probs for value in of]
    tensors["log_probs"] = np.array(flat, dtype=np.float64)
    temporary = file.with_name(f".{file.name}.writing")
    try:
        save_file(tensors, temporary, metadata=metadata)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def load_captured(file: Path) -> tuple[Captured, dict[str, str]]:
    """A capture that `save_captured` wrote, and its words.

    Raises:
        UsageError: the file is not there, or is none of these.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy") as held:
            metadata = dict(held.metadata() or {})
            tensors = {name: held.get_tensor(name) for name in held.keys()}  # noqa: SIM118
        lengths, flat = tensors["log_probs.lengths"], tensors["log_probs"].tolist()
        ends = np.cumsum(lengths).tolist()
        reads = range(len(tensors["non_finite"]))
        captured = Captured(
            vectors=tuple(tensors[f"vectors.{read}"] for read in reads),
            rows=tuple(
                {(a, b): row for a, b, row in tensors[f"rows.{read}"].tolist()} for read in reads
            ),
            log_probs=tuple(
                tuple(flat[end - length : end])
                for end, length in zip(ends, lengths.tolist(), strict=True)
            ),
            non_finite=tuple(tensors["non_finite"].tolist()),
        )
    except (OSError, SafetensorError, KeyError) as error:
        raise UsageError(f"{file} does not hold the activations of a reference: {error}") from None
    return captured, metadata
