"""From the records of a source to the rows of a dataset.

Puts together what `sources`, `columns` and `drafts` know: extract, filter, convert, and
give every row an id and a group. Nothing is guessed: what does not fit is a problem at its
line, and all of them are raised at once.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from suites import cells
from suites.cells import CellError
from suites.columns import claim
from suites.drafts import Draft, FieldError, Meanings, draft
from suites.load import LoadedSuite
from suites.problems import Problem, SuiteError, capped, nearest, show
from suites.records import Record
from suites.rows import Row
from suites.sources import Source, open_source

_SIDES = (".positive", ".negative")


def read_dataset(loaded: LoadedSuite, name: str) -> tuple[Row, ...]:
    """The rows of a dataset, in the order of their source.

    A row's id is that of its source or a short sha256 of its content; equal rows without
    an id of their own are numbered (`4f…-2`) and share a group. A row's group is that of
    the source or its id; the two rows of a pair share one. Each dataset is read once for
    each `LoadedSuite`.

    Raises:
        SuiteError: all that is wrong with the data.
        KeyError: the suite has no such dataset.
    """
    if name not in loaded.rows_read:
        loaded.rows_read[name] = _read(loaded, name)
    return loaded.rows_read[name]


def _read(loaded: LoadedSuite, name: str) -> tuple[Row, ...]:
    spec = loaded.suite.datasets[name]
    source = open_source(loaded, name)
    records = _records(loaded, name, source)
    _raise(_misplaced_names(loaded, name, _columns(records)))
    records = _extracted(spec.extract, records, source)
    wanted = cells.wanted_cells(spec.where)
    kept = [record for record in records if _matches(record, wanted)]
    if not kept:
        message = f"leaves none of the {len(records)} rows"
        _raise([loaded.problem(("datasets", name, "where"), message)])
    claims, mistakes = claim(spec, _columns(records))
    _raise(
        loaded.problem(("datasets", name, *m.field.split(".")), m.message, m.hint, m.value)
        for m in mistakes
    )
    meanings = Meanings(
        {cells.folded(key): value for key, value in spec.labels.items()},
        {cells.folded(key): value for key, value in spec.behaviours.items()},
    )
    drafts: list[Draft] = []
    problems: list[Problem] = []
    for record in kept:
        try:
            drafts.append(draft(record, claims, meanings, source.written))
        except FieldError as error:
            problems.append(_at(source, record, error.field, error.cause))
    problems += _repeated_ids(drafts, source)
    _raise(problems)
    return tuple(_named(drafts))


def _raise(problems: Iterator[Problem] | Sequence[Problem]) -> None:
    if found := list(problems):
        raise SuiteError(capped(found))


def _at(source: Source, record: Record, field: str, cause: CellError) -> Problem:
    place = (record.file or source.file, record.line, record.column)
    return Problem(cause.message, *place, f"{source.name}.{field}", cause.value, cause.hint)


def _records(loaded: LoadedSuite, name: str, source: Source) -> list[Record]:
    read = list(source.reading)
    _raise([item for item in read if isinstance(item, Problem)])
    if not read:
        _raise([loaded.problem(("datasets", name), "the dataset is empty")])
    return [item for item in read if isinstance(item, Record)]


def _columns(records: Sequence[Record]) -> dict[str, None]:
    """Every column of any record, in the order in which they appear."""
    return dict.fromkeys(column for record in records for column in record.values)


def _misplaced_names(
    loaded: LoadedSuite, name: str, present: Mapping[str, None]
) -> Iterator[Problem]:
    """Columns of `extract` and `where` that are not there, or that would be overwritten."""
    spec = loaded.suite.datasets[name]
    made: dict[str, None] = {}
    for column, pattern in spec.extract.items():
        loc = ("datasets", name, "extract", column)
        if column not in present:
            hint = nearest(column, present)
            yield loaded.problem(loc, f"no column is called {show(column)}", hint, column)
        for group in re.compile(pattern).groupindex:
            if group in present or group in made:
                message = f"would overwrite the column {show(group)}"
                yield loaded.problem(loc, message, "give the named group another name", group)
            made[group] = None
    for column in spec.where:
        if column not in present and column not in made:
            loc = ("datasets", name, "where", column)
            hint = nearest(column, [*present, *made])
            yield loaded.problem(loc, f"no column is called {show(column)}", hint, column)


def _extracted(extract: Mapping[str, str], records: list[Record], source: Source) -> list[Record]:
    """The records with the columns that named groups make."""
    if not extract:
        return records
    patterns = {column: re.compile(pattern) for column, pattern in extract.items()}
    found: list[Record] = []
    problems: list[Problem] = []
    for record in records:
        values = dict(record.values)
        for column, pattern in patterns.items():
            text = "" if values.get(column) is None else cells.plain(values[column])
            if match := pattern.search(text):
                values |= match.groupdict()
            else:
                message = f"{show(text)} does not match {show(pattern.pattern)}"
                problems.append(_at(source, record, column, CellError(message, text)))
        found.append(replace(record, values=values))
    _raise(problems)
    return found


def _matches(record: Record, wanted: Mapping[str, frozenset[str]]) -> bool:
    return all(cells.matches(record.values.get(name), values) for name, values in wanted.items())


def _repeated_ids(drafts: Sequence[Draft], source: Source) -> Iterator[Problem]:
    first: dict[str, Record] = {}
    for item in drafts:
        if not item.id:
            continue
        other = first.setdefault(item.id, item.record)
        if other is not item.record:
            message = f"{show(item.id)} is the id of {other.own_place} as well"
            hint = "ids are unique; `columns: {id: null}` makes them from the content"
            yield _at(source, item.record, "id", CellError(message, item.id, hint))


def _named(drafts: Sequence[Draft]) -> Iterator[Row]:
    """The rows with their ids and groups."""
    copies: Counter[str] = Counter()
    for item in drafts:
        base = own = item.id or _digest(item.rows)
        if not item.id:
            copies[own] += 1
            base = own if copies[own] == 1 else f"{own}-{copies[own]}"
        sides = _SIDES if len(item.rows) > 1 else ("",)
        for row, side in zip(item.rows, sides, strict=True):
            named = side == "" and row.id and row.group
            yield row if named else replace(row, id=base + side, group=row.group or own)


def _digest(rows: Sequence[Row]) -> str:
    """A short sha256 of what the rows of a record show the model."""
    content = [
        [row.text, row.question, row.answer, row.choices]
        + [[message.role, message.content] for message in row.messages]
        for row in rows
    ]
    return hashlib.sha256(json.dumps(content).encode("ascii")).hexdigest()[:16]
