"""How good a monitor is said to be, where the answer was planted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from audit.engine.candidates import choose, fit_candidates
from audit.engine.known import Known
from audit.engine.plan import CheckWork, RoleWork
from audit.engine.quality import lexical, measure_quality
from audit.errors import MeasurementError
from audit.models.capture import Captured
from probes.fitters import FITTERS
from probes.logistic import fit_logistic
from suites.rows import Row
from suites.schema import Check
from tests.audit.engine.factory import POINT, encoded, rows

D = 8


def planted(
    strengths: list[float], n: int = 400, seed: int = 0, noise: float = 1.0
) -> tuple[CheckWork, Captured]:
    """A check whose concept lies along one axis, as strong at each place as it is told.

    The label is independent of the texts, and the embeddings hold nothing.
    """
    rng = np.random.default_rng(seed)
    spec = Check.model_validate(
        {
            "concept": "k",
            "roles": dict.fromkeys(("train", "validation", "control", "audit"), "d"),
            "gates": [{"max": 0.1}],
        }
    )
    roles: dict[str, RoleWork] = {}
    labels: list[int] = []
    for role in ("train", "validation"):
        y = [int(v) for v in rng.permutation(np.arange(n) % 2)]
        found: list[Row] = rows(n, role[0], label=y)
        at = tuple((len(labels) + i, 0) for i in range(n))
        roles[role] = RoleWork(tuple(found), tuple(map(encoded, found)), at)
        labels += y
    axis = np.eye(D)[0] * (2 * np.array(labels)[:, None] - 1)
    vectors = [
        (strength * axis + noise * rng.normal(size=(2 * n, D))).astype(np.float32)
        for strength in (*strengths, 0.0)
    ]
    index = {(i, 0): i for i in range(2 * n)}
    captured = Captured(
        vectors=tuple(vectors),
        rows=(index,) * len(vectors),
        log_probs=(),
        non_finite=(0,) * len(vectors),
    )
    work = CheckWork(
        suite=None,  # type: ignore[arg-type]
        id="check",
        check=spec,
        candidates=(POINT,) * len(strengths),
        reads=tuple(range(len(strengths))),
        embedding_read=len(strengths),
        roles=roles,  # type: ignore[arg-type]
        behaviour=None,
    )
    return work, captured


def quality(strengths: list[float], **settings: Any) -> Any:
    work, captured = planted(strengths, **settings)
    candidates = fit_candidates(work, captured, seed=0)
    return measure_quality(
        work, captured, candidates, choose(candidates), 0.0, lexical(work), seed=0
    )


def test_a_planted_concept_is_read_and_beats_words_and_luck() -> None:
    found = quality([1.0])
    # Two unit normals two apart: AUROC = Phi(2 / sqrt 2).
    assert found.auroc.low < 0.9214 < found.auroc.high
    assert found.gain_over_text.low > 0.3
    assert found.best_of_layers_p < 0.01
    by_name = {baseline.name: baseline.auroc for baseline in found.baselines}
    for name in ("text", "length", "embedding"):
        assert by_name[name].low < 0.5 < by_name[name].high or by_name[name].value == 0.5
    for name in ("shuffled_labels", "random_direction"):
        assert by_name[name].low < 0.5 < by_name[name].high


def test_nothing_planted_is_nothing_read() -> None:
    found = quality([0.0, 0.0])
    assert found.auroc.low < 0.5 < found.auroc.high
    assert found.gain_over_text.low < 0
    assert found.best_of_layers_p > 0.05


def test_a_calibrated_probe_has_a_small_calibration_error() -> None:
    """A logistic probe on two normals is calibrated; its scores in the wrong unit are not."""
    for strength in (0.5, 1.0, 3.0):
        assert quality([strength], n=1000).calibration_error.value < 0.06


@pytest.mark.parametrize(("strengths", "expected"), [([0.0, 2.0, 1.0], 1), ([9.0, 9.0], 0)])
def test_the_best_place_is_chosen_and_the_shallowest_of_equals(
    strengths: list[float], expected: int
) -> None:
    work, captured = planted(strengths)
    assert choose(fit_candidates(work, captured, seed=0)) == expected


def test_the_neighbours_of_the_chosen_place_are_reported() -> None:
    layers = quality([0.2, 2.0, 0.2]).layers
    assert [layer.chosen for layer in layers] == [False, True, False]
    assert layers[0].auroc.value < layers[1].auroc.value > layers[2].auroc.value


def test_activations_that_are_not_finite_are_counted() -> None:
    work, captured = planted([1.0])
    captured.vectors[0][:7] = np.nan
    with pytest.raises(MeasurementError, match="on 7 of 400 train rows"):
        fit_candidates(work, captured, seed=0)


def test_checks_that_share_rows_share_fits_and_no_number_moves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Positive control: a label changed in one of them is a fit of its own."""
    fitted = []
    real = fit_logistic

    def counting(x: Any, y: Any, groups: Any, **settings: Any) -> Any:
        fitted.append(len(y))
        return real(x, y, groups, **settings)

    monkeypatch.setitem(FITTERS, "logistic", counting)
    work, captured = planted([0.5, 1.0], n=60)
    known = Known()
    first = fit_candidates(work, captured, seed=0, known=known)
    once = len(fitted)
    again = fit_candidates(replace(work, id="another"), captured, seed=0, known=known)
    assert len(fitted) == once > 0
    assert all(a is b for a, b in zip(first, again, strict=True))
    alone = fit_candidates(work, captured, seed=0)
    for a, b in zip(first, alone, strict=True):
        np.testing.assert_array_equal(a.out_of_fold, b.out_of_fold)
    train = work.roles["train"]
    turned = replace(train.rows[0], label=1 - (train.rows[0].label or 0))
    other = replace(train, rows=(turned, *train.rows[1:]))
    before = len(fitted)
    fit_candidates(
        replace(work, roles={**work.roles, "train": other}), captured, seed=0, known=known
    )
    assert len(fitted) - before == once


def test_words_are_scored_once_for_the_same_texts() -> None:
    work, _ = planted([1.0], n=40)
    known = Known()
    assert lexical(work, known) is lexical(replace(work, id="another"), known)
    np.testing.assert_array_equal(lexical(work, known), lexical(work))
