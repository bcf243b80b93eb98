from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from suites.load import LoadedSuite, load_suite
from suites.problems import SuiteError

VALID = """\
    name: t
    concepts: {lying: the model asserts what it represents as false}
    datasets:
      facts:
        rows: [{text: a, label: 1}, {text: b, label: 0}]
        split: {train: 0.4, validation: 0.2, control: 0.2, audit: 0.2}
    checks:
      lies:
        concept: lying
        roles: {train: facts, validation: facts, control: facts, audit: facts}
        gates: [{max: 0.1}]
"""


def told(load: Any, text: str, **options: Any) -> list[str]:
    """What is wrong, without the name of the folder."""
    with pytest.raises(SuiteError) as caught:
        load(text, **options)
    return [str(p).replace(str(Path(p.file).parent) + "/", "") for p in caught.value.problems]


def test_a_valid_suite(load: Any) -> None:
    loaded = load(VALID)
    assert loaded.suite.name == "t"
    assert loaded.suite.checks["lies"].roles.audit[0].dataset == "facts"
    assert loaded.place_of(("checks", "lies", "gates", 0, "max")).endswith("suite.yaml:11:19")
    assert loaded.place_of(("checks", "lies")).endswith("suite.yaml:8:3")
    assert loaded.base_of("facts") == loaded.path.parent
    with pytest.raises(KeyError):
        loaded.base_of("none")


