"""What a feature check has to show beside its verdict: what was discovered, and cards.

Made after the verdicts are given, and with no say in them: discovery looks at the very audit
rows that the model was judged on, and a card is made for what was flagged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from audit.engine.check_corpus import corpus_of_check, rows_by_behaviour
from audit.engine.measure import Measurement
from audit.engine.selected import Selected
from audit.errors import AuditError
from audit.features.card import explain_features
from audit.features.corpus import Corpus
from audit.features.discover import discover_features
from audit.features.sampling import token_sample
from audit.models.loading import LoadedModel
from probes.base import ProbeError
from probes.sae.controls import random_sae
from reports.features import ControlFigure, Discovery, FeatureCard
from reports.record import CheckResult
from suites.rows import Row
from suites.schema import Discover, DiscoveredFeatures, FeatureSpec, Role

MOST_CARDS = 3  # a check; each runs the model some hundred times
CONTROL_TOKENS = 2048


def with_evidence(
    results: Sequence[CheckResult],
    measurements: Sequence[Measurement | None],
    model: LoadedModel,
    *,
    seed: int,
    say: Callable[[str], None],
) -> list[CheckResult]:
    """The results of feature checks with discovery and cards, all others as they came.

    Args:
        results: one a check, verdicts given.
        measurements: what each rests on; None where it could not be measured.
        model: the model that was judged.
        seed: of halves, samples and controls.
        say: told in a sentence what is being made.

    What cannot be made is a note of the check: its verdict stands without it.
    """
    found = []
    for result, measured in zip(results, measurements, strict=True):
        if measured is not None and measured.work.watch is not None:
            try:
                result = _with_evidence(result, measured, model, seed, say)
            except (AuditError, ProbeError) as error:
                note = f"no evidence on features could be made: {error}"
                result = result.model_copy(update={"notes": [*result.notes, note]})
        found.append(result)
    return found


def _with_evidence(
    result: CheckResult,
    measured: Measurement,
    model: LoadedModel,
    seed: int,
    say: Callable[[str], None],
) -> CheckResult:
    spec, watch = measured.work.check.monitor, measured.work.watch
    assert isinstance(spec, FeatureSpec)
    assert watch is not None
    rows, notes = _rows(measured, model)
    discovery: Discovery | None = None
    if isinstance(spec.features, DiscoveredFeatures):
        say(f"looking for features that go with the event of {result.suite}/{result.id}")
        asked: Discover = spec.features.discover
        x, _ = token_sample(
            model, watch.sae, [rows], watch.point.name, most=CONTROL_TOKENS, seed=seed
        )
        discovery = discover_features(
            model,
            watch.sae,
            rows.narrowed(asked.tokens),
            hook_name=watch.point.name,
            top=asked.top,
            fdr=asked.fdr,
            confidence=measured.work.check.confidence,
            seed=seed,
            control=random_sae(watch.sae, x, random_state=seed),
            notes=notes,
        )
    if result.verdict != "flag":
        return result.model_copy(update={"discovery": discovery})
    chosen = _to_explain(measured, discovery)
    say(f"evidence on features {', '.join(map(str, chosen))} of {result.suite}/{result.id}")
    cards = explain_features(
        model,
        watch.sae,
        list(chosen),
        rows,
        hook_name=watch.point.name,
        why={feature: f"{why} by {result.suite}/{result.id}" for feature, why in chosen.items()},
        other_seed=watch.other_seed,
        labels=watch.labels,
        seed=seed,
    )
    return result.model_copy(
        update={
            "discovery": discovery,
            "cards": [_beside_its_concept(card, measured) for card in cards],
        }
    )


def _beside_its_concept(card: FeatureCard, measured: Measurement) -> FeatureCard:
    """A watched feature's card with what it is watched for, read as the check reads it."""
    watched = next((one for one in measured.watched if one.feature == card.feature), None)
    if watched is None or watched.auroc is None:
        return card
    baselines = {one.name: one.auroc for one in measured.quality.baselines}
    figure = ControlFigure(
        name="AUROC, concept",
        feature=watched.auroc,
        random_sae=baselines.get("random_sae"),
        probe=baselines.get("raw_probe"),
        note="on the validation rows, with the tokens and pooling of the check; beside it all "
        "features of the random SAE together, and a probe",
    )
    figures = [figure, *card.controls.figures]
    return card.model_copy(
        update={"controls": card.controls.model_copy(update={"figures": figures})}
    )


def _to_explain(measured: Measurement, discovery: Discovery | None) -> dict[int, str]:
    """The features behind a flag, each with the reason for its card.

    Discovered ones first: they go with the misbehaviour. Then those watched, the best first.
    """
    found = [] if discovery is None else [one.feature for one in discovery.found]
    watched = sorted(
        measured.watched, key=lambda one: -(one.auroc.value if one.auroc is not None else 0.0)
    )
    reasons = dict.fromkeys(found[: MOST_CARDS - 1], "discovered")
    for one in watched:
        if len(reasons) < MOST_CARDS:
            reasons.setdefault(one.feature, "watched")
    return reasons


def _rows(measured: Measurement, model: LoadedModel) -> tuple[Corpus, list[str]]:
    """The audit rows, all their tokens, and what a reader must know of them.

    What goes with misbehaviour need not show where the check's score is read, so no tokens are
    left out. Without a behaviour the event is the label.
    """
    work = measured.work
    rows = {role: of_role.rows for role, of_role in work.roles.items()}
    one = Selected(work.suite, work.id, work.check, rows)
    if all(behaviour.misbehaves is None for behaviour in measured.behaviours):
        only_audit: dict[Role, tuple[Row, ...]] = dict.fromkeys(rows, ())
        only_audit["audit"] = rows["audit"]
        return corpus_of_check(replace(one, rows=only_audit), model, event="label"), []
    return rows_by_behaviour(one, model)
