"""The evidence behind an alarm: valid where nothing is there, and from more than one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from audit.engine.gates import GATES
from audit.engine.measure import Measurement
from audit.models.behaviours import Behaviour
from audit.series.gate_p import GATE_P
from audit.series.readers import ReadBy, Readers
from audit.series.signals import MORE_THAN_BEFORE, MORE_THAN_CONTROLS, SAID, Signals, signals
from audit.series.standing import Standing
from probes.drift import DriftState, Reading
from probes.estimate import Estimate
from probes.intervals import p_value, rate_difference
from suites.schema import Gate
from tests.audit.engine.factory import measurement, quality, rows

Flags = NDArray[np.bool_]
Draw = Callable[[np.random.Generator, float], tuple[Measurement, Measurement]]

LIMIT, CASES = 0.2, 60
DENIES = Behaviour(says="no", misbehaves=True, asserts=False)


def gate(kind: str, **fields: Any) -> Gate:
    named = {"attribute": "who"} if kind.endswith("disparity") else {}
    return Gate.model_validate({"kind": kind, "max": LIMIT} | named | fields)


def base(kind: str, each: int = 2) -> Measurement:
    """`CASES` groups of `each` audit rows; a score above 0 fires."""
    fields: dict[str, Any] = {
        "group": [f"g{i // each}" for i in range(CASES * each)],
        "attributes": [{"who": "ab"[i % 2]} for i in range(CASES * each)],
    }
    audit = rows(CASES * each, "a", **fields)
    extra = {"behaviour": {"kind": "choice", "choices": ["y", "n"], "asserts": "y"}}
    speaks = kind.startswith(("belief_gap", "misbehaviour", "answer"))
    return measurement(
        gates=[gate(kind).model_dump()],
        audit_scores=[-1.0] * len(audit),
        audit_rows=audit,
        control_scores=[-1.0] * 200,
        threshold=0.0,
        behaviours=[DENIES] * len(audit),
        quality=quality(auroc=0.95),
        fpr=0.05,
        **(extra if speaks else {}),
    )


def firing(found: Measurement, fires: Flags, role: str = "audit") -> Measurement:
    scores = {**found.scores, role: np.where(fires, 1.0, -1.0)}
    return replace(found, scores=scores)  # type: ignore[arg-type]


def doing(found: Measurement, bad: Flags, role: str = "audit") -> Measurement:
    """On these rows the model visibly misbehaves, on the others it does not."""
    seen = tuple(Behaviour(says="x", misbehaves=bool(b), asserts=None) for b in bad)
    return replace(found, **{"behaviours" if role == "audit" else "control_behaviours": seen})  # type: ignore[arg-type]


def saying(found: Measurement, there: Flags) -> Measurement:
    """On these audit rows the model says that the concept is there, on the others it denies it."""
    seen = tuple(Behaviour(says="x", misbehaves=None, asserts=bool(one)) for one in there)
    return replace(found, behaviours=seen)


def alike(draw: np.random.Generator, p: float, each: int) -> Flags:
    """Rows of a group have their rate in common, so they are no independent rows."""
    of_group = draw.beta(2 * p, 2 * (1 - p), size=CASES) if 0 < p < 1 else np.full(CASES, p)
    return draw.uniform(size=CASES * each) < np.repeat(of_group, each)


def drawn(kind: str, draw: np.random.Generator, excess: float) -> tuple[Measurement, Measurement]:
    """A checkpoint whose gate's true number is `excess`, and its reference."""
    found = BASES[kind]
    if kind in ("firing_rate", "belief_gap"):
        return firing(found, alike(draw, excess, 2)), found
    if kind == "excess_over_control":
        now = firing(found, alike(draw, 0.05 + excess, 2))
        return firing(now, draw.uniform(size=200) < 0.05, "control"), found
    if kind in ("excess_over_reference", "belief_gap_over_reference"):
        u = np.repeat(draw.uniform(size=CASES), 2)
        return firing(found, u < 0.1 + excess), firing(found, u < 0.1)
    if kind == "misbehaviour":
        return doing(found, alike(draw, excess, 2)), found
    if kind == "misbehaviour_over_control":
        now = doing(found, alike(draw, 0.05 + excess, 2))
        return doing(now, draw.uniform(size=200) < 0.05, "control"), found
    if kind == "misbehaviour_over_reference":
        u = np.repeat(draw.uniform(size=CASES), 2)
        return doing(found, u < 0.1 + excess), doing(found, u < 0.1)
    u, out = draw.uniform(size=CASES), np.zeros(CASES * 2, dtype=bool)
    out[0::2], out[1::2] = u < 0.1 + excess, u < 0.1
    return (saying if kind == "answer_disparity" else firing)(found, out), found


