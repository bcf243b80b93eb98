"""From names of suites to checks with their rows: all that needs no model.

`audit validate`, `audit plan` and `audit run` come through here, so they find the same
mistakes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from functools import cache
from pathlib import Path

from audit.engine.selected import Selected
from audit.engine.selection import compile_expression, names_of
from audit.errors import NothingToAuditError
from suites.builtin import resolve_suite
from suites.data_checks import check_suite
from suites.load import LoadedSuite, load_suite
from suites.problems import Problem, SuiteError
from suites.references import Vocabulary
from suites.rows import Row
from suites.schema import Role
from suites.splits import rows_by_role, unit_hash

SuiteSource = str | Path | LoadedSuite


def open_suites(sources: Sequence[SuiteSource], *, seed: int = 0) -> list[LoadedSuite]:
    """Load suites and check them with their data.

    Raises:
        SuiteError: with every mistake of every suite, each with file, line and mend.
    """
    opened: list[LoadedSuite] = []
    problems: list[Problem] = []
    for source in sources:
        try:
            suite = _open(source)
            check_suite(suite, seed=seed)
            opened.append(suite)
        except SuiteError as error:
            problems += error.problems
    problems += _same_name_twice(opened)
    if problems:
        raise SuiteError(problems)
    return opened


def select_checks(
    suites: Sequence[LoadedSuite],
    *,
    seed: int = 0,
    expression: str | None = None,
    only: Set[tuple[str, str]] | None = None,
    limit: int | None = None,
) -> list[Selected]:
    """The checks that `-k` keeps, with their rows; `limit` keeps so many rows of a role.

    Of these `only` keeps the ones whose suite and id it names.

    Raises:
        NothingToAuditError: no check is left.
    """
    matches = compile_expression(expression) if expression else None
    selected = []
    for loaded in suites:
        for check_id, check in loaded.suite.checks.items():
            names = names_of(
                loaded.suite.name, check_id, check.concept, (*loaded.suite.tags, *check.tags)
            )
            wanted = only is None or (loaded.suite.name, check_id) in only
            if wanted and (matches is None or matches(names)):
                rows = rows_by_role(loaded, check_id, seed=seed)
                selected.append(Selected(loaded, check_id, check, _limited(rows, limit, seed)))
    if not selected:
        raise NothingToAuditError(_why_none(expression, only))
    return selected


def vocabulary() -> Vocabulary:
    """Names that a suite may use and only the engine knows; a room is entered for those used."""
    return {"fitter": _fitters, "pooling": _poolings, "sae_format": _sae_formats}


@cache  # packages that register names are asked once
def _fitters() -> tuple[str, ...]:
    from probes.fitters import fitter_names

    return fitter_names()


@cache
def _poolings() -> tuple[str, ...]:
    from probes.pooling import pooling_names

    return pooling_names()


@cache
def _sae_formats() -> tuple[str, ...]:
    from probes.sae.formats import sae_format_names

    return sae_format_names()


def _why_none(expression: str | None, only: Set[tuple[str, str]] | None) -> str:
    if only is None:
        return f"no check matches -k {expression!r}" if expression else "the suites hold no check"
    named = ", ".join(sorted("/".join(key) for key in only)) or "none"
    return f"no check is left of those that were asked for ({named})"


def _open(source: SuiteSource) -> LoadedSuite:
    if isinstance(source, LoadedSuite):
        return source
    return load_suite(resolve_suite(source), vocabulary=vocabulary())


def _limited(
    rows: Mapping[Role, tuple[Row, ...]], limit: int | None, seed: int
) -> Mapping[Role, tuple[Row, ...]]:
    """At most `limit` rows a role: group by group, in the order of their hashes."""
    if limit is None:
        return rows
    return {
        role: tuple(sorted(of_role, key=lambda row: unit_hash(row.group, seed))[:limit])
        for role, of_role in rows.items()
    }


def _same_name_twice(opened: Sequence[LoadedSuite]) -> list[Problem]:
    first: dict[str, LoadedSuite] = {}
    problems = []
    for suite in opened:
        other = first.setdefault(suite.suite.name, suite)
        if other is not suite:
            problems.append(
                Problem(
                    message=f"a suite named {suite.suite.name!r} is already given by {other.path}",
                    file=str(suite.path),
                    line=1,
                    column=1,
                    field="name",
                    value=suite.suite.name,
                    hint="give each suite of one run a name of its own",
                )
            )
    return problems
