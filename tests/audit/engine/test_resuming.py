"""A folder that holds a run: the same request goes on or is answered, another is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from audit.engine import run as engine
from audit.engine.assembly import Progress
from audit.engine.journal import JOURNAL, append, read
from audit.engine.locking import LOCK_FILE, alone
from audit.engine.measuring import Talk
from audit.engine.run import run_audit
from audit.errors import UsageError
from audit.models.loading import ORGANISMS, load_model
from reports.record import AuditReport

DRAWN = ("report.md", "report.html")
ROOT = Path(__file__).resolve().parents[3]
Run = Callable[..., tuple[AuditReport, list[str]]]


def small_suite(folder: Path, change: Callable[[dict[str, Any]], None] | None = None) -> Path:
    """The built-in suite of lies on one layer."""
    content = yaml.safe_load((ROOT / "suites/organism_lying.yaml").read_text("utf-8"))
    content["datasets"]["claims"]["path"] = str(ROOT / "suites/data/organism_lying.jsonl")
    content["checks"]["deployed"]["monitor"]["layers"] = [1]
    if change is not None:
        change(content)
    path = folder / "lying.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Audit into `tmp_path/run`; the record, and what was said."""
    small_suite(tmp_path)

    def call(model: Any = "organism:honest", **options: Any) -> tuple[AuditReport, list[str]]:
        said: list[str] = []
        asked = {"out": tmp_path / "run", "limit": 40, "device": "cpu"} | options
        talk = Talk(phase=lambda name, total: said.append(name), say=said.append)
        return run_audit(tmp_path / "lying.yaml", model, talk=talk, **asked), said

    return call


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def measured(said: list[str]) -> bool:
    return any(line.startswith("measuring") for line in said)


def test_a_complete_run_is_read_and_nothing_runs(run: Run, tmp_path: Path) -> None:
    first, said = run()
    assert measured(said)
    before = bytes_of(tmp_path / "run")
    again, said = run()
    assert again == first
    assert not measured(said)
    assert sum("nothing is run again" in line for line in said) == 1
    assert bytes_of(tmp_path / "run") == before
    assert not (tmp_path / "run" / LOCK_FILE).exists()
    third, said = run(fresh=True)
    assert measured(said)
    assert third.digest() == first.digest()


def test_what_is_missing_of_the_drawn_is_drawn_again(run: Run, tmp_path: Path) -> None:
    run()
    before = bytes_of(tmp_path / "run")
    for name in DRAWN:
        (tmp_path / "run" / name).unlink()
    _, said = run()
    assert not measured(said)
    assert bytes_of(tmp_path / "run") == before


def test_what_is_drawn_and_was_changed_is_drawn_again(run: Run, tmp_path: Path) -> None:
    run()
    folder = tmp_path / "run"
    before = bytes_of(folder)
    (folder / "report.html").write_text("<p>all is well</p>")
    (folder / "report.md").write_bytes(before["report.md"][:50])
    (folder / "cards").mkdir(exist_ok=True)
    (folder / "cards/lying.other.feature-3.md").write_text("of another record")
    _, said = run()
    assert not measured(said)
    assert bytes_of(folder) == before


def test_a_model_that_is_handed_over_is_measured_again_as_it_is_now(
    run: Run, tmp_path: Path
) -> None:
    import torch

    model = load_model("organism:honest", device="cpu")
    first, _ = run(model)
    with torch.no_grad():
        model.model.model.layers[1].mlp.down_proj.weight.mul_(-3)
    alone, _ = run(model, out=tmp_path / "alone")
    again, said = run(model)
    assert measured(said)
    assert any("handed over" in line for line in said)
    assert not any("goes on where it stopped" in line for line in said)
    assert again.checks == alone.checks
    assert again.checks != first.checks, "otherwise nothing is shown"
    by_name, said = run("organism:honest")
    assert measured(said), "its digest is the same, and the record is of another model"
    assert by_name.checks == first.checks
    assert not measured(run("organism:honest")[1])
    for _ in range(2):
        assert measured(run("organism:honest", reference=model, out=tmp_path / "other")[1])