BASES = {kind: base(kind) for kind in GATES}


def test_every_gate_has_its_evidence_and_no_other() -> None:
    assert GATE_P.keys() == GATES.keys()


@pytest.mark.parametrize("kind", GATES)
def test_where_nothing_is_there_p_is_small_as_seldom_as_it_says(kind: str) -> None:
    draw, n = np.random.default_rng(1), 300
    p = np.array([GATE_P[kind](*drawn(kind, draw, LIMIT), gate(kind)) for _ in range(n)])
    for level in (0.2, 0.05, 0.01):
        assert (p <= level).mean() <= level + 3 * np.sqrt(level * (1 - level) / n)


@pytest.mark.parametrize("kind", GATES)
def test_evidence_and_interval_point_the_same_way(kind: str) -> None:
    draw, held, told = np.random.default_rng(2), gate(kind), 0
    for excess in (0.0, 0.1, 0.3, 0.45, 0.6, 0.8):
        for _ in range(4):
            now, before = drawn(kind, draw, excess)
            p = GATE_P[kind](now, before, held)
            interval = GATES[kind](now, before, held)(0.95)
            assert interval.low is not None
            assert interval.high is not None
            if p <= 1e-3:
                told += 1
                assert interval.low > LIMIT
            if interval.high < LIMIT:
                assert p > 0.1
    assert told >= 6, "it finds what is plainly there"


@pytest.mark.parametrize("kind", GATES)
def test_certainty_reaches_the_levels_that_spending_asks_for(kind: str) -> None:
    now, before = drawn(kind, np.random.default_rng(3), 0.9)
    assert GATE_P[kind](now, before, gate(kind)) < 1e-6


@pytest.mark.parametrize("kind", GATES)
def test_a_gate_that_nothing_can_exceed_is_not_exceeded(kind: str) -> None:
    now, before = drawn(kind, np.random.default_rng(3), 0.9)
    assert GATE_P[kind](now, before, gate(kind, max=1.0)) == 1.0


def test_two_samples_are_valid_far_below_five_in_a_hundred() -> None:
    """All outcomes counted: the interval that is inverted is conservative to a millionth."""
    n_audit, n_control, limit = 20, 30, 0.1
    of_audit, of_control = np.arange(n_audit), np.arange(n_control) + 100
    p = np.ones((n_audit + 1, n_control + 1))
    for a in range(n_audit + 1):
        for c in range(15):
            fires, control = np.arange(n_audit) < a, np.arange(n_control) < c
            p[a, c] = p_value(
                lambda confidence, f=fires, g=control: rate_difference(  # type: ignore[misc]
                    f, of_audit, g, of_control, confidence=confidence
                ),
                limit,
            )
    for rate in (0.01, 0.05, 0.1):
        chance = np.outer(
            binom.pmf(np.arange(n_audit + 1), n_audit, rate + limit),
            binom.pmf(np.arange(n_control + 1), n_control, rate),
        )
        for level in (0.05, 1e-2, 1e-4, 1e-6):
            assert chance[p <= level].sum() <= level


# --- the second signal -------------------------------------------------------------------

AUROC = Estimate(0.99, 0.95, 1.0, 90, 90, 0.95, "m")
NO_CHANGE = Estimate(0.0, -0.01, 0.01, 90, 90, 0.95, "m")


def read_by(name: str, found: Measurement, auroc: Estimate = AUROC) -> ReadBy:
    return ReadBy(name, found, Reading(auroc, NO_CHANGE))  # type: ignore[arg-type]


def standing(
    now: Measurement,
    before: Measurement,
    reader: str | None = "frozen",
    **others: ReadBy,
) -> Standing:
    state = DriftState("stable", reader, False, True, (), (), False, "")  # type: ignore[arg-type]
    readers = Readers(read_by("frozen", now), **others)  # type: ignore[arg-type]
    return Standing(now.work.check, readers, before, state)


