from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from suites.dataset import read_dataset
from suites.problems import SuiteError
from suites.rows import Message, Row

QA = "{question: q, answer: a}"


@pytest.fixture
def rows(dataset: Any) -> Any:
    def rows(spec: str, files: dict[str, str] | None = None) -> tuple[Row, ...]:
        return read_dataset(dataset(spec, files), "d")

    return rows


@pytest.fixture
def told(dataset: Any) -> Any:
    """What reading complains of, each line without the folder; it must complain."""

    def told(spec: str, files: dict[str, str] | None = None) -> list[str]:
        loaded = dataset(spec, files)
        with pytest.raises(SuiteError) as caught:
            read_dataset(loaded, "d")
        return [
            line.replace(f"{loaded.path.parent}/", "") for line in str(caught.value).split("\n")
        ]

    return told


def texts(found: tuple[Row, ...]) -> list[str | None]:
    return [row.text for row in found]


# --- the same rows from every format -----------------------------------------------

TABLE = [
    {"id": "a", "text": "One, two.", "label": "1", "topic": "x\ty"},
    {"id": "b", "text": 'Say "no".', "label": "0", "topic": "ünï\n🙂"},
]


def as_file(folder: Path, name: str, records: list[dict[str, Any]]) -> None:
    frame = pd.DataFrame(records)
    path = folder / name
    if name.endswith(".parquet"):
        frame.to_parquet(path)
    elif name.endswith((".jsonl", ".ndjson")):
        path.write_text("\n".join(json.dumps(r) for r in records) + "\n\n", encoding="utf-8")
    else:
        frame.to_csv(path, index=False, sep="\t" if name.endswith(".tsv") else ",")


@pytest.mark.parametrize("name", ["t.jsonl", "t.ndjson", "t.csv", "t.tsv", "t.parquet", "T.CSV"])
def test_every_format_gives_the_same_rows(rows: Any, tmp_path: Path, name: str) -> None:
    as_file(tmp_path, name, TABLE) if name != "T.CSV" else as_file(tmp_path, "t.csv", TABLE)
    if name == "T.CSV":
        (tmp_path / "t.csv").rename(tmp_path / name)
    found = rows(f"path: {name}")
    assert texts(found) == ["One, two.", 'Say "no".']
    assert [row.id for row in found] == [row.group for row in found] == ["a", "b"]
    assert [row.label for row in found] == [1, 0]
    assert [dict(row.attributes) for row in found] == [{"topic": "x\ty"}, {"topic": "ünï\n🙂"}]
    start = 1 if name.endswith(("l", "n", "parquet", "ndjson")) else 2
    assert [row.place for row in found] == [f"{name}:{start}", f"{name}:{start + 1}"]


def test_inline_rows_are_text_or_mappings(rows: Any) -> None:
    found = rows(
        """
        rows:
          - Snow is white.
          - {text: Coal is white., label: 0, topic: mines, weight: 0.5, deep: true, none: null}
          - {question: What is white?, answer: Snow}
          - {question: What is black?}
          - messages:
              - {role: user, content: Hi}
              - {role: assistant, content: Hello}
        """
    )
    assert texts(found[:2]) == ["Snow is white.", "Coal is white."]
    assert dict(found[1].attributes) == {
        "topic": "mines", "weight": 0.5, "deep": True, "none": None
    }  # fmt: skip
    assert (found[2].question, found[2].answer) == ("What is white?", "Snow")
    assert (found[3].question, found[3].answer) == ("What is black?", "")
    assert found[4].messages == (Message("user", "Hi"), Message("assistant", "Hello"))
    assert [row.place for row in found] == [f"suite.yaml:{n}" for n in (6, 7, 8, 9, 10)]


def test_a_format_is_said_where_the_ending_does_not(rows: Any) -> None:
    assert texts(rows("{path: data.txt, format: tsv}", {"data.txt": "text\tx\nhi\t1\n"})) == ["hi"]


def test_a_byte_order_mark_and_crlf(rows: Any) -> None:
    files = {"t.csv": "\ufefftext,label\r\na,1\r\nb,0\r\n", "t.jsonl": '\ufeff{"text": "a"}\r\n'}
    assert texts(rows("path: t.csv", files)) == ["a", "b"]
    assert texts(rows("path: t.jsonl", files)) == ["a"]


