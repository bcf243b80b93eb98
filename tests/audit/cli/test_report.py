"""`audit report`: one run rendered again, two compared, and what it must not load for that."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from audit.engine.diffing import diff_runs
from audit.engine.run import run_audit
from reports.diff import RecordDiff
from reports.markdown.diff import render_diff_markdown
from reports.read import read_report
from reports.render import RENDERERS, render
from tests.audit.cli.conftest import Done
from tests.reports.factory import make_report
from tests.reports.series_factory import make_series

Audit = Callable[..., Done]
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A record alone, as somebody may have been sent it."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "report.json").write_text(make_report().to_json(), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The honest organism and the liar, audited once."""
    folder = tmp_path_factory.mktemp("runs")
    for name in ("honest", "liar"):
        run_audit("organism_lying", f"organism:{name}", out=folder / name)
    return folder / "honest", folder / "liar"


def test_without_a_word_it_is_markdown_on_stdout(audit: Audit, run: Path) -> None:
    done = audit("report", run)
    assert (done.code, done.out, done.err) == (0, render(make_report(), "md"), "")
    assert audit("report", run, "--format", "json,md").out == (
        make_report().to_json() + render(make_report(), "md")
    )


def test_a_named_file_and_a_named_format_are_both_had(
    audit: Audit, run: Path, tmp_path: Path
) -> None:
    done = audit("report", run, "--format", "json", "--md", tmp_path / "x.md")
    assert done.out == make_report().to_json()
    assert (tmp_path / "x.md").read_text("utf-8") == render(make_report(), "md")


def test_two_runs_are_a_comparison(audit: Audit, two: tuple[Path, Path], tmp_path: Path) -> None:
    diff = diff_runs(*two)
    assert diff.exit_code == 1
    done = audit("report", *two)
    assert (done.code, done.out) == (0, render_diff_markdown(diff)), "rendered, and not gated"
    done = audit("report", *two, "--format", "md,json", "-o", tmp_path / "out")
    assert RecordDiff.model_validate_json((tmp_path / "out/comparison.json").read_text()) == diff
    assert (tmp_path / "out/comparison.md").read_text("utf-8") == render_diff_markdown(diff)
    done = audit("report", *two, "--json-file", tmp_path / "a.json", "--md", tmp_path / "a.md")
    assert (done.code, done.out) == (0, "")
    assert json.loads((tmp_path / "a.json").read_text())["gates"][0]["status"] == "worse"
    assert (tmp_path / "a.md").is_file()


def test_a_comparison_is_a_page_too(audit: Audit, two: tuple[Path, Path], tmp_path: Path) -> None:
    page = pytest.importorskip("reports.html.diff")
    before, after = map(read_report, two)
    expected = page.render_diff_html(diff_runs(*two), before, after)
    assert audit("report", *two, "--format", "html").out == expected
    assert audit("report", *two, "--html", tmp_path / "x.html").code == 0
    assert (tmp_path / "x.html").read_text("utf-8") == expected


def test_what_is_of_one_run_is_refused_for_two(audit: Audit, run: Path, tmp_path: Path) -> None:
    for arguments, said in [
        (("--format", "junit"), "html"),
        (("--junitxml", tmp_path / "x"), "--junitxml"),
        (("--csv", tmp_path / "x"), "--csv"),
        (("--github",), "--github is of one run"),
        (("--model-card", tmp_path / "x"), "--model-card is of one run"),
    ]:
        done = audit("report", run, run, *arguments)
        assert done.code == 4, done
        assert said in done.err
        assert not done.out
    assert not (tmp_path / "x").exists()


def test_a_series_among_two_and_three_runs_are_a_sentence(
    audit: Audit, run: Path, tmp_path: Path
) -> None:
    series = tmp_path / "series"
    series.mkdir()
    (series / "report.json").write_text(make_series().to_json(), encoding="utf-8")
    done = audit("report", run, series)
    assert done.code == 4
    assert "give the folder of one of its checkpoints" in done.err
    done = audit("report", run, run, run)
    assert done.code == 4
    assert "here are 3" in done.err
    assert audit("report").code == 4


def test_a_page_is_not_printed_on_a_terminal(run: Path) -> None:
    import os
    import pty

    parent, child = pty.openpty()
    process = subprocess.run(
        [sys.executable, "-m", "audit", "report", str(run), "--format", "html"],
        stdout=child,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        check=False,
    )
    os.close(child)
    os.close(parent)
    assert process.returncode == 4
    assert b"--html FILE" in process.stderr


MEASURES = {"torch", "transformers", "sklearn", "scipy", "pandas", "pyarrow"}


def modules_after(*arguments: object) -> set[str]:
    """What a fresh interpreter has loaded once the command is done."""
    words = [str(argument) for argument in arguments]
    script = (
        f"import sys; from audit.cli import execute; code = execute({words!r}); "
        f"print(chr(10).join(sys.modules)); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("name", sorted(RENDERERS))
def test_it_loads_neither_torch_nor_what_measures(name: str, run: Path, tmp_path: Path) -> None:
    loaded = modules_after("report", run, "--format", name, "--github", "-o", tmp_path / "out")
    assert "reports.render" in loaded
    assert not MEASURES & loaded
    assert "numpy" not in loaded


def test_neither_does_a_comparison(run: Path, tmp_path: Path) -> None:
    loaded = modules_after("report", run, run, "-o", tmp_path / "out")
    assert "audit.engine.diffing" in loaded
    assert not MEASURES & loaded


def test_the_check_sees_what_measures(two: tuple[Path, Path], tmp_path: Path) -> None:
    """A table of scores is read with pandas, and only there."""
    assert MEASURES & modules_after("report", two[0], "--csv", tmp_path / "scores.csv")
