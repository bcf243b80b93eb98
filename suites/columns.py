"""Which column of a source gives which field of a row.

Knows names only, no cells but for templates. What a suite says explicitly wins over the
default names, and a name that it says and the source lacks is a mistake.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any

from suites.cells import CellError, is_missing, plain
from suites.problems import nearest, show
from suites.schema import Columns, DatasetSpec

CONTENTS = ("text", "question", "messages")
_BRACES = re.compile(r"\{([^{}]+)\}")
_LIKE_A_FIELD = 0.85  # a column this like to a field's name is a slip of the pen


@dataclass(frozen=True, slots=True)
class Claims:
    """Field to column or template (choices: to several), and the columns left over.

    `pair` holds the sources of the positive and the negative answer, where rows are pairs.
    """

    sources: Mapping[str, str | list[str]]
    pair: tuple[str, str] | None
    attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ColumnMistake:
    """A mapping that does not fit the source; `field` is a path inside the dataset."""

    field: str
    message: str
    value: str = ""
    hint: str = ""


def claim(spec: DatasetSpec, present: Collection[str]) -> tuple[Claims, list[ColumnMistake]]:
    """Give the columns that are `present` to the fields of a row."""
    columns = spec.columns
    sources = _explicit(columns)
    defaults = _defaults(columns, sources)
    pair = None
    if spec.pairs is not None:
        pair = (spec.pairs.positive, spec.pairs.negative)
        defaults = {f: name for f, name in defaults.items() if f not in ("answer", "label")}
    named = {f"columns.{field}": source for field, source in sources.items()}
    named |= dict(zip(("pairs.positive", "pairs.negative"), pair or (), strict=False))
    mistakes = [
        ColumnMistake(field, f"no column is called {show(name)}", name, nearest(name, present))
        for field, source in named.items()
        for name in columns_of(source)
        if name not in present
    ]
    sources |= {field: name for field, name in defaults.items() if name in present}
    claimed = {name for source in (*sources.values(), *(pair or ())) for name in columns_of(source)}
    attributes = tuple(name for name in present if name not in claimed)
    for field in [field for field in defaults if field not in sources]:
        if slip := _slip_of(field, attributes):
            hint = f"rename the column, or write `columns: {{{field}: null}}`"
            message = f"the column {show(slip)} is not '{field}'"
            mistakes.append(ColumnMistake(f"columns.{field}", message, slip, hint))
    return Claims(sources, pair, attributes), mistakes


def columns_of(source: str | list[str]) -> list[str]:
    """The columns that a source names: itself, or those between its braces."""
    names = [source] if isinstance(source, str) else source
    return [column for name in names for column in (_BRACES.findall(name) or [name])]


@lru_cache(maxsize=1024)
def is_template(source: str) -> bool:
    """Whether a source is a text with columns in braces rather than a column."""
    return _BRACES.search(source) is not None


def cell(source: str | list[str], values: Mapping[str, Any]) -> Any:
    """The value of a column, the text of a template, or a list of such values.

    Raises:
        CellError: a column that a template names is empty.
    """
    if isinstance(source, list):
        return [cell(part, values) for part in source]
    if not is_template(source):
        return values.get(source)

    def filled(match: re.Match[str]) -> str:
        value = values.get(match[1])
        if is_missing(value):
            raise CellError(f"the column {show(match[1])} of its template is empty")
        return plain(value)

    return _BRACES.sub(filled, source)


def _explicit(columns: Columns) -> dict[str, str | list[str]]:
    named = {field: getattr(columns, field) for field in columns.model_fields_set}
    return {field: source for field, source in named.items() if source is not None}


def _defaults(columns: Columns, explicit: Mapping[str, str | list[str]]) -> dict[str, str]:
    """Fields that look for a column of their own name.

    A content that the suite names switches the other contents off. A column that the
    suite gives to one field is not taken by another, but for ids, groups and spans, which
    may repeat what another field says.
    """
    off = set(columns.model_fields_set)
    if any(content in explicit for content in CONTENTS):
        off |= set(CONTENTS)
        if "question" not in explicit:
            off.add("answer")
    taken = {
        source
        for field, source in explicit.items()
        if isinstance(source, str) and field not in ("id", "group", "span")
    }
    return {
        field: info.default
        for field, info in Columns.model_fields.items()
        if field not in off and info.default not in taken
    }


def _slip_of(field: str, leftover: Iterable[str]) -> str | None:
    """A column whose name is nearly that of a field: `behavior`, `Label`."""
    for name in leftover:
        if name.lower() == field or (
            len(field) > 2
            and name not in Columns.model_fields
            and SequenceMatcher(None, name.lower(), field).ratio() >= _LIKE_A_FIELD
        ):
            return name
    return None
