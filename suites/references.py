"""What a suite says that no single field can be blamed for: names that lead nowhere, and dates.

Reads the values as they stand in the file rather than the validated suite, so that these
mistakes are found together with wrong types and unknown keys. What is malformed is passed
over here: the schema has complained already.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from suites.problems import Problem, dotted, nearest, show
from suites.words import ROLES
from suites.yaml12 import Document

Loc = tuple[str | int, ...]
Vocabulary = Mapping[str, Callable[[], Collection[str]]]
"""For fields of a monitor what says the names that exist, asked where a check uses the field."""


@dataclass(frozen=True, slots=True)
class Names:
    """What may be referred to: the concepts and the datasets (as written) of all files."""

    concepts: Collection[str]
    datasets: Mapping[str, Any]


def mistaken_references(
    document: Document, names: Names | None, vocabulary: Vocabulary | None, today: date
) -> list[Problem]:
    """Every reference of a file's checks that leads nowhere, and every expired suppression.

    Without `names` (a file could not be read, so what it defines is not known) concepts and
    datasets are not looked up.
    """
    problems: list[Problem] = []
    for check, value in entries(document.value, "checks").items():
        if not isinstance(value, dict):
            continue
        loc: Loc = ("checks", check)
        if names is not None:
            problems += _unknown_names(document, loc, value, names)
        problems += _unknown_words(document, loc, value.get("monitor"), vocabulary or {})
        problems += _expired(document, (*loc, "suppress"), value.get("suppress"), today)
    return problems


def entries(value: Any, section: str) -> dict[str, Any]:
    """A section of a file (concepts, datasets, checks), empty where it is malformed."""
    found = value.get(section) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _unknown_names(document: Document, loc: Loc, check: Any, names: Names) -> Iterator[Problem]:
    concept = check.get("concept")
    if isinstance(concept, str) and concept not in names.concepts:
        yield _unknown(document, (*loc, "concept"), concept, names.concepts)
    for at, role, dataset in _sources(check, loc):
        if dataset not in names.datasets:
            yield _unknown(document, at, dataset, names.datasets)
        elif lacking := _lacks_share(names.datasets[dataset], role):
            yield _problem(document, at, f"the `split` of {show(dataset)} {lacking}")


def _sources(check: Any, loc: Loc) -> Iterator[tuple[Loc, str, str]]:
    """Place, role and dataset of everything that a check's roles name."""
    for role in ROLES:
        given = entries(check, "roles").get(role)
        at = (*loc, "roles", role)
        items = (
            [((*at, i), item) for i, item in enumerate(given)]
            if isinstance(given, list)
            else [(at, given)]
        )
        for place, item in items:
            dataset = item.get("dataset") if isinstance(item, dict) else item
            if isinstance(dataset, str):
                yield (*place, "dataset") if isinstance(item, dict) else place, role, dataset


def _lacks_share(dataset: Any, role: str) -> str:
    split = dataset.get("split") if isinstance(dataset, dict) else None
    if not isinstance(split, dict) or not split or role in split:
        return ""
    return f"gives no share to the role '{role}'"


def _unknown_words(
    document: Document, loc: Loc, monitor: Any, vocabulary: Vocabulary
) -> Iterator[Problem]:
    for field, names in vocabulary.items():
        word = monitor.get(field) if isinstance(monitor, dict) else None
        if isinstance(word, str) and word not in (known := names()):
            yield _unknown(document, (*loc, "monitor", field), word, known)


def _expired(document: Document, loc: Loc, suppress: Any, today: date) -> Iterator[Problem]:
    if not isinstance(suppress, dict) or not isinstance(suppress.get("until"), str):
        return
    try:
        until = date.fromisoformat(suppress["until"])
    except ValueError:
        return  # the schema says so
    if until < today:
        message = f"the suppression ({show(suppress.get('reason'))}) ended on {until}"
        yield _problem(document, (*loc, "until"), message, "mend the finding, or renew the date")


def _unknown(document: Document, loc: Loc, name: str, known: Collection[str]) -> Problem:
    kind = "dataset" if "roles" in loc else str(loc[-1])
    hint = nearest(name, known) or f"there is no {kind} at all"
    return _problem(document, loc, f"no {kind} is called {show(name)}", hint, value=name)


def _problem(
    document: Document,
    loc: Loc,
    message: str,
    hint: str = "",
    value: str = "",
) -> Problem:
    line, column = document.place(loc)
    return Problem(message, document.file, line, column, dotted(loc), value, hint)
