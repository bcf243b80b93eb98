"""A series in words and figures, computed once for every renderer.

Joins what one gate found on each checkpoint to a line over steps, and says what came of it:
alarm, onset, lead, outlook. Strings may hold text from outside, as it came. Nothing is decided.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reports.parts import Estimate
from reports.record import Verdict
from reports.series import (
    CheckpointRow,
    CheckReading,
    GateReading,
    Lead,
    Onset,
    Outlook,
    Phase,
    SeriesReport,
    State,
    Stop,
    Track,
)
from reports.verdicts import WORST_FIRST
from reports.views.exits import SERIES, exit_meaning
from reports.views.standing import Excuse, excuse_of, rank_of, standing_of
from reports.views.wording import (
    UNKNOWN,
    GateWords,
    gate_words,
    hundredths,
    percent,
    probability,
)

LARGEST = 10**12
"""A step beyond it is none, and no axis can show it beside others."""

STOP_WORDS: dict[str, str] = {
    "alarm": "alarm",
    "not_measured": "could not be measured",
    "paused": "paused",
    "interrupted": "interrupted",
}


@dataclass(frozen=True)
class Point:
    """One checkpoint as one gate sees it.

    `x` is its training step, or its place in the series where some checkpoint has no step.
    `value` is what the gate holds against its limit, also where its interval is not kept.
    """

    x: float
    value: float | None
    row: CheckpointRow
    check: CheckReading | None
    gate: GateReading | None

    @property
    def rate(self) -> Estimate | None:
        """What the gate holds against its limit, by the probe that is believed."""
        return (self.gate.by_reader or self.gate.estimate) if self.gate else None

    @property
    def behaviour(self) -> Estimate | None:
        """How often the model visibly misbehaves."""
        return self.check.behaviour if self.check else None

    @property
    def state(self) -> State | None:
        """What became of the concept and of its monitor."""
        return self.check.state if self.check else None

    @property
    def phase(self) -> Phase:
        """How near the gate was to an alarm."""
        return self.gate.phase if self.gate else "not measured"


@dataclass(frozen=True)
class TrackView:
    """One gate over the series: a letter to call it by, its line, and sentences about it."""

    track: Track
    letter: str
    where: str
    title: str
    limit: str
    words: GateWords
    points: tuple[Point, ...]
    alarm: str
    verdict: Verdict
    sentences: tuple[str, ...]

    def alarmed(self, index: int) -> bool:
        """Whether the alarm was raised on that checkpoint."""
        return self.points[index].x == self.track.alarm_step

    @property
    def name(self) -> str:
        """`suite/check, firing rate`."""
        return f"{self.where}, {self.title}"


@dataclass(frozen=True)
class SeriesView:
    """A series as every renderer shows it, checkpoints and tracks in their order."""

    report: SeriesReport
    summary: str
    meaning: str
    stop: str | None
    stepped: bool
    tracks: tuple[TrackView, ...]
    checks: tuple[tuple[str, str], ...]

    def readings(self, key: tuple[str, str]) -> Iterator[tuple[CheckpointRow, CheckReading]]:
        """Every checkpoint on which the check of that suite and name was read."""
        for row in self.report.checkpoints:
            for check in row.checks:
                if (check.suite, check.check) == key:
                    yield row, check

    @property
    def broken(self) -> tuple[CheckpointRow, ...]:
        """Checkpoints that could not be audited."""
        return tuple(row for row in self.report.checkpoints if row.verdict == "error")


def view_series(report: SeriesReport) -> SeriesView:
    """Say a whole series."""
    rows = report.checkpoints
    read = [(check.suite, check.check) for row in rows for check in row.checks]
    followed = [(track.suite, track.check) for track in report.tracks]
    stepped = all(row.step is not None and abs(row.step) < LARGEST for row in rows)
    return SeriesView(
        report=report,
        summary=_summary(report),
        meaning=exit_meaning(report.exit_code, report.verdict, SERIES),
        stop=stop_sentence(report.stop) if report.stop else None,
        stepped=stepped,
        tracks=tuple(
            _view_track(track, letters(index), rows, stepped)
            for index, track in enumerate(report.tracks)
        ),
        checks=tuple(dict.fromkeys([*followed, *read])),
    )


def letters(index: int) -> str:
    """A, B, ... Z, AA, AB: what a track is called where its name has no room."""
    letter = chr(ord("A") + index % 26)
    return letter if index < 26 else letters(index // 26 - 1) + letter


def counted(rows: Sequence[CheckpointRow]) -> str:
    """`9 pass, 1 error`, worst first."""
    counts = Counter(row.verdict for row in rows)
    return ", ".join(f"{counts[word]} {word}" for word in WORST_FIRST if counts[word])


def compact(estimate: Estimate | None) -> str:
    """In hundredths, for a narrow column: `31 [24, 39]`."""
    if estimate is None:
        return UNKNOWN
    if estimate.low is None and estimate.high is None:
        return hundredths(estimate.value)
    low, high = ("?" if end is None else hundredths(end) for end in (estimate.low, estimate.high))
    return f"{hundredths(estimate.value)} [{low}, {high}]"


def step_words(row: CheckpointRow) -> str:
    """The training step, where it is known."""
    return UNKNOWN if row.step is None else str(row.step)


def at(row: CheckpointRow) -> str:
    """`step 600`, or the name of a checkpoint whose step is not known."""
    return row.name if row.step is None else f"step {row.step}"


def number(value: float) -> str:
    """A step that was estimated: whole from a hundred on."""
    whole = value == round(value) or abs(value) >= 100
    return f"{value:.0f}" if whole and abs(value) < 1e9 else f"{value:.3g}"


def doubts(check: CheckReading) -> tuple[str, ...]:
    """What speaks against taking the state as it stands."""
    said = []
    if check.state and not check.conclusive:
        said.append("intervals leave room for another state")
    if check.contradicted_by:
        said.append(f"contradicted by the {' and the '.join(check.contradicted_by)} probe")
    if check.controls_rose:
        said.append("control rows rose, too")
    return tuple(said)


def stop_sentence(stop: Stop) -> str:
    """Why, where, and where the weights are."""
    named = stop.step is None or str(stop.step) in stop.checkpoint
    where = stop.checkpoint if named else f"{stop.checkpoint}, step {stop.step}"
    unsaid = [track for track in stop.tracks if track not in stop.sentence]
    by = f"; by {', '.join(unsaid)}" if unsaid else ""
    kept = f"; the flagged weights are kept in {stop.kept}" if stop.kept else ""
    reason = f"{STOP_WORDS[stop.reason]} at {where} (on a flag: {stop.on_flag})"
    return f"{reason}: {stop.sentence}{by}{kept}"


@dataclass(frozen=True)
class Said:
    """What a check or a gate is called on a checkpoint, and why that does not gate."""

    verdict: Verdict
    excuse: Excuse | None


def gate_said(check: CheckReading, gate: GateReading) -> Said:
    """What a gate is called on one checkpoint."""
    excuse = excuse_of(gate.verdict, gates=gate.gates, suppressed=check.suppressed)
    return Said(gate.verdict, excuse)


def check_said(check: CheckReading) -> Said:
    """What a check is called on one checkpoint: what counts most in it, as in a single audit."""
    ranked = sorted(
        (rank_of(standing_of(one.verdict, one.excuse), one.verdict, gate.severity, gate.q_value), i)
        for i, gate in enumerate(check.gates)
        for one in [gate_said(check, gate)]
    )
    if not ranked:
        return Said(check.verdict, None)
    first = gate_said(check, check.gates[ranked[0][1]])
    if check.verdict == "error" and first.verdict != "error":
        return Said("error", None)
    return first


def _summary(report: SeriesReport) -> str:
    """`14 checkpoints: 1 error, 3 flag, 10 pass; 1 of 2 tracks raised an alarm`."""
    rows, tracks = report.checkpoints, report.tracks
    if not rows:
        return "no checkpoint was audited"
    said = f"{len(rows)} checkpoint{'' if len(rows) == 1 else 's'}: {counted(rows)}"
    if tracks:
        raised = sum(track.phase == "alarm" for track in tracks)
        of = f"{raised} of {len(tracks)} tracks" if len(tracks) > 1 else "1 track"
        said += f"; {of} raised an alarm" if raised else "; no alarm was raised"
    return f"{said}; partial, not for gating" if report.partial else said


def _view_track(
    track: Track, letter: str, rows: Sequence[CheckpointRow], stepped: bool
) -> TrackView:
    words = gate_words(track.kind)
    of = f" of {track.attribute}" if track.attribute else ""
    unit = "step" if stepped else "place"
    points = tuple(
        _point(float(row.step) if stepped and row.step is not None else index, row, track)
        for index, row in enumerate(rows)
    )
    return TrackView(
        track=track,
        letter=letter,
        where=f"{track.suite}/{track.check}",
        title=f"{words.title}{of}",
        limit=words.share(track.limit),
        words=words,
        points=points,
        alarm=_alarm(track, words, unit, points),
        verdict=_verdict(track, points),
        sentences=tuple(_sentences(track, words, unit)),
    )


def _point(x: float, row: CheckpointRow, track: Track) -> Point:
    check = next((c for c in row.checks if (c.suite, c.check) == (track.suite, track.check)), None)
    gates = check.gates if check else []
    which = (track.kind, track.attribute, track.limit)
    gate = next((g for g in gates if (g.kind, g.attribute, g.limit) == which), None)
    rate = (gate.by_reader or gate.estimate) if gate else None
    if rate:
        value: float | None = rate.value
    else:
        value = dict(zip(track.steps, track.rates, strict=False)).get(int(x))
    return Point(x, value, row, check, gate)


def _verdict(track: Track, points: Sequence[Point]) -> Verdict:
    """The sign beside a track: its alarm, else what its gate last said. No alarm is no pass."""
    if track.phase == "alarm":
        return "warn" if track.on_flag == "warn" else "flag"
    last = next((point.gate for point in reversed(points) if point.gate), None)
    if last is None:
        return "inconclusive"
    return "warn" if last.verdict == "flag" or track.phase.startswith("waiting") else last.verdict


def _undecided(points: Sequence[Point]) -> str:
    """On how many of the checkpoints that were read the gate could not be decided."""
    read = [point.gate for point in points if point.gate]
    open_ones = sum(gate.verdict == "inconclusive" for gate in read)
    return f"; not decided on {open_ones} of {len(read)} checkpoints" if open_ones else ""


def _alarm(track: Track, words: GateWords, unit: str, points: Sequence[Point]) -> str:
    """The phase in one sentence."""
    limit = f"its limit of {words.share(track.limit)}"
    since = "" if track.first_exceeded is None else f" since {unit} {track.first_exceeded}"
    audits = "one audit" if track.patience == 1 else f"{track.patience} audits in a row"
    sentences: dict[Phase, str] = {
        "alarm": f"{limit} exceeded{since}, at {audits}, with a second signal; this happens "
        f"to a run that stays below it with a chance of at most {percent(track.alpha)}",
        "quiet": f"not shown to lie above {limit}{_undecided(points)}",
        "warming up": f"nothing is tested before step {track.warmup}",
        "waiting for patience": f"{limit} exceeded{since}; an alarm asks for {audits}",
        "waiting for a second signal": f"{limit} exceeded{since}, at {audits}, and no second "
        "signal bears it out",
        "not measured": "no audit could be held against the limit",
    }
    step = f" at {unit} {track.alarm_step}" if track.alarm_step is not None else ""
    return f"{track.phase}{step}: {sentences[track.phase]}"


def _sentences(track: Track, words: GateWords, unit: str) -> Iterator[str]:
    if track.onset:
        yield f"onset: {_onset(track.onset, words, 'the rate', unit)}"
    if track.behaviour_onset:
        share = gate_words("firing_rate")
        yield f"behaviour: {_onset(track.behaviour_onset, share, 'visible misbehaviour', unit)}"
    if track.lead:
        yield f"lead: {_lead(track.lead, unit)}"
    if track.outlook:
        yield f"outlook: {_outlook(track.outlook, words, unit)}"
    if track.blind:
        steps = ", ".join(map(str, track.blind))
        yield f"blind: no probe could be believed at {_plural(unit, track.blind)} {steps}"


def _onset(onset: Onset, words: GateWords, what: str, unit: str) -> str:
    p = f"p = {probability(onset.p)}"
    if not onset.found or onset.step is None:
        return f"none; a rise of {what} cannot be told from chance ({p})"
    kind = {"step": ", at once", "ramp": ", gradually", None: ""}[onset.kind]
    between = ""
    if onset.low is not None and onset.high is not None:
        between = f" ({number(onset.low)} to {number(onset.high)}, {percent(onset.confidence)})"
    height = ""
    if onset.before is not None and onset.after is not None:
        height = f", from {words.share(onset.before)} to {words.share(onset.after)}"
    return f"{what} rises at {unit} {number(onset.step)}{between}{kind}{height}; {p}"


def _lead(lead: Lead, unit: str) -> str:
    interval = f"{number(lead.low)} to {number(lead.high)}, {percent(lead.confidence)}"
    if lead.low > 0:
        return f"the monitor comes {number(lead.value)} {unit}s before behaviour ({interval})"
    if lead.high < 0:
        return f"the monitor comes {number(-lead.value)} {unit}s after behaviour ({interval})"
    return f"{number(lead.value)} {unit}s ({interval}): neither is shown to come first"


def _outlook(outlook: Outlook, words: GateWords, unit: str) -> str:
    forecasts = []
    for name, prediction in (("trend", outlook.trend), ("persistence", outlook.persistence)):
        low, high = hundredths(prediction.low), words.share(prediction.high)
        forecasts.append(f"{name} says {words.share(prediction.rate)} ({low} to {high})")
    jump = (
        f"chance of a jump before it {percent(outlook.hazard)}, against "
        f"{percent(outlook.base_hazard)} over the run so far"
    )
    warned = (
        f"WARNING, that is not below {percent(outlook.limit)}"
        if outlook.warning
        else f"no warning below {percent(outlook.limit)}"
    )
    jumps = ", ".join(map(number, outlook.change_points))
    seen = f"; jumps so far at {_plural(unit, outlook.change_points)} {jumps}" if jumps else ""
    covered = (
        "" if outlook.coverage is None else f"; its intervals held {percent(outlook.coverage)}"
    )
    return (
        f"for {unit} {number(outlook.step)} the {' and '.join(forecasts)}; {jump} ({warned})"
        f"{seen}; such forecasts on this run: {outlook.skill}{covered}"
    )


def _plural(word: str, things: Sequence[object]) -> str:
    return word if len(things) == 1 else f"{word}s"