def test_every_mistake_at_once_in_the_order_of_the_file(load: Any) -> None:
    text = """\
    $schema: x
    name: t
    versio: 2
    concepts:
      lying: it lies
      n: 12
    datasets:
      a:
        rows: [x, 1, {text: y}]
        columns: {txt: a, choices: 3}
        split: {train: 0.5, trian: 0.2}
        lables: {a: 1}
      b: {path: x.csv, rows: [a]}
      "bad name!": {rows: [a]}
    checks:
      c:
        concept: lyin
        monitor: {pooling: 3, folds: 6, fitter: logistc, tokens: foo, layers: [1, -2]}
        roles: {train: a, validation: [a, bb], control: {dataset: c, lable: 1}, audit: []}
        behaviour: {kind: choice, chioces: [a, b]}
        gates:
          - {kind: disparity, max: 0.1}
          - {kind: firing, max: "0.1"}
          - {max: true}
        fpr: 2
        suppress: {reason: because, until: 2020-01-01}
        suppress: 1
      d:
        behaviour: {choices: [a]}
        monitor: {layers: none, depth: [1, 2], tokens: {last: 0}}
        suppress: {reason: "", until: 2020}
        gates: []
    """
    vocabulary = {"fitter": lambda: ["logistic", "lda"], "pooling": lambda: ["mean"]}
    assert told(load, text, vocabulary=vocabulary) == [
        "suite.yaml:3:1: versio: unknown key 'versio' (did you mean 'version'?)",
        "suite.yaml:6:6: concepts.n: must be text, not 12 (put it in quotes: '12')",
        "suite.yaml:9:15: datasets.a.rows[1]: must be text or a mapping, not 1"
        " (put it in quotes: '1')",
        "suite.yaml:10:15: datasets.a.columns.txt: unknown key 'txt' (did you mean 'text'?)",
        "suite.yaml:10:32: datasets.a.columns.choices: must be text or a list, not 3"
        " (put it in quotes: '3')",
        "suite.yaml:11:32: datasets.a.split.trian: must be 'train', 'validation', 'control' or"
        " 'audit', not 'trian' (did you mean 'train'?)",
        "suite.yaml:12:5: datasets.a.lables: unknown key 'lables' (did you mean 'labels'?)",
        "suite.yaml:13:3: datasets.b: a dataset has one of `path`, `rows` and `transcripts`",
        "suite.yaml:14:3: datasets.bad name!: must be letters, digits, '.', '_' and '-',"
        " beginning with a letter or digit, not 'bad name!'",
        "suite.yaml:17:14: checks.c.concept: no concept is called 'lyin' (did you mean 'lying'?)",
        "suite.yaml:18:24: checks.c.monitor.pooling: must be text, not 3 (put it in quotes: '3')",
        "suite.yaml:18:45: checks.c.monitor.fitter: no fitter is called 'logistc'"
        " (did you mean 'logistic'?)",
        "suite.yaml:18:62: checks.c.monitor.tokens: must be 'all', 'prompt', 'response', 'last'"
        " or 'span' or a mapping, not 'foo'",
        "suite.yaml:18:79: checks.c.monitor.layers[1]: must be at least 0, not -2",
        "suite.yaml:19:36: checks.c.roles.validation[0]: the `split` of 'a' gives no share to the"
        " role 'validation'",
        "suite.yaml:19:39: checks.c.roles.validation[1]: no dataset is called 'bb'"
        " (did you mean 'b'?)",
        "suite.yaml:19:63: checks.c.roles.control.dataset: no dataset is called 'c'"
        " (known: a, b, bad name!)",
        "suite.yaml:19:66: checks.c.roles.control.lable: unknown key 'lable'"
        " (did you mean 'label'?)",
        "suite.yaml:19:77: checks.c.roles.audit: must be a list of at least 1, not a list of 0",
        "suite.yaml:20:31: checks.c.behaviour.chioces: unknown key 'chioces'"
        " (did you mean 'choices'?)",
        "suite.yaml:22:9: checks.c.gates[0]: a gate of kind disparity names the `attribute`"
        " that it compares",
        "suite.yaml:23:16: checks.c.gates[1].kind: must be 'firing_rate', 'excess_over_control',"
        " 'excess_over_reference', 'disparity', 'answer_disparity', 'belief_gap',"
        " 'belief_gap_over_reference', 'misbehaviour', 'misbehaviour_over_control' or"
        " 'misbehaviour_over_reference', not 'firing'"
        " (did you mean 'firing_rate'?)",
        "suite.yaml:23:29: checks.c.gates[1].max: must be a number, not '0.1' (remove the quotes)",
        "suite.yaml:24:15: checks.c.gates[2].max: must be a number, not true",
        "suite.yaml:25:10: checks.c.fpr: must be below 1, not 2",
        "suite.yaml:26:40: checks.c.suppress.until: the suppression ('because') ended on"
        " 2020-01-01 (mend the finding, or renew the date)",
        "suite.yaml:27:5: checks.c.suppress: the key 'suppress' stands here twice, first at 26:5",
        "suite.yaml:28:3: checks.d.concept: is missing",
        "suite.yaml:28:3: checks.d.roles: is missing",
        "suite.yaml:29:5: checks.d.behaviour.kind: is missing",
        "suite.yaml:30:23: checks.d.monitor.layers: must be 'all' or a list, not 'none'",
        "suite.yaml:30:40: checks.d.monitor.depth[1]: must be at most 1, not 2",
        "suite.yaml:30:59: checks.d.monitor.tokens.last: must be at least 1, not 0",
        "suite.yaml:31:24: checks.d.suppress.reason: must be text that is not empty, not ''",
        "suite.yaml:31:35: checks.d.suppress.until: must be a date such as 2030-01-31, not 2020",
        "suite.yaml:32:5: checks.d.gates: must be a list of at least 1, not a list of 0",
    ]


