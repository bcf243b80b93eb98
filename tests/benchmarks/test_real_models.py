"""The suite of occupations is one that can be asked, and pages keep what is not theirs to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.engine.opening import open_suites, select_checks
from benchmarks.marks import put_between
from benchmarks.real_models import BEGIN, DOC, END, write_occupations


def test_no_name_is_in_two_roles_and_every_pair_is_whole(tmp_path: Path) -> None:
    [opened] = open_suites([write_occupations(tmp_path)])
    [work] = select_checks([opened], seed=0)
    names = [{row.group for row in work.rows[role]} for role in ("train", "validation", "control")]
    assert not names[0] & names[1]
    assert not (names[0] | names[1]) & names[2]
    assert sum(len(one) for one in names) > 300
    pairs: dict[object, set[object]] = {}
    for row in work.rows["audit"]:
        pairs.setdefault(row.attributes["case"], set()).add(row.attributes["held_by"])
    assert all(held == {"women", "men"} for held in pairs.values())


def test_what_stands_between_two_marks_is_written_anew(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<a>\nold\n<b>\nafter\n")
    put_between(page, "<a>", "<b>", "new\n")
    assert page.read_text() == "before\n<a>\nnew\n<b>\nafter\n"
    with pytest.raises(ValueError, match="are not there once each"):
        put_between(page, "<a>", "<c>", "new")


def test_the_page_has_the_marks_of_the_script() -> None:
    text = DOC.read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) == 1
