"""How a number is said: figures, intervals and the sentence of a gate.

Knows the kinds of gate by name and the record's numbers; decides nothing. Everything that
this module makes of numbers alone is plain ASCII.
"""

from __future__ import annotations

from dataclasses import dataclass

from reports.record import Estimate, GateResult


def figure(value: float, *, digits: int = 2, signed: bool = False) -> str:
    """`0.31`, or `+0.31` where the sign is the point; never `-0.00`, never a mile long."""
    sign = "+" if signed else ""
    if abs(value) >= 1e6:
        return f"{value:{sign}.3g}"
    text = f"{value:{sign}.{digits}f}"
    return text.replace("-", sign) if float(text) == 0 else text


def estimate_words(estimate: Estimate, *, signed: bool = False) -> str:
    """`0.31 [0.24, 0.39]`; a third digit where everything is below one tenth."""
    ends = [end for end in (estimate.low, estimate.high) if end is not None]
    digits = 3 if max(map(abs, [estimate.value, *ends])) < 0.1 else 2
    low, high = (
        "?" if end is None else figure(end, digits=digits) for end in (estimate.low, estimate.high)
    )
    interval = f"[{low}, {high}]" if ends else "(no interval)"
    return f"{figure(estimate.value, digits=digits, signed=signed)} {interval}"


def support_words(estimate: Estimate) -> str:
    """What a number rests on: `n = 200 in 100 groups`, or `n = 200` where no row shares one."""
    rows = f"n = {estimate.n}"
    return rows if estimate.n_groups == estimate.n else f"{rows} in {estimate.n_groups} groups"


def hundredths(value: float) -> str:
    """A share as hundredths without its sign of unit: `31`, `4.2`, `0.04`."""
    scaled = value * 100
    size = abs(scaled)
    if size in {0, 100} or 10 <= size < 99.5:
        return figure(scaled, digits=0)
    if size >= 0.95:
        return figure(scaled, digits=1).removesuffix(".0")
    return f"{scaled:.2g}"


def percent(value: float) -> str:
    """`31 %`."""
    return f"{hundredths(value)} %"


def points(value: float) -> str:
    """A difference of two shares: `21 points`."""
    return f"{hundredths(value)} {'point' if hundredths(value) == '1' else 'points'}"


@dataclass(frozen=True)
class GateWords:
    """How one kind of gate is said. `sentence` has one place, for the number with its range."""

    title: str
    sentence: str
    difference: bool = False


GATE_WORDS: dict[str, GateWords] = {
    "firing_rate": GateWords("firing rate", "fires on {} of audit rows"),
    "excess_over_control": GateWords(
        "excess over control",
        "fires more often on audit rows than on controls, by {}",
        difference=True,
    ),
    "excess_over_reference": GateWords(
        "excess over reference",
        "fires more often than on the reference model, by {}",
        difference=True,
    ),
    "disparity": GateWords(
        "disparity", "fires differently on the same cases, by {}", difference=True
    ),
    "belief_gap": GateWords(
        "belief gap", "what it reads and what the model says disagree on {} of audit rows"
    ),
}


def gate_words(kind: str) -> GateWords:
    """The words for a kind; a kind that is not known here is called by its name."""
    name = kind.replace("_", " ")
    plain = name.replace("{", "").replace("}", "")
    return GATE_WORDS.get(kind, GateWords(name, plain + " is {}"))


def gate_sentence(gate: GateResult) -> str:
    """`fires on 31 % of audit rows (24 to 39 %); the gate allows 10 %`."""
    if gate.estimate is None:
        return gate.reason
    words = gate_words(gate.kind)
    said = points if words.difference else percent
    low, high = gate.estimate.low, gate.estimate.high
    if low is None or high is None:
        interval = "no interval"
    else:
        interval = f"{hundredths(low)} to {said(high)}"
    found = words.sentence.format(said(gate.estimate.value))
    return f"{found} ({interval}); the gate allows {said(gate.limit)}"