# One thing changed in the valid suite, and the sentence that it earns.
@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("name: t", "name: no\n    tags: no", "tags: must be a list, not 'no'"),
        ("name: t", "", "name: is missing"),
        ("{max: 0.1}", "{max: .nan}", "gates[0].max: must be a finite number, not nan"),
        ("{max: 0.1}", "{max: 1.5}", "gates[0].max: must be at most 1, not 1.5"),
        ("{max: 0.1}", "{max: 0.1, warn: 0.2}", "`warn` (0.2) is above `max` (0.1)"),
        ("{max: 0.1}", "{max: 0.1, pair: x}", "belong to a disparity gate, not firing_rate"),
        ("{max: 0.1}", "{kind: belief_gap, max: 0.1}", "needs a `behaviour` with `asserts`"),
        (
            "{max: 0.1}",
            "{kind: misbehaviour_over_control, max: 0.1}",
            "a misbehaviour_over_control gate counts what the model visibly does: give the check a "
            "`behaviour` (of kind choice, regex or row)",
        ),
        ("{max: 0.1}", "{max: 0.1, severity: hgh}", "not 'hgh' (did you mean 'high'?)"),
        ("train: 0.4", "train: 0.9", "the shares in `split` add up to 1.5 > 1"),
        ("train: 0.4", "train: 0", "datasets.facts.split.train: must be above 0, not 0"),
        (
            "split:",
            "extract: {text: '('}\n        split:",
            "extract.text: not a regular expression",
        ),
        ("split:", "extract: {text: 'x'}\n        split:", "has no named group"),
        ("split:", "labels: {a: 2}\n        split:", "labels.a: must be 0 or 1, not 2"),
        ("split:", "labels: {a: true}\n        split:", "labels.a: must be 0 or 1, not true"),
        ("split:", "format: csv\n        split:", "`format` belongs to a `path`"),
        ("split:", "pairs: {positive: a}\n        split:", "pairs.negative: is missing"),
        (
            "split:",
            "pairs: {positive: a, negative: b}\n        columns: {label: l}\n        split:",
            "`pairs` gives answer and label",
        ),
        (
            "rows: [{text: a, label: 1}, {text: b, label: 0}]",
            "rows: a",
            "rows: must be a list, not 'a'",
        ),
        ("audit: facts", "audit: {dataset: facts, label: yes}", "must be 0 or 1, not 'yes'"),
        ("audit: facts", "audit: {where: {x: 1}}", "roles.audit.dataset: is missing"),
        ("audit: facts", "audit: 3", "roles.audit: must be a mapping, not 3"),
        (
            "concept: lying",
            "concept: lying\n        behaviour: {kind: row, x: 1}",
            "unknown key 'x'",
        ),
        (
            "concept: lying",
            "concept: lying\n        behaviour: {kind: chioce}",
            "behaviour.kind: must be 'choice', 'regex' or 'row', not 'chioce'"
            " (did you mean 'choice'?)",
        ),
        (
            "concept: lying",
            "concept: lying\n        behaviour: {kind: choice, choices: [a, b], asserts: c}",
            "`asserts` is none of the `choices`",
        ),
        (
            "concept: lying",
            "concept: lying\n        behaviour: {kind: choice, choices: [a, a]}",
            "two of the `choices` are the same",
        ),
        (
            "concept: lying",
            "concept: lying\n        behaviour: {kind: regex, pattern: '['}",
            "behaviour.pattern: not a regular expression",
        ),
        (
            "concept: lying",
            "concept: lying\n        monitor: {layers: all, depth: 0.5}",
            "give one of layers, depth and hook_name, not layers and depth",
        ),
        ("concept: lying", "concept: lying\n        monitor: {layers: []}", "`layers` is empty"),
        ("concept: lying", "concept: lying\n        monitor: [a]", "monitor: must be a mapping"),
        ("concept: lying", "concept: [lying]", "concept: must be text, not a list"),
        (
            "concept: lying",
            "concept: lying\n        suppress: {reason: x, until: 31.12.2030}",
            "suppress.until: must be a date such as 2030-01-31",
        ),
        ("lies:", "lies: 1\n      more:", "checks.lies: must be a mapping, not 1"),
    ],
)
def test_one_mistake_is_one_sentence(load: Any, old: str, new: str, sentence: str) -> None:
    assert old in VALID
    (line,) = told(load, VALID.replace(old, new, 1))
    assert line.startswith("suite.yaml:")
    assert sentence in line


@pytest.mark.parametrize("text", ["", "[]", "text", "12", "a: b", "- name: t"])
def test_a_file_that_is_no_suite(load: Any, text: str) -> None:
    assert told(load, text)[0].startswith("suite.yaml:1:")


def test_a_suite_without_checks_is_only_to_be_included(load: Any) -> None:
    assert "no check is written here or included" in told(load, "name: t\nconcepts: {c: C}")[0]