def test_lines_are_those_of_the_file_even_after_cells_of_many_lines(rows: Any) -> None:
    found = rows("path: t.csv", {"t.csv": 'text,x\n"a\nb\nc",1\n\nd,2\n'})
    assert [row.place for row in found] == ["t.csv:2", "t.csv:6"]


def test_the_index_that_pandas_writes_is_an_attribute(rows: Any) -> None:
    (row,) = rows("path: t.csv", {"t.csv": ",text\n7,a\n"})
    assert dict(row.attributes) == {"column_1": "7"}


# --- columns -----------------------------------------------------------------------


def test_columns_templates_and_leftovers(rows: Any) -> None:
    (row,) = rows(
        """
        rows: [{ctx: C, q: Q, ans: "yes", cond: amb, n: 3, text: kept, info: {b: [1, 2], a: null}}]
        columns: {question: "{ctx} {q}", answer: ans, group: "{cond}-{n}", id: n}
        """
    )
    assert (row.question, row.answer, row.text) == ("C Q", "yes", None)
    assert (row.id, row.group) == ("3", "amb-3")
    # A content that the suite did not choose is an attribute; what is no scalar is JSON.
    assert dict(row.attributes) == {"text": "kept", "info": '{"a": null, "b": [1, 2]}'}


def test_a_template_is_filled_and_never_run(rows: Any) -> None:
    (row,) = rows(
        """
        rows: [{a: "{b}", b: "{0.__class__}", "c.d": x}]
        columns: {text: "{a}{b}{c.d}{}"}
        """
    )
    assert row.text == "{b}{0.__class__}x{}"


def test_a_column_given_to_one_field_is_not_taken_by_another(rows: Any) -> None:
    (row,) = rows(
        """
        rows: [{question: q, choices: [a, b], label: 1}]
        columns: {misbehaviour: label}
        """
    )
    assert (row.label, row.misbehaviour) == (None, 1)


def test_null_takes_a_column_out(rows: Any) -> None:
    (row,) = rows("{rows: [{text: t, label: nine, group: g}], columns: {label: null, group: null}}")
    assert (row.label, row.group) == (None, row.id)
    assert dict(row.attributes) == {"label": "nine", "group": "g"}


def test_named_groups_of_a_pattern_become_columns(rows: Any) -> None:
    (row,) = rows(
        r"""
        rows: [{text: t, name: nurse.patient.1.female.txt}]
        extract: {name: '^(?P<job>\w+)\.(?P<other>\w+)\.(?P<n>\d)\.(?P<gender>\w+)'}
        columns: {group: "{job}.{other}.{n}"}
        where: {gender: [female, male]}
        """
    )
    assert row.group == "nurse.patient.1"
    assert row.attributes["gender"] == "female"
    assert row.attributes["name"] == "nurse.patient.1.female.txt"


def test_a_record_becomes_a_pair_of_one_group(rows: Any) -> None:
    spec = """
    rows:
      - {question: Q, good: " Yes", bad: " No", n: 1}
      - {question: R, good: " No", bad: " Yes", n: 2}
    pairs: {positive: bad, negative: good}
    columns: {choices: [good, bad], misbehaviour: bad}
    """
    found = rows(spec)
    assert [(row.answer, row.label) for row in found] == [
        (" No", 1), (" Yes", 0), (" Yes", 1), (" No", 0)
    ]  # fmt: skip
    assert [row.id for row in found[:2]] == [
        f"{found[0].group}.positive",
        f"{found[0].group}.negative",
    ]
    assert found[0].group == found[1].group != found[2].group
    assert [row.misbehaviour for row in found] == [1, 1, 1, 1]
    assert dict(found[0].attributes) == {"n": 1}
    named = rows(spec.replace("misbehaviour: bad", "misbehaviour: bad, id: n, group: question"))
    assert [row.id for row in named] == ["1.positive", "1.negative", "2.positive", "2.negative"]
    assert [row.group for row in named] == ["Q", "Q", "R", "R"]


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("{n: 1}", ["a"]),
        ("{n: '1'}", ["a"]),
        ("{n: [1, 2]}", ["a", "b"]),
        ("{n: 2.0}", ["b"]),
        ("{flag: true}", ["a", "c"]),
        ("{flag: 'TRUE'}", ["a", "c"]),
        ("{n: 3, flag: true}", ["c"]),
    ],
)
def test_where_compares_what_cells_say(rows: Any, where: str, kept: list[str]) -> None:
    inline = (
        "rows: [{text: a, n: 1, flag: true}, {text: b, n: '2'}, {text: c, n: 3.0, flag: 'True'}]"
    )
    assert texts(rows(f"{inline}\nwhere: {where}")) == kept


