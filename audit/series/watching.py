"""The loop of a watch: look, audit what became complete, write the report, heed an alarm, wait.

Everything that is known is on disk before the next step is taken, so that a watch may end at
any moment and the same command goes on: rows in OUT/checkpoints, the reference in
OUT/reference, the rest in OUT/watch.json. Which verdict and which alarm there is, is decided
in `assembly`; this decides only when to look and when to end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from audit.engine.assembly import Options
from audit.engine.measuring import Talk
from audit.engine.opening import SuiteSource
from audit.engine.run_dir import write_status
from audit.errors import MeasurementError, NothingToAuditError, UsageError
from audit.exit_codes import ExitCode
from audit.series.actions import Actions
from audit.series.alarms import (
    REPORT,
    Place,
    acknowledge,
    act,
    finish_acts,
    notes_of,
    stale_stop_file,
)
from audit.series.assembly import broken_row
from audit.series.beginning import Beginning, begin_watch
from audit.series.checkpoints import Checkpoint, in_order
from audit.series.flagged import left_before
from audit.series.following import audit_checkpoint, write_series
from audit.series.growing import Growing, Look
from audit.series.origin import Series, open_checks
from audit.series.places import (
    SeriesFolder,
    begin_in,
    must_be_held_against,
    series_folder,
    start_over,
)
from audit.series.remembered import Memory, Seen, recall, remember
from audit.series.steps import natural
from audit.series.stored_rows import folder_name, kept_row
from audit.series.tracks import steps_of
from reports.read import ReportError, read_record
from reports.series import CheckpointRow, SeriesReport


@dataclass(frozen=True)
class Asked:
    """What is to be watched, for how long, and what is done on an alarm.

    Attributes:
        folder: to which the run adds checkpoints.
        out: folder of the watch.
        reference: what the user calls the reference; the first that can be audited if None.
        base: the model that adapters go on, above what they name.
        poll: seconds between two looks.
        seconds: after which it ends; None without such an end, 0 for what is there now.
        until_step: it ends once a checkpoint of this step or a later one is done with.
        keep_going: an alarm does not end it.
        actions: what an alarm does.
    """

    folder: Path
    out: Path
    reference: str | None = None
    base: str | None = None
    poll: float = 10.0
    seconds: float | None = None
    until_step: int | None = None
    keep_going: bool = False
    actions: Actions = field(default_factory=Actions)


def watch(
    sources: Sequence[SuiteSource],
    asked: Asked,
    *,
    options: Options | None = None,
    talk: Talk | None = None,
    wait: Callable[[float], None] = time.sleep,
    fresh: bool = False,
) -> SeriesReport:
    """Audit every checkpoint of a growing folder; the record as it stands at the end.

    Args:
        sources: suites.
        asked: what is watched and until when.
        options: as of a single run.
        talk: where progress goes.
        wait: passes the seconds between two looks.
        fresh: start over whatever lies in the folder of the watch.

    Raises:
        SuiteError: mistakes in a suite or its data.
        UsageError: a folder or an option that cannot be had, or another watch is at work.
        NothingToAuditError: it ended and no checkpoint had come.
        MeasurementError: the reference that was named cannot be audited, or none of the
            checkpoints that came can be one.
        KeyboardInterrupt: it was interrupted before there was anything to report.
    """
    options, talk = options or Options(), talk or Talk()
    if not asked.folder.is_dir():
        raise UsageError(f"there is no folder {asked.folder} to watch; make it before the run")
    if asked.out.resolve() == asked.folder.resolve():
        raise UsageError(
            f"{asked.out} is the folder of the checkpoints, where the report would be taken for "
            f"one: name another folder with -o"
        )
    opened, selected = open_checks(sources, options)
    with series_folder(asked.out, opened, selected, options, fresh=fresh, say=talk.say) as place:
        must_be_held_against(place, asked.reference)
        start_over(place)
        beginning = Beginning(
            opened, selected, place.options, asked.out, talk, asked.reference, asked.base
        )
        return _Watching(asked, beginning, wait, place).run()


class _Watching:
    """One watch from its beginning to its end."""

    def __init__(
        self,
        asked: Asked,
        beginning: Beginning,
        wait: Callable[[float], None],
        held: SeriesFolder,
    ) -> None:
        self.asked, self.beginning, self.wait, self.held = asked, beginning, wait, held
        self.talk = beginning.talk
        self.memory: Memory = recall(asked.out, asked.folder)
        self.growing = Growing(asked.folder, asked.out, asked.base)
        self.rows: dict[str, CheckpointRow] = {}
        self.series: Series | None = None
        self.report: SeriesReport | None = None
        self.notes: tuple[str, ...] = left_before(asked.out)
        self.place = Place(asked.folder, asked.out, asked.actions, self.talk)

    def run(self) -> SeriesReport:
        """Go round until an end comes."""
        if stale := stale_stop_file(self.asked.folder, self.memory):
            self.talk.say(stale)
            self.notes += (stale,)
        if (ended := self._stood()) is not None:
            return ended
        started = time.monotonic()
        try:
            if self.asked.reference is not None:
                self._begin(self.growing.found()[0], ())
            while not self._round():
                left = self._left(started)
                if left <= 0:
                    self._finish()
                    break
                self.wait(min(self.asked.poll, left))
            return self._write("complete")
        except KeyboardInterrupt:
            if self.series is None:
                raise
            self.talk.say("interrupted; the same command goes on from here")
            return self._write("interrupted")

    def _stood(self) -> SeriesReport | None:
        """The record as it was, where an earlier watch ended on an alarm that stands."""
        alarm = self.memory.stands
        if alarm is None or alarm.stop.on_flag == "pause" or self.asked.keep_going:
            return None
        self.memory = finish_acts(self.memory, self.place)
        try:
            record = read_record(self.asked.out / REPORT)
        except ReportError:
            return None
        if not isinstance(record, SeriesReport) or record.exit_code == ExitCode.INTERRUPTED:
            return None
        self.talk.say(
            f"the alarm at {alarm.stop.checkpoint} stands: {alarm.stop.sentence}; to audit what "
            f"came after it give --keep-going, to begin anew name another folder with -o"
        )
        facts = {"verdict": record.verdict, "exit_code": record.exit_code}
        write_status(self.asked.out, "complete", **facts)
        return record

    def _left(self, started: float) -> float:
        """Seconds until the end."""
        last = self.asked.until_step
        if last is not None and any((row.step or 0) >= last for row in self.rows.values()):
            return 0.0
        if self.asked.seconds is None:
            return float("inf")
        return self.asked.seconds - (time.monotonic() - started)

    def _round(self) -> bool:
        """Look once and audit what is ready; whether an alarm ends the watch."""
        look = self.growing.look()
        self._see(look)
        for checkpoint in look.new:
            again = " again" if checkpoint.name in self.rows else ""
            at_first = self.growing.looks[checkpoint.name]
            state = "there" if at_first.complete else f"being written ({at_first})"
            self.talk.say(f"{checkpoint.name}: {state}{again}")
        if self.series is None:
            self._begin(look.found, look.ready)
        if self.series is None:
            return False
        self._name_lost(look)
        if self._heed():
            return True
        for checkpoint in look.ready:
            if checkpoint.name not in self.growing.looks:  # the broken before the reference
                continue
            self.talk.say(f"{checkpoint.name}: complete, auditing")
            row = audit_checkpoint(self.series, checkpoint)
            self.growing.settle(checkpoint)
            gone = checkpoint.folder is not None and not checkpoint.folder.is_dir()
            if gone and not row.checks and checkpoint.name in self.rows:
                continue  # what was audited and then deleted keeps its row
            if self._put(row):
                self.talk.say(f"{checkpoint.name}: {row.verdict}")
                self._write()
                if self._heed():
                    return True
        return False

    def _see(self, look: Look) -> None:
        """Remember what is there."""
        seen = {one.name: one for one in self.memory.seen}
        for checkpoint in (*look.found, *(one for one, _ in look.refused.values())):
            before = seen.get(checkpoint.name)
            reason = None if before is None else before.reason
            seen[checkpoint.name] = Seen(**asdict(checkpoint), reason=reason)
        self._remember(self.memory.model_copy(update={"seen": list(seen.values())}))

    def _name_lost(self, look: Look) -> None:
        """Rows for what cannot be placed, and for what was there and is gone unaudited."""
        lost = [broken_row(checkpoint, reason) for checkpoint, reason in look.refused.values()]
        there = {one.name for one in look.found} | look.refused.keys() | self.rows.keys()
        for one in self.memory.seen:
            if one.name not in there:
                gone = one.reason or (
                    f"{one.source} was deleted before it could be audited with these suites and "
                    f"options"
                )
                lost.append(broken_row(one.checkpoint, gone))
        changed = [self._put(row) for row in lost]
        if any(changed):
            self._write()

    def _put(self, row: CheckpointRow) -> bool:
        """Take over a row; whether it is another than the one that was there."""
        if self.rows.get(row.name) == row:
            return False
        self.rows[row.name] = row
        reason = row.reasons[0] if row.verdict == "error" and row.reasons else None
        if reason is not None and not row.checks:
            self.talk.say(f"{row.name}: error, {reason}")
        seen = [
            one.model_copy(update={"reason": reason}) if one.name == row.name else one
            for one in self.memory.seen
        ]
        self._remember(self.memory.model_copy(update={"seen": seen}))
        return True

    def _remember(self, memory: Memory) -> None:
        if memory != self.memory:
            self.memory = memory
            remember(self.asked.out, memory)

    def _begin(self, found: Sequence[Checkpoint], ready: Sequence[Checkpoint]) -> None:
        self.series, broken = begin_watch(self.beginning, found, ready)
        for row in broken:
            self._put(row)
        for checkpoint in ready:
            if checkpoint.name in {row.name for row in broken}:
                self.growing.settle(checkpoint)
        if self.series is not None:
            begin_in(self.held, self.series)
            self._take_up()

    def _take_up(self) -> None:
        """The rows that an earlier watch left, and whether its alarm was one to pause on."""
        assert self.series is not None
        for one in self.memory.seen:
            folder = self.asked.out / "checkpoints" / folder_name(one.name)
            row = kept_row(folder, one.checkpoint, key=self.series.key)
            if row is not None and one.reason is None:
                self.rows[one.name] = row
        rows = self._ordered()
        alarm = self.memory.stands
        if alarm is not None and alarm.stop.on_flag == "pause" and rows:
            step = steps_of(rows)[-1]
            self._remember(acknowledge(self.memory, step, self.place))
        if rows:
            self._write()

    def _heed(self) -> bool:
        """Act on alarms that are new; whether one ends the watch."""
        if self.report is None:
            return False
        memory = act(self.memory, self._ordered(), self.report.tracks, self.place)
        if memory != self.memory:
            self.memory = memory
            self._write()
        return self.memory.stands is not None and not self.asked.keep_going

    def _finish(self) -> None:
        """Give what had one look another; the rest is still being written."""
        if self.growing.waiting:
            self.wait(self.asked.poll)
            if self._round():
                return
        checkpoints = {one.name: one.checkpoint for one in self.memory.seen}
        late = sorted(self.growing.waiting, key=natural)
        for name, look in self.growing.looks.items():
            if name not in self.growing.waiting and not look.complete:
                self._put(broken_row(checkpoints[name], str(look)))
        if self.series is None:
            reasons = "; ".join(row.reasons[0] for row in self.rows.values())
            if not reasons:
                raise NothingToAuditError(f"{self.asked.folder} holds no checkpoint as yet")
            raise MeasurementError(f"no checkpoint of the series can be audited: {reasons}")
        if late:
            self.notes += (f"not audited, since it came at the end: {', '.join(late)}",)

    def _write(self, status: str = "running") -> SeriesReport:
        """The record as it stands, in every format."""
        assert self.series is not None
        alarm = self.memory.stands
        self.report = write_series(
            self.series,
            self._ordered(),
            interrupted=status == "interrupted",
            notes=(*self.notes, *notes_of(self.memory)),
            acknowledged=self.memory.acknowledged,
            stood=None if alarm is None else alarm.stop,
            status=status,
        )
        return self.report

    def _ordered(self) -> list[CheckpointRow]:
        seen = sorted((one.checkpoint for one in self.memory.seen), key=lambda c: natural(c.name))
        return [self.rows[one.name] for one in in_order(seen) if one.name in self.rows]
