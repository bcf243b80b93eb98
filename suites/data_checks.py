"""What only the data can show: roles that are empty, lack a class, or lack what a check needs.

`audit validate` and `audit run` both call `check_suite`, so they find the same. No model
is needed for any of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from suites.dataset import read_dataset
from suites.load import LoadedSuite
from suites.problems import Problem, SuiteError, nearest, show
from suites.rows import Row
from suites.schema import ROLES, Check, ChoiceBehaviour, Gate, Role, RowBehaviour
from suites.splits import rows_by_role

Loc = tuple[str | int, ...]
RoleRows = Mapping[Role, Sequence[Row]]


def check_suite(loaded: LoadedSuite, *, seed: int = 0) -> None:
    """Read every dataset and look at every check's rows; linear in the number of rows.

    Raises:
        SuiteError: every problem of the data, those of all datasets and checks together.
    """
    problems: list[Problem] = []
    broken: set[str] = set()
    for name in loaded.suite.datasets:
        try:
            read_dataset(loaded, name)
        except SuiteError as error:
            problems += error.problems
            broken.add(name)
    for check_id, check in loaded.suite.checks.items():
        if broken & {source.dataset for role in ROLES for source in getattr(check.roles, role)}:
            continue
        try:
            roles = rows_by_role(loaded, check_id, seed=seed)
        except SuiteError as error:
            problems += error.problems
            continue
        problems += _check_problems(loaded, check_id, check, roles)
    if problems:
        raise SuiteError(problems)


def _check_problems(
    loaded: LoadedSuite, check_id: str, check: Check, roles: RoleRows
) -> Iterator[Problem]:
    loc: Loc = ("checks", check_id)
    for role in ROLES:
        at = (*loc, "roles", role)
        if not roles[role]:
            hint = "look at `where` and at the dataset's `split`"
            yield loaded.problem(at, f"the role {role} has no row", hint)
        elif role in ("train", "validation"):
            yield from _two_classes(loaded, at, roles[role])
    yield from _token_problems(loaded, loc, check, roles)
    if not roles["audit"]:
        return
    asked: tuple[Role, ...] = ("audit", "control") if check.asks_controls else ("audit",)
    for role in asked:
        yield from _behaviour_problems(loaded, loc, check, role, roles[role])
    for number, gate in enumerate(check.gates):
        at = (*loc, "gates", number)
        if gate.compares_values:
            yield from _disparity_problems(loaded, at, gate, roles["audit"])
        if not (gate.reads_monitor or gate.compares_values):
            yield from _misbehaviour_problems(loaded, at, check, gate, roles)


def _two_classes(loaded: LoadedSuite, loc: Loc, rows: Sequence[Row]) -> Iterator[Problem]:
    counts = Counter(row.label for row in rows)
    if counts[None]:
        first = next(row for row in rows if row.label is None)
        message = f"{counts[None]} of {len(rows)} rows have no label, first {_name(first)}"
        yield loaded.problem(loc, message, "map `columns.label`, or give the source a `label`")
    elif not counts[0] or not counts[1]:
        message = f"needs both classes, and has {counts[1]} rows of label 1 and {counts[0]} of 0"
        yield loaded.problem(loc, message)


def _token_problems(
    loaded: LoadedSuite, loc: Loc, check: Check, roles: RoleRows
) -> Iterator[Problem]:
    """`tokens: response` and `tokens: span` need them on every row of every role."""
    tokens = check.monitor.tokens
    if tokens not in ("response", "span"):
        return
    for role in ROLES:
        if tokens == "response":
            lacking = [row for row in roles[role] if not has_response(row)]
            what = "no response to select"
            hint = "a response is an answer, or a last message of the assistant"
        else:
            lacking = [row for row in roles[role] if not row.span or not _holds(row, row.span)]
            what = "no `span` that stands in its text"
            hint = "a span is part of the text, letter for letter"
        if lacking:
            message = (
                f"{len(lacking)} rows of the role {role} have {what}, first {_name(lacking[0])}"
            )
            yield loaded.problem((*loc, "monitor", "tokens"), message, hint)


def has_response(row: Row) -> bool:
    """Whether a row holds something that the model is taken to have said."""
    if row.messages:
        return row.messages[-1].role == "assistant" and bool(row.messages[-1].content)
    return bool(row.answer)


def _holds(row: Row, span: str) -> bool:
    parts = (row.text, row.question, row.answer, *(message.content for message in row.messages))
    return any(span in part for part in parts if part)


def _behaviour_problems(
    loaded: LoadedSuite, loc: Loc, check: Check, role: Role, rows: Sequence[Row]
) -> Iterator[Problem]:
    at = (*loc, "behaviour")
    if isinstance(check.behaviour, RowBehaviour):
        silent = [row for row in rows if row.behaviour is None]
        if silent:
            message = f"{len(silent)} {role} rows say no `behaviour`, first {_name(silent[0])}"
            yield loaded.problem(at, message, "map `columns.behaviour`")
    if isinstance(check.behaviour, ChoiceBehaviour):
        yield from _choice_problems(loaded, at, check.behaviour, role, rows)


def _misbehaviour_problems(
    loaded: LoadedSuite, loc: Loc, check: Check, gate: Gate, roles: RoleRows
) -> Iterator[Problem]:
    """A choice is misbehaviour where the row names one, or is labelled and what is said counts."""
    behaviour = check.behaviour
    if not isinstance(behaviour, ChoiceBehaviour):
        return
    with_controls = gate.kind == "misbehaviour_over_control"
    held: tuple[Role, ...] = ("audit", "control") if with_controls else ("audit",)
    for role in held:
        told = (
            row.misbehaviour is not None or (row.label is not None and behaviour.asserts)
            for row in roles[role]
        )
        if roles[role] and not any(told):
            message = f"of no {role} row it can be told whether the model misbehaves on it"
            hint = (
                "map `columns.misbehaviour`, or label the rows and let the check's `behaviour` "
                "have `asserts`"
            )
            yield loaded.problem((*loc, "kind"), message, hint, gate.kind)


def _choice_problems(
    loaded: LoadedSuite, loc: Loc, behaviour: ChoiceBehaviour, role: Role, rows: Sequence[Row]
) -> Iterator[Problem]:
    without = [row for row in rows if not (behaviour.choices or row.choices)]
    if without:
        message = f"{len(without)} {role} rows have no choices, first {_name(without[0])}"
        hint = "give `choices` here, or map `columns.choices`"
        yield loaded.problem(loc, message, hint)
    for row in rows:
        choices = behaviour.choices or row.choices
        if choices and behaviour.asserts is not None and behaviour.asserts not in choices:
            message = f"{show(behaviour.asserts)} is no choice of {_name(row)}"
            hint = nearest(behaviour.asserts, choices)
            yield loaded.problem((*loc, "asserts"), message, hint, behaviour.asserts)
            break
    for row in rows:
        choices = behaviour.choices or row.choices
        if choices and row.misbehaviour is not None and row.misbehaviour >= len(choices):
            message = f"{_name(row)} misbehaves with choice {row.misbehaviour} of {len(choices)}"
            yield loaded.problem((*loc, "choices"), message, "0 is the first choice")
            break


def _disparity_problems(
    loaded: LoadedSuite, loc: Loc, gate: Gate, rows: Sequence[Row]
) -> Iterator[Problem]:
    known = {name for row in rows for name, value in row.attributes.items() if value is not None}
    for field in ("attribute", "pair"):
        name = getattr(gate, field)
        if name is not None and name not in known:
            message = f"no audit row has an attribute {show(name)}"
            yield loaded.problem((*loc, field), message, nearest(name, known), name)
            return
    assert gate.attribute is not None
    values: defaultdict[object, set[object]] = defaultdict(set)
    for row in rows:
        if row.attributes.get(gate.attribute) is not None:
            case = row.group if gate.pair is None else row.attributes.get(gate.pair)
            values[case].add(row.attributes[gate.attribute])
    if not any(len(found) > 1 for found in values.values()):
        same = "group" if gate.pair is None else show(gate.pair)
        message = f"no two audit rows of one {same} differ in {show(gate.attribute)}"
        hint = "a disparity compares the same case with another value; see `pair`"
        yield loaded.problem((*loc, "attribute"), message, hint, gate.attribute)


def _name(row: Row) -> str:
    return f"{show(row.id)} ({row.place})"