@pytest.mark.parametrize(
    ("cell", "label"),
    [
        ("1", 1), ("0", 0), ("true", 1), ("false", 0), ("'1'", 1), ("'0'", 0), ("'True'", 1),
        ("'FALSE'", 0), ("1.0", 1), ("0.0", 0), ("null", None), ("''", None), (".nan", None),
    ],
)  # fmt: skip
def test_labels_that_need_no_table(rows: Any, cell: str, label: int | None) -> None:
    assert rows(f"rows: [{{text: t, label: {cell}}}]")[0].label == label


def test_labels_by_a_table(rows: Any, told: Any) -> None:
    spec = "rows: [{{text: a, label: lie}}, {{text: b, label: 5}}, {{text: c, label: {0}}}]\n"
    spec += "labels: {{lie: 1, 5: 0, true: 0}}"
    assert [row.label for row in rows(spec.format("true"))] == [1, 0, 0]
    (line,) = told(spec.format("li"))
    assert "d.label: 'li' is not among the `labels` (did you mean 'lie'?)" in line


@pytest.mark.parametrize(
    ("spec", "choices", "index"),
    [
        ("rows: [{question: q, choices: [a, b], misbehaviour: 1}]", ("a", "b"), 1),
        ("rows: [{question: q, choices: [a, b], misbehaviour: '0'}]", ("a", "b"), 0),
        ("rows: [{question: q, choices: [a, b], misbehaviour: b}]", ("a", "b"), 1),
        ("rows: [{question: q, choices: [' a', ' b'], misbehaviour: b}]", (" a", " b"), 1),
        ("rows: [{question: q, choices: ['1', '0'], misbehaviour: '0'}]", ("1", "0"), 1),
        ("rows: [{question: q, choices: ['1', '0'], misbehaviour: 0}]", ("1", "0"), 0),
        ('rows: [{question: q, choices: \'["a", "b"]\'}]', ("a", "b"), None),
        ("rows: [{question: q, choices: null, misbehaviour: 3}]", (), 3),
        (
            "rows: [{question: q, x: a, y: b, m: 1}]\n"
            "columns: {choices: [x, y, '{x}{y}'], misbehaviour: m}",
            ("a", "b", "ab"),
            1,
        ),
    ],
)
def test_choices_and_the_one_that_misbehaves(
    rows: Any, spec: str, choices: tuple[str, ...], index: int | None
) -> None:
    (row,) = rows(spec)
    assert (row.choices, row.misbehaviour) == (choices, index)


def test_choices_and_messages_as_json_in_a_table(rows: Any) -> None:
    messages = json.dumps([{"role": "user", "content": "hi"}]).replace('"', '""')
    choices = json.dumps(["a", "b"]).replace('"', '""')
    (row,) = rows("path: t.csv", {"t.csv": f'messages,choices\n"{messages}","{choices}"\n'})
    assert row.messages == (Message("user", "hi"),)
    assert row.choices == ("a", "b")


# --- ids ---------------------------------------------------------------------------


def test_an_id_is_of_the_content_and_of_nothing_else(rows: Any) -> None:
    spec = "rows: [{{text: {a}, x: {x}}}, {{text: b, label: 0}}]"
    first, again = rows(spec.format(a="a", x=1)), rows(spec.format(a="a", x=2))
    assert [row.id for row in first] == [row.id for row in again]
    assert all(len(row.id) == 16 for row in first)
    assert rows(spec.format(a="c", x=1))[0].id != first[0].id
    moved = rows("rows: [b, new, a]")
    assert {row.id for row in first} < {row.id for row in moved}


def test_content_of_another_kind_has_another_id(rows: Any) -> None:
    found = rows(
        "rows: [{text: a}, {question: a}, {question: a, answer: b}, {question: ab},"
        " {messages: [{role: user, content: a}]}, {messages: [{role: system, content: a}]},"
        " {question: a, choices: [x, y]}]"
    )
    assert len({row.id for row in found}) == len(found)


def test_equal_rows_are_numbered_and_share_a_group(rows: Any) -> None:
    found = rows("rows: [a, b, a, a]")
    assert [row.id for row in found[2:]] == [f"{found[0].id}-2", f"{found[0].id}-3"]
    assert len({row.group for row in found}) == 2


