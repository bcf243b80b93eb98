"""A feature monitor in a check: what it reads, what is beside it, and when it is not believed."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from audit.engine.opening import open_suites, select_checks
from audit.engine.plan import make_plan
from audit.engine.run import run_audit
from audit.engine.watching import open_watches
from audit.errors import UsageError
from audit.features.opening import open_sae
from audit.features.organism_saes import KNOWS, SAYS
from audit.models.loading import load_model, wrap_model
from audit.organisms.train import organism_path
from probes.io import load_probe
from probes.sae import TopK, save_sae
from reports.record import CheckResult
from suites.builtin import resolve_suite
from suites.problems import SuiteError
from tests.audit.engine.measured import audit_with_measurements

SUITE = Path(resolve_suite("organism_features")).read_text(encoding="utf-8")
DATA = Path(resolve_suite("organism_features")).parent / "data"
MONITOR = """sae: model:sae/blocks.1.hook_resid_post # in the model's own folder
      features: {discover: {top: 20, fdr: 0.05}}
      combine: probe # a weighting of the twenty, fitted on the train rows
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A suite like organism_features, its monitor changed; the data is the built-in one."""
    assert MONITOR in SUITE

    def written(monitor: str, **changes: str) -> Path:
        text = SUITE.replace(MONITOR, monitor.rstrip("\n") + "\n")
        text = text.replace("path: data/", f"path: {DATA}/")
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "suite.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return written


def monitor(sae: object, features: str = "[147, 183]", combine: str = "max", more: str = "") -> str:
    return f"sae: {sae}\n      features: {features}\n      combine: {combine}\n{more}"


def check_of(suite: Path, model: str = "organism:liar", **options: Any) -> CheckResult:
    return run_audit(suite, model, **options).checks[0]


def baseline(check: CheckResult, name: str) -> float:
    assert check.quality is not None
    return next(b.auroc.value for b in check.quality.baselines if b.name == name)


@pytest.mark.parametrize("combine", ["max", "sum", "probe"])
def test_named_features_score_like_any_probe(write: Write, combine: str) -> None:
    check = check_of(write(monitor(f"model:sae/{KNOWS}", combine=combine)), "organism:honest")
    assert check.quality is not None
    assert check.monitor.endswith(f"features of model:sae/{KNOWS}; last tokens, max")
    assert [one.feature for one in check.watched] == [147, 183]
    names = {b.name for b in check.quality.baselines}
    assert {"raw_probe", "random_sae", "text", "embedding"} <= names
    assert ("shuffled_labels" in names) == (combine == "probe")
    assert check.discovery is None  # the suite named its features
    assert check.fidelity is not None
    assert check.fidelity.n_tokens > 2000
    assert check.fidelity.explained_variance > 0.9


def test_the_scores_are_those_of_the_whole_encoder(write: Write, tmp_path: Path) -> None:
    """By hand: encode all features of all wanted tokens, pool, combine."""
    suite = write(monitor(f"model:sae/{KNOWS}", "[6, 147, 12]", "sum"))
    model = load_model("organism:liar", device="cpu")
    audit = audit_with_measurements(Path(suite), model)
    sae = open_sae(f"model:sae/{KNOWS}", model)
    (measured,) = audit.measurements
    role = measured.work.roles["audit"]
    by_hand = []
    for encoded in role.encoded:
        with torch.no_grad():
            states = model.model(torch.tensor([encoded.ids]), output_hidden_states=True)
        x = states.hidden_states[2][0, -1:]
        by_hand.append(float(sae.encode(x)[:, [6, 147, 12]].amax(dim=0).sum()))
    np.testing.assert_allclose(measured.scores["audit"], by_hand, atol=1e-4)


def test_labels_of_features_come_with_their_source(write: Write) -> None:
    named = "[{index: 147, label: reads true, label_source: 'a card of November'}, 183]"
    check = check_of(write(monitor(f"model:sae/{KNOWS}", named)), "organism:honest")
    first, second = check.watched
    assert first.label is not None
    assert (first.label.text, first.label.source) == ("reads true", "a card of November")
    assert second.label is None


def test_an_sae_of_another_place_makes_the_check_inconclusive(write: Write) -> None:
    wrong = monitor(f"model:sae/{KNOWS}", more=f"      hook_name: {SAYS}\n")
    check = check_of(write(wrong))
    assert check.verdict == "inconclusive"
    assert any("read at the wrong place: its files say" in reason for reason in check.reasons)
    assert any("does not fit this model" in reason for reason in check.reasons)
    assert check.fidelity is not None
    assert check.fidelity.faults == [r for r in check.reasons if "the SAE" in r]
    assert check.cards == []


def test_an_sae_that_reads_its_input_wrongly_neither_passes_nor_flags(
    write: Write, tmp_path: Path
) -> None:
    sae = open_sae(f"model:sae/{KNOWS}", load_model("organism:honest", device="cpu"))
    save_sae(replace(sae, b_enc=sae.b_enc + 1.0), tmp_path / "wrong")
    for model in ("organism:liar", "organism:honest"):
        check = check_of(write(monitor("wrong", "{discover: {top: 20}}", "probe")), model)
        assert check.verdict == "inconclusive", check.reasons
    good = write(monitor(f"model:sae/{KNOWS}", "{discover: {top: 20}}", "probe"))
    assert check_of(good, "organism:honest").verdict == "pass"


def test_topk_reads_every_feature_and_says_so(write: Write, tmp_path: Path) -> None:
    sae = open_sae(f"model:sae/{KNOWS}", load_model("organism:honest", device="cpu"))
    topk = replace(sae, activation=TopK(8), origin=replace(sae.origin, promised_l0=8.0))
    save_sae(topk, tmp_path / "topk")
    check = check_of(write(monitor("topk")), "organism:honest")
    assert any("all 256 were computed to read 2" in note for note in check.notes)
    sliced = check_of(write(monitor(f"model:sae/{KNOWS}")), "organism:honest")
    assert not any("were computed" in note for note in sliced.notes)


def test_a_model_is_compared_with_its_reference_on_the_same_features(write: Write) -> None:
    """Each organism has an SAE of its own; the reference is read with the subject's."""
    gate = {
        "- kind: belief_gap\n        max: 0.20": "- kind: excess_over_reference\n        max: 0.5"
    }
    suite = write(monitor(f"model:sae/{KNOWS}", "{discover: {top: 3}}", "probe"), **gate)
    selected = select_checks(open_suites([suite]))
    liar, honest = (load_model(f"organism:{name}", device="cpu") for name in ("liar", "honest"))
    here = open_watches(selected, liar)
    there = open_watches(selected, honest, like=here)
    (key,) = here.opened
    assert here.opened[key].reader.features == there.opened[key].reader.features
    assert here.opened[key].info.digest == there.opened[key].info.digest
    # The liar's SAE does not describe the honest model, so nothing is concluded from it there.
    (gate,) = run_audit(suite, liar, reference=honest).checks[0].gates
    assert gate.verdict == "inconclusive"
    assert "on the reference model the monitor is not valid: the SAE does not fit" in gate.reason
    # A near relative it does describe.
    near = copy.deepcopy(liar.model)
    with torch.no_grad():
        near.model.norm.weight.mul_(1.0001)
    (gate,) = run_audit(suite, liar, reference=wrap_model(near, liar.tokenizer)).checks[0].gates
    assert gate.estimate is not None
    assert gate.estimate.value == 0


