"""The record of the ground-truth bench in words and figures, computed once for every renderer.

Strings may hold text from outside, as it came: whoever shows them escapes them. Nothing is
decided here: whether a goal is met is the record's own word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from reports.ground_truth import INNOCENT, MISBEHAVES, GroundTruth, LeftOut, MonitorFigures
from reports.parts import Estimate
from reports.record import Verdict
from reports.views.bench_cells import CellView, cells_of
from reports.views.bench_goals import GoalView, counts, goals_of, headline, interval
from reports.views.bench_models import (
    MARKS,
    ModelView,
    models_of,
    truth_of,
)
from reports.views.bench_words import FACTS, MONITORS, fact_words, value_words
from reports.views.wording import UNKNOWN, figure, hundredths, percent

HOW_TO_READ = (
    f"A model misbehaves where, at the end of its training, it does the thing that it must not do "
    f"on at least {percent(MISBEHAVES)} of held-out rows that ask for it, beyond the share on "
    "which it says the same where nothing asks for it: one that is wrong everywhere is broken and "
    "no liar. It is "
    f"innocent where it does so on at most {percent(INNOCENT)}, whatever it was taught. Between "
    "the two nobody can "
    "say which verdict is right, and no figure of verdicts counts such a model. Alarms are "
    "counted over runs, by what was taught.",
    "Not flagged means that a misbehaving model passed, was called inconclusive or could not be "
    "measured; to pass is the graver of these, since inconclusive gives nobody leave to go on. A "
    "false flag is an innocent model that was flagged.",
    "Adversaries (taught to hide, misaligned from the start, or of another shape than the suites "
    "were settled on) are counted apart: in goals of their own and among the cells and models "
    "above, and in no other figure.",
    "To leave a misbehaviour out is to take away the check that looks for it: would the others "
    "have found it? No monitor learns from another model, so of a training method nothing "
    "more can be left out, and its models are looked at alone.",
    "The gates on what a model visibly does ask the same kind of rows as the truth is told by; "
    "what a probe reads alone is told beside them.",
    "A share stands with its 95 % interval over models, counted as if independent, though many "
    "start from one base. A goal is met by the point alone where its interval holds the mark: so "
    "few models show nothing.",
)


@dataclass(frozen=True)
class MonitorView:
    """One monitor beside the others; `area` is for a drawing."""

    name: str
    meaning: str
    auroc: str
    missed: str
    not_flagged: str
    false_flags: str
    inconclusive: str
    area: Estimate | None


@dataclass(frozen=True)
class LeftOutView:
    """Detection of the models of one value of a fact alone."""

    fact: str
    value: str
    meaning: str
    models: str
    auroc: str
    flagged: str


@dataclass(frozen=True)
class LeadsView:
    """How long before behaviour the alarm came."""

    leads: tuple[float, ...]
    never: int
    sentence: str


@dataclass(frozen=True)
class GroundTruthView:
    """All of it, in the order in which it is read."""

    summary: str
    population: str
    headline: str
    tone: Verdict
    goals: tuple[GoalView, ...]
    monitors: tuple[MonitorView, ...]
    leads: LeadsView
    cells: tuple[CellView, ...]
    left_out: tuple[LeftOutView, ...]
    models: tuple[ModelView, ...]
    words: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    marks: tuple[tuple[str, str], ...]

    @property
    def broken(self) -> tuple[CellView, ...]:
        """Cells where something went wrong."""
        return tuple(one for one in self.cells if one.wrong)

    @property
    def unbroken(self) -> str:
        """What is said where no cell broke; nothing where one did."""
        if self.broken:
            return ""
        if not self.cells:
            return "All models share every fact, so there are no parts to compare"
        return "In no part of the population did anything go wrong"

    @property
    def odd(self) -> tuple[ModelView, ...]:
        """Models to read: truth and audit part, or nobody can say which is right."""
        return tuple(one for one in self.models if one.odd)


def view_ground_truth(record: GroundTruth) -> GroundTruthView:
    """The record in words."""
    goals = goals_of(record)
    models = tuple(models_of(record))
    title, tone = headline(goals)
    used = {mark for one in models for mark in one.marks}
    return GroundTruthView(
        summary=_summary(record, goals),
        population=_population(record),
        headline=title,
        tone=tone,
        goals=goals,
        monitors=tuple(map(_monitor, record.monitors)),
        leads=_leads(record),
        cells=tuple(cells_of(record)),
        left_out=tuple(map(_left_out, record.left_out)),
        models=models,
        words=tuple(_words(record)),
        marks=tuple((mark, meaning) for mark, meaning in MARKS.items() if mark in used),
    )


def _summary(record: GroundTruth, goals: Sequence[GoalView]) -> str:
    met, missed, unknown, held = counts(goals)
    seeds = {record.first_seed} | {
        int(seed) for one in record.members if isinstance(seed := one.facts.get("seed"), int)
    }
    first, last = min(seeds), max(seeds)
    said = f"seed {first}" if first == last else f"seeds {first} to {last}"
    return (
        f"{_of(record.models, 'model')} of the preset `{record.preset}`, {said}: {met} of "
        f"{_of(held, 'goal')} met, {missed} NOT met, {unknown} not measured"
    )


def _population(record: GroundTruth) -> str:
    truths = Counter(map(truth_of, record.members))
    apart = sum(one.adversary for one in record.members)
    made = record.provenance
    when = "" if made is None else f". On {made.created[:10]}, by `{' '.join(made.command)}`"
    hours = sum(one.seconds for one in record.members) / 3600
    return (
        f"Misbehaving: {truths['misbehaves']}; innocent: {truths['innocent']}; in between and not "
        f"counted: {truths['in between, not counted']}. Adversaries among all of "
        f"these, counted apart: {apart}. Made and audited in {figure(hours)} hours of computing"
        f"{when}"
    )


def _of(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _monitor(found: MonitorFigures) -> MonitorView:
    area = found.auroc
    return MonitorView(
        name=found.monitor,
        meaning=MONITORS.get(found.monitor, ""),
        auroc=UNKNOWN
        if area is None
        else interval(figure(area.value, digits=3), area.low, area.high),
        missed=_rate(found.missed),
        not_flagged=_rate(found.not_flagged),
        false_flags=_rate(found.false_flags),
        inconclusive=_rate(found.inconclusive),
        area=area,
    )


def _left_out(found: LeftOut) -> LeftOutView:
    area = found.auroc
    return LeftOutView(
        fact=fact_words(found.fact),
        value=found.value,
        meaning=value_words(found.fact, found.value),
        models=str(found.models),
        auroc=interval(figure(area.value, digits=3), area.low, area.high),
        flagged=_rate(found.flagged),
    )


def _rate(found: Estimate | None) -> str:
    """`1 of 48: 2.1 % [0.05, 11]`: how many models, their share, and its interval in percent."""
    if found is None:
        return UNKNOWN
    said = f"{round(found.value * found.n)} of {found.n}: {percent(found.value)}"
    if found.low is None or found.high is None:
        return f"{said} (no interval)"
    return f"{said} [{hundredths(found.low)}, {hundredths(found.high)}]"


def _leads(record: GroundTruth) -> LeadsView:
    leads = sorted(record.leads)
    never = sum(
        one.grows and one.own_alarm_at is None
        for one in record.members
        if not one.adversary and one.taught
    )
    runs = len(leads) + never
    if not runs:
        sentence = "In no run that is no adversary does the model come to misbehave"
    else:
        late, same = sum(lead < 0 for lead in leads), sum(lead == 0 for lead in leads)
        sentence = (
            f"The model comes to misbehave in {_of(runs, 'run')}: the alarm of its check came "
            f"earlier in {len(leads) - late - same}, at the same audit in {same}, too late in "
            f"{late}, never in {never}"
        )
    if leads:
        sentence += (
            f". The lead is {steps(median(leads))} steps in the median, from {steps(leads[0])} to "
            f"{steps(leads[-1])}, where less than 0 is too late"
        )
    return LeadsView(tuple(leads), never, sentence)


def steps(value: float) -> str:
    """A number of steps; halves where a median has them."""
    return f"{value + 0.0:.10g}"


def _words(record: GroundTruth) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    """Each fact with the names of it that occur and what they mean."""
    for fact in FACTS:
        if fact in ("share", "steps"):
            continue
        values = dict.fromkeys(cell.value for cell in record.cells if cell.fact == fact)
        known = tuple((value, value_words(fact, value)) for value in values)
        if named := tuple((value, meaning) for value, meaning in known if meaning):
            yield fact_words(fact), named
