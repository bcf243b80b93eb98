"""Whatever is thrown at the loader: a suite, or a `SuiteError`, and never anything else."""

from __future__ import annotations

import copy
import json
import string
from pathlib import Path
from typing import Any

import jsonschema
import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suites.core_schema import scalar
from suites.data_checks import check_suite
from suites.dataset import read_dataset
from suites.load import load_suite
from suites.problems import SuiteError
from suites.schema_json import PATH
from suites.splits import rows_digest
from suites.yaml12 import parse

VALIDATOR = jsonschema.Draft202012Validator(json.loads(PATH.read_text(encoding="utf-8")))


class _Quoting(yaml.SafeDumper):
    """Quotes every string: PyYAML writes YAML 1.1, where `0E0` needs no quotes."""


_Quoting.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
)

BOUNDED = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

SUITE: dict[str, Any] = {
    "name": "t",
    "concepts": {"c": "C"},
    "datasets": {
        "a": {
            "rows": [
                {"question": "q", "answer": "x", "label": n % 2, "group": n} for n in range(8)
            ],
            "columns": {"group": "{group}"},
            "split": {"train": 0.25, "validation": 0.25, "control": 0.25, "audit": 0.25},
        },
        "b": {"rows": ["x", "y"], "where": {"text": "x"}},
    },
    "checks": {
        "k": {
            "concept": "c",
            "monitor": {"kind": "probe", "layers": [0, 1], "tokens": {"last": 2}},
            "roles": {"train": "a", "validation": ["a"], "control": {"dataset": "a"}, "audit": "b"},
            "behaviour": {"kind": "choice", "choices": ["x", "y"], "asserts": "x"},
            "gates": [{"kind": "belief_gap", "max": 0.1}, {"max": 0.1, "warn": 0.05}],
            "suppress": {"reason": "r", "until": "2999-01-01"},
        }
    },
}

WORDS = ["", "a", "c", "k", "rows", "path", "text", "all", "choice", "x\x00", "2020-01-01", "1e9"]
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**30, -(10**400), 2**63, 0, 1]),
    st.floats(),
    st.sampled_from(WORDS),
    st.text(max_size=8),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [at, *(place for step, item in inside for place in places(item, (*at, step)))]


@st.composite
def disturbed(draw: st.DrawFn) -> Any:
    """The suite with one or two of its parts replaced, removed, or renamed."""
    suite = copy.deepcopy(SUITE)
    for _ in range(draw(st.integers(1, 2))):
        *path, last = draw(st.sampled_from([place for place in places(suite) if place]))
        parent = suite
        for step in path:
            parent = parent[step]
        match draw(st.sampled_from(["replace", "remove", "rename"])):
            case "replace":
                parent[last] = draw(VALUES)
            case "remove":
                del parent[last]
            case _ if isinstance(parent, dict):
                parent[draw(st.sampled_from(WORDS) | st.text(max_size=6))] = parent.pop(last)
    return suite


def attempt(path: Path) -> bool:
    """Whether the file is a suite; a `SuiteError` must be readable, anything else escapes."""
    try:
        check_suite(load_suite(path))
    except SuiteError as error:
        problems = error.problems
    else:
        return True
    assert problems
    for problem in problems:
        line = str(problem)
        assert "\n" not in line
        assert line.isprintable() or not line.isascii()
        assert len(problem.value) < 70
        assert "Input should" not in line
    return False