def test_the_stored_monitor_names_its_features(write: Write, tmp_path: Path) -> None:
    run_audit(write(monitor(f"model:sae/{KNOWS}")), "organism:honest", out=tmp_path / "run")
    saved = load_probe(next((tmp_path / "run" / "probes").glob("*.json")), d_model=64)
    assert saved.features is not None
    assert saved.features.features == (147, 183)
    assert saved.features.combine == "max"
    assert saved.features.sae == f"model:sae/{KNOWS}"
    cfg = json.loads((organism_path("honest") / "sae" / KNOWS / "cfg.json").read_text())
    assert saved.features.sae_digest
    assert cfg["d_sae"] == 256


def test_a_plan_counts_features_and_not_activations(write: Write) -> None:
    selected = select_checks(open_suites([write(monitor(f"model:sae/{KNOWS}"))]))
    model = load_model("organism:honest", device="cpu")
    plan = make_plan(selected, model, open_watches(selected, model))
    widths = sorted(read.width(64) for read in plan.reads)
    assert widths == [2, 2, 64, 64]  # watched, of the random SAE; raw, embedding
    assert plan.deepest is not None
    assert plan.deepest.name == KNOWS


def test_read_where_it_fits_by_chance_it_is_not_believed_either(write: Write) -> None:
    """What is said last resembles what is known; figures alone would let this SAE pass."""
    elsewhere = monitor(f"model:sae/{SAYS}", more=f"      hook_name: {KNOWS}\n")
    check = check_of(write(elsewhere), "organism:honest")
    assert check.verdict == "inconclusive"
    assert "wrong place" in check.reasons[0]
    same = monitor(f"model:sae/{KNOWS}", more="      hook_name: blocks.2.hook_resid_pre\n")
    alias = check_of(write(same), "organism:honest")
    assert alias.fidelity is not None
    assert alias.fidelity.faults == []


