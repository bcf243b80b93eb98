"""What a feature check has to show beside its verdict: what was discovered, and cards.

Made after the verdicts are given, and with no say in them: discovery looks at the very audit
rows that the model was judged on, and a card is made for what was flagged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from audit.engine.measure import Measurement
from audit.engine.plan import RoleWork
from audit.features.card import explain_features
from audit.features.corpus import Contrast, Corpus, corpus_of_rows
from audit.features.discover import discover_features
from audit.features.events import event_corpus
from audit.features.sampling import token_sample
from audit.models.behaviours import BEHAVIOURS, Behaviour, Questions
from audit.models.capture import capture
from audit.models.loading import LoadedModel
from audit.models.sequences import TokenSequence
from probes.sae.controls import random_sae
from reports.features import Discovery
from reports.record import CheckResult
from suites.schema import Discover, DiscoveredFeatures, FeatureSpec, Role

MOST_CARDS = 3  # a check; each runs the model some hundred times
CONTROL_TOKENS = 2048
EVENT = "the model misbehaves"
LABEL = "the concept is there (label 1)"


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

    Raises:
        MeasurementError: the model cannot be run on these rows.
    """
    return [
        result
        if measured is None or measured.work.watch is None
        else _with_evidence(result, measured, model, seed, say)
        for result, measured in zip(results, measurements, strict=True)
    ]


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
            rows,
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
        labels=watch.labels,
        seed=seed,
    )
    # The record names an SAE as the suite does, wherever it lay on this machine.
    shown = [card.model_copy(update={"sae": watch.info}) for card in cards]
    return result.model_copy(update={"discovery": discovery, "cards": shown})


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
    """The rows to look for features on: audit rows, and controls where those are one-sided."""
    audit = _corpus(measured, "audit", measured.behaviours)
    control: Sequence[Behaviour] = ()
    if measured.behaviours and audit.event is not None and audit.event.all():
        control = _behaviours(measured, measured.work.roles["control"], model)
    beside = _corpus(measured, "control", control) if control else None
    return event_corpus(audit, beside)


def _corpus(measured: Measurement, role: Role, behaviours: Sequence[Behaviour]) -> Corpus:
    """A role's rows, all their tokens: what goes with an event need not show where a score does."""
    work = measured.work.roles[role]
    event: NDArray[np.bool_] | None
    if behaviours:
        known = [i for i, one in enumerate(behaviours) if one.misbehaves is not None]
        event = np.array([one.misbehaves is True for one in behaviours], dtype=bool)
        name = EVENT
    else:
        known = [i for i, row in enumerate(work.rows) if row.label is not None]
        event = np.array([row.label == 1 for row in work.rows], dtype=bool)
        name = LABEL
    corpus = corpus_of_rows(
        work.rows,
        work.encoded,
        event=event if known else None,
        event_name=name,
        contrasts=_contrasts(measured, work, behaviours),
    )
    return corpus.take(known) if known else corpus


def _behaviours(measured: Measurement, role: RoleWork, model: LoadedModel) -> list[Behaviour]:
    """What the model does on rows of another role than the audit's."""
    asked_of = measured.work.behaviour
    assert asked_of is not None
    spec = asked_of.questions.spec
    questions = Questions(
        model, spec, role.rows, role.encoded, measured.work.suite.suite.truncation
    )
    kind = BEHAVIOURS[spec.kind]
    asked = kind.ask(questions)
    index: dict[tuple[int, ...], int] = {}
    wanted: list[dict[tuple[int, int], None]] = []
    for of_row in asked:
        for sequence in of_row:
            at = index.setdefault(sequence.ids, len(index))
            if at == len(wanted):
                wanted.append({})
            wanted[at].update(dict.fromkeys(sequence.next_tokens))
    sequences = [
        TokenSequence(ids, next_tokens=tuple(tokens))
        for ids, tokens in zip(index, wanted, strict=True)
    ]
    log_probs = capture(model, sequences, []).log_probs if sequences else ()
    said = [dict(zip(t, p, strict=True)) for t, p in zip(wanted, log_probs, strict=True)]
    answers = [
        [[said[index[one.ids]][token] for token in one.next_tokens] for one in of_row]
        for of_row in asked
    ]
    return kind.judge(questions, answers, None)


def _contrasts(
    measured: Measurement, role: RoleWork, behaviours: Sequence[Behaviour]
) -> list[Contrast | None] | None:
    """What misbehaviour would be as the next token, where it is one of two single tokens."""
    asked_of = measured.work.behaviour
    if asked_of is None or not behaviours or asked_of.questions.spec.kind != "choice":
        return None
    spec = asked_of.questions.spec
    questions = Questions(
        asked_of.questions.loaded,
        spec,
        role.rows,
        role.encoded,
        measured.work.suite.suite.truncation,
    )
    found: list[Contrast | None] = []
    for row, item, asked, outcome in zip(
        role.rows,
        role.encoded,
        BEHAVIOURS[spec.kind].ask(questions),
        behaviours,
        strict=True,
    ):
        options = list(spec.choices or row.choices)
        single = len(asked) == 2 and all(
            one.ids[: len(item.ids)] == item.ids
            and [at for at, _ in one.next_tokens] == [len(item.ids) - 1]
            for one in asked
        )
        if not single or outcome.misbehaves is None or outcome.says not in options:
            found.append(None)
            continue
        picked = options.index(outcome.says)
        unwanted = picked if outcome.misbehaves else 1 - picked
        tokens = [one.next_tokens[0][1] for one in asked]
        found.append(Contrast(unwanted=tokens[unwanted], wanted=tokens[1 - unwanted]))
    return found
