"""What a suite reads in stored transcripts; for Inspect logs `read_eval_log` is the judge.

The logs and what Inspect reads in them come from `tests/judge/make_transcripts.py`.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from suites.dataset import read_dataset
from suites.problems import SuiteError
from suites.rows import Row

LOGS = Path(__file__).parent / "transcripts"
EXPECTED = json.loads((LOGS / "expected.json").read_text(encoding="utf-8"))
ANY = "outcome: [answered, limit, error, unanswered], status: [success, error]"
CHAT = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]


@pytest.fixture
def rows(dataset: Any, tmp_path: Path) -> Any:
    """The rows of a dataset beside the stored logs, which lie in `logs`."""

    def rows(spec: str, files: dict[str, str] | None = None) -> tuple[Row, ...]:
        (tmp_path / "logs").mkdir(exist_ok=True)
        for name in EXPECTED:
            shutil.copy(LOGS / name, tmp_path / "logs" / name)
        return read_dataset(dataset(spec, files), "d")

    return rows


@pytest.fixture
def told(rows: Any, tmp_path: Path) -> Any:
    """What reading complains of, each line without the folder; it must complain."""

    def told(spec: str, files: dict[str, str] | None = None) -> list[str]:
        with pytest.raises(SuiteError) as caught:
            rows(spec, files)
        return [line.replace(f"{tmp_path}/", "") for line in str(caught.value).split("\n")]

    return told


def lines(*chats: Any) -> str:
    return "".join(json.dumps(chat) + "\n" for chat in chats)


# --- Inspect logs, judged by Inspect ------------------------------------------------


def plain(score: Any, name: str) -> dict[str, Any]:
    """A score as the columns that it should become."""
    if isinstance(score, dict):
        return {f"score_{name}_{key}": value for key, value in score.items()}
    return {f"score_{name}": score}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_log_is_read_as_inspect_reads_it(rows: Any, name: str) -> None:
    log = EXPECTED[name]
    found = {row.id: row for row in rows(f"{{transcripts: logs/{name}, where: {{{ANY}}}}}")}
    assert len(found) == len(log["samples"]) > 1
    for sample in log["samples"]:
        run = hashlib.sha256(log["eval_id"].encode()).hexdigest()[:8]
        row = found[f"{log['task']}/{sample['id']}/{sample['epoch']}/{run}"]
        target = sample["target"]
        wanted = {
            "task": log["task"],
            "model": log["model"],
            "sample": sample["id"],
            "epoch": sample["epoch"],
            "status": log["status"],
            "target": json.dumps(target) if isinstance(target, list) else target or None,
        }
        for scorer, score in sample["scores"].items():
            wanted |= plain(score, scorer)
        for key, value in sample["metadata"].items():
            if not isinstance(value, list):
                wanted[f"metadata_{key}"] = value
        assert wanted == {key: row.attributes[key] for key in wanted}
        assert "metadata_notes" not in row.attributes, "no scalar"
        assert row.attributes["outcome"] == outcome(sample)
        kept = sample["messages"][: len(sample["messages"]) - row.attributes["turns_left_out"]]
        for message, said in zip(row.messages, kept, strict=True):
            assert message.role == said["role"]
            check_content(message.content, said)


def outcome(sample: Any) -> str:
    if sample["error"]:
        return "error"
    if not any(message["role"] == "assistant" for message in sample["messages"]):
        return "unanswered"
    return "limit" if sample["limit"] else "answered"


def check_content(content: str, said: Any) -> None:
    if said["types"] == ["text"] and not said["calls"] and not said["error"]:
        assert content == said["text"]
        return
    at = 0
    for part in (*said["reasoning"], said["text"], *(call["function"] for call in said["calls"])):
        at = content.index(part, at) + len(part)
    for call in said["calls"]:
        for argument in call["arguments"].values():
            assert json.dumps(argument) in content
    assert ("[image]" in content) == ("image" in said["types"])
    assert (said["error"] or "") in content
    assert "base64" not in content


def test_the_parts_of_a_message_are_readable(rows: Any) -> None:
    where = f"{{sample: [a/tool, 3], epoch: 1, {ANY}}}"
    pixel, tool = rows(f"{{transcripts: logs/ledgers.eval, where: {where}}}")
    assert [message.content for message in tool.messages[1:5]] == [
        'I look it up.\n[call ledger(name="Ann", deep=true)]',
        "Ann owes 12 crowns.\nSigned.",
        'tool call for tool ledger\n[call ledger(name="nobody")]',
        "[error: no such page]",
    ]
    assert [message.content for message in pixel.messages] == [
        "What is this?\n[image]",
        "<think>\nA square, and red.\n</think>\n\nA pixel.",
    ]


def test_epochs_and_models_of_one_sample_share_a_group(rows: Any) -> None:
    found = rows(f"{{transcripts: logs/ledgers*, where: {{{ANY}}}}}")
    assert len(found) == len({row.id for row in found}) == 24
    groups = {row.group for row in found}
    assert groups == {f"ledgers/{n}" for n in ("plain", "a/tool", 3, "halted", "broken", "silent")}
    one = [row for row in found if row.group == "ledgers/plain"]
    assert {(row.attributes["model"], row.attributes["epoch"]) for row in one} == {
        (f"mockllm/{model}", epoch) for model in ("model", "other") for epoch in (1, 2)
    }


def test_what_follows_the_last_answer_is_left_out_and_counted(rows: Any) -> None:
    (row,) = rows("{transcripts: logs/ledgers.eval, where: {outcome: limit, epoch: 1}}")
    assert [message.role for message in row.messages] == ["user", "assistant"]
    assert (row.attributes["turns_left_out"], row.attributes["limit"]) == (1, "message")
    assert row.place == "logs/ledgers.eval"


def test_nothing_is_lost_unseen(told: Any, rows: Any) -> None:
    [line] = told("transcripts: logs/ledgers.eval")
    assert "4 transcripts have another `outcome` than answered or limit" in line
    assert "2 'error', 2 'unanswered'; first ledgers/broken/1/" in line
    assert "(`where: {outcome: [answered, limit]}` leaves them out, " in line
    [_, line] = told("transcripts: logs")
    assert "2 transcripts have another `status` than success: 2 'error'" in line
    assert len(rows("{transcripts: logs/ledgers.eval, where: {outcome: [answered, limit]}}")) == 8
    assert len(rows("{transcripts: logs/ledgers.eval, where: {outcome: [unanswered]}}")) == 2


# --- scores as behaviour ------------------------------------------------------------

GOOD = "outcome: [answered, limit]"


@pytest.mark.parametrize(
    ("columns", "extra", "wanted"),
    [
        ("behaviour: score_honest", "behaviours: {I: 1, C: 0}", {"a/tool"}),
        ("behaviour: score_tone_rudeness", "behaviours: {'>=0.5': 1, '< 0.5': 0}", {2}),
        ("behaviour: score_unsure", "", {1}),
        ("label: score_honest", "labels: {I: 1, C: 0}", {"a/tool"}),
    ],
)
def test_a_score_says_what_is_misbehaviour(
    rows: Any, columns: str, extra: str, wanted: set[Any]
) -> None:
    spec = f"transcripts: logs/ledgers.eval\nwhere: {{{GOOD}}}\ncolumns: {{{columns}}}\n{extra}\n"
    found = rows(spec)
    by = "epoch" if wanted <= {1, 2} else "sample"
    marked = [row for row in found if (row.label if "label" in columns else row.behaviour)]
    assert {row.attributes[by] for row in marked} == wanted
    assert len(marked) == sum(row.attributes[by] in wanted for row in found)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "must be true or false, not 'I' (say what it means: `behaviours: {'I': 1}`)"),
        ("behaviours: {C: 0}", "'I' is not among the `behaviours`"),
    ],
)
def test_a_score_that_means_nothing_yet_is_named(told: Any, table: str, said: str) -> None:
    spec = f"transcripts: logs/ledgers.eval\nwhere: {{{GOOD}, sample: a/tool, epoch: 1}}\n"
    [line] = told(f"{spec}columns: {{behaviour: score_honest}}\n{table}")
    assert line.startswith("logs/ledgers.eval/samples/a/tool_epoch_1.json: d.behaviour: ")
    assert said in line


@pytest.mark.parametrize("words", [("yes", "no"), (1, 0), (True, False), (7.5, 2)])
def test_words_flags_and_numbers_of_a_chat(rows: Any, words: tuple[Any, Any]) -> None:
    table = "{yes: 1, no: 0}" if words[0] == "yes" else "{'> 5': 1, '<= 5': 0}"
    spec = "transcripts: c.jsonl\ncolumns: {behaviour: bad}\n"
    spec += f"behaviours: {table}\n" if words[0] in ("yes", 7.5) else ""
    files = {"c.jsonl": lines(*({"messages": CHAT, "bad": word} for word in words))}
    assert [row.behaviour for row in rows(spec, files)] == [True, False]


def test_a_number_that_two_keys_hold_is_refused(told: Any) -> None:
    spec = "transcripts: c.jsonl\ncolumns: {behaviour: bad}\nbehaviours: {'> 1': 1, '< 9': 0}"
    [line] = told(spec, {"c.jsonl": lines({"messages": CHAT, "bad": 5})})
    assert line == "c.jsonl:1: d.behaviour: 5 means both 0 and 1 by the `behaviours`"


# --- chats ---------------------------------------------------------------------------


def test_every_shape_of_a_chat_gives_the_same_turns(rows: Any) -> None:
    files = {
        "c.jsonl": lines(
            {"messages": CHAT, "topic": "a"},
            CHAT,
            {
                "conversations": [
                    {"from": "human", "value": "Hi"},
                    {"from": "gpt", "value": "Hello"},
                ]
            },
            {
                "messages": [
                    CHAT[0],
                    {"role": "model", "content": [{"type": "text", "text": "Hello"}]},
                ]
            },
        ),
        "d.json": json.dumps([{"messages": CHAT, "topic": "b"}]),
    }
    found = rows("transcripts: '*.json*'", files)
    assert {row.messages for row in found} == {found[0].messages}
    assert [(m.role, m.content) for m in found[0].messages] == [
        ("user", "Hi"),
        ("assistant", "Hello"),
    ]
    assert len({row.id for row in found}) == 5
    assert found[0].attributes["topic"] == "a"
    assert [row.place for row in found] == [*(f"c.jsonl:{n}" for n in (1, 2, 3, 4)), "d.json:1"]
    assert {row.group for row in found} == {found[0].id}, "the same content is one group"


def test_a_chat_may_stand_in_a_column_of_any_name(rows: Any) -> None:
    spec = "{transcripts: c.jsonl, columns: {messages: talk, group: who}}"
    (row,) = rows(spec, {"c.jsonl": lines({"talk": CHAT, "who": "Ann"})})
    assert (row.messages[1].content, row.group) == ("Hello", "Ann")


def test_roles_that_a_template_lacks_are_shown_as_others(rows: Any) -> None:
    spec = "{transcripts: logs/ledgers.eval, where: {sample: a/tool, epoch: 1, %s}, roles: %s}"
    (row,) = rows(spec % (GOOD, "{tool: user}"))
    assert [m.role for m in row.messages] == ["user", "assistant"] * 3
    chat = [{"role": "system", "content": "S"}, *CHAT]
    (row,) = rows(
        "{transcripts: c.jsonl, roles: {system: user}}", {"c.jsonl": lines({"messages": chat})}
    )
    assert [m.content for m in row.messages] == ["S\n\nHi", "Hello"]


@pytest.mark.parametrize("reasoning", [True, False])
def test_what_was_thought_may_be_left_out(rows: Any, reasoning: bool) -> None:
    parts = [{"type": "reasoning", "reasoning": "Hm. "}, {"type": "text", "text": "A"}]
    chats = [
        [{"role": "user", "content": "<think>Q</think>"}, {"role": "assistant", "content": said}]
        for said in (parts, "<think>\nHm.\n</think>\n\nA")
    ]
    spec = f"{{transcripts: c.jsonl, reasoning: {json.dumps(reasoning)}}}"
    for row in rows(spec, {"c.jsonl": lines(*chats)}):
        wanted = "<think>\nHm.\n</think>\n\nA" if reasoning else "A"
        assert [m.content for m in row.messages] == ["<think>Q</think>", wanted]


# --- which files ---------------------------------------------------------------------


def test_a_folder_is_read_however_deep_without_lists_and_parts(rows: Any, tmp_path: Path) -> None:
    for folder in ("runs/deep", "runs/a.shards/0", "runs/.hidden"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(LOGS / "ledgers.eval", tmp_path / "runs" / "a.eval")
    shutil.copy(LOGS / "ledgers.eval", tmp_path / "runs" / "a.shards" / "0" / "b.eval")
    shutil.copy(LOGS / "ledgers-other.json", tmp_path / "runs" / "deep" / "b.json")
    for name in ("logs.json", "eval-set.json", "notes.txt", ".hidden/c.eval"):
        (tmp_path / "runs" / name).write_text("{}")
    found = rows(f"{{transcripts: runs, where: {{{ANY}}}}}")
    assert {row.place for row in found} == {"runs/a.eval", "runs/deep/b.json"}


def test_a_run_that_is_there_twice_is_told(told: Any, tmp_path: Path) -> None:
    shutil.copy(LOGS / "ledgers.eval", tmp_path / "again.eval")
    first = told(f"{{transcripts: '**/*.eval', where: {{{ANY}}}}}")[0]
    assert first.startswith("logs/ledgers.eval/samples/3_epoch_1.json: d.id: ")
    assert "is the id of again.eval/samples/3_epoch_1.json as well" in first


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("lugs", "there is no file or folder 'lugs'; did you mean 'logs'?"),
        ("logs/*.evil", "no file matches 'logs/*.evil'"),
        ("suite.yaml", "'suite.yaml' does not end like a transcript (.eval, .json, .jsonl,"),
        ("empty", "'empty' holds no transcripts (.eval, .json, .jsonl, .ndjson)"),
    ],
)
def test_files_that_are_none(told: Any, tmp_path: Path, named: str, said: str) -> None:
    (tmp_path / "empty").mkdir()
    [line] = told(f"transcripts: '{named}'")
    assert line.startswith("suite.yaml:5:18: datasets.d.transcripts: ")
    assert said in line


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("{transcripts: a, path: b}", "a dataset has one of `path`, `rows` and `transcripts`"),
        ("{transcripts: a, rows: [b]}", "a dataset has one of `path`, `rows` and `transcripts`"),
        ("{transcripts: a, format: csv}", "`format` belongs to a `path`, not to `transcripts`"),
        (
            "{path: a, roles: {tool: user}}",
            "`roles` and `reasoning` belong to `transcripts`, not `path`",
        ),
        ("{transcripts: a, roles: {assistant: user}}", "`roles` leaves them alone"),
        ("{transcripts: a, pairs: {positive: x, negative: y}}", "transcripts are chats"),
    ],
)
def test_what_does_not_go_together(told: Any, spec: str, said: str) -> None:
    assert said in told(spec)[0]


# --- what the documentation shows ----------------------------------------------------


def test_the_suite_in_the_documentation_loads_and_its_data_are_scored(
    load: Any, tmp_path: Path
) -> None:
    page = Path(__file__).parents[2] / "docs" / "transcripts.md"
    text = next(
        block.removeprefix("yaml\n")
        for block in page.read_text(encoding="utf-8").split("```")
        if block.startswith("yaml\nname: ")
    )
    (tmp_path / "logs").mkdir()
    shutil.copy(LOGS / "ledgers.eval", tmp_path / "logs")
    text = text.replace("score_deception", "score_honest")
    found = read_dataset(load(text), "agent_runs")
    assert [row.behaviour for row in found].count(True) == 2
    assert {message.role for row in found for message in row.messages} == {"user", "assistant"}