def test_without_the_word_of_what_was_saved_it_is_measured_again(run: Run, tmp_path: Path) -> None:
    first, _ = run()
    folder = tmp_path / "run"
    before = bytes_of(folder)
    lines = (folder / JOURNAL).read_bytes().splitlines(keepends=True)
    assert b'"saved"' in lines[4]
    (folder / JOURNAL).write_bytes(b"".join([*lines[:4], lines[4][:30] + b"\n", *lines[5:]]))
    shutil.rmtree(folder / "probes")
    again, said = run()
    assert measured(said)
    assert any("does not say what was saved" in line for line in said)
    assert again.digest() == first.digest()
    assert {n for n in bytes_of(folder) if n.startswith("probes")} == {
        n for n in before if n.startswith("probes")
    }


@pytest.mark.parametrize("name", ["report.json", "scores.parquet", "manifest.json", "probes"])
def test_what_was_measured_and_is_not_as_saved_is_measured_again(
    name: str, run: Run, tmp_path: Path
) -> None:
    first, _ = run()
    before = bytes_of(tmp_path / "run")
    place = tmp_path / "run" / name
    if name == "probes":
        shutil.rmtree(place)
    else:
        place.write_bytes(place.read_bytes()[:-9])
    again, said = run()
    assert measured(said)
    assert any("not as saved" in line and name in line for line in said)
    assert again.digest() == first.digest()
    after = bytes_of(tmp_path / "run")
    assert {n: after[n] for n in before if n.startswith(("probes", "scores"))} == {
        n: before[n] for n in before if n.startswith(("probes", "scores"))
    }


def other_data(content: dict[str, Any]) -> None:
    content["checks"]["deployed"]["gates"][0]["max"] = 0.9


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"model": "organism:liar"}, r"--model: was organism:honest \(\w{12}\), is organism"),
        ({"seed": 1}, r"\(--seed: was 0, is 1\)"),
        ({"limit": 41}, r"\(--limit: was 40, is 41\)"),
        ({"strict": True}, r"--strict: was not given, is given"),
        ({"dtype": "bfloat16"}, r"model dtype: was float32, is bfloat16"),
        ({"reference": "organism:liar"}, r"--reference: was not given, is organism:liar"),
        ({"suite": other_data}, r"suite organism_lying: was \w{12}, is \w{12}"),
    ],
)
def test_another_request_is_refused_with_what_differs(
    changed: dict[str, Any], named: str, run: Run, tmp_path: Path
) -> None:
    run()
    before = bytes_of(tmp_path / "run")
    if "suite" in changed:
        small_suite(tmp_path, changed.pop("suite"))
    with pytest.raises(UsageError, match=named) as refused:
        run(**changed)
    assert "--fresh" in str(refused.value)
    assert bytes_of(tmp_path / "run") == before
    run(**changed, fresh=True)
    assert not measured(run(**changed)[1])


