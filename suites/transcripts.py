"""What a model said elsewhere, as records: Inspect logs and chats, from a file, folder or pattern.

Knows which files are meant, who reads which, and that nothing is left out unseen: a log that
did not end well, and a transcript in which nobody answered, are problems until the suite says
in `where` what is to become of them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from suites.cells import CellError
from suites.inspect_logs import MAX_BYTES, LoggedSample, is_log, read_eval, read_json_log
from suites.load import LoadedSuite
from suites.problems import Problem, nearest, show
from suites.records import Reading, Record, half_character, json_lines
from suites.turns import TurnsOf, plain_turns, up_to_the_answer

GOOD = {"outcome": ("answered", "limit"), "status": ("success",)}
_CHATS = ("messages", "conversations", "conversation")
_BESIDE_LOGS = ("logs.json", "eval-set.json", "listing.json")  # Inspect's own lists of logs


def read_transcripts(loaded: LoadedSuite, name: str) -> Reading:
    """The transcripts of a dataset; each record names its own file."""
    spec = loaded.suite.datasets[name]
    loc = ("datasets", name, "transcripts")
    assert spec.transcripts is not None
    base = loaded.base_of(name)
    files = _files(base, spec.transcripts)
    if isinstance(files, str):
        hint = "a file, a folder, or a pattern such as `logs/*.eval`"
        yield loaded.problem(loc, files, hint, spec.transcripts)
        return
    roles = {str(role): str(other) for role, other in spec.roles.items()}
    turns_of = partial(plain_turns, roles=roles, reasoning=spec.reasoning)
    chosen = {column: spec.where.get(column) for column in GOOD}
    bad: dict[str, Counter[str]] = {column: Counter() for column in GOOD}
    first: dict[str, str] = {}
    for path in files:
        written = _written(path, base)
        for item in _READERS[path.suffix.lower()](path, written, spec.columns.messages, turns_of):
            if isinstance(item, Record):
                for column in (name for name, value in chosen.items() if value is None):
                    value = item.values.get(column)
                    if value is not None and value not in GOOD[column]:
                        bad[column][value] += 1
                        first.setdefault(column, _place(item))
            yield item
    for column, counts in bad.items():
        if counts:
            yield loaded.problem(loc, *_not_chosen(column, counts, first[column]))


def _not_chosen(column: str, counts: Counter[str], first: str) -> tuple[str, str]:
    listed = ", ".join(f"{count} {value!r}" for value, count in sorted(counts.items()))
    good = list(GOOD[column])
    kept = f"[{', '.join(good)}]"
    every = f"[{', '.join([*good, *sorted(counts)])}]"
    message = f"{counts.total()} transcripts have another `{column}` than {' or '.join(good)}: "
    hint = (
        f"`where: {{{column}: {kept}}}` leaves them out, `where: {{{column}: {every}}}` keeps them"
    )
    return f"{message}{listed}; first {first}", hint


def _place(record: Record) -> str:
    return f"{record.written}:{record.line}" if record.line else str(record.values.get("id"))


def _written(path: Path, base: Path) -> str:
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else str(path)


# --- files -------------------------------------------------------------------------


def _files(base: Path, named: str) -> list[Path] | str:
    """The files that are meant, sorted; or why there are none."""
    path = base / named
    try:
        if path.exists():
            found = [path]
        elif any(sign in named for sign in "*?["):
            root = Path(path.anchor) if Path(named).is_absolute() else base
            found = sorted(root.glob(str(Path(named).relative_to(Path(named).anchor))))
            if not found:
                return f"no file matches {show(named, 200)}"
        else:
            siblings = [item.name for item in path.parent.iterdir()] if path.parent.is_dir() else []
            hint = nearest(path.name, siblings, otherwise_list=False)
            return f"there is no file or folder {show(str(path), 200)}" + (f"; {hint}" * bool(hint))
        files = [file for match in found for file in _inside(match)]
    except (OSError, ValueError) as error:
        return f"{show(str(path), 200)} cannot be read: {error}"
    if not files:
        endings = ", ".join(_READERS)
        return f"{show(str(path), 200)} holds no transcripts ({endings})"
    if unknown := next((file for file in files if file.suffix.lower() not in _READERS), None):
        return f"{show(str(unknown), 200)} does not end like a transcript ({', '.join(_READERS)})"
    return list(dict.fromkeys(files))


def _inside(path: Path) -> Iterator[Path]:
    """A file itself; of a folder every transcript, however deep."""
    if not path.is_dir():
        yield path
        return
    for item in sorted(path.iterdir()):
        if item.name.startswith(".") or item.name in _BESIDE_LOGS:
            continue
        # The parts of a log that was written by many at once stand again in the whole.
        if item.is_dir() and not (item.suffix == ".shards" and item.with_suffix(".eval").exists()):
            yield from _inside(item)
        elif item.is_file() and item.suffix.lower() in _READERS:
            yield item


# --- readers -----------------------------------------------------------------------


def _read_eval(path: Path, written: str, column: str | None, turns_of: TurnsOf) -> Reading:
    try:
        yield from _logged(read_eval(path, turns_of), path, written)
    except OSError as error:
        yield Problem(f"cannot be read: {error.strerror or error}", str(path))


def _read_json(path: Path, written: str, column: str | None, turns_of: TurnsOf) -> Reading:
    try:
        if path.stat().st_size > MAX_BYTES:
            hint = "`inspect log convert --to eval` makes a log that is read sample by sample"
            message = f"is longer than {MAX_BYTES >> 20} MiB, and must be read whole"
            yield Problem(message, str(path), hint=hint)
            return
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        yield Problem(f"cannot be read: {error.strerror or error}", str(path))
    except UnicodeDecodeError as error:
        yield Problem(f"is not UTF-8: {error.reason}", str(path), hint="save the file as UTF-8")
    except json.JSONDecodeError as error:
        hint = "a log that is still being written can be read when it is done"
        message = f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        yield Problem(message, str(path), error.lineno, error.colno, hint=hint)
    except (ValueError, RecursionError) as error:
        yield Problem(f"not readable as JSON: {error}", str(path))
    else:
        if is_log(value):
            yield from _logged(read_json_log(value, turns_of), path, written)
        elif isinstance(value, list):
            for number, item in enumerate(value, start=1):
                yield _chat(item, path, written, number, column, turns_of)
        else:
            message = "is neither an Inspect log nor a list of chats"
            yield Problem(message, str(path), hint="name the logs alone, as in `logs/*.eval`")


def _logged(samples: Iterator[LoggedSample], path: Path, written: str) -> Reading:
    for item in samples:
        file = f"{path}/{item.sample}" if item.sample else str(path)
        if item.trouble is not None:
            yield Problem(item.trouble.message, file, hint=item.trouble.hint)
        elif item.values is not None:
            yield Record(item.values, None, None, file, written)


def _read_jsonl(path: Path, written: str, column: str | None, turns_of: TurnsOf) -> Reading:
    try:
        for number, value in json_lines(path):
            if isinstance(value, Problem):
                yield value
            else:
                yield _chat(value, path, written, number, column, turns_of)
    except OSError as error:
        yield Problem(f"cannot be read: {error.strerror or error}", str(path))


def _chat(
    value: Any, path: Path, written: str, line: int, column: str | None, turns_of: TurnsOf
) -> Record | Problem:
    """A chat as a record: its turns in plain words, all else as it stands."""
    values = {"messages": value} if isinstance(value, list) else value
    if not isinstance(values, dict):
        return Problem(f"must be a chat, not {show(value)}", str(path), line)
    key = next((name for name in (column, *_CHATS) if name in values), None)
    if key is None:
        hint = f"a chat stands under {' or '.join(_CHATS[:2])}; or map `columns.messages`"
        return Problem("holds no chat", str(path), line, hint=hint)
    if taken := next((name for name in ("outcome", "turns_left_out") if name in values), None):
        message = f"has a key {show(taken)}, which is a column of every transcript"
        return Problem(message, str(path), line, hint="rename the key")
    try:
        said = turns_of(values[key])
    except CellError as error:
        return Problem(error.message, str(path), line, field=key, hint=error.hint)
    if half := half_character(values):
        message = f"holds half a character (the lone surrogate {half})"
        return Problem(message, str(path), line, hint="write the whole pair")
    turns, answered = up_to_the_answer(said)
    rest = {name: part for name, part in values.items() if name != key}
    found = {
        column if key == column and column else "messages": turns,
        **rest,
        "outcome": "answered" if answered else "unanswered",
        "turns_left_out": len(said) - len(turns),
    }
    return Record(found, line, None, str(path), written)


_READERS: Mapping[str, Callable[[Path, str, str | None, TurnsOf], Reading]] = {
    ".eval": _read_eval,
    ".json": _read_json,
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
}