def test_ids_of_the_source_come_once(told: Any) -> None:
    assert told("rows: [{text: a, id: x}, {text: b, id: x}]") == [
        "suite.yaml:5:30: d.id: 'x' is the id of line 5 as well"
        " (ids are unique; `columns: {id: null}` makes them from the content)"
    ]
    (line,) = told("path: t.csv", {"t.csv": "id,text\n1,a\n2,b\n1,c\n"})
    assert line.startswith("t.csv:4: d.id: '1' is the id of line 2 as well")


# --- what is wrong -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("rows: []", "suite.yaml:4:3: datasets.d: the dataset is empty"),
        ("rows: ['']", "5:12: d.text: is empty"),
        ("rows: ['  ']", "d.text: is blank"),
        ("rows: [{text: null, x: 1}]", "d.text: is empty"),
        ("rows: [{text: .nan}]", "d.text: is empty"),
        ("rows: [{text: 12}]", "d.text: must be text, not 12 (put it in quotes"),
        ("rows: [{text: [a]}]", "d.text: must be text, not a list of 1"),
        ("rows: [{x: 1}]", "the row has no text, question or messages (map one in `columns`"),
        ("rows: [{}]", "the row has no text, question or messages"),
        ("rows: [{text: a, question: b}]", "the row has text and question (keep one"),
        ("rows: [{text: a, answer: b}]", "the row has text and answer (an answer belongs"),
        ("rows: [{messages: [], x: 1}]", "d.messages: has no message with content"),
        ("rows: [{messages: hello}]", "d.messages: must be a list, not 'hello'"),
        ("rows: [{messages: [a]}]", "message 0 must be {role, content}, not 'a'"),
        ("rows: [{messages: [{role: user}]}]", "message 0 has the content null, not text"),
        ("rows: [{messages: [{role: usr, content: a}]}]", "(did you mean 'user'?)"),
        ("rows: [{messages: [{role: user, contnt: a}]}]", "(did you mean 'content'?)"),
        ("rows: [{text: a, label: 2}]", "d.label: must be 0, 1, true or false, not 2"),
        ("rows: [{text: a, label: yes}]", "(say what it means: `labels: {'yes': 1}`)"),
        ("rows: [{text: a, label: [1]}]", "d.label: must be 0, 1, true or false"),
        ("rows: [{text: a, behaviour: maybe}]", "d.behaviour: must be true or false, not 'maybe'"),
        ("rows: [{text: a, group: [1]}]", "d.group: must be text or a number"),
        ("rows: [{text: a, group: x}, b]", "d.group: is empty"),
        ("rows: [{text: a, id: true}]", "d.id: must be text or a number, not true"),
        ("rows: [{text: a, id: x}, b]", "d.id: is empty"),
        ("rows: [{question: a, choices: [x]}]", "needs at least two choices, and has 1"),
        ("rows: [{question: a, choices: [x, x]}]", "the choice 'x' stands there twice"),
        ("rows: [{question: a, choices: [x, 2]}]", "choice 1 must be text, not 2"),
        ("rows: [{question: a, choices: [x, y], misbehaviour: z}]", "'z' is none of the choices"),
        ("rows: [{question: a, choices: [x, y], misbehaviour: 2}]", "index 2 is beyond the 2"),
        ("rows: [{question: a, choices: [x, y], misbehaviour: -1}]", "-1 is none of the choices"),
        ("rows: [{question: a, choices: [x, y], misbehaviour: true}]", "true is none of the"),
        ("rows: [{question: a, misbehaviour: z}]", "names a choice ('z'), and the row has none"),
        ("rows: [{text: a, weight: .inf}]", "d.weight: is infinite"),
        ("rows: [{text: a, span: 3}]", "d.span: must be text, not 3"),
        ("rows: [{text: a}]\ncolumns: {text: txt}", "columns.text: no column is called 'txt'"),
        ("rows: [{txt: a}]\ncolumns: {text: tex}", "(did you mean 'txt'?)"),
        ("rows: [{a: x}]\ncolumns: {text: '{a} {c}'}", "columns.text: no column is called 'c'"),
        (
            "rows: [{a: x, b: null}]\ncolumns: {text: '{a}{b}'}",
            "column 'b' of its template is empty",
        ),
        (
            "rows: [{text: a}]\ncolumns: {choices: [x, text]}",
            "columns.choices: no column is called",
        ),
        ("rows: [{text: a, behavior: true}]", "the column 'behavior' is not 'behaviour' (rename"),
        ("rows: [{text: a, Label: 1}]", "the column 'Label' is not 'label'"),
        ("rows: [{text: a}]\nwhere: {txt: a}", "where.txt: no column is called 'txt' (did you"),
        ("rows: [{text: a}]\nwhere: {text: b}", "where: leaves none of the 1 rows"),
        ("rows: [{text: a}]\nextract: {txt: '(?P<x>a)'}", "extract.txt: no column is called"),
        ("rows: [{text: b}]\nextract: {text: '(?P<x>a)'}", "d.text: 'b' does not match '(?P<x>a)'"),
        ("rows: [{text: a}]\nextract: {text: '(?P<text>a)'}", "would overwrite the column 'text'"),
        (
            "rows: [{question: q, p: a}]\npairs: {positive: p, negative: m}",
            "pairs.negative: no column",
        ),
        (
            "rows: [{question: q, p: a, m: ''}]\npairs: {positive: p, negative: m}",
            "d.negative: is empty",
        ),
        (
            "rows: [{text: q, p: a, m: b}]\npairs: {positive: p, negative: m}",
            "a pair needs a question",
        ),
    ],
)
def test_each_mistake_has_its_sentence(told: Any, spec: str, said: str) -> None:
    (line,) = told(spec)
    assert line.startswith("suite.yaml:")
    assert said in line


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.jsonl", "", "suite.yaml:4:3: datasets.d: the dataset is empty"),
        ("t.csv", "", "the dataset is empty"),
        ("t.csv", "text,label\n", "the dataset is empty"),
        ("t.jsonl", '{"text": "a"}\n{"text": \n', "t.jsonl:2:"),
        ("t.jsonl", '{"text": "a"}\n[1]\n', "t.jsonl:2: must be a JSON object, not a list of 1"),
        ("t.jsonl", '[{"text": "a"}]', "(one JSON object in a line)"),
        ("t.jsonl", '{"text": "a\\ud83d"}', "t.jsonl:1: holds half a character"),
        ("t.jsonl", '{"text": "a", "x": ' + "[" * 100_000, "t.jsonl:1: not readable as JSON"),
        ("t.jsonl", '{"text": NaN}', "t.jsonl:1: d.text: is empty"),
        ("t.jsonl", '{"text": "a", "n": ' + "9" * 5000 + "}", "t.jsonl:1: not readable as JSON"),
        ("t.csv", "text,label\na,1,2\n", "t.csv:2: has 3 cells, and the header names 2 columns"),
        ("t.csv", "text,label\na\n", "t.csv:2: has 1 cells"),
        ("t.csv", "text,text\na,b\n", "t.csv:1: the column 'text' stands there twice"),
        ("t.csv", 'text,label\n"a,1\nb,2\n', "t.csv:2: not readable as a table"),
        (
            "t.csv",
            "text\n" + "x" * 200_000 + "\n",
            "t.csv:2: not readable as a table: field larger",
        ),
        ("t.csv", "text,label\n,1\n", "t.csv:2: d.text: is empty"),
        ("t.csv", "stmt\na\n", "t.csv:2: d.text: the row has no text, question or messages"),
        ("t.parquet", "PAR1 is not enough", "t.parquet:1: not readable as Parquet"),
        ("t.txt", "a", "'t.txt' does not end like a format (say `format:`"),
    ],
)
def test_each_broken_file_has_its_sentence(told: Any, name: str, content: str, said: str) -> None:
    (line,) = told(f"path: {name}", {name: content})
    assert said in line