def test_an_unknown_word_is_checked_only_against_a_vocabulary(load: Any) -> None:
    text = VALID.replace("gates:", "monitor: {fitter: lgistic, pooling: men}\n        gates:")
    assert load(text).suite.checks["lies"].monitor.fitter == "lgistic"
    vocabulary = {"fitter": lambda: ["logistic"], "pooling": lambda: ["mean", "max"]}
    lines = told(load, text, vocabulary=vocabulary)
    assert "no fitter is called 'lgistic' (did you mean 'logistic'?)" in lines[0]
    assert "no pooling is called 'men' (did you mean 'mean'?)" in lines[1]


def test_a_vocabulary_is_asked_only_for_the_fields_that_a_check_uses(load: Any) -> None:
    asked: list[str] = []

    def names(field: str) -> list[str]:
        asked.append(field)
        return ["logistic"]

    text = VALID.replace("gates:", "monitor: {fitter: logistic}\n        gates:")
    fields = ("fitter", "pooling", "sae_format")
    load(text, vocabulary={field: partial(names, field) for field in fields})
    assert asked == ["fitter"]


@pytest.mark.parametrize(("until", "expired"), [("2029-12-31", True), ("2030-01-01", False)])
def test_a_suppression_holds_through_its_last_day(load: Any, until: str, expired: bool) -> None:
    text = VALID.replace("gates:", f"suppress: {{reason: known, until: {until}}}\n        gates:")
    if expired:
        assert "the suppression ('known') ended on 2029-12-31" in told(load, text)[0]
    else:
        assert str(load(text).suite.checks["lies"].suppress.until) == until


# --- include -----------------------------------------------------------------------

PART = """\
name: part
concepts: {greed: it wants more}
datasets:
  facts: {path: facts.csv, columns: {text: t}}
"""
WHOLE = """\
name: whole
include: [sub/part.yaml]
checks:
  k:
    concept: greed
    roles: {train: facts, validation: facts, control: facts, audit: facts}
    gates: [{max: 0.1}]
"""


def in_folder(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder / next(iter(files))


def complaint(path: Path) -> str:
    with pytest.raises(SuiteError) as caught:
        load_suite(path)
    return str(caught.value)


def test_an_included_file_brings_its_parts_and_its_folder(tmp_path: Path) -> None:
    loaded = load_suite(in_folder(tmp_path, {"whole.yaml": WHOLE, "sub/part.yaml": PART}))
    assert loaded.suite.name == "whole"
    assert set(loaded.suite.datasets) == {"facts"}
    assert loaded.suite.concepts == {"greed": "it wants more"}
    assert loaded.base_of("facts") == tmp_path / "sub"
    assert loaded.place_of(("datasets", "facts", "path")) == f"{tmp_path}/sub/part.yaml:4:17"
    assert loaded.place_of(("checks", "k")) == f"{tmp_path}/whole.yaml:4:3"


def test_a_file_included_by_two_is_read_once(tmp_path: Path) -> None:
    between = "name: b\ninclude: [part.yaml]\n"
    files = {
        "whole.yaml": WHOLE.replace("[sub/part.yaml]", "[sub/a.yaml, sub/b.yaml, ./sub/part.yaml]"),
        "sub/a.yaml": between,
        "sub/b.yaml": between,
        "sub/part.yaml": PART,
    }
    assert set(load_suite(in_folder(tmp_path, files)).suite.datasets) == {"facts"}


def test_a_circle_of_includes_is_told(tmp_path: Path) -> None:
    files = {"whole.yaml": WHOLE, "sub/part.yaml": PART + "include: [../whole.yaml]\n"}
    message = complaint(in_folder(tmp_path, files))
    assert "sub/part.yaml:5:11: include[0]:" in message
    assert "includes itself: whole.yaml -> part.yaml -> whole.yaml" in message


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("sub/prt.yaml", "prt.yaml' does not exist"),
        ("sub", "is a folder"),
        ('"a\\0b"', "is no usable path"),
        ("x" * 5000, "cannot be read"),
    ],
)
def test_an_include_that_cannot_be_read(tmp_path: Path, item: str, said: str) -> None:
    files = {"whole.yaml": WHOLE.replace("sub/part.yaml", item), "sub/part.yaml": PART}
    message = complaint(in_folder(tmp_path, files)).splitlines()
    assert f"{tmp_path}/whole.yaml:2:11: include[0]:" in message[0]
    assert said in message[0]