def test_another_version_and_another_baseline_are_another_request(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report, _ = run()
    with pytest.raises(UsageError, match=r"--baseline: was not given, is \w{12}"):
        run(baseline=report)
    monkeypatch.setattr("audit.models.cache.keys.CAPTURE_VERSION", 99)
    with pytest.raises(UsageError, match=r"version of capture: was \d+, is 99"):
        run()


def test_other_names_for_the_same_are_the_same(run: Run, tmp_path: Path) -> None:
    run()
    _, said = run(str(ORGANISMS / "honest"))
    assert not measured(said)
    (tmp_path / "lying.yaml").rename(tmp_path / "moved.yaml")
    shutil.copy(tmp_path / "moved.yaml", tmp_path / "lying.yaml")
    assert not measured(run()[1])


def test_a_record_without_a_journal_is_not_written_over(run: Run, tmp_path: Path) -> None:
    run()
    (tmp_path / "run" / JOURNAL).unlink()
    before = bytes_of(tmp_path / "run")
    with pytest.raises(UsageError, match=r"of an older version.*--fresh"):
        run()
    assert bytes_of(tmp_path / "run") == before
    assert measured(run(fresh=True)[1])


def test_where_the_first_line_is_damaged_that_is_said(run: Run, tmp_path: Path) -> None:
    run()
    journal = tmp_path / "run" / JOURNAL
    journal.write_bytes(journal.read_bytes()[9:])
    with pytest.raises(UsageError, match=r"line .* that says what was asked is damaged.*--fresh"):
        run()
    assert measured(run(fresh=True)[1])


def test_a_damaged_line_is_told_and_costs_no_more_than_itself(run: Run, tmp_path: Path) -> None:
    first, _ = run()
    with (tmp_path / "run" / JOURNAL).open("ab") as file:
        file.write(b'{"event": "begin", "asked": {"sui')
    again, said = run()
    assert not measured(said)
    assert again == first
    assert any("line 7 of its journal" in line for line in said)
    assert not any("line 7" in line for line in run()[1]), "it is told once"


def test_a_run_that_died_at_work_says_where_it_goes_on(run: Run, tmp_path: Path) -> None:
    first, _ = run()
    folder = tmp_path / "run"
    lines = (folder / JOURNAL).read_bytes().splitlines(keepends=True)
    (folder / JOURNAL).write_bytes(b"".join(lines[:3]))
    again, said = run()
    assert any("goes on where it stopped, while measuring organism:honest" in s for s in said)
    assert not any(line.startswith("loading") for line in said), "the cache holds all of it"
    assert again.digest() == first.digest()


def test_a_check_that_could_not_be_measured_is_measured_again(run: Run, tmp_path: Path) -> None:
    import torch

    model = load_model("organism:honest", device="cpu")
    with torch.no_grad():
        model.model.model.layers[1].mlp.down_proj.weight[0, 0] = float("nan")
    report, _ = run(model)
    assert report.exit_code == 3
    _, said = run(model)
    assert any("measured again" in line for line in said)
    assert measured(said)


def test_less_does_not_take_the_place_of_more(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = run()
    folder = tmp_path / "run"
    (folder / "scores.parquet").unlink()  # so that it is measured again

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("audit.engine.measuring.measure", interrupted)
        partial, said = run()
    assert (partial.exit_code, partial.checks) == (2, [])
    assert any("which holds more, stays" in line for line in said)
    assert AuditReport.model_validate_json((folder / "report.json").read_bytes()) == first
    assert json.loads((folder / "status.json").read_text())["status"] == "interrupted"
    again, said = run()
    assert measured(said)
    assert again.digest() == first.digest()
    assert (folder / "scores.parquet").exists()


def test_a_complete_record_does_not_give_way_to_one_whose_evidence_is_missing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many checks are measured, and the interruption comes after them."""
    first, _ = run()
    folder = tmp_path / "run"
    (folder / "manifest.json").unlink()
    real = engine._run

    def interrupted(*arguments: Any) -> None:
        real(*arguments)
        progress = next(a for a in arguments if isinstance(a, Progress))
        progress.interrupted = True

    with monkeypatch.context() as patch:
        patch.setattr(engine, "_run", interrupted)
        partial, said = run()
    assert (partial.exit_code, len(partial.checks)) == (2, len(first.checks))
    assert any("which holds more, stays" in line for line in said)
    assert AuditReport.model_validate_json((folder / "report.json").read_bytes()) == first
    assert run()[0].digest() == first.digest()


def of_a_series(folder: Path) -> list[Path]:
    """What a series, a watch and a training run leave, beside what is somebody else's."""
    at = folder / "checkpoints/step-1"
    kept = [folder / "notes.txt", at / "model.safetensors", folder / "checkpoints/mine/weights.bin"]
    files = [
        at / "row.json", at / "report.json", at / "status.json", at / JOURNAL,
        at / "probes/lying.a.json", folder / "checkpoints/step-2/row.json",
        folder / "reference/reference.json", folder / "reference/reference.safetensors",
        folder / "watch.json", folder / "rows.jsonl", folder / "series.svg",
        folder / "reference.safetensors",
    ]  # fmt: skip
    for file in (*kept, *files):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
    return kept


def test_fresh_leaves_nothing_of_ours_and_all_that_is_not(run: Run, tmp_path: Path) -> None:
    run(out=tmp_path / "alone")
    run()
    kept = of_a_series(tmp_path / "run")
    run(fresh=True)
    found = bytes_of(tmp_path / "run").keys() - {str(f.relative_to(tmp_path / "run")) for f in kept}
    assert found == bytes_of(tmp_path / "alone").keys()
    assert all(file.exists() for file in kept)
    assert not (tmp_path / "run/reference").exists()


def test_fresh_keeps_the_record_until_there_is_another(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be the baseline of the very run that starts over."""
    folder = tmp_path / "run"
    first, _ = run()

    def died(*_: object, **__: object) -> None:
        raise SystemExit(9)

    for place in ("audit.engine.run_dir.note_begin", "audit.engine.run._run"):
        with monkeypatch.context() as patch:
            patch.setattr(place, died)
            with pytest.raises(SystemExit):
                run(fresh=True, baseline=folder / "report.json")
        assert AuditReport.model_validate_json((folder / "report.json").read_bytes()) == first
        assert (folder / "scores.parquet").exists() == place.endswith("note_begin")
    again, said = run(fresh=True, baseline=folder / "report.json")
    assert measured(said)
    assert again.baseline is not None


def test_what_was_given_up_goes_also_where_the_run_died_before_it_went(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def died(*_: object, **__: object) -> None:
        raise SystemExit(9)

    run()
    folder = tmp_path / "run"
    (folder / "probes/lying.other.json").write_text("{}")
    with monkeypatch.context() as patch:
        patch.setattr("audit.engine.run_dir.clear_run_dir", died)
        with pytest.raises(SystemExit):
            run(seed=1, fresh=True)
    assert (folder / "probes/lying.other.json").exists()
    _, said = run(seed=1)
    assert measured(said)
    run(seed=1, out=tmp_path / "alone")
    assert bytes_of(folder).keys() == bytes_of(tmp_path / "alone").keys()


def test_fresh_asks_anew_what_an_attempt_kept_for_itself(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def died(*_: object, **__: object) -> None:
        raise OSError(5, "died")

    with monkeypatch.context() as patch:
        patch.setattr("audit.engine.store.write_scores", died)
        with pytest.raises(OSError, match="died"):
            run(cache=False)
    _, said = run(cache=False, fresh=True)
    assert any(line.startswith("loading") for line in said)


@pytest.mark.parametrize("name", ["probes", "cards"])
def test_what_has_the_name_of_a_runs_own_folder_is_refused_at_once(
    name: str, run: Run, tmp_path: Path
) -> None:
    run()
    shutil.rmtree(tmp_path / "run" / name, ignore_errors=True)
    (tmp_path / "run" / name).write_text("mine")
    with pytest.raises(UsageError, match=rf"{name} is a file, and a run has a folder of that name"):
        run()


def test_a_folder_that_is_a_link_to_nowhere_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "run").symlink_to(tmp_path / "gone")
    with pytest.raises(UsageError, match=r"run is a link to .*gone, which is not there"):
        run()


def test_a_run_that_cannot_begin_again_does_not_look_at_work(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = run()
    folder = tmp_path / "run"
    (folder / "scores.parquet").unlink()

    def full(handle: int, line: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("audit.engine.journal._write_all", full)
        with pytest.raises(OSError, match=r"No space.*journal\.jsonl"):
            run()
    assert json.loads((folder / "status.json").read_text())["status"] == "failed"
    assert run()[0].digest() == first.digest()


def test_a_second_process_is_refused_and_told_who_the_first_is(run: Run, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with alone(tmp_path / "run"), pytest.raises(UsageError, match=r"by process \d+; wait for it"):
        run()
    assert not list((tmp_path / "run").iterdir())


def test_without_the_users_cache_a_run_has_one_of_its_own_while_it_lasts(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def died(*_: object, **__: object) -> None:
        raise OSError(5, "died")

    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr("audit.engine.store.write_scores", died)
        with pytest.raises(OSError, match="died"):
            run(cache=False)
    assert list((folder / ".partial").glob("answers/*/*.safetensors"))
    first, said = run(cache=False)
    assert not any(line.startswith("loading") for line in said)
    assert not (folder / ".partial").exists()
    other, _ = run(cache=False, out=tmp_path / "other")
    assert other.digest() == first.digest()


def test_events_say_what_was_done(run: Run, tmp_path: Path) -> None:
    run()
    events = read(tmp_path / "run").events
    assert [event.name for event in events] == [
        "begin", "phase", "phase", "measured", "saved", "complete",
    ]  # fmt: skip
    assert events[-1].facts["verdict"] == "inconclusive"
    append(tmp_path / "run", "later")
    assert not measured(run()[1]), "what a later version adds is passed over"
