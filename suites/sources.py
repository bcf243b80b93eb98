"""From a file to records: a mapping of columns to cells, each with its line.

Knows tables and their formats and nothing of what a column means; transcripts have readers of
their own. A reader yields a `Record` for what it could read and a `Problem` for what it could
not, so that one broken line hides no other.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from suites.hub import read_hub_dataset
from suites.load import LoadedSuite
from suites.problems import Problem, nearest, show
from suites.records import Reading, Record, json_lines, text_lines
from suites.transcripts import read_transcripts

FORMATS_BY_ENDING = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}


@dataclass(frozen=True, slots=True)
class Source:
    """A dataset's records, the file as a message names it, and as the suite does."""

    name: str
    file: str
    written: str
    reading: Reading


def open_source(loaded: LoadedSuite, name: str) -> Source:
    """The records of a dataset; nothing is read before the first is asked for."""
    spec = loaded.suite.datasets[name]
    if spec.transcripts is not None:
        file = str(loaded.base_of(name) / spec.transcripts)
        return Source(name, file, spec.transcripts, read_transcripts(loaded, name))
    if spec.path is None:
        file = loaded.document_of(("datasets", name)).file
        return Source(name, file, Path(file).name, _inline(loaded, name))
    if spec.format == "datasets":
        return Source(name, spec.path, spec.path, _hub(loaded, name))
    path = loaded.base_of(name) / spec.path
    return Source(name, str(path), spec.path, _file(loaded, name, path))


def _inline(loaded: LoadedSuite, name: str) -> Reading:
    spec = loaded.suite.datasets[name]
    document = loaded.document_of(("datasets", name))
    column = spec.columns.text if "text" in spec.columns.model_fields_set else None
    text = column if column and "{" not in column else "text"
    for index, row in enumerate(spec.rows or []):
        values = {text: row} if isinstance(row, str) else row
        yield Record(values, *document.place(("datasets", name, "rows", index)))


def _hub(loaded: LoadedSuite, name: str) -> Reading:
    spec = loaded.suite.datasets[name]
    found = read_hub_dataset(spec, loaded.base_of(name))
    if isinstance(found, str):
        yield loaded.problem(("datasets", name, "path"), found, value=spec.path or "")
    else:
        for number, values in enumerate(found, start=1):
            yield Record(values, number)


def _file(loaded: LoadedSuite, name: str, path: Path) -> Reading:
    kind = loaded.suite.datasets[name].format or FORMATS_BY_ENDING.get(path.suffix.lower())
    loc = ("datasets", name, "path")
    try:
        if path.is_dir():
            hint = "for a folder that `datasets` wrote, say `format: datasets`"
            yield loaded.problem(loc, f"{show(str(path), 200)} is a folder", hint)
        elif not path.exists():
            siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
            hint = nearest(path.name, siblings, otherwise_list=False)
            yield loaded.problem(loc, f"there is no file {show(str(path), 200)}", hint, path.name)
        elif kind is None:
            hint = f"say `format:`; known endings: {', '.join(FORMATS_BY_ENDING)}"
            yield loaded.problem(loc, f"{show(path.name)} does not end like a format", hint)
        else:
            yield from READERS[kind](path)
    except OSError as error:
        reason = error.strerror or str(error)
        yield loaded.problem(loc, f"{show(str(path), 200)} cannot be read: {reason}")


def _read_jsonl(path: Path) -> Reading:
    for number, value in json_lines(path):
        if isinstance(value, Problem):
            yield value
        elif isinstance(value, dict):
            yield Record(value, number)
        else:
            message = f"must be a JSON object, not {show(value)}"
            yield Problem(message, str(path), number, hint="one JSON object in a line")


def _read_csv(path: Path) -> Reading:
    return _read_table(path, ",")


def _read_tsv(path: Path) -> Reading:
    return _read_table(path, "\t")


def _read_table(path: Path, delimiter: str) -> Reading:
    lines: list[str] = []
    for _, text in text_lines(path):
        if isinstance(text, Problem):
            yield text
            return
        lines.append(text)
    file = str(path)
    reader = csv.reader(io.StringIO("".join(lines), newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    start = 1
    try:
        for cells in reader:
            line, start = start, reader.line_num + 1
            if not cells:
                continue
            if header is None:
                # pandas writes its index into a column without a name
                header = [name or f"column_{n}" for n, name in enumerate(cells, start=1)]
                if twice := _repeated(header):
                    yield Problem(f"the column {show(twice)} stands there twice", file, line)
                    return
            elif len(cells) != len(header):
                message = f"has {len(cells)} cells, and the header names {len(header)} columns"
                hint = "quote a cell that holds the separator"
                yield Problem(message, file, line, hint=hint)
            else:
                yield Record(dict(zip(header, cells, strict=True)), line)
    except csv.Error as error:
        yield Problem(f"not readable as a table: {error}", file, start)


def _read_parquet(path: Path) -> Reading:
    import pyarrow
    import pyarrow.parquet

    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            if twice := _repeated(file.schema_arrow.names):
                yield Problem(f"the column {show(twice)} stands there twice", str(path))
                return
            for batch in file.iter_batches():
                for values in batch.to_pylist():
                    number += 1
                    yield Record(values, number)
    except (pyarrow.ArrowException, ValueError, OverflowError) as error:  # a date beyond our own
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        yield Problem(f"not readable as Parquet: {reason}", str(path), number + 1)


def _repeated(names: Sequence[str]) -> str | None:
    return next((name for number, name in enumerate(names) if name in names[:number]), None)


READERS: Mapping[str, Callable[[Path], Reading]] = {
    "jsonl": _read_jsonl,
    "csv": _read_csv,
    "tsv": _read_tsv,
    "parquet": _read_parquet,
}
