from __future__ import annotations

from typing import Any

import pytest

from suites.data_checks import check_suite, has_response
from suites.problems import SuiteError
from suites.rows import Message, Row

SUITE = """\
name: t
concepts: {c: C}
datasets:
  train: {rows: [{text: a1, label: 1}, {text: a2, label: 0}]}
  validation: {rows: [{text: b1, label: 1}, {text: b2, label: 0}]}
  control: {rows: [{text: c1}, {text: c2}]}
  audit:
    rows:
      - {question: q1, group: x, sex: f, case: 1, choices: [A, B], misbehaviour: 1, behaviour: 1}
      - {question: q2, group: x, sex: m, case: 1, choices: [A, B], misbehaviour: 0, behaviour: 0}
checks:
  k:
    concept: c
    roles: {train: train, validation: validation, control: control, audit: audit}
    gates: [{max: 0.1}]
"""


def changed(*changes: tuple[str, str]) -> str:
    text = SUITE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def with_check(line: str) -> tuple[str, str]:
    return ("    concept: c\n", f"    concept: c\n    {line}\n")


@pytest.mark.parametrize(
    "changes",
    [
        [],
        [with_check("behaviour: {kind: choice}")],
        [with_check("behaviour: {kind: choice, asserts: B}")],
        [with_check("behaviour: {kind: choice, choices: [Yes, No]}")],
        [with_check("behaviour: {kind: row}")],
        [with_check("behaviour: {kind: regex, pattern: x}")],
        [
            with_check("behaviour: {kind: choice, choices: [A, B]}"),
            ("{max: 0.1}", "{kind: misbehaviour, max: 0.1}"),
        ],
        [
            with_check("behaviour: {kind: choice, choices: [A, B], asserts: B}"),
            ("{max: 0.1}", "{kind: misbehaviour_over_control, max: 0.1}"),
            ("{text: c1}", "{text: c1, label: 0}"),
        ],
        [
            with_check("behaviour: {kind: regex, pattern: x}"),
            ("{max: 0.1}", "{kind: misbehaviour_over_control, max: 0.1}"),
        ],
        [("{max: 0.1}", "{kind: disparity, attribute: sex, max: 0.1}")],
        [("{max: 0.1}", "{kind: disparity, attribute: sex, pair: case, max: 0.1}")],
    ],
)
def test_a_sound_suite_is_silent(load: Any, changes: list[tuple[str, str]]) -> None:
    assert check_suite(load(changed(*changes))) is None


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        (
            [("{text: a2, label: 0}", "{text: a2, label: 1}")],
            "checks.k.roles.train",
            "needs both classes, and has 2 rows of label 1 and 0 of 0",
        ),
        (
            [("{text: b1, label: 1}", "{text: b1, label: 0}")],
            "checks.k.roles.validation",
            "needs both classes, and has 0 rows of label 1 and 2 of 0",
        ),
        (
            [("{text: a2, label: 0}", "{text: a2}")],
            "checks.k.roles.train",
            "1 of 2 rows have no label, first '",
        ),
        (
            [("audit: audit", "audit: {dataset: audit, where: {sex: x}}")],
            "checks.k.roles.audit",
            "the role audit has no row",
        ),
        (
            [("control: control", "control: {dataset: control, where: {id: x}}")],
            "checks.k.roles.control",
            "the role control has no row",
        ),
        (
            [
                with_check("behaviour: {kind: choice}"),
                ("sex: m, case: 1, choices: [A, B], misbehaviour: 0", "sex: m"),
            ],
            "checks.k.behaviour",
            "1 audit rows have no choices, first '",
        ),
        (
            [with_check("behaviour: {kind: choice, asserts: b}")],
            "checks.k.behaviour.asserts",
            "'b' is no choice of",
        ),
        (
            [
                with_check("behaviour: {kind: choice, choices: [Y, N]}"),
                ("choices: [A, B], misbehaviour: 1", "misbehaviour: 2"),
            ],
            "checks.k.behaviour.choices",
            "misbehaves with choice 2 of 2",
        ),
        (
            [with_check("behaviour: {kind: row}"), (", behaviour: 0", "")],
            "checks.k.behaviour",
            "1 audit rows say no `behaviour`, first '",
        ),
        (
            [
                with_check("behaviour: {kind: row}"),
                ("{max: 0.1}", "{kind: misbehaviour_over_control, max: 0.1}"),
                ("{text: c1}", "{text: c1, behaviour: 0}"),
            ],
            "checks.k.behaviour",
            "1 control rows say no `behaviour`, first '",
        ),
        (
            [
                with_check("behaviour: {kind: choice}"),
                ("{max: 0.1}", "{kind: misbehaviour_over_reference, max: 0.1}"),
            ],
            "checks.k.behaviour",
            "2 control rows have no choices, first '",
        ),
        (
            [
                with_check("behaviour: {kind: choice, choices: [A, B]}"),
                ("{max: 0.1}", "{kind: misbehaviour, max: 0.1}"),
                (", misbehaviour: 1", ""),
                (", misbehaviour: 0", ""),
            ],
            "checks.k.gates[0].kind",
            "of no audit row it can be told whether the model misbehaves on it "
            "(map `columns.misbehaviour`, or label the rows",
        ),
        (
            [
                with_check("behaviour: {kind: choice, choices: [A, B], asserts: B}"),
                ("{max: 0.1}", "{kind: misbehaviour_over_control, max: 0.1}"),
            ],
            "checks.k.gates[0].kind",
            "of no control row it can be told whether the model misbehaves on it",
        ),
        (
            [("{max: 0.1}", "{kind: disparity, attribute: sexx, max: 0.1}")],
            "checks.k.gates[0].attribute",
            "no audit row has an attribute 'sexx' (did you mean 'sex'?)",
        ),
        (
            [("{max: 0.1}", "{kind: disparity, attribute: sex, pair: cas, max: 0.1}")],
            "checks.k.gates[0].pair",
            "no audit row has an attribute 'cas' (did you mean 'case'?)",
        ),
        (
            [("{max: 0.1}", "{kind: disparity, attribute: sex, max: 0.1}"), ("sex: m", "sex: f")],
            "checks.k.gates[0].attribute",
            "no two audit rows of one group differ in 'sex'",
        ),
        (
            [
                ("{max: 0.1}", "{kind: disparity, attribute: sex, pair: case, max: 0.1}"),
                ("sex: m, case: 1", "sex: m, case: 2"),
            ],
            "checks.k.gates[0].attribute",
            "no two audit rows of one 'case' differ in 'sex'",
        ),
    ],
)
def test_what_only_the_data_shows(
    mistakes: Any, changes: list[tuple[str, str]], field: str, said: str
) -> None:
    (problem,) = mistakes(changed(*changes))
    assert problem.field == field
    assert said in str(problem)
    assert problem.line is not None


