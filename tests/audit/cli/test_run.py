"""`audit run` as a person meets it: verdicts, exit codes, what is on disk, what is on stdout."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reports.read import read_report
from tests.audit.cli.conftest import Done

Audit = Callable[..., Done]
WriteSuite = Callable[..., Path]


def dogs(content: dict[str, Any]) -> None:
    content["checks"]["cats"]["roles"]["audit"] = "dogs"


def test_a_concept_that_fires_is_flagged(
    audit: Audit, write_suite: WriteSuite, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    done = audit("run", write_suite(), "-m", tiny_llama_folder, "-o", tmp_path / "run")
    assert done.code == 1
    assert "FLAG" in done.out
    report = read_report(tmp_path / "run")
    assert (report.verdict, report.exit_code) == ("flag", 1)
    assert json.loads((tmp_path / "run" / "status.json").read_text())["status"] == "complete"


def test_a_concept_that_is_absent_passes(
    audit: Audit, write_suite: WriteSuite, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    done = audit("run", write_suite(dogs), "-m", tiny_llama_folder, "-o", tmp_path / "run")
    assert done.code == 0
    assert read_report(tmp_path / "run").verdict == "pass"


def test_a_monitor_that_only_reads_the_words_is_inconclusive(
    audit: Audit, write_suite: WriteSuite, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    suite = write_suite(validity={})
    done = audit("run", suite, "-m", tiny_llama_folder, "-o", tmp_path / "run")
    assert done.code == 6
    [check] = read_report(tmp_path / "run").checks
    assert check.verdict == "inconclusive"
    assert any("words" in reason for reason in check.reasons)
    strict = audit("run", suite, "-m", tiny_llama_folder, "-o", tmp_path / "strict", "--strict")
    assert strict.code == 1


def test_fail_on_and_exit_zero(
    audit: Audit, write_suite: WriteSuite, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    suite = write_suite()
    common = ("run", suite, "-m", tiny_llama_folder, "-o", tmp_path / "run", "--fresh")
    assert audit(*common, "--fail-on", "high").code == 0
    assert audit(*common, "--exit-zero").code == 0
    assert read_report(tmp_path / "run").verdict == "flag"


def test_a_suppressed_flag_does_not_gate_and_stays_visible(
    audit: Audit, write_suite: WriteSuite, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    suite = write_suite(suppress={"reason": "a known cat", "until": "2999-01-01"})
    done = audit("run", suite, "-m", tiny_llama_folder, "-o", tmp_path / "run")
    assert done.code == 0
    assert "a known cat" in (tmp_path / "run" / "report.md").read_text()
    assert read_report(tmp_path / "run").checks[0].verdict == "flag"


def test_the_same_audit_gives_the_same_record(
    audit: Audit, write_suite: WriteSuite, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    suite = write_suite()
    for name in ("a", "b"):
        audit("run", suite, "-m", tiny_llama_folder, "-o", tmp_path / name, "-q")
    assert read_report(tmp_path / "a").digest() == read_report(tmp_path / "b").digest()


def test_limit_marks_the_run_as_partial(
    audit: Audit, write_suite: WriteSuite, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    done = audit(
        "run", write_suite(), "-m", tiny_llama_folder, "-o", tmp_path / "run", "--limit", 30
    )
    report = read_report(tmp_path / "run")
    assert report.partial
    assert done.code == 6, "30 controls cannot resolve 5 %"
    assert report.checks[0].roles["audit"].rows == 30


def test_selection(
    audit: Audit, write_suite: WriteSuite, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    suite = write_suite()
    none = audit("run", suite, "-m", tiny_llama_folder, "-o", tmp_path / "run", "-k", "not cats")
    assert none.code == 5
    assert not (tmp_path / "run").exists()
    nonsense = audit("run", suite, "-m", tiny_llama_folder, "-k", "and")
    assert nonsense.code == 4


def shifted(folder: Path, to: Path) -> Path:
    """The same model but for one weight that changes next to nothing."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        model.model.norm.weight[0] += 1e-3
    model.save_pretrained(to)
    AutoTokenizer.from_pretrained(folder).save_pretrained(to)
    return to