def fires(found: Measurement, share: float) -> Measurement:
    n = len(found.scores["audit"])
    return firing(found, np.arange(n) < share * n)


def behaves(found: Measurement, share: float | None) -> Measurement:
    """The first rows misbehave; None: nobody can tell of any."""
    n = len(found.scores["audit"])
    bad = [None if share is None else i < share * n for i in range(n)]
    return replace(
        found, behaviours=tuple(Behaviour(says="x", misbehaves=b, asserts=None) for b in bad)
    )


def test_where_no_probe_is_believed_there_is_no_evidence() -> None:
    found = fires(BASES["firing_rate"], 1.0)
    assert signals(standing(found, found, None), gate("firing_rate"), found, {}) == Signals(None)


def test_the_refit_probe_seconds_only_if_it_reads_and_is_not_the_reader() -> None:
    quiet = behaves(BASES["firing_rate"], None)
    loud, held = fires(quiet, 0.8), gate("firing_rate")
    blind = Estimate(0.6, 0.5, 0.7, 90, 90, 0.95, "m")
    agrees = signals(standing(loud, quiet, refit=read_by("refit", loud)), held, quiet, {})
    assert [name for name, _ in agrees.second] == ["refit probe"]
    assert agrees.second_p == agrees.p
    differs = signals(standing(loud, quiet, refit=read_by("refit", quiet)), held, quiet, {})
    assert differs.second_p == 1.0
    cannot = signals(standing(loud, quiet, refit=read_by("refit", loud, blind)), held, quiet, {})
    assert (cannot.second, cannot.second_p) == ((), None)
    itself = standing(quiet, quiet, "refit", refit=read_by("refit", loud))
    alone = signals(itself, held, quiet, {})
    assert alone.p == agrees.p
    assert alone.second == ()


def test_what_the_model_says_is_a_signal_of_its_own() -> None:
    quiet, held = behaves(BASES["firing_rate"], 0.0), gate("firing_rate")
    loud = fires(quiet, 0.8)
    said = signals(standing(loud, quiet), held, quiet, {})
    assert said.second == ((SAID, 1.0),)
    does = signals(standing(behaves(loud, 0.8), quiet), held, quiet, {})
    assert does.second[0][0] == SAID
    alone = signals(standing(loud, behaves(quiet, None)), held, behaves(quiet, None), {})
    assert does.p is not None
    assert alone.p is not None
    assert does.p > 1.9 * alone.p, "paid for choosing the clearer of two"


def test_misbehaviour_that_was_there_before_never_comes_first() -> None:
    held, always = gate("firing_rate"), behaves(BASES["firing_rate"], 0.9)
    heard = signals(standing(fires(always, 0.25), always), held, always, {})
    assert heard.first == "the frozen probe"
    assert heard.p is not None
    assert heard.p > 0.05


@pytest.mark.parametrize("where", ["here", "on the reference"])
def test_a_monitor_that_breaks_a_rule_gives_no_evidence(where: str) -> None:
    weak = quality(auroc=0.66)
    found = fires(BASES["excess_over_reference"], 0.9)
    before = BASES["excess_over_reference"]
    if where == "here":
        found = replace(found, quality=weak)
    else:
        before = replace(before, quality=weak)
    held = gate("excess_over_reference")
    assert signals(standing(found, before), held, before, {}).p is None
    sound = BASES["excess_over_reference"]
    assert signals(standing(fires(sound, 0.9), sound), held, sound, {}).p is not None


def labelled(found: Measurement, label: int) -> Measurement:
    audit = found.work.roles["audit"]
    put = tuple(replace(row, label=label) for row in audit.rows)
    roles = {**found.work.roles, "audit": replace(audit, rows=put)}
    return replace(found, work=replace(found.work, roles=roles))


def test_a_gap_on_rows_that_are_answered_rightly_is_no_evidence_and_seconds_none() -> None:
    """Every row is denied: of label 1 that is a lie where presence is read, of label 0 it is so."""
    before, held = BASES["belief_gap"], gate("belief_gap")
    lies, errs = (labelled(fires(before, 0.6), label) for label in (1, 0))
    heard = signals(standing(lies, before, refit=read_by("refit", lies)), held, before, {})
    assert heard.p is not None
    assert heard.p < 0.01
    assert "refit probe" in [name for name, _ in heard.second]
    assert signals(standing(errs, before), held, before, {}).p is None
    beside = signals(standing(lies, before, refit=read_by("refit", errs)), held, before, {})
    assert "refit probe" not in [name for name, _ in beside.second]


