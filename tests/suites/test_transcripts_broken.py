"""Whatever a log or a chat holds: rows, or a `SuiteError` that names file, place and mend."""

from __future__ import annotations

import json
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suites import archives, inspect_logs
from suites.cells import MESSAGE_ROLES, CellError
from suites.dataset import read_dataset
from suites.inspect_logs import read_eval, read_json_log
from suites.problems import SuiteError
from suites.turns import MAX_TURN, plain_turns

LOG = Path(__file__).parent / "transcripts" / "failing.eval"
ASKED, SAID = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}
HEADER = {"status": "success", "eval": {"task": "t", "model": "m", "eval_id": "0123456789"}}


def sample(**changed: Any) -> dict[str, Any]:
    return {"id": 1, "epoch": 1, "target": "", "messages": [ASKED, SAID]} | changed


def write_log(path: Path, *samples: Any, method: int = zipfile.ZIP_DEFLATED, **header: Any) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("header.json", json.dumps(HEADER | header))
        for number, item in enumerate(samples, start=1):
            text = item if isinstance(item, str) else json.dumps(item)
            archive.writestr(f"samples/{number}_epoch_1.json", text)
    return path


@pytest.fixture
def told(dataset: Any, tmp_path: Path) -> Callable[[str], str]:
    """What reading one file complains of, without the folder; it must complain."""

    def told(name: str) -> str:
        loaded = dataset(f"transcripts: {name}")
        with pytest.raises(SuiteError) as caught:
            read_dataset(loaded, "d")
        return str(caught.value).replace(f"{tmp_path}/", "")

    return told


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_logs_that_older_versions_packed(dataset: Any, tmp_path: Path, method: int) -> None:
    write_log(tmp_path / "a.eval", sample(), sample(id="b/c"), method=method)
    found = read_dataset(dataset("transcripts: a.eval"), "d")
    assert [row.id for row in found] == ["t/1/1/84d89877", "t/b/c/1/84d89877"]


@pytest.mark.parametrize("prefix", ["attachment", "tc"])
def test_long_texts_are_put_back_in_their_places(dataset: Any, tmp_path: Path, prefix: str) -> None:
    name = f"{prefix}://{'0a' * 16}"
    call = {"id": "x", "function": "f", "arguments": {"a": name}, "type": "function"}
    messages = [
        {"role": "user", "content": name},
        {"role": "assistant", "content": [{"type": "text", "text": name}], "tool_calls": [call]},
    ]
    item = sample(messages=messages, attachments={"0a" * 16: "a long text"}, score={"value": 1})
    write_log(tmp_path / "a.eval", item)
    (row,) = read_dataset(dataset("transcripts: a.eval"), "d")
    assert [m.content for m in row.messages] == [
        "a long text", 'a long text\n[call f(a="a long text")]'
    ]  # fmt: skip
    assert row.attributes["score"] == 1


PARTED = "attachment://" + "0b" * 16


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("{", "is not readable as JSON: "),
        ("[" * 100_000, "is not readable as JSON: "),
        ([], "must be a JSON object, not a list of 0"),
        ({}, "is no sample of an Inspect log: it has no `id` or no `messages`"),
        (sample(messages=[3]), "message 0 must be a mapping, not 3"),
        (sample(messages=[{"role": "usr", "content": ""}]), "did you mean 'user'?"),
        (
            sample(messages=[ASKED | {"content": 3}]),
            "message 0 has the content 3, which is no text",
        ),
        (sample(messages=[ASKED | {"content": [3]}]), "message 0 has a part 3 without a type"),
        (sample(messages=[ASKED | {"content": "\ud800"}]), "half a character (the lone surrogate"),
        (sample(messages=[ASKED | {"content": PARTED}]), "an attachment that the log does not"),
        (
            sample(messages=[ASKED | {"content": "x" * 10_000_000}]),
            "has 10,000,000 characters, and",
        ),
        (sample(scores={"a": {"value": {"b": 1}}, "a_b": {"value": 1}}), "'score_a_b' twice"),
        (sample(target="\ud800"), "holds half a character (the lone surrogate \\ud800)"),
        (sample(limit=3), "must be a JSON object, not 3"),
    ],
)
def test_a_sample_that_cannot_be_read_is_named(
    told: Any, tmp_path: Path, item: Any, said: str
) -> None:
    write_log(tmp_path / "a.eval", sample(id=0), item)
    message = told("a.eval")
    assert message.startswith("a.eval/samples/2_epoch_1.json: ")
    assert said in message
    assert len(message) < 1000


