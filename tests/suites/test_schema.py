from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import BaseModel

from suites.load import load_suite
from suites.problems import SuiteError
from suites.schema import (
    ChoiceBehaviour,
    Columns,
    DatasetSpec,
    Monitor,
    ProbeSpec,
    RegexBehaviour,
    RowBehaviour,
    Spec,
    Suite,
)
from suites.schema_json import PATH, schema_text, write_schema

SCHEMA = json.loads(PATH.read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

# Every field of every spec, each with a value that is not its default.
EVERYTHING = """\
$schema: https://example.org/schema.json
name: everything
version: 3
description: d
include: [more.yaml]
concepts: {c: C}
truncation: left
tags: [t]
policy:
  on_flag: warn
  every: 50
  patience: 3
  warmup: 100
  alpha: 0.05
  horizon: 20
  hazard: 0.5
datasets:
  file:
    path: x.tsv
    format: csv
    columns:
      id: a
      text: b
      question: c
      answer: d
      messages: e
      label: f
      group: "{g}"
      behaviour: h
      choices: [i, j]
      misbehaviour: k
      span: l
    labels: {lie: 1}
    extract: {a: "(?P<x>.)"}
    where: {a: [1, two, 3.5, true], b: x}
    split: {train: 0.5, audit: 0.5}
    description: d
  said:
    transcripts: logs/*.eval
    roles: {tool: user}
    reasoning: false
    behaviours: {C: 0, ">= 0.5": 1}
  hub: {path: a/b, format: datasets, revision: abc, config: en, hub_split: test}
  pairs: {rows: [{question: q, p: a, n: b}], pairs: {positive: p, negative: n}}
  inline: {rows: [a, {text: b}], columns: {label: null, choices: null}}
checks:
  one:
    concept: c
    monitor:
      kind: probe
      layers: all
      site: mlp_out
      tokens: {last: 3}
      pooling: max
      window: 4
      fitter: lda
      folds: 3
    roles:
      train: file
      validation: {dataset: inline, where: {a: 1}, label: 1}
      control: [inline]
      audit: [file, {dataset: inline, label: 0}]
    behaviour: {kind: choice, choices: [a, b], asserts: a, denies: b, normalise: tokens}
    gates:
      - {kind: disparity, max: 0.5, warn: 0.1, severity: low, attribute: a, pair: b}
      - {kind: belief_gap, max: 0}
    fpr: 0.05
    confidence: 0.9
    validity:
      min_auroc: 0.5
      min_gain_over_text: -1
      max_text_auroc: 1
      min_recall: 0.25
      max_validation_fpr: 1
      controls_per_false_positive: 1
      min_audit_rows: 1
    suppress: {reason: r, until: 2999-12-31}
    tags: [t]
    description: d
  two:
    concept: c
    monitor: {depth: [0, 0.5]}
    roles: {train: inline, validation: inline, control: inline, audit: inline}
    behaviour: {kind: regex, pattern: a, asserts: b, denies: c, max_new_tokens: 1}
    gates: [{max: 1}]
  four:
    concept: c
    monitor:
      kind: feature
      sae: sae
      sae_format: saelens
      other_seed: again
      hook_name: blocks.0.hook_mlp_out
      tokens: last
      pooling: mean
      window: 4
      features: [3, {index: 5, label: l, label_source: s}]
      combine: probe
      folds: 3
    roles: {train: inline, validation: inline, control: inline, audit: inline}
    gates: [{max: 1}]
  five:
    concept: c
    monitor: {kind: feature, sae: sae, features: {discover: {top: 3, fdr: 0.1, tokens: last}}}
    roles: {train: inline, validation: inline, control: inline, audit: inline}
    gates: [{max: 1}]
  three:
    concept: c
    monitor: {hook_name: [blocks.0.hook_mlp_out], tokens: span}
    roles: {train: inline, validation: inline, control: inline, audit: inline}
    behaviour: {kind: row}
    gates:
      - {kind: excess_over_control, max: 0.5}
      - {kind: excess_over_reference, max: 0.5}
      - {kind: misbehaviour, max: 0.5}
      - {kind: misbehaviour_over_control, max: 0.5}
      - {kind: misbehaviour_over_reference, max: 0.5}
"""


@pytest.fixture
def everything(tmp_path: Path) -> Suite:
    (tmp_path / "more.yaml").write_text("name: more\n", encoding="utf-8")
    path = tmp_path / "suite.yaml"
    path.write_text(EVERYTHING, encoding="utf-8")
    return load_suite(path).suite


def specs() -> set[type[Spec]]:
    """Every class of the schema, but for those that only others are made from."""
    found: set[type[Spec]] = set()
    waiting: list[type[Spec]] = [Spec]
    while waiting:
        for kind in waiting.pop().__subclasses__():
            found.add(kind)
            waiting.append(kind)
    return found - {Monitor}


def parts(value: Any) -> Any:
    """Every model inside a model."""
    if isinstance(value, BaseModel):
        yield value
        for name in type(value).model_fields:
            yield from parts(getattr(value, name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from parts(item)
    elif isinstance(value, list):
        for item in value:
            yield from parts(item)


def test_every_field_of_every_spec_is_reached_from_yaml(everything: Suite) -> None:
    reached: dict[type[Spec], set[str]] = {kind: set() for kind in specs()}
    for part in parts(everything):
        for name in part.model_fields_set:
            field = type(part).model_fields[name]
            required_or_other = field.is_required() or getattr(part, name) != field.get_default(
                call_default_factory=True
            )
            if required_or_other or name == "kind":
                reached[type(part)].add(name)
    assert reached == {kind: set(kind.model_fields) for kind in specs()}


def test_a_suite_written_out_and_read_again_is_the_same(everything: Suite, tmp_path: Path) -> None:
    dumped = everything.model_dump(mode="json", by_alias=True, exclude_unset=True)
    path = tmp_path / "again.yaml"
    path.write_text(yaml.safe_dump(dumped), encoding="utf-8")
    assert load_suite(path).suite == everything
    VALIDATOR.validate(dumped)


# --- the JSON Schema ---------------------------------------------------------------


def test_the_published_schema_is_the_generated_one() -> None:
    assert PATH.read_text(encoding="utf-8") == schema_text(), "run: make schema"


def test_the_schema_is_written_whole(tmp_path: Path) -> None:
    write_schema(tmp_path / "schema.json")
    assert json.loads((tmp_path / "schema.json").read_text(encoding="utf-8")) == SCHEMA


def test_it_is_a_schema_and_needs_no_address() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert "$id" not in PATH.read_text(encoding="utf-8")
    assert set(SCHEMA["$defs"]) == {kind.__name__ for kind in specs()} - {"Suite"}


def test_every_class_and_every_field_is_described() -> None:
    for name, definition in [("Suite", SCHEMA), *SCHEMA["$defs"].items()]:
        assert definition["description"], name
        assert definition["additionalProperties"] is False
        for field, described in definition["properties"].items():
            assert described.get("description"), f"{name}.{field}"


def test_it_accepts_what_the_loader_accepts() -> None:
    VALIDATOR.validate(yaml.safe_load(EVERYTHING.replace("2999-12-31", "'2999-12-31'")))


@pytest.mark.parametrize("source", ["d", "[d]", "{dataset: d}", "[d, {dataset: d, label: 0}]"])
def test_a_role_is_a_name_a_mapping_or_a_list_of_them(source: str, tmp_path: Path) -> None:
    text = f"""\
name: t
concepts: {{c: C}}
datasets: {{d: {{rows: [a]}}}}
checks:
  k:
    concept: c
    roles: {{train: {source}, validation: d, control: d, audit: d}}
    gates: [{{max: 0.1}}]
"""
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    assert load_suite(tmp_path / "s.yaml").suite.checks["k"].roles.train[0].dataset == "d"
    VALIDATOR.validate(yaml.safe_load(text))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: everything", "nme: everything"),
        ("name: everything", "name: 3"),
        ("train: file", "train: []"),
        ("train: file", "train: 3"),
        ("train: file", "trian: file"),
        ("train: file", "train: {datset: file}"),
        ("fpr: 0.05", "fpr: 1"),
        ("fpr: 0.05", "fpr: '0.05'"),
        ("severity: low", "severity: lo"),
        ("kind: row", "kind: rows"),
        ("labels: {lie: 1}", "labels: {lie: 2}"),
        ("tokens: {last: 3}", "tokens: {last: 0}"),
        ("layers: all", "layers: [-1]"),
    ],
)
def test_it_refuses_what_an_editor_should_underline(old: str, new: str) -> None:
    assert old in EVERYTHING
    text = EVERYTHING.replace(old, new, 1).replace("2999-12-31", "'2999-12-31'")
    assert not VALIDATOR.is_valid(yaml.safe_load(text))


@pytest.mark.parametrize(
    ("monitor", "said"),
    [
        ("{kind: feature, sae: s, features: []}", "`features` is empty"),
        ("{kind: feature, sae: s, features: [1, 1]}", "named twice"),
        ("{kind: feature, sae: s, features: [1, {index: 1, label: a, label_source: b}]}", "twice"),
        ("{kind: feature, sae: s, features: [-1]}", "at least 0"),
        ("{kind: feature, sae: s, features: [1], layers: [0]}", "unknown key 'layers'"),
        ("{kind: feature, sae: s, features: [1], hook_name: [a]}", "must be text"),
        ("{kind: feature, features: [1]}", "is missing"),
        ("{kind: feature, sae: s, features: [1], fitter: logistic}", "unknown key 'fitter'"),
        ("{kind: feature, sae: s, features: {discover: {tap: 1}}}", "unknown key 'tap'"),
        ("{kind: feature, sae: s, features: [{index: 1, label: a}]}", "label_source"),
        ("{kind: featur, sae: s}", "must be 'probe' or 'feature', not 'featur'"),
        ("{sae: s}", "unknown key 'sae'"),
    ],
)
def test_a_feature_monitor_says_what_is_wrong_with_it(
    monitor: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "suite.yaml"
    text = EVERYTHING.replace("include: [more.yaml]", "")
    path.write_text(text.replace("{depth: [0, 0.5]}", monitor), encoding="utf-8")
    with pytest.raises(SuiteError) as caught:
        load_suite(path)
    assert said in str(caught.value)


# --- the specs in Python -----------------------------------------------------------


def test_specs_are_closed_strict_and_frozen() -> None:
    with pytest.raises(ValueError, match="Extra inputs"):
        Columns.model_validate({"txt": "a"})
    with pytest.raises(ValueError, match="valid integer"):
        ProbeSpec.model_validate({"folds": "5"})
    with pytest.raises(ValueError, match="frozen"):
        Columns().text = "x"


def test_defaults_are_those_of_the_design() -> None:
    monitor = ProbeSpec()
    assert (monitor.kind, monitor.fitter, monitor.tokens, monitor.pooling) == (
        "probe", "logistic", "last", "mean"
    )  # fmt: skip
    assert monitor.layers is monitor.depth is monitor.hook_name is None
    assert DatasetSpec(rows=["a"]).columns.text == "text"
    kinds = [ChoiceBehaviour().kind, RegexBehaviour(pattern="x").kind, RowBehaviour().kind]
    assert kinds == ["choice", "regex", "row"]