def test_bytes_that_are_no_text(told: Any, tmp_path: Path) -> None:
    for name in ("t.jsonl", "t.csv"):
        (tmp_path / name).write_bytes(b'{"text": "a"}\n{"text": "\xff"}\n')
        (line,) = told(f"path: {name}")
        assert line.startswith(f"{name}:2:11: byte 0xff is not UTF-8")


def test_a_missing_file_a_folder_and_a_name_too_long(told: Any, tmp_path: Path) -> None:
    (tmp_path / "facts.csv").write_text("text\na\n", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    (line,) = told("path: fact.csv")
    assert line.startswith("suite.yaml:5:11: datasets.d.path: there is no file 'fact.csv'")
    assert line.endswith("(did you mean 'facts.csv'?)")
    assert "'folder' is a folder (for a folder that `datasets` wrote" in told("path: folder")[0]
    assert "cannot be read" in told("path: " + "x" * 5000 + ".csv")[0]
    assert "there is no file 'a\\x00.csv'" in told('path: "a\\0.csv"')[0]
    assert "there is no file" in told("path: facts.csv/x.csv")[0]


def test_a_damaged_parquet_file(told: Any, tmp_path: Path) -> None:
    as_file(tmp_path, "t.parquet", TABLE)
    data = (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "t.parquet").write_bytes(data[: len(data) // 2])
    assert "t.parquet:1: not readable as Parquet" in told("path: t.parquet")[0]


def test_parquet_with_lists_dates_and_gaps(rows: Any, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "question": ["q", "r"],
            "choices": [["a", "b"], ["c", "d"]],
            "messages": [None, None],
            "label": [1.0, float("nan")],
            "day": [pd.Timestamp("2030-01-02"), pd.NaT],
            "weight": [1.5, float("nan")],
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    first, second = rows("path: t.parquet")
    assert (first.choices, first.label, first.messages) == (("a", "b"), 1, ())
    assert (second.label, second.attributes["weight"]) == (None, None)
    assert str(first.attributes["day"]).startswith('"2030-01-02')


def test_many_mistakes_are_counted(told: Any) -> None:
    lines = told("rows: [" + ", ".join(["{text: 1}"] * 45) + "]")
    assert len(lines) == 21
    assert lines[-1].endswith("... and 25 more")


def test_one_broken_line_hides_no_other(told: Any) -> None:
    content = '{"text": "a"}\nbroken\n{"text": "b"}\n{broken\n'
    assert [line.split(": ")[0] for line in told("path: t.jsonl", {"t.jsonl": content})] == [
        "t.jsonl:2:1", "t.jsonl:4:2"
    ]  # fmt: skip


def test_a_dataset_is_read_once(dataset: Any, tmp_path: Path) -> None:
    loaded = dataset("path: t.csv", {"t.csv": "text\na\n"})
    first = read_dataset(loaded, "d")
    (tmp_path / "t.csv").unlink()
    assert read_dataset(loaded, "d") is first
    with pytest.raises(KeyError):
        read_dataset(loaded, "none")


# --- Hugging Face datasets -----------------------------------------------------------


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders as `save_to_disk` writes them: one split, and several."""
    datasets = pytest.importorskip("datasets")
    folder: Path = tmp_path_factory.mktemp("stored")
    one = datasets.Dataset.from_dict({"text": ["a", "b"], "label": [1, 0]})
    datasets.disable_progress_bars()
    one.save_to_disk(folder / "one")
    datasets.DatasetDict({"train": one, "test": one.select([0])}).save_to_disk(folder / "two")
    return folder


def test_folders_that_datasets_wrote(rows: Any, told: Any, stored: Path) -> None:
    assert texts(rows(f"{{path: {stored}/one, format: datasets}}")) == ["a", "b"]
    assert [row.label for row in rows(f"{{path: {stored}/two, format: datasets}}")] == [1, 0]
    assert texts(rows(f"{{path: {stored}/two, format: datasets, hub_split: test}}")) == ["a"]
    (line,) = told(f"{{path: {stored}/two, format: datasets, hub_split: tst}}")
    assert "the dataset has no split 'tst' (did you mean 'test'?)" in line


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("{path: a/b, format: datasets}", "needs a `revision` of 40 hex digits, not none"),
        ("{path: a/b, format: datasets, revision: main}", "40 hex digits, not 'main'"),
        ("{path: ./a, format: datasets}", "there is no folder"),
    ],
)
def test_a_dataset_of_the_hub_is_pinned(told: Any, spec: str, said: str) -> None:
    (line,) = told(spec)
    assert line.startswith("suite.yaml:5:")
    assert said in line


def test_a_dataset_of_the_hub_offline(told: Any) -> None:
    pytest.importorskip("datasets")
    (line,) = told("{path: nobody/nothing, format: datasets, revision: " + "a" * 40 + "}")
    assert "the dataset 'nobody/nothing' cannot be loaded: Couldn't reach" in line


def test_a_missing_package_is_told_with_the_command(
    told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    (line,) = told("{path: a/b, format: datasets, revision: " + "a" * 40 + "}")
    assert "pip install 'alignment-audit[datasets]'" in line
