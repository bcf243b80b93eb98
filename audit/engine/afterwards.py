"""What is made for readers when the verdicts are given: nothing here has a say in them.

Cheap things come first, so that who interrupts a long search keeps them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from audit.engine.curves import distributions, roc
from audit.engine.measure import Measurement
from audit.engine.token_scores import with_token_scores
from audit.models.loading import LoadedModel
from reports.record import CheckResult


def with_curves(
    results: Sequence[CheckResult], measurements: Sequence[Measurement | None]
) -> list[CheckResult]:
    """The results with the spread of their scores and the ROC of their monitor."""
    return [
        result
        if found is None
        else result.model_copy(update={"distributions": distributions(found), "roc": roc(found)})
        for result, found in zip(results, measurements, strict=True)
    ]


def illustrated(
    results: Sequence[CheckResult],
    measurements: Sequence[Measurement | None],
    model: LoadedModel,
    *,
    seed: int,
    say: Callable[[str], None],
) -> tuple[list[CheckResult], bool]:
    """The results with scores of single tokens and evidence on features.

    Args:
        results: one a check, verdicts given.
        measurements: what each rests on; None where it could not be measured.
        model: the model that was judged, which runs again.
        seed: of halves, samples and controls.
        say: told in a sentence what is being made.

    Returns:
        The results, and whether somebody interrupted it; what was made before is kept.
    """
    found = list(results)
    try:
        found = with_token_scores(found, measurements, model)
    except KeyboardInterrupt:
        return _noted(found, [m is not None for m in measurements], "its tokens were scored"), True
    watches = [m is not None and m.work.watch is not None for m in measurements]
    if not any(watches):
        return found, False
    from audit.engine.feature_evidence import with_evidence

    try:
        return with_evidence(found, measurements, model, seed=seed, say=say), False
    except KeyboardInterrupt:
        return _noted(found, watches, "evidence on its features was made"), True


def _noted(results: Sequence[CheckResult], which: Sequence[bool], what: str) -> list[CheckResult]:
    note = f"the run was interrupted before {what}"
    return [
        result.model_copy(update={"notes": [*result.notes, note]}) if chosen else result
        for result, chosen in zip(results, which, strict=True)
    ]
