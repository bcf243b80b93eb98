"""How a number is said: figures, intervals and the sentence of a gate.

Knows the kinds of gate by name and the record's numbers; decides nothing. What is made of
numbers alone is plain ASCII.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from reports.record import Estimate, GateResult

UNKNOWN = "-"


def figure(value: float, *, digits: int = 2, signed: bool = False) -> str:
    """`0.31`, or `+0.31` where the sign is the point; never `-0.00`, never a mile long."""
    sign = "+" if signed else ""
    if abs(value) >= 1e6:
        return f"{value:{sign}.3g}"
    text = f"{value:{sign}.{digits}f}"
    return text.replace("-", sign) if float(text) == 0 else text


def estimate_words(estimate: Estimate | None, *, signed: bool = False) -> str:
    """`0.31 [0.24, 0.39]`; a third digit below one tenth, more for what is tiny."""
    if estimate is None:
        return UNKNOWN
    ends = (estimate.low, estimate.high)
    known = [abs(number) for number in (estimate.value, *ends) if number is not None]
    digits = _digits(max(known))
    value = figure(estimate.value, digits=digits, signed=signed)
    if ends == (None, None):
        return f"{value} (no interval)"
    low, high = ("?" if end is None else figure(end, digits=digits) for end in ends)
    return f"{value} [{low}, {high}]"


def _digits(largest: float) -> int:
    """Two digits that say something, for what is no larger than this."""
    if 0 < largest < 0.001:
        return min(1 - math.floor(math.log10(largest)), 8)
    return 3 if 0 < largest < 0.1 else 2


def support_words(estimate: Estimate | None) -> str:
    """What a number rests on: `n = 200 in 100 groups, exact binomial, 95 %`."""
    if estimate is None:
        return UNKNOWN
    rows = f"n = {estimate.n}"
    groups = "" if estimate.n_groups == estimate.n else f" in {estimate.n_groups} groups"
    method = f", {estimate.method}" if estimate.method else ""
    return f"{rows}{groups}{method}, {percent(estimate.confidence)}"


def probability(value: float | None) -> str:
    """A p- or q-value: `0.042`, `4.8e-09`."""
    return UNKNOWN if value is None else f"{value:.2g}"


def hundredths(share: float) -> str:
    """A share in hundredths, without a unit: `31`, `4.2`, `0.04`."""
    scaled = share * 100
    size = abs(scaled)
    if size < 1e-6 or size == 100 or 10 <= size < 99.5 or size >= 100.5:
        return figure(scaled, digits=0)
    if size >= 0.95:
        return figure(scaled, digits=1).removesuffix(".0")
    return f"{scaled:.2g}"


def percent(share: float) -> str:
    """`31 %`."""
    return f"{hundredths(share)} %"


def points(difference: float) -> str:
    """A difference of two shares: `21 points`."""
    said = hundredths(difference)
    return f"{said} {'point' if said in {'1', '-1'} else 'points'}"


@dataclass(frozen=True)
class GateWords:
    """How one kind of gate is said.

    `sentence` has a place for what was found, and may have one for the attribute that a
    disparity compares. `event` says what the gate counts on a row, `no_event` the opposite.
    Where it is not `by_row`, one row alone says nothing of what the gate asks. Where it is
    `visible`, what it counts is what the model does, and no reading of a monitor.
    """

    title: str
    sentence: str
    share: Callable[[float], str] = percent
    signed: bool = False
    event: str = "fires"
    no_event: str = "does not fire"
    by_row: bool = True
    visible: bool = False


GATE_WORDS: dict[str, GateWords] = {
    "firing_rate": GateWords("firing rate", "fires on {found} of audit rows"),
    "excess_over_control": GateWords(
        "excess over control",
        "fires more often on audit rows than on controls, by {found}",
        share=points,
        signed=True,
    ),
    "excess_over_reference": GateWords(
        "excess over reference",
        "fires more often than on the reference model, by {found}",
        share=points,
        signed=True,
    ),
    "disparity": GateWords(
        "disparity",
        "on the same cases, firing differs between values of {attribute} by {found}",
        share=points,
        by_row=False,
    ),
    "answer_disparity": GateWords(
        "answer disparity",
        "on the same cases, what the model says differs between values of {attribute} by {found}",
        share=points,
        event="misbehaves",
        no_event="is not seen to misbehave",
        by_row=False,
        visible=True,
    ),
    "belief_gap": GateWords(
        "belief gap",
        "what the monitor reads and what the model says disagree on {found} of audit rows",
        event="contradicts",
        no_event="does not contradict",
    ),
    "belief_gap_over_reference": GateWords(
        "belief gap over reference",
        "what the monitor reads and what the model says disagree on more audit rows than on the "
        "reference model, by {found}",
        share=points,
        signed=True,
        event="contradicts",
        no_event="does not contradict",
    ),
    "misbehaviour": GateWords(
        "misbehaviour",
        "visibly misbehaves on {found} of audit rows",
        event="misbehaves",
        no_event="is not seen to misbehave",
        visible=True,
    ),
    "misbehaviour_over_control": GateWords(
        "misbehaviour over control",
        "visibly misbehaves more often on audit rows than on controls, by {found}",
        share=points,
        signed=True,
        event="misbehaves",
        no_event="is not seen to misbehave",
        visible=True,
    ),
    "misbehaviour_over_reference": GateWords(
        "misbehaviour over reference",
        "visibly misbehaves more often than the reference model, by {found}",
        share=points,
        signed=True,
        event="misbehaves",
        no_event="is not seen to misbehave",
        visible=True,
    ),
}


def gate_words(kind: str) -> GateWords:
    """The words for a kind; one that is not known here is called by its name."""
    name = kind.replace("_", " ")
    braced = name.replace("{", "{{").replace("}", "}}")
    return GATE_WORDS.get(kind) or GateWords(name, f"{braced} is {{found}}")


def gate_sentence(gate: GateResult) -> str:
    """`fires on 31 % of audit rows (24 to 39 %); the gate allows 10 %`, or why not."""
    if gate.estimate is None:
        return gate.reason
    words = gate_words(gate.kind)
    low, high = gate.estimate.low, gate.estimate.high
    if low is None or high is None:
        interval = "no interval"
    else:
        interval = f"{hundredths(low)} to {words.share(high)}"
    found = words.sentence.format(
        found=words.share(gate.estimate.value), attribute=gate.detail.get("attribute", "?")
    )
    return f"{found} ({interval}); the gate allows {words.share(gate.limit)}"
