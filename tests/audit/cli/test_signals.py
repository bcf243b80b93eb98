"""Whenever a signal comes, a command that was interrupted ends with 2 and says so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from audit.cli import execute
from audit.engine.interrupts import held_back, in_good_order, last_words
from tests.audit.engine.test_resuming import small_suite

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has other signals")

COMES = """
import os, runpy, signal, sys
from importlib.abc import MetaPathFinder
number, module, *sys.argv[1:] = int(sys.argv[1]), *sys.argv[2:]
class Sender(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == module:  # in code made at run time, as many libraries make some
            exec("for _ in range(3): os.getpid() if _ else os.kill(os.getpid(), number)")
sys.meta_path.insert(0, Sender())
for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # whatever our parents ignore
    signal.signal(one, signal.default_int_handler if one == signal.SIGINT else signal.SIG_DFL)
if os.environ.get("DEAF"):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
runpy.run_module("audit", run_name="__main__")
"""


def comes(number: int, module: str, *words: str) -> subprocess.CompletedProcess[str]:
    """`python -m audit`, and a signal when it imports a module."""
    return subprocess.run(
        [sys.executable, "-c", COMES, str(int(number)), module, *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("module", ["click", "audit.cli.catalogue"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_while_things_are_imported(number: int, module: str) -> None:
    done = comes(number, module, "list")
    assert done.returncode == 2, done.stderr
    assert done.stderr.strip() == "audit: interrupted"


def test_where_no_signal_comes_nothing_is_changed() -> None:
    assert comes(signal.SIGTERM, "audit.no.such.module", "list").returncode == 0


def test_who_is_deaf_to_a_closed_terminal_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEAF", "yes")
    assert comes(signal.SIGHUP, "audit.cli.catalogue", "list").returncode == 0


def test_while_the_verdict_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "audit.cli.output.show", lambda record: os.kill(os.getpid(), signal.SIGTERM)
    )
    words = ["run", str(small_suite(tmp_path)), "-m", "organism:honest", "--limit", "40", "-q"]
    assert execute([*words, "-o", str(tmp_path / "run")]) == 2
    assert f"the same command goes on with -o {tmp_path / 'run'}" in capsys.readouterr().err


LAST = """
import os, signal, sys
from pathlib import Path
from audit.engine.interrupts import held_back, in_good_order
from audit.engine.run_dir import run_dir, write_status
with in_good_order():
    if len(sys.argv) > 1:
        with run_dir(Path(sys.argv[1])) as folder, held_back():
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)
    with held_back():
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
"""


def test_the_second_signal_leaves_word_of_itself(tmp_path: Path) -> None:
    words = [sys.executable, "-c", LAST]
    done = subprocess.run([*words, tmp_path / "run"], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert f"interrupted twice; the same command goes on with -o {tmp_path / 'run'}" in done.stderr
    assert '"status": "interrupted"' in (tmp_path / "run/status.json").read_text()
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (2, "audit: interrupted twice")


def test_one_block_inside_another_changes_nothing() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with in_good_order():
        ours = signal.getsignal(signal.SIGTERM)
        with in_good_order(), last_words(lambda: None, None), held_back():
            assert signal.getsignal(signal.SIGTERM) is ours
        assert signal.getsignal(signal.SIGTERM) is ours is not before
    assert signal.getsignal(signal.SIGTERM) is before
