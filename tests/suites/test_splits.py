from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from suites import splits
from suites.problems import SuiteError
from suites.rows import Message, Row
from suites.schema import ROLES
from suites.splits import role_of, rows_by_role, rows_digest, unit_hash

SHARES = {"train": 0.4, "validation": 0.3, "control": 0.2, "audit": 0.1}
SUITE = """\
name: t
concepts: {{c: C}}
datasets:
  d:
    path: d.jsonl
    split: {{train: 0.4, validation: 0.2, control: 0.2, audit: 0.2}}
  e:
    path: e.jsonl
checks:
  k:
    concept: c
    roles: {{train: {train}, validation: d, control: d, audit: {audit}}}
    gates: [{{max: 0.1}}]
"""


def lines(records: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def suite(
    load: Any, d: list[dict[str, Any]], e: Any = None, train: str = "d", audit: str = "d"
) -> Any:
    files = {"d.jsonl": lines(d), "e.jsonl": lines(e or [{"text": "e"}])}
    return load(SUITE.format(train=train, audit=audit), files)


def numbered(n: int, **more: Any) -> list[dict[str, Any]]:
    return [{"text": f"row {i}", "group": f"g{i // 3}", **more} for i in range(n)]


def told(loaded: Any, **options: Any) -> list[str]:
    with pytest.raises(SuiteError) as caught:
        rows_by_role(loaded, "k", **options)
    return str(caught.value).split("\n")


def test_a_group_is_uniform_on_the_unit_interval() -> None:
    points = [unit_hash(f"group {n}", seed=0) for n in range(4000)]
    assert stats.kstest(points, "uniform").pvalue > 0.001
    # and the control: the same points squared are not
    assert stats.kstest(np.square(points), "uniform").pvalue < 1e-6


def test_seeds_are_independent_splits() -> None:
    first = [unit_hash(f"group {n}", seed=0) for n in range(2000)]
    second = [unit_hash(f"group {n}", seed=1) for n in range(2000)]
    assert abs(stats.pearsonr(first, second).statistic) < 0.08


def test_the_hash_never_changes() -> None:
    # Written down once: a new value would move every group of every user.
    assert unit_hash("Krasnodar", 0) == 0.7591828145516465


def test_shares_are_cumulated_in_the_order_of_the_roles() -> None:
    found = Counter(role_of(f"g{n}", SHARES, seed=0) for n in range(20_000))
    for role, share in SHARES.items():
        assert found[role] / 20_000 == pytest.approx(share, abs=0.012)
    for n in range(200):
        point = unit_hash(f"g{n}", 0)
        expected = ROLES[
            int(np.searchsorted(np.cumsum(list(SHARES.values())), point, side="right"))
        ]
        assert role_of(f"g{n}", SHARES, seed=0) == expected


def test_beyond_the_last_share_is_no_role() -> None:
    found = Counter(role_of(f"g{n}", {"train": 0.25}, seed=0) for n in range(4000))
    assert found[None] / 4000 == pytest.approx(0.75, abs=0.03)


def test_every_row_has_one_role_and_groups_stay_together(load: Any) -> None:
    roles = rows_by_role(suite(load, numbered(300)), "k")
    assert sum(map(len, roles.values())) == 300
    groups = {role: {row.group for row in rows} for role, rows in roles.items()}
    assert len(set().union(*groups.values())) == sum(map(len, groups.values())) == 100


def test_adding_rows_moves_no_group(load: Any) -> None:
    before = rows_by_role(suite(load, numbered(300)), "k")
    after = rows_by_role(suite(load, numbered(600)[::-1]), "k")
    for role in ROLES:
        assert {row.id for row in before[role]} <= {row.id for row in after[role]}


def test_another_seed_is_another_split(load: Any) -> None:
    loaded = suite(load, numbered(300))
    first, second = rows_by_role(loaded, "k", seed=0), rows_by_role(loaded, "k", seed=1)
    assert {row.id for row in first["train"]} != {row.id for row in second["train"]}
    assert rows_by_role(loaded, "k", seed=0) == first


def test_a_dataset_without_split_is_used_whole(load: Any) -> None:
    roles = rows_by_role(suite(load, numbered(30), [{"text": "x"}, {"text": "y"}], audit="e"), "k")
    assert [row.text for row in roles["audit"]] == ["x", "y"]


def test_sources_are_filtered_and_labelled(load: Any) -> None:
    e = [{"text": f"e{n}", "arm": "ab"[n % 2], "n": n, "label": n % 2} for n in range(6)]
    audit = "[{dataset: e, where: {arm: a, n: [0, 2]}, label: 1}, {dataset: e, where: {label: 1}}]"
    roles = rows_by_role(suite(load, numbered(30), e, audit=audit), "k")
    assert [(row.text, row.label) for row in roles["audit"]] == [
        ("e0", 1), ("e2", 1), ("e1", 1), ("e3", 1), ("e5", 1)
    ]  # fmt: skip


def test_where_knows_the_fields_of_a_row_and_its_attributes(load: Any) -> None:
    e = [{"text": "e", "id": "x", "group": "y", "behaviour": True, "arm": "a"}]
    for where in ("id: x", "group: y", "behaviour: true", "arm: a"):
        loaded = suite(load, numbered(30), e, audit=f"{{dataset: e, where: {{{where}}}}}")
        assert len(rows_by_role(loaded, "k")["audit"]) == 1
    loaded = suite(load, numbered(30), e, audit="{dataset: e, where: {amr: a}}")
    (line,) = told(loaded)
    assert "suite.yaml:12:" in line
    assert "roles.audit.where.amr: no row of 'e' has a field 'amr' (did you mean 'arm'?)" in line


def test_a_group_in_two_roles_is_named_with_both(load: Any) -> None:
    e = [{"text": "other", "group": "g1"}, {"text": "more", "group": "g1"}]
    role = role_of("g1", dict(zip(ROLES, (0.4, 0.2, 0.2, 0.2), strict=True)), seed=0)
    assert role != "audit"  # else this test shows nothing
    (line,) = told(suite(load, numbered(30), e, audit="e"))
    assert f"the group 'g1' is in two roles, {role} and audit (rows '" in line
    assert "suite.yaml:12:" in line


def test_a_whole_dataset_in_two_roles_is_many_groups_in_two_roles(load: Any) -> None:
    e = [{"text": f"e{n}"} for n in range(30)]
    found = told(suite(load, numbered(30), e, train="e", audit="e"))
    assert len(found) == 21
    assert "in two roles, train and audit" in found[0]
    assert found[-1].endswith("... and 10 more")


def test_the_same_text_in_two_roles_is_told_whatever_its_group(load: Any) -> None:
    d = numbered(30)
    trained = next(row for row in rows_by_role(suite(load, d), "k")["train"])
    e = [{"text": trained.text, "group": "of its own"}]
    (line,) = told(suite(load, d, e, audit="e"))
    assert "the same text is in two roles, train and audit" in line
    assert f"see d.jsonl:{trained.place.split(':')[1]} and e.jsonl:1" in line


def test_row_numbers_of_two_files_are_not_one_group(load: Any) -> None:
    d = [{"text": f"d{n}", "id": n} for n in range(40)]
    e = [{"text": f"e{n}", "id": n} for n in range(40)]
    assert len(rows_by_role(suite(load, d, e, audit="e"), "k")["audit"]) == 40


def test_row_numbers_of_pairs_in_two_files_are_not_one_group(load: Any) -> None:
    text = SUITE.format(train="d", audit="e")
    files = {}
    for name in "de":
        pairs = "pairs: {positive: p, negative: m}"
        text = text.replace(f"path: {name}.jsonl", f"path: {name}.jsonl\n    {pairs}")
        records = [{"id": n, "question": f"{name}{n}", "p": "y", "m": "n"} for n in range(40)]
        files[f"{name}.jsonl"] = lines(records)
    assert len(rows_by_role(load(text, files), "k")["audit"]) == 80


def test_shares_of_a_whole_leave_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    shares = {"train": 0.1, "validation": 0.7, "control": 0.1, "audit": 0.1}
    assert sum(shares.values()) < 1
    monkeypatch.setattr(splits, "unit_hash", lambda group, seed: 1 - 2**-53)
    assert role_of("g", shares, seed=0) == "audit"
    assert role_of("g", {"train": 0.1, "validation": 0.9}, seed=0) == "validation"
    assert role_of("g", {"train": 0.1, "validation": 0.8}, seed=0) is None


def test_row_numbers_of_one_file_are(load: Any) -> None:
    text = SUITE.format(train="e", audit="{dataset: f, where: {id: 3}}")
    text = text.replace("checks:", "  f: {path: e.jsonl}\nchecks:")
    e = [{"text": f"e{n}", "id": n} for n in range(5)]
    (line,) = told(load(text, {"d.jsonl": lines(numbered(30)), "e.jsonl": lines(e)}))
    assert "the group '3' is in two roles, train and audit" in line


def test_a_row_twice_in_a_role(load: Any) -> None:
    e = [{"text": "a", "arm": "x"}, {"text": "b", "arm": "y"}]
    (line,) = told(suite(load, numbered(30), e, audit="[e, {dataset: e, where: {arm: x}}]"))
    assert "is in this role twice" in line


def test_an_unknown_check(load: Any) -> None:
    with pytest.raises(KeyError):
        rows_by_role(suite(load, numbered(3)), "none")


# --- digest ------------------------------------------------------------------------


def test_the_digest_is_of_all_that_rows_hold_in_any_order(tmp_path: Path) -> None:
    row = Row(id="a", group="g", text="t", attributes={"x": 1, "y": "2"}, place="f:1")
    other = Row(id="b", group="g", question="q", answer="")
    digest = rows_digest([row, other])
    assert rows_digest([other, row]) == digest
    assert rows_digest([replace(row, place="elsewhere"), other]) == digest
    assert rows_digest([replace(row, attributes={"y": "2", "x": 1}), other]) == digest
    changed: list[Row] = [
        replace(row, id="c"),
        replace(row, group="h"),
        replace(row, text="u"),
        replace(row, label=0),
        replace(row, behaviour=False),
        replace(row, choices=("a", "b")),
        replace(row, misbehaviour=0),
        replace(row, span="t"),
        replace(row, attributes={"x": "1", "y": "2"}),
        replace(row, text=None, question="t"),
        replace(row, text=None, messages=(Message("user", "t"),)),
        replace(row, text=None, question="", answer="t"),
    ]
    digests = [rows_digest([new, other]) for new in changed]
    assert len({digest, *digests}) == len(changed) + 1
    assert rows_digest([]) != rows_digest([row]) != rows_digest([row, row])
