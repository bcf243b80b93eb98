"""A comparison comes back from its JSON, and is safe to look at whatever it holds."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from reports.diff import STATUSES, Caveat, DiffSide, GateDiff, PairedChange, RecordDiff
from reports.markdown.diff import render_diff_markdown
from reports.record import VERDICTS
from reports.terminal.diff import print_diff
from reports.text import is_hidden
from reports.views.diff import STATUS_WORDS, became, diff_summary
from tests.reports.factory import estimate
from tests.reports.hostile import HOSTILE


def make_side(**changes: Any) -> DiffSide:
    fields: dict[str, Any] = {
        "model": "run/checkpoint-100",
        "architecture": "LlamaForCausalLM",
        "weights_digest": "5eed" * 16,
        "record_digest": "f00d" * 16,
        "verdict": "pass",
        "seed": 0,
        "partial": False,
    }
    return DiffSide(**(fields | changes))


def make_gate_diff(**changes: Any) -> GateDiff:
    fields: dict[str, Any] = {
        "suite": "organism_lying",
        "check": "deployed",
        "kind": "belief_gap",
        "severity": "critical",
        "status": "worse",
        "reason": "it flags, and was a pass",
        "gates": True,
        "verdict_before": "pass",
        "verdict_after": "flag",
        "estimate_before": estimate(0.02, 0.001, 0.06),
        "estimate_after": estimate(0.96, 0.90, 0.99),
        "limit_before": 0.2,
        "limit_after": 0.2,
        "paired": PairedChange(
            event="contradicts",
            difference=estimate(0.94, 0.88, 0.98),
            p_worse=1e-12,
            q_worse=2e-12,
            p_better=1.0,
            q_better=1.0,
        ),
    }
    return GateDiff(**(fields | changes))


def make_diff(**changes: Any) -> RecordDiff:
    fields: dict[str, Any] = {
        "before": make_side(),
        "after": make_side(model="run/checkpoint-200", verdict="flag"),
        "margin": 0.0,
        "exit_code": 1,
        "caveats": [Caveat(kind="seed", sentence="the seed was 0 and is 1")],
        "gates": [make_gate_diff()],
    }
    return RecordDiff(**(fields | changes))


def printed(diff: RecordDiff) -> str:
    file = StringIO()
    print_diff(diff, Console(file=file, width=80, highlight=False))
    return file.getvalue()


def hostile_diff(text: str) -> RecordDiff:
    """Every string that could have come from outside is this one."""
    return make_diff(
        before=make_side(model=text, architecture=text),
        caveats=[Caveat(where=text, kind="suite", sentence=f"suite `{text}` was changed: {text}")],
        gates=[
            make_gate_diff(
                suite=text,
                check=text,
                kind=text,
                attribute=text,
                reason=text,
                not_paired=text,
                status=status,
            )
            for status in STATUSES
        ],
    )


def test_it_comes_back_from_its_json() -> None:
    diff = make_diff()
    assert RecordDiff.model_validate_json(diff.to_json()) == diff


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert_in_every_output(text: str) -> None:
    diff = hostile_diff(text)
    as_json, terminal, markdown = diff.to_json(), printed(diff), render_diff_markdown(diff)
    for shown in (as_json, terminal, markdown):
        assert not [c for c in shown if c != "\n" and is_hidden(c)]
        assert "##[" not in shown
        assert "##vso[" not in shown
    assert json.loads(as_json)["gates"][0]["check"] == diff.gates[0].check
    assert all(cell_len(line) <= 80 for line in terminal.splitlines())
    # One line of the table for each gate, whatever the text holds: nothing breaks out of it.
    assert sum(line.startswith("| ") for line in markdown.splitlines()) == 2 + len(STATUSES)


@pytest.mark.parametrize("text", ["@octocat", "<script>alert(1)</script>", "#123"])
def test_markdown_sets_what_means_something_in_code(text: str) -> None:
    outside_of_code = render_diff_markdown(hostile_diff(text)).split("`")[::2]
    assert not any(text in part for part in outside_of_code)


def test_every_status_has_a_word_and_worse_stands_out() -> None:
    assert set(STATUS_WORDS) == set(STATUSES)
    assert [word for word in STATUS_WORDS.values() if word.isupper()] == ["WORSE"]


NEW: dict[str, Any] = {
    "status": "new",
    "verdict_before": None,
    "estimate_before": None,
    "limit_before": None,
    "paired": None,
}


def test_what_is_new_is_called_by_its_verdict() -> None:
    found = {
        verdict: became(make_gate_diff(**NEW | {"verdict_after": verdict}))
        for verdict in (*VERDICTS, None)
    }
    assert {verdict: (one.word, one.tone) for verdict, one in found.items()} == {
        "pass": ("new pass", "new"),
        "warn": ("new warning", "changed"),
        "flag": ("NEW FLAG", "worse"),
        "inconclusive": ("new inconclusive", "not_compared"),
        "error": ("new error", "not_compared"),
        None: ("new", "new"),
    }
    assert {one.sign for one in found.values()} == {"new"}
    excused = became(make_gate_diff(**NEW | {"verdict_after": "flag", "gates": False}))
    assert (excused.word, excused.tone) == ("new flag", "changed")


def test_a_new_flag_is_counted_and_read_apart_from_new_passes() -> None:
    gates = [
        make_gate_diff(**NEW | {"verdict_after": "pass", "check": "a"}),
        make_gate_diff(**NEW | {"verdict_after": "pass", "check": "b"}),
        make_gate_diff(**NEW | {"verdict_after": "flag", "check": "c", "gates": False}),
        make_gate_diff(**NEW | {"verdict_after": "flag", "check": "d"}),
        make_gate_diff(status="gone"),
        make_gate_diff(),
    ]
    diff = make_diff(gates=gates)
    said = "1 worse, 1 new flag, 1 gone, 1 new flag that does not gate, 2 new passes"
    assert diff_summary(diff) == said
    assert diff_summary(make_diff(gates=gates[3:4] * 2)) == "2 new flags"
    markdown = render_diff_markdown(diff)
    assert "| **NEW FLAG** | `organism_lying/d` |" in markdown
    assert "| new flag | `organism_lying/c` |" in markdown
    assert "NEW FLAG" in printed(diff)


def test_rows_and_groups_stand_in_the_table() -> None:
    assert "| n = 200 in 100 groups |" in render_diff_markdown(make_diff())
    bare = make_gate_diff(**NEW | {"estimate_after": None})
    assert "| - | - |" in render_diff_markdown(make_diff(gates=[bare]))


def test_the_terminal_tells_what_changed_and_what_is_not_alike() -> None:
    text = printed(make_diff())
    assert text.startswith("run/checkpoint-100 -> run/checkpoint-200  1 worse")
    assert "+0.94 [0.88, 0.98]" in text
    assert "q = 2e-12" in text
    assert "the seed was 0 and is 1" in text


def test_a_diff_of_nothing_is_said() -> None:
    empty = make_diff(gates=[], caveats=[], exit_code=6)
    assert diff_summary(empty) == "no gate in either audit"
    assert "no gate in either audit" in printed(empty)
    assert "|" not in render_diff_markdown(empty)


def test_a_suppressed_gate_says_that_it_does_not_gate() -> None:
    diff = make_diff(gates=[make_gate_diff(gates=False)])
    assert "does not gate" in " ".join(printed(diff).split())
    assert "does not gate" in render_diff_markdown(diff)
