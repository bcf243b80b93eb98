"""Members of a zip file, read whole but never beyond a limit, zstandard among them.

Python's own `zipfile` finds the members; before 3.14 it cannot read those that zstandard
packed, and it trusts what a member says of its size and of its place. Here no more is unpacked
than is asked for, whatever the file says, and no byte of it for two members.
"""

from __future__ import annotations

import importlib
import itertools
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import IO, Any

STORED, DEFLATED, ZSTANDARD = 0, 8, 93
_STEP = 1 << 20  # bytes unpacked at a time
_FED = 1 << 10  # and fed at a time where frames may be tiny: after each, what is left is copied
_LOCAL_HEADER = 30
_ENCRYPTED = 1
_UTF_8 = 0x800


class MemberError(Exception):
    """Why a member cannot be read, and what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def check_members(archive: zipfile.ZipFile, names: Iterable[str], total: int) -> None:
    """Refuse a file whose members lie over one another, or are more than is unpacked in all.

    No member is unpacked beyond the size that it states, so these are all that is to be added up.

    Args:
        archive: the file.
        names: of the members that are going to be read.
        total: bytes that they may have together.

    Raises:
        MemberError: they lie over one another or over the directory, or are too long together.
    """
    assert archive.fp is not None
    members = sorted(archive.infolist(), key=lambda info: info.header_offset)
    starts = [*(info.header_offset for info in members[1:]), archive.start_dir]
    for info, following in zip(members, starts, strict=True):
        if _end(archive.fp, info) > following:
            raise MemberError(
                "holds members that lie over one another", "the file is damaged: copy it once more"
            )
    if sum(archive.getinfo(name).file_size for name in names) > total:
        hint = "split the log, or write it without its events"
        raise MemberError(f"unpacks to more than {total >> 30} GiB in all", hint)


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
    if max(info.file_size, info.compress_size) > limit:
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


def _end(file: IO[bytes], info: zipfile.ZipInfo) -> int:
    """The place behind a member; of one that is not where it should be, as far as is known."""
    try:
        begin = _begin(file, info)
    except MemberError:  # which reading it will tell
        begin = info.header_offset
    return begin + info.compress_size


def _begin(file: IO[bytes], info: zipfile.ZipInfo) -> int:
    """The place of a member's packed bytes, behind a header that has to be its own."""
    astray = MemberError("is not where the file says", "the file is damaged: copy it once more")
    if info.header_offset < 0:
        raise astray
    file.seek(info.header_offset)
    header = file.read(_LOCAL_HEADER)
    if len(header) < _LOCAL_HEADER or header[:4] != b"PK\x03\x04":
        raise astray
    of_name, of_extra = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
    name = info.orig_filename.encode("utf-8" if info.flag_bits & _UTF_8 else "cp437")
    if file.read(of_name) != name:
        raise astray
    return info.header_offset + _LOCAL_HEADER + of_name + of_extra


def _packed(file: IO[bytes], info: zipfile.ZipInfo) -> Iterator[bytes]:
    """The packed bytes of a member, piece by piece."""
    file.seek(_begin(file, info))
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
        for piece in itertools.chain.from_iterable(map(_small, packed)):
            while piece or not (unpacker.needs_input or unpacker.eof):
                if unpacker.eof:
                    unpacker = zstd.ZstdDecompressor()
                yield unpacker.decompress(piece, _STEP)
                piece = unpacker.unused_data if unpacker.eof else b""
    except zstd.ZstdError as error:
        raise MemberError(f"is damaged: {error}", "copy the file once more") from None


def _small(piece: bytes) -> Iterator[bytes]:
    return (piece[start : start + _FED] for start in range(0, len(piece), _FED))


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
