"""Members of a zip file, read whole but never beyond a limit, zstandard among them.

Python's own `zipfile` finds the members; before 3.14 it cannot read those that zstandard
packed, and it trusts what a member says of its size. Here no more is unpacked than is asked
for, whatever the file says.
"""

from __future__ import annotations

import importlib
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

STORED, DEFLATED, ZSTANDARD = 0, 8, 93
_STEP = 1 << 20  # bytes unpacked at a time
_LOCAL_HEADER = 30
_ENCRYPTED = 1


class MemberError(Exception):
    """Why a member cannot be read, and what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def read_member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """The content of a member, at most `limit` bytes.

    Raises:
        MemberError: it is longer, damaged, encrypted, or packed by what is not installed.
        KeyError: there is no such member.
    """
    info = archive.getinfo(name)
    if info.flag_bits & _ENCRYPTED:
        raise MemberError("is encrypted", "store it without a password")
    if info.compress_type not in _UNPACK:
        raise MemberError(f"is packed by method {info.compress_type}, which is not read here")
    if info.file_size > limit:
        raise _too_long(limit)
    assert archive.fp is not None
    found = bytearray()
    for piece in _UNPACK[info.compress_type](_packed(archive.fp, info)):
        found += piece
        if len(found) > min(limit, info.file_size):
            raise MemberError("unpacks to more than the file says", "the file is damaged")
    if len(found) != info.file_size or zlib.crc32(found) != info.CRC:
        raise MemberError("is damaged: its checksum is another", "copy the file once more")
    return bytes(found)


def _too_long(limit: int) -> MemberError:
    hint = "leave the log out, or write it without its events"
    return MemberError(f"unpacks to more than {limit >> 20} MiB", hint)


def _packed(file: IO[bytes], info: zipfile.ZipInfo) -> Iterator[bytes]:
    """The packed bytes of a member, piece by piece."""
    file.seek(info.header_offset)
    header = file.read(_LOCAL_HEADER)
    if len(header) < _LOCAL_HEADER or header[:4] != b"PK\x03\x04":
        raise MemberError("is not where the file says", "the file is damaged: copy it once more")
    skipped = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    file.seek(skipped, 1)
    left = info.compress_size
    while left > 0:
        piece = file.read(min(left, _STEP))
        if not piece:
            raise MemberError("is cut off", "the file is damaged: copy it once more")
        left -= len(piece)
        yield piece


def _inflated(packed: Iterator[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for piece in packed:
            while piece:
                yield unpacker.decompress(piece, _STEP)
                piece = unpacker.unconsumed_tail
        yield unpacker.flush()
    except zlib.error as error:
        raise MemberError(f"is damaged: {error}", "copy the file once more") from None


def _unpacked_zstandard(packed: Iterator[bytes]) -> Iterator[bytes]:
    """A member may be several frames, one behind the other."""
    zstd = _zstandard()
    unpacker = zstd.ZstdDecompressor()
    try:
        for piece in packed:
            while piece or not (unpacker.needs_input or unpacker.eof):
                if unpacker.eof:
                    unpacker = zstd.ZstdDecompressor()
                yield unpacker.decompress(piece, _STEP)
                piece = unpacker.unused_data if unpacker.eof else b""
    except zstd.ZstdError as error:
        raise MemberError(f"is damaged: {error}", "copy the file once more") from None


def _zstandard() -> Any:
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        hint = "pip install backports.zstd, or `inspect log convert --to json`"
        raise MemberError("is packed by zstandard, which this Python cannot read", hint) from None


_UNPACK: Mapping[int, Callable[[Iterator[bytes]], Iterator[bytes]]] = {
    STORED: lambda packed: packed,
    DEFLATED: _inflated,
    ZSTANDARD: _unpacked_zstandard,
}
