"""Zip files made to be read wrongly: no byte twice, no member for another, no end of it."""

from __future__ import annotations

import io
import struct
import sys
import zipfile
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from suites import archives, inspect_logs
from suites.archives import MemberError, check_members, read_member
from suites.inspect_logs import read_eval
from suites.turns import plain_turns

LIMIT = 1 << 20
ZSTD = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"


def packed(*members: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytearray:
    """A zip file of these members as anybody writes it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return bytearray(file.getvalue())


def entries(content: bytes) -> list[int]:
    """Where the entries of the directory begin."""
    found, at = [], content.find(b"PK\x01\x02")
    while at >= 0:
        found.append(at)
        at = content.find(b"PK\x01\x02", at + 1)
    return found


def opened(content: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(bytes(content)))


def refused(content: bytes) -> str:
    with opened(content) as archive, pytest.raises(MemberError) as caught:
        check_members(archive, archive.namelist(), LIMIT)
    return caught.value.message


def test_members_as_anybody_writes_them_are_read() -> None:
    """Names beyond ASCII, an extra field, an empty member, and bytes before the file."""
    members = [("plain", b"one"), ("ü/é.json", b"two"), ("empty", b"")]
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        for before in (b"", b"#!/bin/sh\n"):
            with opened(before + bytes(packed(*members, method=method))) as archive:
                check_members(archive, archive.namelist(), LIMIT)
                for name, content in members:
                    assert read_member(archive, name, LIMIT) == content
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        info = zipfile.ZipInfo("extra")
        info.extra = struct.pack("<HH4s", 0x9999, 4, b"more")
        archive.writestr(info, b"content")
    with opened(bytearray(file.getvalue())) as archive:
        check_members(archive, ["extra"], LIMIT)
        assert read_member(archive, "extra", LIMIT) == b"content"


def test_a_name_twice_at_two_places_is_the_last() -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = packed(("a", b"old"), ("a", b"new"))
    with opened(content) as archive:
        check_members(archive, ["a"], LIMIT)
        assert read_member(archive, "a", LIMIT) == b"new"


def test_entries_that_point_at_one_member_are_refused() -> None:
    """The directory names six members, and two to six are the bytes of the first."""
    content = packed(*((f"{number}", b"0" * 1000) for number in range(6)))
    first, *others = entries(content)
    for at in others:
        content[at + 42 : at + 46] = content[first + 42 : first + 46]
    assert refused(content) == "holds members that lie over one another"
    with opened(content) as archive:
        assert read_member(archive, "0", LIMIT) == b"0" * 1000
        for name in "12345":
            with pytest.raises(MemberError, match="is not where the file says"):
                read_member(archive, name, LIMIT)


def test_a_member_within_another_is_refused() -> None:
    """A stored member whose content is the next ones, headers and all; each name is right."""
    inner = packed(("b", b"x" * 100))
    inside = bytes(inner[: entries(inner)[0]])
    content = packed(("a", inside), ("b", b"x" * 100))
    at = entries(content)[1]
    content[at + 42 : at + 46] = struct.pack("<I", content.index(inside))
    with opened(content) as archive:
        assert read_member(archive, "b", LIMIT) == b"x" * 100
    assert refused(content) == "holds members that lie over one another"


@pytest.mark.parametrize("longer", [1, 22, 1000])
def test_a_member_that_reaches_into_the_next_or_the_directory_is_refused(longer: int) -> None:
    for place in (0, 1):
        content = packed(("a", b"x" * 50), ("b", b"y" * 50))
        at = entries(content)[place]
        content[at + 20 : at + 24] = struct.pack("<I", 50 + longer)
        assert refused(content) == "holds members that lie over one another"


def test_all_members_together_have_a_limit() -> None:
    content = packed(("a", b"x" * 600), ("b", b"y" * 500), ("not asked for", b"z" * 5000))
    with opened(content) as archive:
        check_members(archive, ["a", "b"], 1100)
        with pytest.raises(MemberError, match="in all"):
            check_members(archive, ["a", "b"], 1099)


def test_a_log_that_overlaps_or_is_too_long_is_refused_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, samples = tmp_path / "a.eval", [f"samples/{n}_epoch_1.json" for n in range(3)]
    content = packed(("header.json", b"{}"), *((name, b"{}") for name in samples))
    path.write_bytes(content)
    monkeypatch.setattr(inspect_logs, "MAX_TOTAL", 5)
    [found] = read_eval(path, plain_turns)
    assert found.trouble is not None
    assert "in all" in str(found.trouble)
    monkeypatch.undo()
    _, first, *others = entries(content)
    for at in others:
        content[at + 42 : at + 46] = content[first + 42 : first + 46]
    path.write_bytes(content)
    [found] = read_eval(path, plain_turns)
    assert found.trouble is not None
    assert "lie over one another" in str(found.trouble)


def test_a_packed_size_beyond_the_limit_is_not_read() -> None:
    with opened(packed(("a", b"x" * 2000))) as archive:
        archive.getinfo("a").file_size = 0
        with pytest.raises(MemberError, match="unpacks to more than"):
            read_member(archive, "a", 1999)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_content_of_another_checksum_is_not_read(method: int) -> None:
    """Of the same length, and sound as a stream: the checksum alone tells."""
    content = packed(("a", b"the model said no"), method=method)
    for other in (zlib.crc32(b"the model said ok"), 0):
        at = entries(content)[0] + 16
        content[at : at + 4] = struct.pack("<I", other)
        with opened(content) as archive, pytest.raises(MemberError, match="its checksum is"):
            read_member(archive, "a", LIMIT)


def test_a_content_that_is_too_short_is_not_read() -> None:
    content = packed(("a", b"four"), method=zipfile.ZIP_DEFLATED)
    at = entries(content)[0] + 24
    content[at : at + 4] = struct.pack("<I", 5)
    with opened(content) as archive, pytest.raises(MemberError, match="is damaged"):
        read_member(archive, "a", LIMIT)


def test_a_place_before_the_beginning_is_a_sentence() -> None:
    with opened(packed(("a", b"x"))) as archive:
        archive.getinfo("a").header_offset = -3
        with pytest.raises(MemberError, match="is not where the file says"):
            read_member(archive, "a", LIMIT)


def test_many_tiny_frames_are_no_more_work_each_than_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an unpacker is fed with grows as the frames do, and not with their square."""
    zstd = pytest.importorskip(ZSTD)
    fed = 0

    class Counting:
        def __init__(self) -> None:
            self._real = zstd.ZstdDecompressor()

        def __getattr__(self, name: str) -> Any:
            return getattr(self._real, name)

        def decompress(self, data: bytes, most: int) -> bytes:
            nonlocal fed
            fed += len(data)
            return bytes(self._real.decompress(data, most))

    counting = SimpleNamespace(ZstdDecompressor=Counting, ZstdError=zstd.ZstdError)
    monkeypatch.setattr(archives, "_zstandard", lambda: counting)
    frame, work = zstd.compress(b"x"), []
    for frames in (2000, 4000, 8000):
        fed = 0
        whole = b"".join(archives._unpacked_zstandard(iter([frame * frames])))
        assert whole == b"x" * frames
        work.append(fed)
    assert work[1] < 2.2 * work[0]
    assert work[2] < 2.2 * work[1]
    assert work[2] <= 8000 * 1024
