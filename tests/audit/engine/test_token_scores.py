"""Scores of single tokens: they are the monitor's own, and nothing is lost over them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from audit.engine.afterwards import illustrated
from audit.engine.token_scores import with_token_scores
from audit.models.loading import LoadedModel, load_model
from probes.base import ProbeError
from reports.curves import TokenScores
from reports.record import CheckResult
from suites.builtin import resolve_suite
from tests.audit.engine.measured import Audit, audit_with_measurements

LYING = Path(resolve_suite("organism_lying"))
KNOWS = "model:sae/blocks.1.hook_resid_post"
MONITORS: dict[str, dict[str, Any]] = {
    "last": {"kind": "probe", "layers": [0, 1], "tokens": "last"},
    "mean": {"kind": "probe", "layers": [2], "tokens": "all", "pooling": "mean"},
    "features": {
        "kind": "feature",
        "sae": KNOWS,
        "features": [147, 183],
        "combine": "max",
        "tokens": "all",
        "pooling": "max",
    },
}


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    return load_model("organism:honest", device="cpu")


@pytest.fixture(scope="module")
def audit(model: LoadedModel, tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """One audit with a monitor of each kind."""
    suite = yaml.safe_load(LYING.read_text(encoding="utf-8"))
    suite["datasets"]["claims"]["path"] = str(LYING.parent / "data" / "organism_lying.jsonl")
    [check] = suite["checks"].values()
    suite["checks"] = {name: check | {"monitor": spec} for name, spec in MONITORS.items()}
    path = tmp_path_factory.mktemp("suite") / "suite.yaml"
    path.write_text(yaml.safe_dump(suite), encoding="utf-8")
    return audit_with_measurements(path, model)


def check_of(audit: Audit, name: str) -> CheckResult:
    return next(check for check in audit.report.checks if check.id == name)


def rows_of(check: CheckResult) -> list[tuple[float, TokenScores]]:
    assert len(check.top_rows) == 20
    found = [(row.score, row.tokens) for row in check.top_rows]
    return [(score, tokens) for score, tokens in found if tokens is not None]


def at_read(tokens: TokenScores) -> list[float]:
    return [tokens.values[index] for index in tokens.read]


def test_a_row_read_at_its_last_token_scores_as_that_token_does(audit: Audit) -> None:
    rows = rows_of(check_of(audit, "last"))
    assert len(rows) == 20
    for score, tokens in rows:
        assert tokens.read == [len(tokens.tokens) - 1]
        assert at_read(tokens) == pytest.approx([score], abs=1e-4)
        others = [value for value in tokens.values if abs(value - score) > 0.1]
        assert len(others) > 3, "else any token would have passed for the one that is read"


def test_the_mean_over_the_tokens_read_is_the_score_of_an_affine_probe(audit: Audit) -> None:
    rows = rows_of(check_of(audit, "mean"))
    assert len(rows) == 20
    for score, tokens in rows:
        assert tokens.read == list(range(len(tokens.tokens)))
        assert np.mean(at_read(tokens)) == pytest.approx(score, abs=1e-4)
        assert np.ptp(at_read(tokens)) > 1


def test_the_largest_over_tokens_is_that_of_a_feature_monitor_that_takes_the_largest(
    audit: Audit,
) -> None:
    rows = rows_of(check_of(audit, "features"))
    assert len(rows) == 20
    for score, tokens in rows:
        assert max(at_read(tokens)) == pytest.approx(score, abs=1e-4)
        assert min(at_read(tokens)) < 0.5 * score


def test_values_are_the_monitor_by_hand_on_an_unpadded_pass(
    audit: Audit, model: LoadedModel
) -> None:
    [measured] = [m for m in audit.measurements if m.work.id == "last"]
    row = check_of(audit, "last").top_rows[0]
    role = measured.work.roles["audit"]
    encoded = role.encoded[[r.id for r in role.rows].index(row.id)]
    with torch.no_grad():
        states = model.model(torch.tensor([encoded.ids]), output_hidden_states=True)
    assert measured.point.layer is not None
    x = states.hidden_states[measured.point.layer + 1][0]
    assert row.tokens is not None
    np.testing.assert_allclose(
        row.tokens.values, measured.probe.decision_function(x.numpy()), atol=1e-4
    )


def test_tokens_put_together_are_the_text(audit: Audit) -> None:
    for check in audit.report.checks:
        for row in check.top_rows:
            assert row.tokens is not None
            assert "".join(row.tokens.tokens) == row.text
            assert (row.tokens.before, row.tokens.after) == (0, 0)


def test_they_change_nothing_else_and_are_the_same_again(audit: Audit, model: LoadedModel) -> None:
    bare = [_bare(check) for check in audit.report.checks]
    again = with_token_scores(bare, audit.measurements, model)
    assert again == audit.report.checks
    assert [_bare(check) for check in again] == bare


def _bare(check: CheckResult) -> CheckResult:
    rows = [row.model_copy(update={"tokens": None}) for row in check.top_rows]
    return check.model_copy(update={"top_rows": rows})


class Failing:
    """A probe that reads rows and no single tokens."""

    def __init__(self, error: BaseException | None = None, value: float = 0.0) -> None:
        self.error, self.value = error, value

    def decision_function(self, x: Any) -> Any:
        if self.error is not None:
            raise self.error
        return np.full(len(x), self.value)


def with_probe(audit: Audit, probe: Failing) -> list[Any]:
    """The measurements, the first of them by this probe."""
    first, *others = audit.measurements
    return [replace(first, probe=probe), *others]


@pytest.mark.parametrize(
    ("error", "said"),
    [(ProbeError("it reads pairs"), ": it reads pairs"), (ZeroDivisionError("x"), "DivisionError")],
)
def test_a_monitor_that_cannot_score_tokens_says_why_and_no_other_suffers(
    audit: Audit, model: LoadedModel, error: Exception, said: str
) -> None:
    bare = [_bare(check) for check in audit.report.checks]
    first, *others = with_token_scores(bare, with_probe(audit, Failing(error)), model)
    assert others == audit.report.checks[1:]
    assert first.notes[-1].startswith("no scores of single tokens could be made")
    assert said in first.notes[-1]
    assert first.model_copy(update={"notes": bare[0].notes}) == bare[0]


def test_a_score_that_is_not_finite_is_told_and_not_shown(audit: Audit, model: LoadedModel) -> None:
    bare = [_bare(check) for check in audit.report.checks]
    found = with_token_scores(bare, with_probe(audit, Failing(value=float("nan"))), model)
    assert "20 of the 20 rows shown" in found[0].notes[-1]
    assert all(row.tokens is None for row in found[0].top_rows)
    found[0].model_dump_json()


def test_where_the_model_cannot_be_run_again_every_verdict_stands(
    audit: Audit, model: LoadedModel
) -> None:
    point = replace(audit.measurements[0].point, name="blocks.99.hook_resid_post")
    gone = [replace(measured, point=point) for measured in audit.measurements]
    bare = [_bare(check) for check in audit.report.checks]
    for before, after in zip(bare, with_token_scores(bare, gone, model), strict=True):
        assert "blocks.99" in after.notes[-1]
        assert (after.verdict, after.gates) == (before.verdict, before.gates)


def test_an_interruption_keeps_the_verdicts_and_says_so(audit: Audit, model: LoadedModel) -> None:
    bare = [_bare(check) for check in audit.report.checks]
    stopped = with_probe(audit, Failing(KeyboardInterrupt()))
    found, interrupted = illustrated(bare, stopped, model, seed=0, say=lambda sentence: None)
    assert interrupted
    for before, after in zip(bare, found, strict=True):
        assert after.notes == [
            *before.notes,
            "the run was interrupted before its tokens were scored",
        ]
        assert after.verdict == before.verdict


def test_nothing_to_read_runs_nothing(audit: Audit, model: LoadedModel) -> None:
    check = audit.report.checks[0]
    assert with_token_scores([check], [None], model) == [check]