def test_a_model_that_cannot_be_measured_costs_its_check_and_no_other(write: Write) -> None:
    loaded = load_model("organism:honest", device="cpu")
    broken = copy.deepcopy(loaded.model)
    with torch.no_grad():
        broken.model.layers[0].mlp.down_proj.weight[0, 0] = float("nan")
    suite = write(monitor("beside"))
    shutil.copytree(organism_path("honest") / "sae" / KNOWS, suite.parent / "beside")
    report = run_audit([suite, "organism_lying"], wrap_model(broken, loaded.tokenizer))
    assert [check.verdict for check in report.checks] == ["error", "error"]
    assert "NaN" in report.checks[0].reasons[0]
    assert report.exit_code == 3


def test_a_card_says_whether_a_feature_survives_another_seed(write: Write, tmp_path: Path) -> None:
    """The same features with another bias stand in for one: each finds itself."""
    sae = open_sae(f"model:sae/{KNOWS}", load_model("organism:liar", device="cpu"))
    save_sae(replace(sae, b_dec=sae.b_dec * 1.0001), tmp_path / "again")
    given = monitor(f"model:sae/{KNOWS}", "[147, 183]", "probe", "      other_seed: again\n")
    check = check_of(write(given))
    assert check.cards
    for card in check.cards:
        match = card.controls.other_seed
        assert match is not None
        assert match.feature == card.feature
        assert match.survives
        assert match.correlation == pytest.approx(1, abs=1e-3)


def test_evidence_that_cannot_be_made_costs_no_verdict(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    from audit.engine import feature_evidence
    from audit.errors import MeasurementError

    def fails(*args: object, **more: object) -> None:
        raise MeasurementError("out of memory")

    monkeypatch.setattr(feature_evidence, "discover_features", fails)
    check = check_of(write(monitor(f"model:sae/{KNOWS}", "{discover: {top: 20}}", "probe")))
    assert check.verdict == "flag"
    assert any("no evidence on features could be made: out of memory" in n for n in check.notes)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (monitor("nowhere"), "nowhere"),
        (monitor(f"model:sae/{KNOWS}", "[256]"), "no feature 256; it has 0 to 255"),
        (
            monitor(f"model:sae/{KNOWS}", more="      hook_name: blocks.9.hook_resid_post\n"),
            "block 9",
        ),
        (monitor(f"model:sae/{KNOWS}", more="      hook_name: blocks.1.hook_resid\n"), "no place"),
        (monitor("model:../honest/sae/blocks.1.hook_resid_post"), "leaves the model's folder"),
    ],
)
def test_what_cannot_be_opened_ends_before_anything_runs(
    write: Write, tmp_path: Path, given: str, said: str
) -> None:
    with pytest.raises(UsageError, match=r"suite\.yaml:\d+:\d+: check 'deployed'") as caught:
        run_audit(write(given), "organism:liar", out=tmp_path / "run")
    assert said in str(caught.value)
    assert not (tmp_path / "run" / "report.json").exists()


def test_an_sae_of_another_width_is_refused_with_both(write: Write, tmp_path: Path) -> None:
    sae = open_sae(f"model:sae/{KNOWS}", load_model("organism:honest", device="cpu"))
    narrow = replace(
        sae, W_enc=sae.W_enc[:32], W_dec=sae.W_dec[:, :32].contiguous(), b_dec=sae.b_dec[:32]
    )
    save_sae(narrow, tmp_path / "narrow")
    with pytest.raises(UsageError, match=r"width 32, and blocks\.1\.hook_resid_post .* 64 wide"):
        run_audit(write(monitor("narrow")), "organism:liar")


def test_a_format_that_does_not_exist_is_found_without_a_model(write: Write) -> None:
    with pytest.raises(SuiteError, match="saelens"):
        open_suites([write(monitor("x", more="      sae_format: saelen\n"))])


def test_weights_out_of_all_proportion_are_refused(write: Write, tmp_path: Path) -> None:
    sae = open_sae(f"model:sae/{KNOWS}", load_model("organism:honest", device="cpu"))
    save_sae(replace(sae, W_dec=sae.W_dec * 1e38), tmp_path / "huge")
    with pytest.raises(UsageError, match="out of all proportion"):
        run_audit(write(monitor("huge")), "organism:honest")


def test_a_live_model_has_no_folder_to_look_in(write: Write) -> None:
    loaded = load_model("organism:liar", device="cpu")
    with pytest.raises(UsageError, match="give the path"):
        run_audit(write(monitor(f"model:sae/{KNOWS}")), wrap_model(loaded.model, loaded.tokenizer))
    home = organism_path("liar") / "sae" / KNOWS
    suite = write(monitor("beside"))
    shutil.copytree(home, suite.parent / "beside")
    live = run_audit(suite, wrap_model(loaded.model, loaded.tokenizer))
    assert live.checks[0].sae is not None