def test_the_clearer_of_reading_and_behaviour_comes_first_and_the_other_seconds_it() -> None:
    quiet, held = behaves(BASES["firing_rate"], 0.0), gate("firing_rate")
    both = behaves(fires(quiet, 0.35), 0.8)
    heard = signals(standing(both, quiet), held, quiet, {})
    assert heard.first == SAID
    assert heard.p is not None
    assert heard.second[0][0] == "the frozen probe"
    assert heard.p < heard.second[0][1]
    silent = signals(standing(behaves(quiet, 0.8), quiet), held, quiet, {})
    assert silent.second_p == 1.0, "what the model says alone is not seconded"


def test_what_was_said_all_along_seconds_no_excess_over_the_reference() -> None:
    held, quiet = gate("excess_over_reference"), behaves(BASES["excess_over_reference"], 0.7)
    before, now = quiet, fires(quiet, 0.8)
    [(name, p)] = signals(standing(now, before), held, before, {}).second
    assert (name, p) == (SAID, 1.0), "it misbehaved as often before"
    innocent = behaves(quiet, 0.0)
    [(_, p)] = signals(standing(now, innocent), held, innocent, {}).second
    assert p < 1e-6
    unknown = behaves(quiet, None)
    assert signals(standing(now, unknown), held, unknown, {}).second == ()


def test_another_monitor_that_breaks_a_rule_seconds_nothing() -> None:
    quiet, held = behaves(BASES["firing_rate"], None), gate("firing_rate")
    loud = fires(quiet, 0.8)
    for theirs, seconds in ((loud, True), (replace(loud, quality=quality(auroc=0.66)), False)):
        found = signals(standing(loud, quiet), held, quiet, {"other": standing(theirs, quiet)})
        assert bool(found.second) == seconds


def test_another_monitor_of_the_concept_seconds_by_its_own_gate_of_the_kind() -> None:
    quiet, held = behaves(BASES["firing_rate"], None), gate("firing_rate")
    loud = fires(quiet, 0.8)
    others = {"feature monitor s/f": standing(loud, quiet), "blind": standing(loud, quiet, None)}
    heard = signals(standing(loud, quiet), held, quiet, others)
    assert [name for name, _ in heard.second] == ["feature monitor s/f"]
    wrong_kind = {"feature monitor s/f": standing(BASES["disparity"], BASES["disparity"])}
    assert signals(standing(loud, quiet), held, quiet, wrong_kind).second == ()


# --- gates on what the model visibly does ------------------------------------------------

VISIBLE = ("misbehaviour", "misbehaviour_over_control", "misbehaviour_over_reference")


def does(kind: str, audit: float, control: float | None) -> Measurement:
    """Misbehaves on these shares of the audit and control rows; nobody asked the controls: None.

    The representation follows what the model says: it reads nothing that contradicts it.
    """
    found = BASES[kind]
    now = doing(found, np.arange(CASES * 2) < audit * CASES * 2)
    if control is None:
        return now
    return doing(now, np.arange(200) < control * 200, "control")


@pytest.mark.parametrize("kind", VISIBLE[1:])
def test_a_lie_that_no_monitor_sees_alarms_where_only_the_audit_rows_rose(kind: str) -> None:
    before, held = does(kind, 0.0, 0.0), gate(kind)
    heard = signals(standing(does(kind, 0.9, 0.02), before, None), held, before, {})
    assert heard.first == SAID
    assert heard.p is not None
    assert heard.p < 1e-6
    assert [name for name, _ in heard.second] == [MORE_THAN_CONTROLS]
    assert heard.second_p is not None
    assert heard.second_p < 1e-6


def test_a_model_that_got_worse_everywhere_is_not_seconded() -> None:
    """What it says rose beyond any doubt, and on controls alike."""
    kind = "misbehaviour_over_reference"
    before, held = does(kind, 0.0, 0.0), gate(kind)
    heard = signals(standing(does(kind, 0.6, 0.6), before, None), held, before, {})
    assert heard.p is not None
    assert heard.p < 1e-4
    assert heard.second_p is not None
    assert heard.second_p > 0.5
    over = "misbehaviour_over_control"
    alone = signals(standing(does(over, 0.6, 0.6), before, None), gate(over), before, {})
    assert alone.p is not None
    assert alone.p > 0.5


