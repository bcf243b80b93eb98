"""Which rows a check uses for what: sources, filters, and splits by hash of the group.

The role of a group depends on the seed and the group's name alone, so adding rows moves no
other group, and two datasets with the same `split` agree on every group. No two roles of a
check share a group, or a row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from suites.cells import matches, wanted_cells
from suites.dataset import read_dataset
from suites.load import LoadedSuite
from suites.problems import Problem, SuiteError, capped, nearest, show
from suites.rows import Row
from suites.schema import RoleSource
from suites.words import ROLES, Role

_FIELDS = ("id", "group", "label", "behaviour")  # of a row, for `where`; the rest is attributes


@dataclass(frozen=True, slots=True)
class _Placed:
    """A row in a role, and the dataset that it came from."""

    row: Row
    role: Role
    dataset: str


@lru_cache(maxsize=2**16)  # a group is asked for once a row, a role and a check
def unit_hash(group: str, seed: int) -> float:
    """Where a group falls in [0, 1): the first 64 bits of sha256 of `seed:group`."""
    digest = hashlib.sha256(f"{seed}:{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def role_of(group: str, shares: Mapping[Role, float], seed: int) -> Role | None:
    """The role that a split gives to a group; None beyond the last share."""
    position, edge = unit_hash(group, seed), 0.0
    for role in ROLES:
        edge += shares.get(role, 0.0)
        if position < edge or edge > 1 - 1e-9:  # shares of a whole may add up to a little less
            return role
    return None


def rows_by_role(
    loaded: LoadedSuite, check_id: str, *, seed: int = 0
) -> Mapping[Role, tuple[Row, ...]]:
    """The rows of a check in each of the four roles, worked out once for each `LoadedSuite`.

    Args:
        loaded: the suite.
        check_id: the name of the check.
        seed: of the splits by hash.

    Raises:
        SuiteError: data that cannot be read, a filter that fits no field, a row twice in a
            role, or a group or a row in two roles.
        KeyError: the suite has no such check.
    """
    key = (check_id, seed)
    if key not in loaded.rows_given:
        loaded.rows_given[key] = _rows_by_role(loaded, check_id, seed)
    return loaded.rows_given[key]


def _rows_by_role(loaded: LoadedSuite, check_id: str, seed: int) -> dict[Role, tuple[Row, ...]]:
    found = [item for role in ROLES for item in _in_role(loaded, check_id, role, seed)]
    placed = [item for item in found if isinstance(item, _Placed)]
    problems = [item for item in found if isinstance(item, Problem)]
    problems += _shared_between_roles(loaded, check_id, placed)
    if problems:
        raise SuiteError(capped(problems))
    return {role: tuple(item.row for item in placed if item.role == role) for role in ROLES}


def rows_digest(rows: Iterable[Row]) -> str:
    """sha256 of what rows hold, but for where they were written; their order is no part of it."""
    lines = sorted(
        json.dumps(
            [
                [row.id, row.group, row.text, row.question, row.answer],
                [[message.role, message.content] for message in row.messages],
                [row.label, row.behaviour, row.choices, row.misbehaviour, row.span],
                sorted(row.attributes.items()),
            ]
        )
        for row in rows
    )
    return hashlib.sha256("\n".join(lines).encode("ascii")).hexdigest()


def _in_role(
    loaded: LoadedSuite, check_id: str, role: Role, seed: int
) -> Iterator[_Placed | Problem]:
    """The rows that a check's sources give to a role, and what is wrong with the sources."""
    sources: Sequence[RoleSource] = getattr(loaded.suite.checks[check_id].roles, role)
    seen: set[tuple[str, str]] = set()
    for number, source in enumerate(sources):
        loc: tuple[str | int, ...] = ("checks", check_id, "roles", role)
        loc += (number,) if len(sources) > 1 else ()
        rows = read_dataset(loaded, source.dataset)
        shares = loaded.suite.datasets[source.dataset].split
        if unknown := _unknown_fields(source, rows):
            for name in unknown:
                hint = nearest(name, [*_FIELDS, *_attributes(rows)])
                message = f"no row of {show(source.dataset)} has a field {show(name)}"
                yield loaded.problem((*loc, "where", name), message, hint, name)
            continue
        wanted = wanted_cells(source.where)
        for row in rows:
            if shares and role_of(row.group, shares, seed) != role:
                continue
            if not all(matches(_value(row, name), values) for name, values in wanted.items()):
                continue
            if (source.dataset, row.id) in seen:
                message = f"row {show(row.id)} of {show(source.dataset)} is in this role twice"
                yield loaded.problem(loc, message, "let the filters part the rows")
                continue
            seen.add((source.dataset, row.id))
            labelled = row if source.label is None else replace(row, label=source.label)
            yield _Placed(labelled, role, source.dataset)


def _value(row: Row, name: str) -> object:
    return getattr(row, name) if name in _FIELDS else row.attributes.get(name)


def _attributes(rows: Iterable[Row]) -> dict[str, None]:
    return dict.fromkeys(name for row in rows for name in row.attributes)


def _unknown_fields(source: RoleSource, rows: Sequence[Row]) -> list[str]:
    known = _attributes(rows) if source.where else {}
    return [name for name in source.where if name not in _FIELDS and name not in known]


def _shared_between_roles(
    loaded: LoadedSuite, check_id: str, placed: Sequence[_Placed]
) -> Iterator[Problem]:
    """A group in two roles, and the same content in two roles, each pair of roles once a name."""
    groups: dict[object, _Placed] = {}
    contents: dict[object, _Placed] = {}
    told: set[tuple[object, ...]] = set()
    for item in placed:
        row = item.row
        key = _group_key(loaded, item)
        other = groups.setdefault(key, item)
        if other.role == item.role:
            content = (row.text, row.question, row.answer, row.messages)
            other = contents.setdefault(content, item)
            key = content
        if other.role == item.role or (key, other.role, item.role) in told:
            continue
        told.add((key, other.role, item.role))
        rows = f"(rows {show(other.row.id)} and {show(row.id)})"
        roles = f"in two roles, {other.role} and {item.role}"
        if other.row.group == row.group:
            message = f"the group {show(row.group)} is {roles} {rows}"
            hint = "use `split`, or `where` on what parts the groups"
        else:
            message = f"the same text is {roles} {rows}"
            hint = f"see {other.row.place} and {row.place}; give the rows one `group`"
        yield loaded.problem(
            ("checks", check_id, "roles", item.role), message, hint, value=row.group
        )


def _group_key(loaded: LoadedSuite, item: _Placed) -> object:
    """A group's identity; a row that is its own group is known by its source as well.

    Two files may both number their rows from 1: row 1 of one is not row 1 of the other.
    """
    if item.row.group not in (item.row.id, item.row.id.rpartition(".")[0]):  # also of a pair
        return item.row.group
    spec = loaded.suite.datasets[item.dataset]
    named = spec.path or spec.transcripts
    source = str(loaded.base_of(item.dataset) / named) if named else item.dataset
    return (item.row.group, source)
