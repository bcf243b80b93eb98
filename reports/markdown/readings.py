"""One check of a series as Markdown: its state on every checkpoint and what that rests on.

The states stand open; readings, gates, drift and reasons are folded. Where room is short the
checkpoints that matter least lose their lines first. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from reports.markdown.check import verdict_words
from reports.markdown.pieces import Piece
from reports.markdown.text import code, folding, prose, table, table_row
from reports.parts import Estimate
from reports.series import CheckpointRow, CheckReading
from reports.views.series import SeriesView, at, check_said, doubts, gate_said, step_words
from reports.views.standing import suppression
from reports.views.wording import UNKNOWN, estimate_words, figure, gate_words, percent, probability

Read = list[tuple[CheckpointRow, CheckReading]]
# Lines of one checkpoint, and how little it matters: 0 for the most.
Ranked = list[tuple[int, str]]

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


def check_section(
    view: SeriesView, key: tuple[str, str], order: Sequence[int], first: int, index: int
) -> Iterator[Piece]:
    """One check over the whole series.

    `order` says for each checkpoint how little it matters, `first` is the rank of the section;
    its states, its folded tables and its reasons come in the ranks after that. `index` is the
    place of the check among the others.
    """
    places_of = {id(row): rank for row, rank in zip(view.report.checkpoints, order, strict=True)}
    read = list(view.readings(key))
    ranks = [places_of[id(row)] for row, _ in read]
    section = (first, index)
    title = f"## {code('/'.join(key), 250)}\n\n"
    if not read:
        yield Piece(f"{title}It could be read on no checkpoint.\n\n", section, "check")
        return
    yield Piece(f"{title}{_about(read)}\n\n{table(STATES, [])}\n", section, "check")
    for rank, (row, check) in zip(ranks, read, strict=True):
        line = table_row(_state(row, check))
        yield Piece(f"{line}\n", (first + 1, rank, index), "state")
    yield Piece("\n", section)
    for fold, (name, what, header, lines) in enumerate(FOLDED):
        rows = [
            (rank, "\n".join(map(table_row, told)))
            for rank, (row, check) in zip(ranks, read, strict=True)
            if (told := list(lines(row, check)))
        ]
        yield from _folded(name, table(header, []), rows, (first + 2 + fold, index), what)
    reasons = _reasons(read, ranks)
    yield from _folded("Why, and notes", "", reasons, (first + 2 + len(FOLDED), index), "reason")


def _folded(
    title: str, header: str, rows: Ranked, rank: tuple[int, int], what: str
) -> Iterator[Piece]:
    """A folded part that loses its lines one by one, the last together with the fold."""
    if not rows:
        return
    opening, closing = folding(title)
    fold, index = rank
    first = (fold, min(place for place, _ in rows), index)
    yield Piece(f"{opening}{header}{chr(10) if header else ''}", first)
    for place, text in rows:
        yield Piece(f"{text}\n", (fold, place, index), what)
    yield Piece(f"{closing}\n\n", first)


def _about(read: Read) -> str:
    concepts = ", ".join(code(concept) for concept in dict.fromkeys(c.concept for _, c in read))
    places = dict.fromkeys(c.hook_name for _, c in read if c.hook_name)
    where = f", read at {', '.join(map(code, places))}" if places else ""
    return f"Looks for {concepts}{where}."


def _state(row: CheckpointRow, check: CheckReading) -> tuple[str, ...]:
    believed = next((r for r in check.readings if r.name == check.reader), None)
    said = check_said(check)
    return (
        verdict_words(said.verdict, said.excuse),
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
            verdict_words(gate.verdict, gate_said(check, gate).excuse),
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

# A title, what a reader loses with a checkpoint's lines, the head of the table, and its lines.
FOLDED: tuple[tuple[str, str, tuple[str, ...], Lines], ...] = (
    ("The three probes on every checkpoint", "probe reading", READINGS, _readings),
    ("Gates and the evidence for the alarm", "gate reading", GATES, _gates),
    ("How far the activations lie from the reference's", "drift reading", DRIFT, _drift),
    ("How well the reference's SAE describes each checkpoint", "SAE reading", SAE, _sae),
    ("Its own text under two sets of weights", "two-weights reading", WEIGHTS, _weights),
)


def _reasons(read: Read, ranks: Sequence[int]) -> Ranked:
    """Why each state and verdict, said once for checkpoints in a row that share it."""
    said = [(row, tuple(_why(check)), rank) for (row, check), rank in zip(read, ranks, strict=True)]
    lines = []
    for why, run in groupby(said, key=lambda item: item[1]):
        items = list(run)
        rows = [row for row, _, _ in items]
        span = at(rows[0]) if len(rows) == 1 else f"{at(rows[0])} to {at(rows[-1])}"
        if why:
            line = f"- {prose(span)}: {'; '.join(map(prose, why))}"
            lines.append((min(rank for _, _, rank in items), line))
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