def test_token_selections_need_their_tokens_on_every_row(mistakes: Any, load: Any) -> None:
    found = mistakes(changed(with_check("monitor: {tokens: response}")))
    assert [problem.field for problem in found] == ["checks.k.monitor.tokens"] * 4
    assert "2 rows of the role train have no response to select, first '" in found[0].message
    found = mistakes(changed(with_check("monitor: {tokens: span}")))
    assert "have no `span` that stands in its text" in found[0].message
    spans = [
        (f"text: {name}", f"text: {name}, span: {name[0]}")
        for name in ("a1", "a2", "b1", "b2", "c1", "c2")
    ]
    spans += [("question: q1", "question: q1, span: q"), ("question: q2", "question: q2, span: z")]
    (problem,) = mistakes(changed(with_check("monitor: {tokens: span}"), *spans))
    assert "1 rows of the role audit have no `span`" in problem.message
    spans[-1] = ("question: q2", "question: q2, answer: zz, span: z")
    check_suite(load(changed(with_check("monitor: {tokens: span}"), *spans)))


def test_what_a_response_is() -> None:
    def row(**content: Any) -> Row:
        return Row(id="a", group="a", **content)

    said = (Message("user", "hi"), Message("assistant", "hello"))
    assert has_response(row(question="q", answer="a"))
    assert has_response(row(messages=said))
    assert not has_response(row(question="q", answer=""))
    assert not has_response(row(text="t"))
    assert not has_response(row(messages=said[:1]))
    assert not has_response(row(messages=(*said, Message("user", "and?"))))
    assert not has_response(row(messages=(said[0], Message("assistant", ""))))


def test_problems_of_all_datasets_and_checks_come_together(mistakes: Any) -> None:
    second = """\
  j:
    concept: c
    roles: {train: other, validation: validation, control: control, audit: audit}
    gates: [{max: 0.1}]
"""
    more = """\
  other: {rows: [{text: o1, label: 1}, {text: o2, label: 1}]}
  unused: {rows: ['']}
checks:"""
    text = changed(("checks:", more), ("{text: c1}", "{text: c1, label: x}")) + second
    found = [str(problem) for problem in mistakes(text)]
    assert (
        len(found) == 2
    )  # the checks use the broken control; they are looked at when it is mended
    assert "control.label: must be 0, 1" in found[0]
    assert "unused.text: is empty" in found[1]
    found = [str(problem) for problem in mistakes(text.replace(", label: x", ""))]
    assert len(found) == 2
    assert "unused.text: is empty" in found[0]
    assert "checks.j.roles.train: needs both classes" in found[1]


def test_the_seed_reaches_the_split(load: Any) -> None:
    """Two groups split four ways leave a role empty, whatever the seed; many rows do not."""
    rows = ", ".join(f"{{text: t{n}, label: {n % 2}}}" for n in range(200))
    text = f"""\
name: t
concepts: {{c: C}}
datasets:
  d: {{rows: [{rows}], split: {{train: 0.4, validation: 0.2, control: 0.2, audit: 0.2}}}}
checks:
  k: {{concept: c, roles: {{train: d, validation: d, control: d, audit: d}}, gates: [{{max: 0.1}}]}}
"""
    for seed in range(5):
        check_suite(load(text), seed=seed)
    few = text.replace(rows, "{text: a, label: 0}, {text: b, label: 1}")
    said = set()
    for seed in range(5):
        with pytest.raises(SuiteError) as caught:
            check_suite(load(few), seed=seed)
        said.add(str(caught.value))
    assert len(said) > 1
