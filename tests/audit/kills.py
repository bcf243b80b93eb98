"""Processes that meet with an accident at a point of their own choosing, and what they leave.

A child is forked of a process that has everything imported, so that a run takes a moment. In the
child every rename, every line of a journal and every drawing is a point, named and numbered; at
the one that was asked for it has its accident: by default it sends itself SIGKILL, which nothing
can catch.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audit.engine import journal
from audit.engine.locking import LOCK_FILE
from audit.engine.run_dir import PARTIAL, STATUS
from reports.read import read_record
from reports.record import AuditReport
from reports.render import Renderer
from reports.series import SeriesReport

STATUSES = ("running", "complete", "failed", "interrupted")
VOLATILE = ("journal.jsonl", "manifest.json", STATUS, LOCK_FILE)
"""Files with a time, a process or a duration in them; the drawn ones repeat these of the record."""


Accident = Callable[[int], None]
"""Told by how many points it is late: 0 at the point that was asked for."""


@dataclass
class Points:
    """The points that a child comes by."""

    asked: int | None
    accident: Accident
    log: Path
    passed: list[str] = field(default_factory=list)

    def by(self, name: str) -> None:
        """Come by a point."""
        number = len(self.passed)
        self.passed.append(name)
        with suppress(OSError), self.log.open("a") as file:  # it may be what the accident is
            file.write(f"{name}\n")
        if self.asked is not None and number >= self.asked:
            self.accident(number - self.asked)


def killed(late: int) -> None:
    """Die."""
    os.kill(os.getpid(), signal.SIGKILL)


def signalled(number: signal.Signals, times: int = 1) -> Accident:
    """Send itself a signal, at so many points after another."""

    def accident(late: int) -> None:
        if late < times:
            os.kill(os.getpid(), number)

    return accident


def disk_full(late: int) -> None:
    """Write no file beyond its 100th byte."""
    if late == 0:
        _limit(resource.RLIMIT_FSIZE, 100)


def no_more_files(late: int) -> None:
    """Have as many files open as may be."""
    if late == 0:
        _limit(resource.RLIMIT_NOFILE, 200)
        with suppress(OSError):
            while True:
                os.dup(0)


def _limit(which: int, soft: int) -> None:
    resource.setrlimit(which, (soft, resource.getrlimit(which)[1]))


def not_ours(late: int) -> None:
    """Be somebody who may not write here."""
    if late == 0:
        os.seteuid(65534)


def _name(path: Any) -> str:
    file = Path(path)
    if file.suffix == ".safetensors" and "-" in file.stem:
        return f"{file.stem.partition('-')[0]}-PART"
    folder = f"{file.parent.name}/" if file.parent.name in ("probes", "cards") else ""
    return folder + (file.name if len(file.stem) < 32 else f"NOTE{file.suffix}")


def _put_points(points: Points) -> None:
    """Make points of what this process, a child, does from now on."""
    replace, write_all = os.replace, journal._write_all
    render = Renderer.render

    def replaced(source: Any, target: Any, **options: Any) -> None:
        points.by(f"before rename {_name(target)}")
        replace(source, target, **options)
        points.by(f"after rename {_name(target)}")

    def written(handle: int, line: bytes) -> None:
        event = json.loads(line)["event"]
        points.by(f"before journal {event}")
        torn = f"in journal {event}"
        if (
            len(points.passed) == points.asked and points.accident is killed
        ):  # half a line, for this point alone
            write_all(handle, line[: len(line) // 2])
        points.by(torn)
        write_all(handle, line)
        points.by(f"after journal {event}")

    def rendered(self: Renderer, record: Any) -> str:
        points.by(f"before drawing {self.suffix}")
        text = render(self, record)
        points.by(f"after drawing {self.suffix}")
        return text

    os.replace = replaced  # type: ignore[assignment]
    journal._write_all = written
    Renderer.render = rendered  # type: ignore[method-assign]


@dataclass(frozen=True)
class Ended:
    """How a child ended: its exit code, or minus the signal; what it came by, and said."""

    code: int
    points: list[str]
    said: str


def in_child(
    work: Callable[[], object],
    log: Path,
    *,
    at: int | None = None,
    accident: Accident = killed,
    cache: Path | None = None,
) -> Ended:
    """Do something in a child that meets with an accident at its point `at`.

    What `work` returns, if it is a number, is what the child ends with.
    """
    log.write_text("")
    sys.stdout.flush()
    sys.stderr.flush()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 99
        try:
            os.dup2(write, 1)
            os.dup2(write, 2)
            sys.stdout, sys.stderr = (os.fdopen(os.dup(n), "w", buffering=1) for n in (1, 2))
            if cache is not None:
                os.environ["AUDIT_CACHE_DIR"] = str(cache)
            _put_points(Points(at, accident, log))
            found = work()
            code = found if isinstance(found, int) else 0
        except BaseException:  # noqa: BLE001 - nothing of the child's may go on in the parent's name
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read, "r", errors="replace") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    return Ended(os.waitstatus_to_exitcode(status), log.read_text().splitlines(), said)


def must_be_readable(folder: Path) -> None:
    """What a killed run leaves can be read: its status, its journal, and any record at all."""
    if not folder.exists():
        return
    for file in folder.rglob(STATUS):
        assert json.loads(file.read_text())["status"] in STATUSES
    for file in folder.rglob(journal.JOURNAL):
        assert len(journal.read(file.parent).damaged) <= 1
    for file in folder.rglob("report.json"):
        read_record(file)
    for place in folder.rglob(journal.JOURNAL):
        saved: dict[str, str] = {}
        for event in journal.read(place.parent).events:
            saved |= event.facts.get("saved", {})
        missing = [name for name in saved if not (place.parent / name).exists()]
        assert not missing, f"reported as saved, and gone: {missing}"


def outcome(folder: Path) -> dict[str, bytes]:
    """All that a run leaves but for times and processes: the record without its provenance."""
    assert not [f for f in folder.rglob(".*") if f.name != PARTIAL], "nothing is left over"
    assert not (folder / PARTIAL).exists()
    found = {}
    for file in sorted(folder.rglob("*")):
        if not file.is_file():
            continue
        name = str(file.relative_to(folder))
        if file.name == "report.json":
            record = read_record(file)
            assert isinstance(record, AuditReport | SeriesReport)
            found[name] = record.model_copy(update={"provenance": None}).to_json().encode()
        elif file.name in VOLATILE or file.name in ("report.md", "report.html"):
            found[name] = b"there"
        else:
            found[name] = file.read_bytes()
    status = json.loads((folder / STATUS).read_text())
    found["verdict"] = json.dumps([status[k] for k in ("status", "verdict", "exit_code")]).encode()
    return found