def test_a_json_log_names_its_samples_too(told: Any, tmp_path: Path) -> None:
    log = HEADER | {"samples": [sample(), sample(id=2, messages=[3])]}
    (tmp_path / "a.json").write_text(json.dumps(log))
    assert told("a.json").startswith("a.json/sample 2: message 0 must be a mapping")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "a.json:1:1: not JSON: expecting value"),
        (json.dumps(HEADER)[:-9], "a.json:1:"),
        ('{"a": 1}', "is neither an Inspect log nor a list of chats (name the logs alone"),
        (json.dumps(HEADER), "holds no sample; its status is 'success'"),
        ('{"eval": {}, "status": "started"}', "is no Inspect log: its header names no `eval.task`"),
        ("[3]", "a.json:1: must be a chat, not 3"),
        ('[{"text": "a"}]', "a.json:1: holds no chat (a chat stands under messages or conv"),
        (json.dumps([{"messages": [ASKED], "outcome": 1}]), "has a key 'outcome', which is a"),
        (
            json.dumps([[ASKED]]),
            "1 transcripts have another `outcome` than answered or limit: 1 'un",
        ),
        ("[" * 100_000, "a.json: not readable as JSON: "),
    ],
)
def test_a_json_file_that_is_no_transcript(
    told: Any, tmp_path: Path, content: str, said: str
) -> None:
    (tmp_path / "a.json").write_text(content)
    assert said in told("a.json")