def put(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@BOUNDED
@given(st.binary(max_size=200))
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    attempt(put(tmp_path / "s.yaml", content))


@BOUNDED
@given(st.text(alphabet="ab:-[]{},&*!|>'\"%@`#?~<=0159.\n \t\\", max_size=60))
def test_any_signs_of_yaml(tmp_path: Path, content: str) -> None:
    attempt(put(tmp_path / "s.yaml", b"name: t\nconcepts:\n  " + content.encode()))


@BOUNDED
@given(disturbed())
def test_any_disturbed_suite(tmp_path: Path, suite: Any) -> None:
    path = put(tmp_path / "s.yaml", yaml.safe_dump(suite, allow_unicode=True).encode("utf-8"))
    try:
        load_suite(path)
    except SuiteError:
        pass
    else:
        VALIDATOR.validate(
            parse(path.read_bytes(), "s").value
        )  # what loads is what the schema says
    attempt(path)


def test_the_undisturbed_suite_is_one(tmp_path: Path) -> None:
    path = put(tmp_path / "s.yaml", yaml.safe_dump(SUITE).encode())
    assert load_suite(path).suite.name == "t"
    VALIDATOR.validate(SUITE)


@BOUNDED
@given(st.binary(max_size=120))
@pytest.mark.parametrize("name", ["d.jsonl", "d.csv", "d.tsv", "d.parquet"])
def test_any_bytes_as_data(tmp_path: Path, name: str, content: bytes) -> None:
    suite = copy.deepcopy(SUITE)
    suite["datasets"]["b"] = {"path": name}
    put(tmp_path / name, b"text,label\n" + content if name == "d.csv" else content)
    attempt(put(tmp_path / "s.yaml", yaml.safe_dump(suite).encode()))


FIELDS = ["text", "question", "answer", "messages", "label", "group", "id", "choices", "span", "x"]


@BOUNDED
@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4), max_size=4))
def test_any_records_as_data(tmp_path: Path, records: list[dict[str, Any]]) -> None:
    suite = copy.deepcopy(SUITE)
    suite["datasets"]["b"] = {"path": "d.jsonl"}
    put(tmp_path / "d.jsonl", "\n".join(map(json.dumps, records)).encode())
    attempt(put(tmp_path / "s.yaml", yaml.safe_dump(suite).encode()))


# --- one content, one digest -------------------------------------------------------

TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\x00"), min_size=1, max_size=12
).filter(lambda text: bool(text.strip()) and not text.startswith("\ufeff"))
RECORDS = st.lists(
    st.fixed_dictionaries({"text": TEXT, "label": st.sampled_from(["0", "1"]), "topic": TEXT}),
    min_size=1,
    max_size=5,
)


@BOUNDED
@given(RECORDS)
def test_every_format_holds_the_same_rows(tmp_path: Path, records: list[dict[str, str]]) -> None:
    frame = pd.DataFrame(records)
    put(tmp_path / "d.jsonl", "\n".join(map(json.dumps, records)).encode())
    frame.to_csv(tmp_path / "d.csv", index=False)
    frame.to_csv(tmp_path / "d.tsv", index=False, sep="\t")
    frame.to_parquet(tmp_path / "d.parquet")
    names = ["d.jsonl", "d.csv", "d.tsv", "d.parquet"]
    datasets: dict[str, Any] = {name[2:]: {"path": name} for name in names}
    datasets["inline"] = {"rows": records}
    suite = SUITE | {"datasets": SUITE["datasets"] | datasets}
    loaded = load_suite(put(tmp_path / "s.yaml", yaml.safe_dump(suite).encode()))
    digests = {name: rows_digest(read_dataset(loaded, name)) for name in datasets}
    assert len(set(digests.values())) == 1, digests


@BOUNDED
@given(st.integers() | st.floats(allow_nan=False) | st.booleans() | st.none())
def test_numbers_as_json_writes_them_come_back(value: Any) -> None:
    found = scalar(json.dumps(value).replace("Infinity", ".inf"))
    assert found == value
    assert type(found) is type(value)


@BOUNDED
@given(st.recursive(
    st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\x85\u2028\u2029"), max_size=10
    )
    | st.integers()
    | st.booleans(),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(string.ascii_letters, min_size=1, max_size=5), inner, max_size=3),
    max_leaves=12,
))  # fmt: skip
def test_documents_come_back_and_every_part_has_its_place(value: Any) -> None:
    text = yaml.dump({"v": value}, Dumper=_Quoting, allow_unicode=True, sort_keys=False)
    document = parse(text, "f")
    assert document.value == {"v": value}
    lines = text.split("\n")
    for loc in places(document.value):
        line, column = document.place(loc)
        assert 1 <= line <= len(lines)
        assert 1 <= column <= len(lines[line - 1]) + 1
