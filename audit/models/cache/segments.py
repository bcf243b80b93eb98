"""One file of the cache: tables of answers in safetensors, each part with its checksum.

A file is named `SHARD-DIGEST.safetensors`: the bits that all its keys begin with, or `all`. The
digest is that of its header, and the header holds one of every tensor, so a flipped bit is found
wherever it is, and a reader that wants one table reads and checks that table alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from audit.models.cache.keys import KEY

SUFFIX = ".safetensors"
_PARTS = ("keys", "counts", "values")
_DTYPES = {"U8": np.uint8, "I64": np.int64, "F32": np.float32, "F64": np.float64}
_NAME_DIGITS = 32
_ANY, _ABOUT = "all", "tables"


class DamagedError(Exception):
    """A file that does not hold what was written to it; says how it was seen."""


@dataclass(frozen=True, eq=False)
class Table:
    """Answers of one kind.

    Attributes:
        keys: `[n, KEY]` bytes.
        counts: `[n]`, how many rows of `values` belong to each.
        values: `[sum of counts, ...]` float32, float64 or bytes.
    """

    keys: NDArray[np.uint8]
    counts: NDArray[np.int64]
    values: NDArray[Any]

    def take(self, rows: NDArray[np.int64]) -> Table:
        """Some of the answers, in this order."""
        starts = np.cumsum(self.counts) - self.counts
        if (self.counts == 1).all():
            at = rows
        else:
            spans = [np.arange(starts[row], starts[row] + self.counts[row]) for row in rows]
            at = np.concatenate([*spans, np.empty(0, np.int64)])
        return Table(self.keys[rows], self.counts[rows], self.values[at])


def pack(shard: str, tables: Mapping[str, Table]) -> tuple[str, bytes]:
    """Name and content of a file that holds these tables, by the kind of their answers.

    Their keys all begin with the bits of `shard`, which may be empty.
    """
    from safetensors.numpy import save

    tensors = {
        f"{number}.{part}": np.ascontiguousarray(getattr(table, part))
        for number, table in enumerate(tables.values())
        for part in _PARTS
    }
    checksums = {name: _checksum(tensor.data) for name, tensor in tensors.items()}
    about = json.dumps({"kinds": list(tables), "sha256": checksums}, sort_keys=True)
    content: bytes = save(tensors, {_ABOUT: about})  # of several words the order would be chance
    end = 8 + int.from_bytes(content[:8], "little")
    return f"{shard or _ANY}-{_checksum(content[:end])[:_NAME_DIGITS]}{SUFFIX}", content


def file_shard(file: Path) -> str:
    """The bits that all keys in a file begin with."""
    return file.name.partition("-")[0].removeprefix(_ANY)


def unpack(file: Path, kinds: Collection[str]) -> Iterator[tuple[str, Table]]:
    """The tables of these kinds in a file.

    Raises:
        DamagedError: the file is not what was written; tables that came before it are whole.
        OSError: it cannot be read.
    """
    with file.open("rb") as stream:
        header, start = _header(file, stream)
        metadata = header.pop("__metadata__")
        if _ABOUT not in metadata:
            raise DamagedError("it was written by another version")
        about = json.loads(metadata[_ABOUT])
        checksums = about["sha256"]
        end = start + max(entry["data_offsets"][1] for entry in header.values())
        if file.stat().st_size != end:
            raise DamagedError(f"it is {file.stat().st_size} bytes long and should be {end}")
        for number, kind in enumerate(about["kinds"]):
            if kind in kinds:
                names = [f"{number}.{part}" for part in _PARTS]
                yield (
                    kind,
                    Table(
                        *(_tensor(stream, start, header[name], checksums[name]) for name in names)
                    ),
                )


def _header(file: Path, stream: BinaryIO) -> tuple[dict[str, Any], int]:
    """The header, which is what the name says, and where the tensors begin."""
    length = stream.read(8)
    size = int.from_bytes(length, "little")
    if size > file.stat().st_size:
        raise DamagedError("it ends within its header")
    header = stream.read(size)
    if _checksum(length + header)[:_NAME_DIGITS] != file.name.removesuffix(SUFFIX)[-_NAME_DIGITS:]:
        raise DamagedError("its header has another checksum than its name says")
    found: dict[str, Any] = json.loads(header)
    return found, 8 + size


def _tensor(stream: BinaryIO, start: int, entry: Mapping[str, Any], checksum: str) -> NDArray[Any]:
    begin, end = entry["data_offsets"]
    stream.seek(start + begin)
    content = stream.read(end - begin)
    if _checksum(content) != checksum:
        raise DamagedError("its content has another checksum than its header says")
    return np.frombuffer(content, _DTYPES[entry["dtype"]]).reshape(entry["shape"])


def _checksum(content: bytes | memoryview) -> str:
    return hashlib.sha256(content).hexdigest()


def table_of(
    keys: list[bytes], values: NDArray[Any], counts: NDArray[np.int64] | None = None
) -> Table:
    """A table of answers; without `counts` each has one row of `values`."""
    return Table(
        np.frombuffer(b"".join(keys), np.uint8).reshape(-1, KEY),
        np.ones(len(keys), np.int64) if counts is None else counts,
        values,
    )