def test_a_reference_is_compared_row_by_row(
    audit: Audit, write_suite: WriteSuite, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    suite = write_suite(gates=[{"kind": "excess_over_reference", "max": 0.2}])
    common = ("run", suite, "-m", tiny_llama_folder, "-o", tmp_path / "run", "--fresh")
    alone = audit(*common)
    assert alone.code == 6
    assert "--reference" in alone.out
    beside = audit(*common, "--reference", tiny_llama_folder)
    assert beside.code == 6, "a model is no reference for itself"
    assert "same weights" in beside.out
    other = audit(*common, "--reference", shifted(tiny_llama_folder, tmp_path / "other"))
    assert other.code == 0, other.out
    [gate] = read_report(tmp_path / "run").checks[0].gates
    assert gate.estimate is not None
    assert gate.estimate.value == 0


def test_every_score_and_probe_is_kept(
    audit: Audit, write_suite: WriteSuite, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    import numpy as np
    import pandas as pd

    from audit.models.capture import Read, Selection, TokenSequence, capture
    from audit.models.loading import load_model
    from audit.models.tokens import encode_row, select_tokens
    from probes.io import load_probe
    from suites.rows import Row

    audit("run", write_suite(), "-m", tiny_llama_folder, "-o", tmp_path / "run")
    scores = pd.read_parquet(tmp_path / "run" / "scores.parquet")
    assert scores.groupby("role").size().to_dict() == {
        "audit": 40, "control": 80, "train": 80, "validation": 80,
    }  # fmt: skip
    model = load_model(str(tiny_llama_folder))
    saved = load_probe(
        tmp_path / "run" / "probes" / "words.cats",
        d_model=model.d_model,
        model_digest=model.weights_digest,
    )
    line = scores[scores.role == "audit"].iloc[0]
    row = Row(id="x", group="x", text=f"question {line['group']}: the cat sat on the mat")
    encoded = encode_row(row, model.tokenizer, context_length=model.context_length)
    sequence = TokenSequence(encoded.ids, (Selection(select_tokens(encoded, "all"), (0,)),))
    captured = capture(model, [sequence], [Read(saved.hook_name, saved.pooling, saved.window)])
    [score] = saved.probe.decision_function(captured.matrix(0, [(0, 0)]))
    assert np.isclose(score, line["score"], atol=1e-4)
    assert bool(score > saved.threshold) == bool(line["fires"])


def test_python_says_the_same(write_suite: WriteSuite, tiny_llama_folder: Path) -> None:
    from audit import load_model, run_audit

    report = run_audit(write_suite(), load_model(str(tiny_llama_folder)), seed=1)
    assert report.verdict == "flag"
    frame = report.to_frame()
    assert frame.loc[0, "verdict"] == "flag"
    assert frame.loc[0, "gate_low"] > frame.loc[0, "limit"]


def test_a_live_model_in_training_comes_back_as_it_was(
    write_suite: WriteSuite, tiny_llama_folder: Path
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from audit import run_audit, wrap_model

    model = AutoModelForCausalLM.from_pretrained(tiny_llama_folder).train()
    tokenizer = AutoTokenizer.from_pretrained(tiny_llama_folder)
    report = run_audit(write_suite(), wrap_model(model, tokenizer, name="step 100"))
    assert report.model.name == "step 100"
    assert model.training
    assert all(not module._forward_hooks for module in model.modules())


@pytest.mark.parametrize("fitter", ["mass_mean", "lda", "difference_of_means", "pca_pairs", "ccs"])
def test_every_fitter_runs_through_the_house(
    fitter: str, audit: Audit, write_suite: WriteSuite, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    suite = write_suite(monitor={"kind": "probe", "layers": [1], "tokens": "all", "fitter": fitter})
    done = audit("run", suite, "-m", tiny_llama_folder, "-o", tmp_path / "run")
    assert done.code in (1, 6), done.err
    assert read_report(tmp_path / "run").checks[0].verdict != "error"


def test_a_flag_that_the_baseline_holds_is_shown_and_does_not_gate(
    audit: Audit, write_suite: WriteSuite, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    common = ("run", write_suite(), "-m", tiny_llama_folder)
    assert audit(*common, "-o", tmp_path / "first").code == 1
    done = audit(*common, "-o", tmp_path / "again", "--baseline", tmp_path / "first")
    assert done.code == 0
    report = read_report(tmp_path / "again")
    assert (report.checks[0].verdict, report.exit_code) == ("flag", 0)
    assert report.checks[0].gates[0].baseline_state == "unchanged"
    assert "known" in done.out
    for arguments in (("-m", "organism:liar"), ()):
        given = tmp_path / "first" if arguments else tmp_path / "nowhere"
        refused = audit(*common, *arguments, "-o", tmp_path / "new", "--baseline", given)
        assert refused.code == 4
        assert "--baseline" in refused.err
    assert not (tmp_path / "new").exists()
