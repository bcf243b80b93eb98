"""Files that are asked for by name: where they go, and what becomes of those that cannot."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from audit.cli.files import OF_SCORES, OUTPUTS
from audit.engine.run import run_audit
from reports.read import read_report
from reports.record import AuditReport
from reports.render import RENDERERS, render
from tests.audit.cli.conftest import Done, suite
from tests.reports.series_factory import make_series

Audit = Callable[..., Done]
WriteSuite = Callable[..., Path]

EVERY = [one.option for one in OUTPUTS if one.format is None or one.format in RENDERERS]
OF_RECORD = [option for option in EVERY if option not in OF_SCORES]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The liar, audited once."""
    folder = tmp_path_factory.mktemp("runs") / "liar"
    run_audit("organism_lying", "organism:liar", out=folder)
    return folder


def expected(option: str, folder: Path) -> str:
    [output] = [one for one in OUTPUTS if one.option == option]
    if output.format is not None:
        return render(read_report(folder), output.format)
    made = output.make(read_report(folder), folder)
    assert isinstance(made, str)
    return made


def test_a_run_writes_each_file_where_it_is_asked_and_says_the_same(
    audit: Audit, write_suite: WriteSuite, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    common = ("run", write_suite(), "-m", tiny_llama_folder, "-o", tmp_path / "run", "-q")
    plain = audit(*common)
    asked = [(option, tmp_path / "out" / option.strip("-")) for option in EVERY]
    done = audit(*common, *(word for pair in asked for word in pair))
    assert (done.code, done.out) == (plain.code, plain.out)
    for option, path in asked:
        if option == "--parquet":
            scores = pd.read_parquet(tmp_path / "run" / "scores.parquet")
            pd.testing.assert_frame_equal(pd.read_parquet(path), scores)
        else:
            assert path.read_text("utf-8") == expected(option, tmp_path / "run")
    assert len(list((tmp_path / "out").iterdir())) == len(EVERY), "and nothing is left over"


@pytest.mark.parametrize("option", EVERY)
def test_a_report_writes_it_again_and_prints_nothing(
    option: str, audit: Audit, run: Path, tmp_path: Path
) -> None:
    path = tmp_path / "a" / "b"
    done = audit("report", run, option, path)
    assert (done.code, done.out) == (0, "")
    assert done.err == f"wrote {path}\n"
    assert path.stat().st_size > 100


def test_a_place_that_cannot_be_written_is_found_before_the_model(
    audit: Audit, write_suite: WriteSuite, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    words = write_suite()
    for arguments, said in [
        (("--md", tmp_path / "file" / "x.md"), "cannot be written"),
        (("--md", tmp_path / "folder"), "directory"),
        (("--md", "/dev/null"), "is no file"),
        (("--md", tmp_path / "x", "--json-file", tmp_path / "folder" / ".." / "x"), "both ask"),
    ]:
        for start in (
            ("run", words, "-m", "./nope", "-o", tmp_path / "run"),
            ("watch", tmp_path / "nope", words),
        ):
            done = audit(*start, *arguments)
            assert done.code == 4, done
            assert said in done.err
            assert "nope" not in done.err
    assert not (tmp_path / "run").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "words.yaml"]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no folder that root cannot write to")
def test_a_folder_that_takes_no_file_is_found_before_the_model(
    audit: Audit, write_suite: WriteSuite, tmp_path: Path
) -> None:
    start = ("run", write_suite(), "-m", "./nope", "-o", tmp_path / "run")
    done = audit(*start, "--md", "/proc/new/x.md")
    assert done.code == 4
    assert "--md /proc/new/x.md cannot be written" in done.err
    assert "./nope" not in done.err


@pytest.mark.parametrize("events", [(), ("--json",)])
def test_a_place_that_goes_while_the_audit_runs_ends_with_three_and_the_verdict(
    events: tuple[str, ...],
    audit: Audit,
    write_suite: WriteSuite,
    tiny_llama_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Something lies in the way of the first file; the second is written all the same."""
    from audit.engine import run as engine

    real, place = engine.measure_model, tmp_path / "place"

    def meanwhile(*arguments: object, **options: object) -> object:
        place.write_text("in the way", encoding="utf-8")
        return real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "measure_model", meanwhile)
    done = audit(
        "run", write_suite(), "-m", tiny_llama_folder, "-o", tmp_path / "run", *events,
        "--md", place / "x.md", "--json-file", tmp_path / "x.json",
    )  # fmt: skip
    assert done.code == 3
    assert f"--md {place / 'x.md'} could not be written" in done.err
    assert (tmp_path / "x.json").read_text("utf-8") == expected("--json-file", tmp_path / "run")
    assert read_report(tmp_path / "run").exit_code == 1
    if events:
        [last] = done.events("report")
        assert (last["verdict"], last["exit_code"]) == ("flag", 3)
    else:
        assert done.out.startswith("FLAG")


def test_a_file_in_the_run_folder_leaves_the_folder_free_for_the_run(
    audit: Audit, write_suite: WriteSuite, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    done = audit(
        "run", write_suite(), "-m", tiny_llama_folder, "-o", run, "--md", run / "pages" / "x.md"
    )
    assert done.code == 1
    assert (run / "pages" / "x.md").read_text("utf-8") == (run / "report.md").read_text("utf-8")


def test_a_page_that_cannot_be_drawn_costs_neither_the_record_nor_the_verdict(
    audit: Audit,
    write_suite: WriteSuite,
    tiny_llama_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(record: AuditReport) -> str:
        raise ZeroDivisionError("of nothing")

    monkeypatch.setitem(RENDERERS, "html", replace(RENDERERS["html"], audit=broken))
    run = tmp_path / "run"
    done = audit("run", write_suite(), "-m", tiny_llama_folder, "-o", run)
    assert done.code == 1
    assert done.out.startswith("FLAG")
    [told] = [line for line in done.err.splitlines() if "could not be made" in line]
    assert told.startswith("audit: report.html could not be made (ZeroDivisionError at ")
    assert done.err.endswith(f"report: {run / 'report.json'}\n")
    assert read_report(run).exit_code == 1
    status = json.loads((run / "status.json").read_text("utf-8"))
    assert status["status"] == "complete"
    assert status["unwritten"] == [told.removeprefix("audit: ")]
    monkeypatch.undo()
    whole = audit("run", write_suite(), "-m", tiny_llama_folder, "-o", run, "-q")
    assert (whole.code, whole.err) == (1, "")
    assert "unwritten" not in json.loads((run / "status.json").read_text("utf-8"))
    assert (run / "report.html").is_file()


def test_scores_that_cannot_be_read_are_not_said_to_be_unwritable(
    audit: Audit, run: Path, tmp_path: Path
) -> None:
    """Something else stands where the scores were; what else was asked for is written."""
    (tmp_path / "report.json").write_bytes((run / "report.json").read_bytes())
    scores = tmp_path / "scores.parquet"
    scores.symlink_to("/proc/self/mem")
    if not scores.is_file():
        pytest.skip("no file here that can be opened and not be read")
    for option in sorted(OF_SCORES):
        done = audit("report", tmp_path, option, tmp_path / "x", "--md", tmp_path / "x.md")
        assert done.code == 3
        assert f"{option} {tmp_path / 'x'} could not be made: {scores} " in done.err
        assert "could not be written" not in done.err
        assert not (tmp_path / "x").exists()
        (tmp_path / "x.md").unlink()


def test_a_link_is_followed(audit: Audit, run: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link.md").symlink_to(tmp_path / "there" / "x.md")
    assert audit("report", run, "--md", tmp_path / "link.md").code == 0
    assert (tmp_path / "link.md").is_symlink()
    assert (tmp_path / "there" / "x.md").is_file()


def test_scores_that_are_not_there_are_a_sentence(audit: Audit, run: Path, tmp_path: Path) -> None:
    record = tmp_path / "report.json"
    record.write_bytes((run / "report.json").read_bytes())
    for option in sorted(OF_SCORES):
        done = audit("report", record, option, tmp_path / "x")
        assert done.code == 4
        assert "there is no scores.parquet" in done.err
    (tmp_path / "scores.parquet").write_bytes(b"PAR1 cut short")
    done = audit("report", record, "--csv", tmp_path / "x")
    if "csv_scores" not in done.err:
        assert "is no table of scores" in done.err
    assert not (tmp_path / "x").exists()


def test_a_series_has_no_scores_of_its_own(audit: Audit, tmp_path: Path) -> None:
    series = tmp_path / "series"
    series.mkdir()
    (series / "report.json").write_text(make_series().to_json(), encoding="utf-8")
    for start in (
        ("report", series),
        ("run", "organism_lying", "-m", "organism:liar", "-m", "organism:honest"),
        ("watch", tmp_path / "nope", "organism_lying"),
    ):
        done = audit(*start, "--csv", tmp_path / "x")
        assert done.code == 4
        assert "checkpoints/NAME/scores.parquet" in done.err
    assert audit("report", series, "--md", tmp_path / "x.md").code == 0
    assert (tmp_path / "x.md").read_text("utf-8") == render(make_series(), "md")


def test_the_suite_of_these_tests_flags() -> None:
    """The positive control of all that is said of exit codes here."""
    assert suite()["checks"]["cats"]["gates"][0]["max"] == 0.2
