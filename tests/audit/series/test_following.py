"""A series from disk as a library: what is kept, what is cut short, what is no reference."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from audit.engine import journal, leftovers, run_dir
from audit.engine.assembly import Options
from audit.engine.measuring import Talk
from audit.engine.run import run_audit
from audit.errors import MeasurementError, UsageError
from audit.exit_codes import ExitCode
from audit.models.loading import ORGANISMS, choose_device
from audit.series import kept_reference, reference_files, remembered, stored_rows
from audit.series.checkpoints import find_checkpoints
from audit.series.following import audit_series
from reports.read import read_record, read_report
from reports.series import SeriesReport

SUITE = "organism_lying"
FEW = Options(limit=40)


def save(run: Path, name: str, organism: str = "honest") -> Path:
    ignore = shutil.ignore_patterns("sae")
    return Path(shutil.copytree(ORGANISMS / organism, run / name, ignore=ignore))


def change(folder: Path, tensor: str, to: Callable[[np.ndarray], np.ndarray]) -> None:
    weights = folder / "model.safetensors"
    tensors = load_file(weights)
    tensors[tensor] = to(tensors[tensor])
    save_file(tensors, weights, metadata={"format": "pt"})


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    save(folder, "checkpoint-1")
    save(folder, "checkpoint-2", "liar")
    return folder


def audited(run: Path, out: Path, talk: Talk | None = None) -> SeriesReport:
    return audit_series([SUITE], find_checkpoints([str(run)]), out, options=FEW, talk=talk)


def test_weights_that_are_numbers_and_overflow_are_no_reference(run: Path, tmp_path: Path) -> None:
    """Nothing can be measured on it, so nothing could be held against it either."""
    change(
        run / "checkpoint-1",
        "model.layers.0.mlp.down_proj.weight",
        lambda w: np.full_like(w, 3e38),
    )
    found = audited(run, tmp_path / "out")
    assert found.reference == "checkpoint-2"
    assert [row.verdict == "error" for row in found.checkpoints] == [True, False]
    assert "NaN or infinite" in found.checkpoints[0].reasons[0]
    assert [c.state for row in found.checkpoints for c in row.checks] == [None]
    assert found.exit_code == ExitCode.FAILED


def test_a_named_reference_that_overflows_ends_it(run: Path, tmp_path: Path) -> None:
    change(
        run / "checkpoint-1",
        "model.layers.0.mlp.down_proj.weight",
        lambda w: np.full_like(w, 3e38),
    )
    checkpoints = find_checkpoints([str(run)])
    with pytest.raises(MeasurementError, match=r"the reference cannot be audited: .*NaN or inf"):
        audit_series([SUITE], checkpoints, tmp_path / "o", reference=checkpoints[0], options=FEW)


def test_a_checkpoint_that_overflows_later_is_an_error_with_a_reason(
    run: Path, tmp_path: Path
) -> None:
    change(
        run / "checkpoint-2",
        "model.layers.0.mlp.down_proj.weight",
        lambda w: np.full_like(w, 3e38),
    )
    found = audited(run, tmp_path / "out")
    assert [row.verdict == "error" for row in found.checkpoints] == [False, True]
    [line] = found.checkpoints[1].checks
    assert "NaN or infinite" in line.reasons[0]
    assert line.gates[0].phase == "not measured"
    assert found.exit_code == ExitCode.FAILED


def test_a_series_cut_short_says_so_and_goes_on_where_it_was(run: Path, tmp_path: Path) -> None:
    def say(sentence: str) -> None:
        if sentence.startswith("checkpoint-2"):
            raise KeyboardInterrupt

    cut = audited(run, tmp_path / "out", Talk(say=say))
    assert (cut.exit_code, cut.partial) == (ExitCode.INTERRUPTED, True)
    assert [row.name for row in cut.checkpoints] == ["checkpoint-1"]
    status = json.loads((tmp_path / "out" / "status.json").read_text())
    assert status["status"] == "interrupted"
    row = tmp_path / "out" / "checkpoints" / "checkpoint-1" / "row.json"
    before = row.stat().st_mtime_ns
    heard: list[str] = []
    whole = audited(run, tmp_path / "out", Talk(say=heard.append))
    assert row.stat().st_mtime_ns == before
    assert "checkpoint-1: audited before" in heard
    straight = audited(run, tmp_path / "straight")
    assert whole.digest() == straight.digest()
    assert read_record(tmp_path / "out") == whole


def test_a_series_stops_where_the_pictures_of_a_checkpoint_were_interrupted(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored: list[int] = []

    def stop_at_the_second(*given: Any) -> Any:
        scored.append(1)
        if len(scored) == 2:
            raise KeyboardInterrupt
        return given[0]

    with monkeypatch.context() as patched:
        patched.setattr("audit.engine.afterwards.with_token_scores", stop_at_the_second)
        cut = audited(run, tmp_path / "out")
    assert (cut.exit_code, len(cut.checkpoints)) == (ExitCode.INTERRUPTED, 1)
    whole = audited(run, tmp_path / "out")
    assert whole.digest() == audited(run, tmp_path / "straight").digest()


def test_a_torn_row_is_made_anew(run: Path, tmp_path: Path) -> None:
    first = audited(run, tmp_path / "out")
    assert first.provenance is not None
    assert first.provenance.device == str(choose_device(None)), "where it ran, as it was not asked"
    row = tmp_path / "out" / "checkpoints" / "checkpoint-2" / "row.json"
    row.write_text(row.read_text("utf-8")[:100])
    assert audited(run, tmp_path / "out").digest() == first.digest()
    assert json.loads(row.read_text("utf-8"))["row"]["name"] == "checkpoint-2"


def test_a_run_that_moved_is_not_audited_again_and_is_named_where_it_is(
    run: Path, tmp_path: Path
) -> None:
    audited(run, tmp_path / "out")
    rows = sorted((tmp_path / "out" / "checkpoints").glob("*/row.json"))
    before = [row.stat().st_mtime_ns for row in rows]
    moved = run.rename(tmp_path / "moved")
    found = audited(moved, tmp_path / "out")
    assert [row.stat().st_mtime_ns for row in rows] == before
    assert [Path(row.source).parent for row in found.checkpoints] == [moved] * 2


def test_weights_that_an_alarm_left_in_its_folder_are_named_and_left(
    run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    kept = Path(shutil.copytree(ORGANISMS / "liar", out / "flagged"))
    (out / "status.json").write_text("{}", encoding="utf-8")  # a training run ended here
    before = sorted(path.name for path in kept.rglob("*"))
    found = audited(run, out)
    assert found.notes[0].startswith("flagged in this folder: weights that an earlier alarm left")
    assert sorted(path.name for path in kept.rglob("*")) == before
    assert not any("flagged" in note for note in audited(run, tmp_path / "other").notes)


# --- what was audited before, and is no longer what it was -------------------------------


@pytest.mark.slow
def test_a_reference_with_another_configuration_is_another_series(
    run: Path, tmp_path: Path
) -> None:
    audited(run, tmp_path / "out")
    config = run / "checkpoint-1" / "config.json"
    said = json.loads(config.read_text("utf-8"))
    config.write_text(json.dumps({**said, "transformers_version": "4.0.0"}), "utf-8")
    audited(run, tmp_path / "out")  # written anew, and says the same
    config.write_text(json.dumps({**said, "rms_norm_eps": 0.1}), "utf-8")
    with pytest.raises(UsageError, match=r"another audit \(reference configuration: was"):
        audited(run, tmp_path / "out")
    options = {"options": FEW, "fresh": True}
    found = audit_series([SUITE], find_checkpoints([str(run)]), tmp_path / "out", **options)
    assert found.digest() == audited(run, tmp_path / "straight").digest()


def left(out: Path) -> set[str]:
    return {str(file.relative_to(out)) for file in out.rglob("*")}


def test_a_series_that_is_started_over_leaves_nothing_of_what_it_was(
    run: Path, tmp_path: Path
) -> None:
    out, straight = tmp_path / "out", tmp_path / "straight"
    audited(run, out)
    expected = audited(run, straight).digest()
    (out / "watch.json").write_text("{}", "utf-8")
    (out / "checkpoints" / "checkpoint-1" / "row.json").unlink()
    gone = Path(shutil.copytree(out / "checkpoints" / "checkpoint-2", out / "checkpoints" / "gone"))
    mixed = Path(shutil.copytree(gone, out / "checkpoints" / "mixed"))
    (mixed / "model.safetensors").write_bytes(b"weights")
    others = out / "checkpoints" / "theirs"
    others.mkdir()
    (others / "report.md").write_text("not of ours", "utf-8")
    found = audit_series([SUITE], find_checkpoints([str(run)]), out, options=FEW, fresh=True)
    assert found.digest() == expected
    mine = {"checkpoints/theirs", "checkpoints/theirs/report.md", "checkpoints/mixed"}
    assert left(out) - left(straight) == mine | {"checkpoints/mixed/model.safetensors"}
    assert not left(straight) - left(out)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "no record": lambda folder: (folder / "report.json").unlink(),
    "a record cut short": lambda folder: (folder / "report.json").write_text("{", "utf-8"),
    "no scores": lambda folder: (folder / "scores.parquet").unlink(),
    "no probes": lambda folder: shutil.rmtree(folder / "probes"),
    "no journal": lambda folder: (folder / "journal.jsonl").unlink(),
}


QUICK = ("a record cut short", "no scores")


@pytest.mark.parametrize(
    "what",
    [pytest.param(one, marks=() if one in QUICK else pytest.mark.slow) for one in DAMAGES],
)
def test_a_checkpoint_whose_evidence_is_gone_is_audited_again(
    what: str, run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = audited(run, out)
    folder = out / "checkpoints" / "checkpoint-2"
    before = {file.name: file.read_bytes() for file in folder.rglob("*.safetensors")}
    assert before
    DAMAGES[what](folder)
    said: list[str] = []
    assert audited(run, out, Talk(say=said.append)).digest() == first.digest()
    assert "checkpoint-1: audited before" in said
    assert "checkpoint-2: audited before" not in said
    assert any(str(folder) in one and "again" in one for one in said)
    assert before == {file.name: file.read_bytes() for file in folder.rglob("*.safetensors")}
    said.clear()
    audited(run, out, Talk(say=said.append))
    assert "checkpoint-2: audited before" in said


def test_what_is_drawn_of_a_checkpoint_and_is_missing_is_drawn_again(
    run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    audited(run, out)
    folder = out / "checkpoints" / "checkpoint-2"
    before = {name: (folder / name).read_bytes() for name in ("report.md", "report.html")}
    for name in before:
        (folder / name).unlink()
    said: list[str] = []
    audited(run, out, Talk(say=said.append))
    assert "checkpoint-2: audited before" in said
    assert before == {name: (folder / name).read_bytes() for name in before}


def test_a_checkpoint_that_was_replaced_keeps_nothing_of_the_one_before(
    run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    audited(run, out)
    folder = out / "checkpoints" / "checkpoint-2"
    (folder / "cards").mkdir(exist_ok=True)
    (folder / "cards" / "suite.check.feature-7.md").write_text("of the one before", "utf-8")
    (folder / "probes" / "suite.gone.safetensors").write_bytes(b"of the one before")
    weights = (run / "checkpoint-1" / "model.safetensors").read_bytes()
    (run / "checkpoint-2" / "model.safetensors").write_bytes(weights)
    found = audited(run, out)
    assert not list((folder / "cards").glob("*"))
    assert not list(folder.glob("probes/suite.gone*"))
    assert found.digest() == audited(run, tmp_path / "straight").digest()


def test_a_run_that_somebody_put_there_is_not_written_over(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    audited(run, out)
    folder = out / "checkpoints" / "checkpoint-2"
    options = {"limit": 40, "device": "cpu", "fresh": True}
    theirs = run_audit(SUITE, str(run / "checkpoint-1"), out=folder, **options)
    found = audited(run, out)
    [_, row] = found.checkpoints
    assert row.verdict == "error"
    assert "holds a run of its own" in row.reasons[0]
    assert read_report(folder / "report.json") == theirs
    found = audit_series([SUITE], find_checkpoints([str(run)]), out, options=FEW, fresh=True)
    assert found.digest() == audited(run, tmp_path / "straight").digest()


def test_starting_over_knows_every_file_of_a_series_by_its_name() -> None:
    wrote = {
        remembered.MEMORY_FILE,
        reference_files.REFERENCE_FILE,
        f"{kept_reference.FOLDER}/{reference_files.REFERENCE_FILE}",
        f"{kept_reference.FOLDER}/{kept_reference._FACTS}",
    }
    assert wrote <= {*leftovers._OF_SERIES}
    assert leftovers._OF_A_CHECKPOINT == (stored_rows.ROW_FILE, run_dir.STATUS, journal.JOURNAL)