def test_bytes_that_are_no_text(told: Any, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xff\xfe")
    assert "is not UTF-8" in told("a.json")
    (tmp_path / "a.jsonl").write_bytes(b'[{"role": "user", "content": "\xff"}]')
    assert "a.jsonl:1:31: byte 0xff is not UTF-8" in told("a.jsonl")
    (tmp_path / "b.jsonl").write_text('[{"role": "user", "content": "\\ud800"}]')
    assert "b.jsonl:1: holds half a character" in told("b.jsonl")


# --- zip files -----------------------------------------------------------------------


def test_a_log_that_is_cut_off_is_told_wherever_it_ends(told: Any, tmp_path: Path) -> None:
    whole = LOG.read_bytes()
    for end in range(0, len(whole) - 1, 311):
        (tmp_path / "a.eval").write_bytes(whole[:end])
        assert "a.eval: is no whole zip file: " in told("a.eval")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_byte_is_an_error_or_changes_nothing(data: st.DataObject) -> None:
    """Each member has a checksum: no other text is read than what was written."""
    whole = bytearray(LOG.read_bytes())
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.eval"
        path.write_bytes(whole)
        try:
            found = [
                item.values["messages"] for item in read_eval(path, plain_turns) if item.values
            ]
        except OSError:  # a place before the beginning of the file
            return
    written = [item.values["messages"] for item in read_eval(LOG, plain_turns) if item.values]
    assert all(messages in written for messages in found)


def test_a_member_that_lies_about_its_size_is_not_unpacked(
    told: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspect_logs, "MAX_BYTES", 1 << 20)
    write_log(tmp_path / "a.eval", sample(store="0" * (1 << 24)))
    assert "samples/1_epoch_1.json: unpacks to more than 1 MiB" in told("a.eval")
    small = write_log(tmp_path / "b.eval", sample(store="0" * (1 << 24)))
    size = len(json.dumps(sample(store="0" * (1 << 24)))).to_bytes(4, "little")
    small.write_bytes(small.read_bytes().replace(size, (1000).to_bytes(4, "little")))
    assert "unpacks to more than the file says" in told("b.eval")


def test_a_zstandard_bomb_is_given_up_at_its_limit(tmp_path: Path) -> None:
    zstd = pytest.importorskip(
        "backports.zstd" if sys.version_info < (3, 14) else "compression.zstd"
    )
    packed = zstd.compress(b"0" * (1 << 27))  # 128 MiB in a few KB
    drawn = 0

    def pieces() -> Any:
        nonlocal drawn
        for start in range(0, len(packed), 512):
            drawn += 512
            yield packed[start : start + 512]

    first = next(archives._unpacked_zstandard(pieces()))
    assert len(first) <= 1 << 20
    assert drawn < len(packed)


def test_several_zstandard_frames_are_one_member() -> None:
    zstd = pytest.importorskip(
        "backports.zstd" if sys.version_info < (3, 14) else "compression.zstd"
    )
    parts = [b"abc" * 10, b"", b"x" * 3_000_000, b"end"]
    packed = b"".join(map(zstd.compress, parts))
    for step in (1, 7, len(packed)):
        pieces = (packed[start : start + step] for start in range(0, len(packed), step))
        assert b"".join(archives._unpacked_zstandard(pieces)) == b"".join(parts)


def test_without_zstandard_the_mend_is_named(
    told: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    monkeypatch.setitem(sys.modules, name, None)
    (tmp_path / "a.eval").write_bytes(LOG.read_bytes())
    assert told("a.eval") == (
        "a.eval/header.json: is packed by zstandard, which this Python cannot read "
        "(pip install backports.zstd, or `inspect log convert --to json`)"
    )


def test_packings_that_nobody_reads(told: Any, tmp_path: Path) -> None:
    write_log(tmp_path / "a.eval", sample(), method=zipfile.ZIP_LZMA)
    assert "a.eval/header.json: is packed by method 14, which is not read here" in told("a.eval")
    path = write_log(tmp_path / "b.eval", sample())
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert "b.eval/header.json: is encrypted" in told("b.eval")


def test_zip_files_that_are_no_log(told: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.eval", "w") as archive:
        archive.writestr("x", "y")
    assert "a.eval: is no Inspect log: it holds no header.json" in told("a.eval")
    with zipfile.ZipFile(tmp_path / "b.eval", "w") as archive:
        archive.writestr("header.json", json.dumps(HEADER))
        archive.writestr("samples/1_epoch_1/sample.json", "{}")
    assert "b.eval: holds its samples in chunks" in told("b.eval")


def test_a_run_that_never_ended_says_so(told: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.eval", "w") as archive:
        archive.writestr("_journal/start.json", json.dumps({"eval": HEADER["eval"]}))
        archive.writestr("samples/1_epoch_1.json", json.dumps(sample()))
    assert "1 transcripts have another `status` than success: 1 'started'" in told("a.eval")


def test_samples_are_read_one_by_one(tmp_path: Path) -> None:
    """The first is there before the second is looked at."""
    path = write_log(tmp_path / "a.eval", sample(), "{")
    reading = read_eval(path, plain_turns)
    assert next(reading).values is not None
    assert next(reading).trouble is not None


# --- turns ---------------------------------------------------------------------------

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "text", "content", "function", "arguments", "name", "reasoning", "result"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
KINDS = st.sampled_from(["text", "reasoning", "tool_use", "tool_result", "image", "video", "data"])
PARTS = st.fixed_dictionaries(
    {"type": KINDS},
    optional=dict.fromkeys(("text", "reasoning", "content", "name", "arguments"), ANYTHING),
)
MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from([*MESSAGE_ROLES, "gpt", "x"])},
    optional={
        "content": ANYTHING | st.lists(PARTS, max_size=3),
        "tool_calls": ANYTHING | st.lists(ANYTHING, max_size=2),
        "function_call": ANYTHING,
        "error": ANYTHING,
    },
)


@settings(max_examples=300, deadline=None)
@given(st.lists(MESSAGES | ANYTHING, max_size=4) | ANYTHING)
def test_any_messages_are_turns_or_a_named_error(messages: Any) -> None:
    try:
        turns = plain_turns(messages)
    except CellError:
        return
    assert len(turns) == len(messages)
    for turn in turns:
        assert turn["role"] in MESSAGE_ROLES
        assert len(turn["content"]) <= MAX_TURN
        turn["content"].encode("utf-8")


FIELDS = (
    "id",
    "epoch",
    "messages",
    "attachments",
    "scores",
    "score",
    "metadata",
    "limit",
    "target",
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), ANYTHING), st.dictionaries(st.text(), ANYTHING))
def test_any_sample_is_a_transcript_or_a_named_error(
    changed: dict[str, Any], about: dict[str, Any]
) -> None:
    log = {"status": "success", "eval": HEADER["eval"] | about, "samples": [sample(**changed)]}
    [found] = read_json_log(log, plain_turns)
    assert (found.values is None) != (found.trouble is None)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": None, "tool_calls": [{"function": {"name": "f", "arguments": '{"a": [1]}'}}]},
         "[call f(a=[1])]"),
        ({"content": "", "function_call": {"name": "f", "arguments": "not JSON"}},
         "[call f(not JSON)]"),
        ({"content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "A"},
                      {"type": "tool_use", "name": "f", "input": {"a": "ü"}}]},
         '<think>\nHm.\n</think>\n\nA\n[call f(a="ü")]'),
        ({"content": [{"type": "reasoning", "reasoning": "xyz", "redacted": True, "summary": "s"}]},
         "<think>\ns\n</think>\n"),
        ({"content": [{"type": "reasoning", "reasoning": "xyz", "redacted": True}]},
         "<think>\n[redacted]\n</think>\n"),
        ({"content": [{"type": "tool_use", "name": "web", "arguments": '{"q": "x"}',
                       "result": "found", "error": "late"}]},
         '[call web(q="x")]\nfound\n[error: late]'),
        ({"content": [{"type": "tool_result", "content": [{"type": "text", "text": "r"}]}]}, "r"),
        ({"content": [{"type": "image_url", "image_url": {"url": "data:"}}, {"type": "video"}]},
         "[image]\n[video]"),
        ({"content": "A", "reasoning_content": "Hm."}, "<think>\nHm.\n</think>\n\nA"),
        ({"content": None, "refusal": "No."}, "No."),
    ],
)  # fmt: skip
def test_what_each_shape_becomes(message: dict[str, Any], text: str) -> None:
    [turn] = plain_turns([{"role": "assistant"} | message])
    assert turn["content"] == text
