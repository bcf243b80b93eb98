"""One check of a series as Markdown: its state on every checkpoint and what that rests on.

The states stand open; readings, gates, drift and reasons are folded. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby

from reports.markdown.check import verdict_words
from reports.markdown.text import code, folded, prose, table
from reports.parts import Estimate
from reports.series import CheckpointRow, CheckReading
from reports.views.check import Excuse, suppression
from reports.views.series import SeriesView, at, doubts, step_words
from reports.views.wording import UNKNOWN, estimate_words, figure, gate_words, percent, probability

Read = list[tuple[CheckpointRow, CheckReading]]

STATES = (
    *("Verdict", ">Step", "State", "Read by", ">Change", ">q"),
    *(">Behaviour", ">Its change", "Doubts"),
)
READINGS = (
    *(">Step", "Probe", ">AUROC", ">Events", ">Change", ">Controls"),
    *(">Cosine", ">Scores recovered"),
)
GATES = (
    *(">Step", "Verdict", "Gate", "Severity", ">Found", ">Limit", ">p", ">q"),
    ">By the believed probe",
    *(">For the alarm, p", ">has to reach", ">Second p", "Second signals", "Phase"),
)
DRIFT = (">Step", ">Rows", ">CKA", ">Procrustes residual", ">By chance", ">Norms")
SAE = (
    *(">Step", ">Explained variance", ">on the reference", ">Kept", ">L0", ">on the reference"),
    "Faults",
)
WEIGHTS = (
    *(">Step", ">In the text", ">In the weights alone", ">Reference's own text"),
    *(">Score of the text", ">Added by the weights"),
)


def check_section(view: SeriesView, key: tuple[str, str]) -> Iterator[str]:
    """Paragraphs about one check over the whole series."""
    read = list(view.readings(key))
    if not read:
        yield "It could be read on no checkpoint."
        return
    concepts = ", ".join(code(concept) for concept in dict.fromkeys(c.concept for _, c in read))
    places = dict.fromkeys(c.hook_name for _, c in read if c.hook_name)
    where = f", read at {', '.join(map(code, places))}" if places else ""
    yield f"Looks for {concepts}{where}."
    yield table(STATES, [_state(row, check) for row, check in read])
    for title, header, lines in FOLDED:
        rows = [line for row, check in read for line in lines(row, check)]
        if rows:
            yield folded(title, table(header, rows))
    reasons = _reasons(read)
    if reasons:
        yield folded("Why, and notes", "\n".join(reasons))


def _excuse(check: CheckReading) -> Excuse | None:
    return suppression(check.suppressed) if check.suppressed and check.verdict == "flag" else None


def _state(row: CheckpointRow, check: CheckReading) -> tuple[str, ...]:
    believed = next((r for r in check.readings if r.name == check.reader), None)
    return (
        verdict_words(check.verdict, _excuse(check)),
        step_words(row),
        check.state or "reference",
        check.reader or (UNKNOWN if check.state is None else "none"),
        estimate_words(believed.change if believed else None, signed=True),
        probability(check.q_change),
        estimate_words(check.behaviour),
        estimate_words(check.behaviour_change, signed=True),
        "; ".join(doubts(check)) or UNKNOWN,
    )


def _readings(row: CheckpointRow, check: CheckReading) -> Iterator[tuple[str, ...]]:
    for index, probe in enumerate(check.readings):
        yield (
            step_words(row) if index == 0 else "",
            f"**{probe.name}**" if probe.name == check.reader else probe.name,
            estimate_words(probe.auroc),
            estimate_words(probe.events),
            estimate_words(probe.change, signed=True),
            estimate_words(probe.controls),
            _figure(probe.cosine),
            _share(probe.score_r2),
        )


def _gates(row: CheckpointRow, check: CheckReading) -> Iterator[tuple[str, ...]]:
    for index, gate in enumerate(check.gates):
        words = gate_words(gate.kind)
        of = f" of {gate.attribute}" if gate.attribute else ""
        yield (
            step_words(row) if index == 0 else "",
            verdict_words(gate.verdict),
            prose(f"{words.title}{of}"),
            gate.severity,
            estimate_words(gate.estimate, signed=words.signed),
            figure(gate.limit),
            probability(gate.p_value),
            probability(gate.q_value),
            estimate_words(gate.by_reader, signed=words.signed),
            probability(gate.alarm_p),
            probability(gate.level),
            probability(gate.second_p),
            ", ".join(map(prose, gate.second)) or UNKNOWN,
            gate.phase,
        )


def _drift(row: CheckpointRow, check: CheckReading) -> Iterator[tuple[str, ...]]:
    of = check.representation
    if of:
        yield (
            step_words(row),
            str(of.n),
            *map(_figure, (of.cka, of.procrustes, of.procrustes_chance, of.norm_ratio)),
        )


def _sae(row: CheckpointRow, check: CheckReading) -> Iterator[tuple[str, ...]]:
    of = check.sae
    if of:
        yield (
            step_words(row),
            _figure(of.here.explained_variance),
            _figure(of.reference.explained_variance),
            _share(of.kept),
            f"{of.here.l0:.3g}",
            f"{of.reference.l0:.3g}",
            "; ".join(map(prose, of.here.faults)) or UNKNOWN,
        )


def _weights(row: CheckpointRow, check: CheckReading) -> Iterator[tuple[str, ...]]:
    of = check.two_weights
    if of:
        shares: tuple[Estimate | None, ...] = (of.in_text, of.in_weights, of.reference_text)
        yield (
            step_words(row),
            *map(estimate_words, shares),
            figure(of.score, signed=True),
            figure(of.delta, signed=True),
        )


Lines = Callable[[CheckpointRow, CheckReading], Iterator[tuple[str, ...]]]

FOLDED: tuple[tuple[str, tuple[str, ...], Lines], ...] = (
    ("The three probes on every checkpoint", READINGS, _readings),
    ("Gates and the evidence for the alarm", GATES, _gates),
    ("How far the activations lie from the reference's", DRIFT, _drift),
    ("How well the reference's SAE describes each checkpoint", SAE, _sae),
    ("Its own text under two sets of weights", WEIGHTS, _weights),
)


def _reasons(read: Read) -> list[str]:
    """Why each state and verdict, said once for checkpoints in a row that share it."""
    said = [(row, tuple(_why(check))) for row, check in read]
    lines = []
    for why, run in groupby(said, key=lambda item: item[1]):
        rows = [row for row, _ in run]
        span = at(rows[0]) if len(rows) == 1 else f"{at(rows[0])} to {at(rows[-1])}"
        if why:
            lines.append(f"- {prose(span)}: {'; '.join(map(prose, why))}")
    return lines


def _why(check: CheckReading) -> Iterator[str]:
    if check.state_reason:
        yield f"{check.state}: {check.state_reason}"
    yield from dict.fromkeys([*check.reasons, *(gate.reason for gate in check.gates)])
    if check.suppressed:
        yield suppression(check.suppressed).sentence
    yield from (f"note: {note}" for note in check.notes)


def _figure(value: float | None) -> str:
    return UNKNOWN if value is None else figure(value)


def _share(value: float | None) -> str:
    return UNKNOWN if value is None else percent(value)
