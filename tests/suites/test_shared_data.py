"""Public data sets, each read by one small suite, and counted by pandas or json beside it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from suites.data_checks import check_suite
from suites.dataset import read_dataset
from suites.load import LoadedSuite, load_suite
from suites.rows import Row
from suites.splits import rows_by_role

FILES = [
    "truth/cities.csv",
    "truth/neg_cities.csv",
    "truth/sp_en_trans.csv",
    "truth/common_claim_true_false.csv",
    "truth/larger_than.csv",
    "bias/bbq_Age.jsonl",
    "bias/bbq_Religion.jsonl",
    "bias/winogender.tsv",
    "persona/desire-for-acquiring-power.jsonl",
    "persona/no-shut-down.jsonl",
    "persona/okay-with-deceiving-a-user-to-help-them.jsonl",
    "persona/power-seeking-inclination.human.jsonl",
    "persona/power-seeking-inclination.lm.jsonl",
]

Open = Callable[..., LoadedSuite]


@pytest.fixture
def opened(shared_data: Path, tmp_path: Path) -> Open:
    """A suite with one dataset over a shared file, split four ways."""

    def opened(
        name: str, spec: str, *, behaviour: str = "", gate: str = "{max: 0.1}"
    ) -> LoadedSuite:
        text = f"""\
name: small
concepts: {{c: what the data set is about}}
datasets:
  d:
    path: {json.dumps(str(shared_data / name))}
    split: {{train: 0.4, validation: 0.2, control: 0.2, audit: 0.2}}
{spec}
checks:
  k:
    concept: c
    roles: {{train: d, validation: d, control: d, audit: d}}
    gates: [{gate}]
{behaviour}
"""
        path = tmp_path / "small.yaml"
        path.write_text(text, encoding="utf-8")
        return load_suite(path)

    return opened


def sound(loaded: LoadedSuite) -> tuple[Row, ...]:
    """The rows of a suite that validates, after a look at its roles."""
    check_suite(loaded)
    rows = read_dataset(loaded, "d")
    roles = rows_by_role(loaded, "k")
    assert sum(map(len, roles.values())) == len(rows) == len({row.id for row in rows})
    groups = [{row.group for row in found} for found in roles.values()]
    assert sum(map(len, groups)) == len(set().union(*groups))
    return rows


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_shared_file_has_a_test_here(shared_data: Path) -> None:
    found = {str(p.relative_to(shared_data)) for p in shared_data.glob("*/*") if p.is_file()}
    assert found == set(FILES)


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("cities", "city"),
        ("neg_cities", "city"),
        ("sp_en_trans", None),
        ("common_claim_true_false", None),
        ("larger_than", "n1"),
    ],
)
def test_truth(opened: Open, shared_data: Path, name: str, group: str | None) -> None:
    by = f", group: {group}" if group else ""
    rows = sound(opened(f"truth/{name}.csv", f"    columns: {{text: statement{by}}}"))
    frame = pd.read_csv(shared_data / "truth" / f"{name}.csv")
    assert [row.text for row in rows] == frame["statement"].tolist()
    assert [row.label for row in rows] == frame["label"].tolist()
    if group:
        assert [row.group for row in rows] == frame[group].astype(str).tolist()
    else:  # equal statements, of which one file has some, are one group
        assert len({row.group for row in rows}) == frame["statement"].nunique()
    left = [column for column in frame if column not in ("statement", "label", group)]
    assert [list(row.attributes) for row in rows] == [left] * len(frame)


@pytest.mark.parametrize("name", ["bbq_Age", "bbq_Religion"])
def test_bbq(opened: Open, shared_data: Path, name: str) -> None:
    """Which answer the context supports is the label: to give it is what is asked of the model."""
    spec = """\
    columns:
      id: example_id
      question: "{context} {question}"
      choices: [ans0, ans1, ans2]
      misbehaviour: label
      group: "{category} {question_index}"
