"""A plan shares what several checks ask of one model."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.engine.opening import open_suites, select_checks
from audit.engine.plan import Plan, make_plan
from audit.models.loading import load_model
from audit.models.tokens import encode_rows, select_tokens
from suites.schema import ROLES

SUITE = """\
name: shared
concepts: {c: the text is a plea}
datasets:
  pleas:
    rows:
%s
    split: {train: 0.4, validation: 0.2, control: 0.2, audit: 0.2}
checks:
  one:
    concept: c
    monitor: {depth: 0.5}
    roles: {train: pleas, validation: pleas, control: pleas, audit: pleas}
    gates: [{max: 0.1}]
  two:
    concept: c
    monitor: {depth: 0.5, tokens: all}
    roles: {train: pleas, validation: pleas, control: pleas, audit: %s}
    gates: [{max: 0.1}]
"""
ROWS = "\n".join(
    f"      - {{text: 'claim {n} {word}', label: {label}, group: g{n}}}"
    for n in range(40)
    for label, word in enumerate(("holds", "fails"))
)


def planned(folder: Path, audit: str) -> Plan:
    file = folder / "suite.yaml"
    file.write_text(SUITE % (ROWS, audit), encoding="utf-8")
    model = load_model("organism:honest", device="cpu")
    plan = make_plan(select_checks(open_suites([file])), model)
    for check in plan.checks:  # sharing changes nothing
        for role in check.roles.values():
            apart = encode_rows(role.rows, model.tokenizer, context_length=model.context_length)
            assert list(role.encoded) == apart
    return plan


def test_a_row_of_several_checks_is_cut_into_tokens_once(tmp_path: Path) -> None:
    one, two = planned(tmp_path, "pleas").checks
    for role in ROLES:
        assert len(one.roles[role].rows) > 0
        pairs = zip(one.roles[role].encoded, two.roles[role].encoded, strict=True)
        assert all(a is b for a, b in pairs)


@pytest.mark.parametrize("label", [0, 1])
def test_a_row_with_another_label_is_another_row(tmp_path: Path, label: int) -> None:
    one, two = planned(tmp_path, f"{{dataset: pleas, label: {label}}}").checks
    for a, b in zip(one.roles["audit"].rows, two.roles["audit"].rows, strict=True):
        assert a.text == b.text
        assert b.label == label
    apart = zip(one.roles["audit"].encoded, two.roles["audit"].encoded, strict=True)
    assert not any(a is b for a, b in apart)


def test_prompts_that_are_asked_for_alike_hold_the_same_selections(tmp_path: Path) -> None:
    plan = planned(tmp_path, "pleas")
    distinct = {sequence.selections for sequence in plan.sequences}
    assert len({id(sequence.selections) for sequence in plan.sequences}) == len(distinct)
    assert len(distinct) < len(plan.sequences) / 4
    for check in plan.checks:  # and still each finds its own
        for role in check.roles.values():
            for (index, number), encoded in zip(role.at, role.encoded, strict=True):
                wanted = select_tokens(encoded, check.check.monitor.tokens)
                assert plan.sequences[index].ids == encoded.ids
                assert plan.sequences[index].selections[number].positions == wanted