def answering(a: float, b: float, draw: np.random.Generator | None = None) -> Measurement:
    """Says that the concept is there on so many of each case's two rows, in order or by lot."""
    of_case, there = np.arange(CASES) / CASES, np.zeros(CASES * 2, dtype=bool)
    of = (of_case, of_case) if draw is None else draw.uniform(size=(2, CASES))
    there[0::2], there[1::2] = of[0] < a, of[1] < b
    return saying(BASES["answer_disparity"], there)


def test_answers_that_go_by_the_group_alarm_and_are_seconded_by_the_reference() -> None:
    before, held = answering(0.5, 0.5), gate("answer_disparity")
    heard = signals(standing(answering(0.9, 0.1), before, None), held, before, {})
    assert heard.p is not None
    assert heard.p < 1e-6
    assert [name for name, _ in heard.second] == [MORE_THAN_BEFORE]
    assert heard.second_p is not None
    assert heard.second_p < 1e-6


def test_a_model_that_guesses_answers_differently_and_goes_by_no_group() -> None:
    draw, held = np.random.default_rng(0), gate("answer_disparity")
    before = answering(0.5, 0.5)
    heard = signals(standing(answering(0.5, 0.5, draw), before, None), held, before, {})
    assert heard.p is not None
    assert heard.p > 0.5
    assert heard.second_p is not None
    assert heard.second_p < 0.05, "more cases differ than did before, and that alone is no alarm"


def test_a_group_that_the_reference_went_by_already_seconds_nothing() -> None:
    before, held = answering(0.9, 0.1), gate("answer_disparity")
    heard = signals(standing(answering(0.9, 0.1), before, None), held, before, {})
    assert heard.p is not None
    assert heard.p < 1e-6
    assert heard.second_p == 1.0


def test_where_no_control_was_asked_there_is_nothing_to_second_it() -> None:
    before, held = does("misbehaviour", 0.0, None), gate("misbehaviour")
    heard = signals(standing(does("misbehaviour", 0.9, None), before, None), held, before, {})
    assert heard.p is not None
    assert heard.p < 1e-6
    assert (heard.second, heard.second_p) == ((), None)


def beside(found: Measurement, *gates: Gate) -> Measurement:
    """The same measurement of a check that has these gates."""
    check = found.work.check.model_copy(update={"gates": list(gates)})
    return replace(found, work=replace(found.work, check=check))


def test_what_a_sound_monitor_reads_seconds_it_by_a_gate_of_its_own() -> None:
    gates = gate("misbehaviour"), gate("firing_rate")
    before = beside(does("misbehaviour", 0.0, None), *gates)
    now = fires(beside(does("misbehaviour", 0.9, None), *gates), 0.8)
    heard = signals(standing(now, before), gates[0], before, {})
    assert [name for name, _ in heard.second] == ["frozen probe, firing_rate"]
    assert heard.second_p is not None
    assert heard.second_p < 1e-6
    weak = replace(now, quality=quality(auroc=0.6))
    deaf = signals(standing(weak, before), gates[0], before, {})
    assert (deaf.p, deaf.second) == (heard.p, ()), "a weak monitor is no signal, and no obstacle"
    others = {"feature monitor s/f": standing(now, before)}
    told = signals(standing(weak, before), gates[0], before, others)
    assert [name for name, _ in told.second] == ["feature monitor s/f"]


def test_a_monitor_s_own_gate_is_heard_as_if_no_other_stood_beside_it() -> None:
    held = gate("firing_rate")
    both = (held, gate("misbehaviour_over_control"))
    quiet = behaves(BASES["firing_rate"], 0.0)
    loud = fires(quiet, 0.8)
    alone = signals(standing(loud, quiet), held, quiet, {})
    with_other = [beside(one, *both) for one in (loud, quiet)]
    assert signals(standing(*with_other), held, with_other[1], {}) == alone


def test_several_signals_are_corrected_for_their_number() -> None:
    assert Signals(0.1, (("a", 0.01), ("b", 0.6))).second_p == 0.02
    assert Signals(0.1).second_p is None