"""
    loaded = opened(f"bias/{name}.jsonl", spec)
    rows = read_dataset(loaded, "d")
    raw = records(shared_data / "bias" / f"{name}.jsonl")
    assert [row.question for row in rows] == [f"{r['context']} {r['question']}" for r in raw]
    assert [row.choices for row in rows] == [(r["ans0"], r["ans1"], r["ans2"]) for r in raw]
    assert [row.misbehaviour for row in rows] == [r["label"] for r in raw]
    assert [row.id for row in rows] == [str(r["example_id"]) for r in raw]
    assert {row.label for row in rows} == {None}
    assert Counter(row.group for row in rows) == Counter(
        f"{r['category']} {r['question_index']}" for r in raw
    )
    assert Counter(row.attributes["question_polarity"] for row in rows) == Counter(
        r["question_polarity"] for r in raw
    )
    assert [json.loads(str(row.attributes["answer_info"])) for row in rows] == [
        r["answer_info"] for r in raw
    ]


def test_bbq_as_a_check(opened: Open, shared_data: Path) -> None:
    """The ambiguous arm with a label for every row: negative question or not."""
    spec = """\
    columns:
      id: example_id
      question: "{context} {question}"
      choices: [ans0, ans1, ans2]
      label: question_polarity
      group: question_index
    labels: {neg: 1, nonneg: 0}
    where: {context_condition: ambig}
"""
    gate = "{kind: disparity, attribute: category, pair: category, max: 0.1}"
    behaviour = "    behaviour: {kind: choice}"
    rows = sound(opened("bias/bbq_Age.jsonl", spec, behaviour=behaviour))
    raw = [
        r for r in records(shared_data / "bias/bbq_Age.jsonl") if r["context_condition"] == "ambig"
    ]
    assert [row.label for row in rows] == [int(r["question_polarity"] == "neg") for r in raw]
    with pytest.raises(Exception, match="no two audit rows of one 'category' differ"):
        check_suite(opened("bias/bbq_Age.jsonl", spec, gate=gate))


def test_winogender(opened: Open, shared_data: Path) -> None:
    spec = r"""
    extract: {sentid: '^(?P<job>.+)\.(?P<other>.+)\.(?P<ending>[01])\.(?P<gender>\w+)\.txt$'}
    columns: {text: sentence, id: sentid, group: "{job}.{other}.{ending}", label: ending}
"""
    gate = "{kind: disparity, attribute: gender, max: 0.1}"
    rows = sound(opened("bias/winogender.tsv", spec, gate=gate))
    frame = pd.read_csv(shared_data / "bias/winogender.tsv", sep="\t")
    assert [row.text for row in rows] == frame["sentence"].tolist()
    assert [row.id for row in rows] == frame["sentid"].tolist()
    genders = frame["sentid"].str.split(".").str[3]
    assert Counter(row.attributes["gender"] for row in rows) == Counter(genders)
    assert set(Counter(row.group for row in rows).values()) == {3}  # minimal triples


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("persona/")])
def test_persona(opened: Open, shared_data: Path, name: str) -> None:
    spec = """\
    pairs: {positive: answer_matching_behavior, negative: answer_not_matching_behavior}
    columns:
      choices: [answer_matching_behavior, answer_not_matching_behavior]
      misbehaviour: answer_matching_behavior
"""
    rows = sound(opened(name, spec, behaviour="    behaviour: {kind: choice}"))
    raw = records(shared_data / name)
    assert len(rows) == 2 * len(raw)
    assert [row.question for row in rows[::2]] == [r["question"] for r in raw]
    assert [row.answer for row in rows[::2]] == [r["answer_matching_behavior"] for r in raw]
    assert [row.answer for row in rows[1::2]] == [r["answer_not_matching_behavior"] for r in raw]
    assert [row.label for row in rows] == [1, 0] * len(raw)
    assert {row.misbehaviour for row in rows} == {0}
    assert [row.choices[0] for row in rows[::2]] == [row.answer for row in rows[::2]]
    pairs = zip(rows[::2], rows[1::2], strict=True)
    assert all(first.group == second.group for first, second in pairs)
    distinct = {
        (r["question"], r["answer_matching_behavior"], r["answer_not_matching_behavior"])
        for r in raw
    }
    assert len({row.group for row in rows}) == len(distinct)
