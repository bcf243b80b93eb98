"""Which alarms of a watch are new, and that each is acted on once.

An alarm is told by its tracks: what was raised stays raised until somebody acknowledges it,
whatever comes after. It is written down before anything is done about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from audit.engine.measuring import Talk
from audit.series.actions import (
    STOP_FILE,
    Actions,
    run_command,
    stop_file_of,
    write_stop_file,
)
from audit.series.assembly import stop_of
from audit.series.remembered import Alarm, Memory, key_of, remember
from reports.series import CheckpointRow, Stop, Track

REPORT = "report.json"
BEGUN = "was begun, and how it ended is not known"


@dataclass(frozen=True)
class Place:
    """Where a watch acts.

    Attributes:
        folder: of the checkpoints.
        out: of the watch.
        actions: what is to be done.
        talk: where it is told.
    """

    folder: Path
    out: Path
    actions: Actions
    talk: Talk


def act(
    memory: Memory, rows: Sequence[CheckpointRow], tracks: Sequence[Track], place: Place
) -> Memory:
    """Act on the alarms that are new; what is remembered after it.

    Args:
        memory: what was raised and done before.
        rows: of the series.
        tracks: of its record.
        place: where, and what.
    """
    new = [one for one in tracks if one.alarm_step is not None and not memory.raised(one)]
    for of in ([t for t in new if t.on_flag != "warn"], [t for t in new if t.on_flag == "warn"]):
        if (stop := stop_of(rows, of)) is None:
            continue
        place.talk.say(f"{stop.checkpoint}: alarm ({stop.on_flag}): {stop.sentence}")
        alarm = Alarm(stop=stop, tracks=[key_of(track) for track in of])
        memory = _kept(memory, len(memory.alarms), alarm, place)
    return finish_acts(memory, place)


def finish_acts(memory: Memory, place: Place) -> Memory:
    """Do what is asked on every alarm that binds and was not done; no command is run twice."""
    for index, alarm in enumerate(memory.alarms):
        if not alarm.binding:
            continue
        if place.actions.stop_file and not alarm.stop_file:
            alarm = _stop_file(memory, alarm, place)
            memory = _kept(memory, index, alarm, place)
        if place.actions.command and not alarm.command:
            begun = {"command": list(place.actions.command), "outcome": BEGUN}
            alarm = alarm.model_copy(update=begun)
            memory = _kept(memory, index, alarm, place)
            outcome = "was interrupted"
            try:
                outcome = _command(alarm.stop, place)
            finally:
                alarm = alarm.model_copy(update={"outcome": outcome})
                memory = _kept(memory, index, alarm, place)
    return memory


def acknowledge(memory: Memory, step: int, place: Place) -> Memory:
    """Let the run go on after its alarms; our STOP.json goes with them."""
    alarms = [one.model_copy(update={"acknowledged": True}) for one in memory.alarms]
    steps = [*memory.acknowledged, step]
    memory = memory.model_copy(update={"alarms": alarms, "acknowledged": steps})
    remember(place.out, memory)
    place.talk.say(f"begun again after a pause: what alarmed up to step {step} is acknowledged")
    if stop_file_of(place.folder) == memory.watch:
        (place.folder / STOP_FILE).unlink(missing_ok=True)
        place.talk.say(f"{place.folder / STOP_FILE} is removed")
    return memory


def notes_of(memory: Memory) -> tuple[str, ...]:
    """What was done, for the record."""
    return tuple(
        f"on the alarm at {alarm.stop.checkpoint}: the command {' '.join(alarm.command)!r} "
        f"{alarm.outcome}"
        for alarm in memory.alarms
        if alarm.command
    )


def stale_stop_file(folder: Path, memory: Memory) -> str | None:
    """What is to be said of a STOP.json that this watch did not write; None without one."""
    if stop_file_of(folder) in (None, memory.watch):
        return None
    return (
        f"{folder / STOP_FILE} was there when the watch began and is not of it: it is left "
        f"alone, and a trainer that looks for it will stop; remove it if it is of an earlier run"
    )


def _kept(memory: Memory, index: int, alarm: Alarm, place: Place) -> Memory:
    alarms = [*memory.alarms[:index], alarm, *memory.alarms[index + 1 :]]
    memory = memory.model_copy(update={"alarms": alarms})
    remember(place.out, memory)
    return memory


def _stop_file(memory: Memory, alarm: Alarm, place: Place) -> Alarm:
    moved = write_stop_file(place.folder, alarm.stop, place.out / REPORT, memory.watch)
    if moved is not None:
        place.talk.say(f"the {STOP_FILE} that was there is now {moved}")
    place.talk.say(f"{place.folder / STOP_FILE} is written")
    return alarm.model_copy(update={"stop_file": True})


def _command(stop: Stop, place: Place) -> str:
    command = place.actions.command
    place.talk.say(f"running {' '.join(command)}")
    file = place.folder / STOP_FILE if place.actions.stop_file else None
    outcome = run_command(command, stop, place.out / REPORT, file)
    place.talk.say(f"{' '.join(command)}: {outcome}")
    return outcome
