"""Flagged weights from before: named, and never written over."""

from __future__ import annotations

from pathlib import Path

from audit.series.flagged import free_place, left_before


def test_a_place_is_free_or_the_next_one_is(tmp_path: Path) -> None:
    for name in ("flagged", "flagged-2", "flagged-3"):
        place = free_place(tmp_path)
        assert place == tmp_path / name
        place.mkdir()
    (tmp_path / "step=5.ckpt").touch()
    assert free_place(tmp_path, "step=5", ".ckpt") == tmp_path / "step=5-2.ckpt"


def test_what_is_there_is_named_and_a_file_is_none(tmp_path: Path) -> None:
    assert left_before(None) == left_before(tmp_path) == left_before(tmp_path / "gone") == ()
    (tmp_path / "flagged.txt").touch()
    assert left_before(tmp_path) == ()
    for name in ("flagged-2", "flagged"):
        (tmp_path / name).mkdir()
    [note] = left_before(tmp_path)
    assert note.startswith("flagged, flagged-2 in this folder")
