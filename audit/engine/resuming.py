"""A folder that may hold an earlier run: is it of the same request, and how far did it come?

The same request goes on where it stopped, or is answered from what is there; another is refused
with what differs. Decides what is to be done in a folder, and measures and writes nothing of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audit.engine.journal import Event, Journal, append, read, start
from audit.engine.request import Request, has_identity
from audit.engine.unlike import differences
from audit.errors import UsageError
from reports.read import REPORT_FILE

MEND = "give --fresh (fresh=True) to start over, or name another folder (-o, or out=)"
_MEASURED = frozenset({"manifest.json", "scores.parquet", REPORT_FILE})
"""What every complete run has saved; the journal of one that does not say so is not whole."""
_TOLD = "damage told"
_PROOF = (REPORT_FILE, "manifest.json", "rows.jsonl")  # of a run, also one without a journal

Names = Mapping[str, str | None]


@dataclass(eq=False)
class RunFolder:
    """A folder that this process holds.

    Attributes:
        path: where it is.
        fresh: whether what is there is to be started over.
        journal: as it was found.
        say: told in a sentence how it goes on.
        begun: whether this process has begun to write to it.
    """

    path: Path
    fresh: bool = False
    journal: Journal = field(default_factory=Journal)
    say: Callable[[str], None] = lambda sentence: None
    begun: bool = False

    @property
    def begin(self) -> Event | None:
        """How the run that is there began."""
        return next((e for e in reversed(self.journal.events) if e.name == "begin"), None)

    @property
    def asked(self) -> Request:
        """What was asked in it, as far as an earlier attempt had come to know."""
        return {} if self.begin is None else self.begin.facts["asked"]

    @property
    def since(self) -> tuple[Event, ...]:
        """What has happened since it last began."""
        events = self.journal.events
        last = max((at for at, e in enumerate(events) if e.name == "begin"), default=-1)
        return tuple(event for event in events[last + 1 :] if event.name != _TOLD)

    @property
    def holds_complete(self) -> bool:
        """Whether it says of a run that it is complete, of whichever request."""
        return any(event.name == "complete" for event in self.since)

    @property
    def holds_nothing(self) -> bool:
        """Whether no run has come so far that something would be lost with it."""
        return self.begin is None and not any((self.path / name).exists() for name in _PROOF)


def found_in(path: Path, *, fresh: bool, say: Callable[[str], None]) -> RunFolder:
    """What a folder holds; lines of its journal that are damaged are told.

    Raises:
        OSError: the journal cannot be read.
        UsageError: it is no file.
    """
    journal = read(path)
    for number in _untold(journal):
        say(f"{path}: line {number} of its journal was cut short or changed, and is passed over")
    return RunFolder(path, fresh, journal, say)


def must_be_the_same(folder: RunFolder | None, now: Request, names: Names | None = None) -> None:
    """Refuse a request that is not the one that the folder was begun with.

    Args:
        folder: as it was found; None where there is none, which holds nothing else.
        now: what is asked, or the part of it that is known so far.
        names: what the user calls the models, by the entries of the request.

    Raises:
        UsageError: it is another, or nobody can tell.
    """
    if folder is None or folder.fresh or folder.holds_nothing:
        return
    begin = folder.begin
    if begin is None and (folder.journal.events or folder.journal.damaged):
        raise UsageError(
            f"{folder.path} holds a record, and the line of its journal that says what was asked "
            f"is damaged: {MEND}"
        )
    if begin is None:
        raise UsageError(
            f"{folder.path} holds a record and no journal that says what was asked, as of an "
            f"older version: {MEND}"
        )
    then: Mapping[str, Any] = begin.facts["names"]
    called = {name: (then.get(name), (names or {}).get(name)) for name in now}
    unlike = differences(folder.asked, now, called)
    if unlike:
        raise UsageError(f"{folder.path} holds another audit ({'; '.join(unlike)}): {MEND}")


def whole_record(folder: RunFolder, now: Request) -> Event | None:
    """How the same request ended, if all that it saved is there as it was; else None.

    Of a model that was handed over, then or now, nobody can tell whether it is the same.
    """
    ends = [event for event in folder.since if event.name == "complete"]
    if folder.fresh or not ends:
        return None
    if not (has_identity(now) and has_identity(folder.asked)):
        folder.say(
            f"{folder.path}: whether its record is of the same cannot be told of what is handed "
            f"over; the run is measured again"
        )
        return None
    saved: dict[str, str] = {}
    for event in folder.since:
        saved |= event.facts.get("saved", {})
    if not saved.keys() >= _MEASURED:
        folder.say(
            f"{folder.path}: its journal does not say what was saved; the run is measured again"
        )
        return None
    changed = sorted(name for name, was in saved.items() if digest_of(folder.path / name) != was)
    if changed:
        folder.say(
            f"{folder.path}: {', '.join(changed[:3])} {'is' if len(changed) == 1 else 'are'} not "
            f"as saved: the run is measured again"
        )
        return None
    return ends[-1]


def note_begin(folder: RunFolder, now: Request, names: Names) -> None:
    """Write down what is asked, and say how far an earlier attempt came.

    Raises:
        OSError: it cannot be written.
    """
    said: dict[str, Any] = {"asked": dict(now), "names": dict(names)}
    if folder.fresh or folder.begin is None:
        start(folder.path, "begin", **said)
        return
    note_damage(folder)
    if not folder.holds_complete:  # else it was told why it is measured again
        folder.say(f"{folder.path}: goes on where it stopped, {_stopped(folder.since)}")
    append(folder.path, "begin", **said)


def note_damage(folder: RunFolder) -> None:
    """Write down which lines are damaged, so that they are told once.

    Raises:
        OSError: it cannot be written.
    """
    if _untold(folder.journal):
        append(folder.path, _TOLD, lines=list(folder.journal.damaged))


def keeps_more(folder: RunFolder, *, checks: int, cards: int) -> bool:
    """Whether the folder's record, of the same request, holds more than an interrupted one.

    What was reported as saved does not give way to less: a complete one never does.
    """
    if folder.fresh:
        return False
    there = digest_of(folder.path / REPORT_FILE)
    for event in reversed(folder.journal.events):
        if event.facts.get("saved", {}).get(REPORT_FILE) == there is not None:
            held = (event.facts.get("checks", 0), event.facts.get("cards", 0))
            return event.name == "complete" or held > (checks, cards)
    return False


def digest_of(file: Path) -> str | None:
    """sha256 of a file; None where there is none.

    Raises:
        OSError: it is there and cannot be read.
    """
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def _untold(journal: Journal) -> list[int]:
    """Damaged lines that nobody was told of yet."""
    told = {n for e in journal.events if e.name == _TOLD for n in e.facts["lines"]}
    return sorted(set(journal.damaged) - told)


def _stopped(since: tuple[Event, ...]) -> str:
    """How far an attempt came, as the end of a sentence."""
    measured = sum(event.name == "measured" for event in since)
    checks = f"{measured} check{'' if measured == 1 else 's'} measured"
    last = since[-1] if since else None
    if last is None:
        return "before the model was read"
    if last.name == "interrupted":
        return f"at an interruption, with {checks}"
    if last.name == "saved":
        return "while its files were written"
    if measured:
        return f"with {checks}"
    return f"while {last.facts.get('phase', 'it was begun')}"
