"""A journal takes one line at a time, and a line that a crash cut short harms no other."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from audit.engine.journal import JOURNAL, Event, append, read, start
from audit.errors import UsageError

FILLS = """
import resource, sys
from pathlib import Path
from audit.engine.journal import append
folder = Path(sys.argv[1])
append(folder, "one")
size = (folder / "journal.jsonl").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, size + 20))
append(folder, "two")
"""


def names(folder: Path) -> list[str]:
    return [event.name for event in read(folder).events]


def test_what_was_added_is_read_in_order(tmp_path: Path) -> None:
    assert read(tmp_path).events == ()
    append(tmp_path, "begin", asked={"suite é": None, "option seed": 3}, names={})
    append(tmp_path, "measured", check="a/b")
    first, second = read(tmp_path).events
    assert (first.name, first.facts["asked"]) == ("begin", {"suite é": None, "option seed": 3})
    assert isinstance(second, Event)
    assert second.facts["check"] == "a/b"
    lines = (tmp_path / JOURNAL).read_text("ascii").splitlines()
    assert [line.startswith('{"event"') for line in lines] == [True, True]


def test_wherever_a_line_is_cut_the_others_stand_and_the_next_begins_cleanly(
    tmp_path: Path,
) -> None:
    append(tmp_path, "one")
    whole = (tmp_path / JOURNAL).read_bytes()
    append(tmp_path, "two", what="x" * 40)
    both = (tmp_path / JOURNAL).read_bytes()
    for end in range(len(whole) + 1, len(both) - 1):
        (tmp_path / JOURNAL).write_bytes(both[:end])
        assert (names(tmp_path), read(tmp_path).damaged) == (["one"], (2,))
        append(tmp_path, "three")
        assert (names(tmp_path), read(tmp_path).damaged) == (["one", "three"], (2,))
    (tmp_path / JOURNAL).write_bytes(both[:-1])  # all but its end of line
    append(tmp_path, "three")
    assert names(tmp_path) == ["one", "two", "three"]


def test_no_byte_can_change_unseen(tmp_path: Path) -> None:
    append(tmp_path, "one", count=12)
    whole = (tmp_path / JOURNAL).read_bytes()
    for at in range(len(whole) - 1):
        changed = bytearray(whole)
        changed[at] ^= 1
        (tmp_path / JOURNAL).write_bytes(changed)
        assert not read(tmp_path).events, changed


def test_what_is_no_event_is_damage(tmp_path: Path) -> None:
    (tmp_path / JOURNAL).write_bytes(b'[1]\n7\n\xff\xfe\n{"sha256": "x"}\n\n{}\n')
    assert read(tmp_path) == type(read(tmp_path))((), (1, 2, 3, 4, 6))


def signed(content: dict[str, Any]) -> bytes:
    """A line with the checksum that belongs to it, whatever it says."""
    text = json.dumps(content)
    checksum = hashlib.sha256(text.encode("ascii")).hexdigest()[:16]
    return f'{text[:-1]}, "sha256": "{checksum}"}}\n'.encode("ascii")


@pytest.mark.parametrize(
    "odd",
    [
        {"event": "begin"},
        {"event": "begin", "asked": {}},
        {"event": "begin", "asked": [], "names": {}},
        {"event": "begin", "asked": {"a": [1]}, "names": {}},
        {"event": "saved", "saved": ["manifest.json"]},
        {"event": "saved", "saved": {"manifest.json": {}}},
        {"event": "complete", "checks": "many"},
        {"event": ["begin"]},
    ],
)
def test_a_line_that_says_what_no_reader_can_use_is_damage(
    odd: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / JOURNAL).write_bytes(signed({"event": "one"}) + signed(odd))
    assert (names(tmp_path), read(tmp_path).damaged) == (["one"], (2,))


@pytest.mark.parametrize("deep", [b"[" * 200_000, b'{"a":' * 200_000])
def test_a_line_deeper_than_anybody_can_read_is_damage(deep: bytes, tmp_path: Path) -> None:
    (tmp_path / JOURNAL).write_bytes(deep + b"\n" + signed({"event": "one"}))
    assert (names(tmp_path), read(tmp_path).damaged) == (["one"], (1,))


@pytest.mark.skipif(sys.platform == "win32", reason="has no such files")
def test_a_journal_that_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / JOURNAL)
    with pytest.raises(UsageError, match=r"journal\.jsonl is no regular file"):
        read(tmp_path)
    (tmp_path / JOURNAL).unlink()
    (tmp_path / JOURNAL).mkdir()
    with pytest.raises(UsageError, match="is no regular file"):
        read(tmp_path)


def test_another_journal_takes_the_place_of_one_in_one_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(tmp_path, "one")
    start(tmp_path, "two")
    append(tmp_path, "three")
    assert names(tmp_path) == ["two", "three"]

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        start(tmp_path, "four")
    assert names(tmp_path) == ["two", "three"]


def test_a_full_disk_is_an_error_and_leaves_what_was_there(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    command = [sys.executable, "-c", FILLS, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "OSError" in done.stderr
    assert JOURNAL in done.stderr
    assert (names(tmp_path), read(tmp_path).damaged) == (["one"], (2,))
    append(tmp_path, "three")
    assert names(tmp_path) == ["one", "three"]
