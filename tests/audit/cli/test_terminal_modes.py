"""`audit show` as a real process: in a pipe, on a terminal, and under what the user asked of it."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.reports.factory import make_report
from tests.reports.series_factory import make_series

ROOT = Path(__file__).resolve().parents[3]
ESCAPE = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;\d+)*m")
SAID = {"report": "a hidden concern", "series": "alarm at step 800"}


@pytest.fixture(params=["report", "series"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """A stored record of either kind, and something that is said of it."""
    kind: str = request.param
    text = (make_report() if kind == "report" else make_series()).to_json()
    (tmp_path / "report.json").write_text(text, encoding="utf-8")
    return SAID[kind], tmp_path


def environment(**changes: str) -> dict[str, str]:
    named = {"NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLORTERM", "TERM", "COLUMNS", "LINES"}
    return {k: v for k, v in os.environ.items() if k not in named} | {"TERM": "xterm"} | changes


def command(folder: Path) -> list[str]:
    return [sys.executable, "-m", "audit", "show", str(folder)]


def piped(folder: Path, **changes: str) -> str:
    done = subprocess.run(
        command(folder), capture_output=True, check=True, cwd=ROOT, env=environment(**changes),
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.stdout.decode("utf-8")


def on_terminal(folder: Path, **changes: str) -> str:
    """What a pseudo-terminal is sent."""
    import pty

    parent, child = pty.openpty()
    process = subprocess.Popen(
        command(folder), stdin=child, stdout=child, stderr=child, cwd=ROOT,
        env=environment(**changes),
    )  # fmt: skip
    os.close(child)
    sent = b""
    while True:
        ready, _, _ = select.select([parent], [], [], 60)
        assert ready, "it says nothing"
        try:
            part = os.read(parent, 65536)
        except OSError:  # the other side is closed
            break
        if not part:
            break
        sent += part
    os.close(parent)
    assert process.wait() == 0
    return sent.decode("utf-8")


def plain(text: str) -> str:
    return " ".join(ESCAPE.sub("", text).split())


def test_a_pipe_is_plain_text(run: tuple[str, Path]) -> None:
    said, folder = run
    text = piped(folder)
    assert "\x1b" not in text
    assert said in plain(text)


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_columns_are_kept(columns: int, run: tuple[str, Path]) -> None:
    said, folder = run
    text = piped(folder, COLUMNS=str(columns))
    assert all(cell_len(line) <= columns for line in text.splitlines())
    assert said in plain(text)


def test_colour_is_forced_into_a_pipe(run: tuple[str, Path]) -> None:
    said, folder = run
    text = piped(folder, FORCE_COLOR="1")
    assert COLOUR.search(text)
    assert said in plain(text)


def test_no_colour_wins_over_force(run: tuple[str, Path]) -> None:
    said, folder = run
    text = piped(folder, FORCE_COLOR="1", NO_COLOR="1")
    assert not COLOUR.search(text)
    assert said in plain(text)


def test_a_terminal_has_colour_and_may_do_without(run: tuple[str, Path]) -> None:
    said, folder = run
    assert COLOUR.search(on_terminal(folder))
    bare = on_terminal(folder, NO_COLOR="1")
    assert not COLOUR.search(bare)
    assert said in plain(bare)


def test_a_dumb_terminal_is_sent_no_escapes(run: tuple[str, Path]) -> None:
    said, folder = run
    text = on_terminal(folder, TERM="dumb")
    assert "\x1b" not in text
    assert said in plain(text)


def test_an_encoding_without_the_characters_loses_none_of_the_verdict(tmp_path: Path) -> None:
    checks = [check.model_copy(update={"suite": "čas"}) for check in make_report().checks]
    text = make_report(checks=checks).to_json()
    (tmp_path / "report.json").write_text(text, encoding="utf-8")
    shown = piped(tmp_path, PYTHONIOENCODING="ascii")
    assert "\\u010das" in shown
    assert "FLAG" in shown