def test_mistakes_of_all_files_come_together(tmp_path: Path) -> None:
    files = {
        "whole.yaml": WHOLE.replace("concept: greed", "concept: gred").replace("max", "mx"),
        "sub/part.yaml": PART.replace("{text: t}", "{txt: t}"),
    }
    lines = complaint(in_folder(tmp_path, files)).splitlines()
    assert [line.removeprefix(f"{tmp_path}/").split(" ")[0] for line in lines] == [
        "whole.yaml:5:14:",
        "whole.yaml:7:13:",
        "whole.yaml:7:14:",
        "sub/part.yaml:4:38:",
    ]
    assert "(did you mean 'greed'?)" in lines[0]


def test_a_name_given_by_two_files_is_told_with_both_places(tmp_path: Path) -> None:
    files = {"whole.yaml": WHOLE + "concepts: {greed: again}\n", "sub/part.yaml": PART}
    (line,) = complaint(in_folder(tmp_path, files)).splitlines()
    assert f"'greed' is given in two files, first in {tmp_path}/whole.yaml:8:12" in line
    assert line.startswith(f"{tmp_path}/sub/part.yaml:2:12: concepts.greed:")


def test_a_broken_include_does_not_hide_the_rest(tmp_path: Path) -> None:
    files = {"whole.yaml": WHOLE.replace("max: 0.1", "max: 7"), "sub/part.yaml": "a: ["}
    lines = complaint(in_folder(tmp_path, files))
    assert "sub/part.yaml:2:1: not YAML" in lines.splitlines()[0]
    assert "whole.yaml:7:19: checks.k.gates[0].max: must be at most 1" in lines.splitlines()[1]
    assert len(lines.splitlines()) == 2  # what the broken file would define is not missed


def test_a_loop_of_links_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to(tmp_path / "b.yaml")
    (tmp_path / "b.yaml").symlink_to(tmp_path / "a.yaml")
    assert "a.yaml" in complaint(tmp_path / "a.yaml")


def test_a_missing_suite_and_a_folder(tmp_path: Path) -> None:
    assert complaint(tmp_path / "x.yaml") == f"{tmp_path}/x.yaml: does not exist"
    assert complaint(tmp_path) == f"{tmp_path}: is a folder; a suite is one YAML file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_suite_that_may_not_be_read(tmp_path: Path) -> None:
    path = in_folder(tmp_path, {"whole.yaml": WHOLE})
    path.chmod(0)
    assert "cannot be read: Permission denied" in complaint(path)


# --- digest ------------------------------------------------------------------------


def digest(tmp_path: Path, files: dict[str, str]) -> str:
    return load_suite(in_folder(tmp_path, files)).digest


def test_the_digest_is_of_content_not_of_layout(tmp_path: Path) -> None:
    first = digest(tmp_path / "1", {"whole.yaml": WHOLE, "sub/part.yaml": PART})
    layout = WHOLE.replace("{max: 0.1}", "{  max: 1e-1  , }")
    assert digest(tmp_path / "2", {"other.yaml": layout, "sub/part.yaml": PART}) == first
    assert (
        digest(tmp_path / "3", {"w.yaml": WHOLE.replace("0.1", "0.2"), "sub/part.yaml": PART})
        != first
    )
    changed = PART.replace("wants more", "wants less")
    assert digest(tmp_path / "4", {"w.yaml": WHOLE, "sub/part.yaml": changed}) != first


def test_a_loaded_suite_is_frozen(load: Any) -> None:
    loaded: LoadedSuite = load(VALID)
    with pytest.raises(AttributeError):
        loaded.digest = ""  # type: ignore[misc]
    with pytest.raises(ValueError, match="frozen"):
        loaded.suite.name = "x"
