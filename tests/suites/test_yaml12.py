from __future__ import annotations

import math
from typing import Any

import pytest
import yaml

from suites import yaml12
from suites.problems import SuiteError
from suites.yaml12 import MAX_ALIASED, MAX_BYTES, MAX_DEPTH, parse


@pytest.fixture(params=["libyaml", "pure Python"], autouse=True)
def _loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test runs on the C parser and on the fallback."""
    if request.param == "pure Python":
        monkeypatch.setattr(yaml12, "_LOADER", yaml.SafeLoader)
    elif not yaml.__with_libyaml__:
        pytest.skip("PyYAML was built without libyaml")


def stopped(text: str | bytes) -> str:
    with pytest.raises(SuiteError) as caught:
        parse(text, "f.yaml")
    return str(caught.value)


# The core schema's own examples, and what YAML 1.1 makes something else of.
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("-2.5E+1", -25.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("012", 12),
        ("0o14", 12),
        ("0xff", 255),
        ("-7", -7),
        ("+7", 7),
        ("no", "no"),
        ("On", "On"),
        ("yes", "yes"),
        ("y", "y"),
        ("true", True),
        ("FALSE", False),
        ("tRue", "tRue"),
        ("12:30:45", "12:30:45"),
        ("2030-01-31", "2030-01-31"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("-0x1f", "-0x1f"),
        ("1.2.3", "1.2.3"),
        ("e5", "e5"),
        ("=", "="),
        ("~", None),
        ("null", None),
        ("", None),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("'1'", "1"),
        ('"no"', "no"),
        ('"1e-3"', "1e-3"),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: Any) -> None:
    document = parse(f"a: {text}\n", "f.yaml")
    assert document.value["a"] == value
    assert type(document.value["a"]) is type(value)
    assert not document.problems


def test_not_a_number_is_one() -> None:
    assert math.isnan(parse("a: .nan", "f").value["a"])


def test_keys_are_text_as_written() -> None:
    assert parse("{1: a, true: b, 012: c, no: d, 1e3: e}", "f").value == {
        "1": "a",
        "true": "b",
        "012": "c",
        "no": "d",
        "1e3": "e",
    }


def test_block_scalars_and_line_ends() -> None:
    text = "a: |\r\n  one\r\n  two\r\nb: >-\r\n  three\r\n  four\r\n"
    assert parse(text, "f").value == {"a": "one\ntwo\n", "b": "three four"}


@pytest.mark.parametrize(
    "text", ["\ufeffa: 1", b"\xef\xbb\xbfa: 1", b"a: 1\r\n", "%YAML 1.2\n---\na: 1"]
)
def test_marks_of_encoding_and_version_are_passed_over(text: str | bytes) -> None:
    assert parse(text, "f").value == {"a": 1}


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "---\n...\n"])
def test_nothing_is_null(text: str) -> None:
    assert parse(text, "f").value is None


def test_every_part_has_its_place() -> None:
    document = parse("a:\n  - x\n  - b: 1\n    c: [2,\n        3]\nd: {e: f}\n", "f")
    assert document.place(()) == (1, 1)
    assert document.place(("a",)) == (1, 1)  # a list, at its key
    assert document.place(("a", 0)) == (2, 5)
    assert document.place(("a", 1)) == (3, 5)
    assert document.place(("a", 1, "b")) == (3, 8)  # a scalar, where it stands
    assert document.place(("a", 1, "b"), key=True) == (3, 5)
    assert document.place(("a", 1, "c")) == (4, 5)
    assert document.place(("a", 1, "c", 1)) == (5, 9)
    assert document.place(("d", "e")) == (6, 8)
    assert document.place(("d", "nothing", "below")) == (6, 1)  # as far as it leads
    assert document.place(("a", 9)) == (1, 1)


def test_columns_count_characters_not_bytes() -> None:
    assert parse("{ä: '🙂🙂', b: 1}", "f").place(("b",), key=True) == (1, 11)


def test_aliases_give_the_value_again_at_their_own_place() -> None:
    document = parse("a: &x {b: [1, 2]}\nc: *x\nd: [*x, *x]\n", "f")
    assert document.value["c"] == {"b": [1, 2]}
    assert document.value["d"] == [{"b": [1, 2]}] * 2
    assert document.place(("d", 1)) == (3, 9)


def test_a_key_may_carry_an_anchor() -> None:
    assert parse("&k a: 1\nb: *k\n", "f").value == {"a": 1, "b": "a"}


def test_all_duplicate_keys_are_told_and_the_first_wins() -> None:
    document = parse("a: 1\nb: {c: 1, c: 2}\na: 3\na: 4\n", "f.yaml")
    assert document.value == {"a": 1, "b": {"c": 1}}
    assert [str(problem) for problem in document.problems] == [
        "f.yaml:2:11: b.c: the key 'c' stands here twice, first at 2:5",
        "f.yaml:3:1: a: the key 'a' stands here twice, first at 1:1",
        "f.yaml:4:1: a: the key 'a' stands here twice, first at 1:1",
    ]


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("a: !!python/object/apply:os.system [echo]", "!!python/object/apply:os.system"),
        ("a: !!python/name:os.system", "!!python/name:os.system"),
        ("a: !env HOME", "!env"),
        ("a: !!str 12", "!!str"),
        ("a: !!binary aGk=", "!!binary"),
        ("!!set {a}", "!!set"),
        ("!!str a: 1", "!!str"),
    ],
)
def test_a_tag_is_a_mistake_that_is_named(text: str, tag: str) -> None:
    (problem,) = parse(text, "f").problems
    assert f"the tag '{tag}'" in problem.message


def test_billion_laughs_end_early() -> None:
    lines = ["a0: &a0 [" + ", ".join(["ha"] * 10) + "]"]
    lines += [f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 10) + "]" for i in range(1, 12)]
    assert f"more than {MAX_ALIASED} values" in stopped("\n".join(lines))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x [*x]", "1:8: a[0]: the alias *x lies inside its own anchor"),
        ("a: *x", "1:4: a: the alias *x has no anchor before it"),
        ("a: 1\n<<: {b: 1}", "2:1: the merge key '<<'"),
        ("? [a]\n: b", "1:3: a key that is not plain text"),
        ("a: 1\n---\nb: 2", "2:1: a second document"),
        ("a: 1\n\tb: 2", "2:1: not YAML: a tab cannot indent YAML (use spaces)"),
        ("a: x\x00", "1:5: the character U+0000 may not stand in YAML"),
        ("a: 1\nb: \x1b[31m", "2:4: the character U+001B may not stand in YAML"),
        (b"a: 1\nb: \xff", "2:4: byte 0xff is not UTF-8"),
        ("a: 1\nb: c: d", "2:5: not YAML: mapping values are not allowed"),
        ("a: [1, 2", "not YAML: while parsing a flow sequence"),
        ("a: 'x", "not YAML: while scanning a quoted scalar"),
        ("a: @x", "1:4: not YAML:"),
        ("a: %x", "1:4: not YAML:"),
        ("a: ]", "1:4: not YAML:"),
    ],
)
def test_what_cannot_be_read_says_where(text: str | bytes, said: str) -> None:
    message = stopped(text)
    assert message.startswith("f.yaml:")
    assert said in message


@pytest.mark.parametrize("character", ["\x85", "\u2028", "\u2029"])
def test_line_ends_of_another_version_are_written_out(character: str) -> None:
    code = f"{ord(character):04x}"
    assert (
        f'1:5: the character U+{code.upper()} may not stand in YAML (write "\\u{code}"'
        in stopped(f"a: x{character}y")
    )
    assert parse(f'a: "x\\u{code}y"', "f").value == {"a": f"x{character}y"}


def test_depth_and_size_are_capped() -> None:
    assert f"deeper than {MAX_DEPTH} levels" in stopped("[" * 100_000)
    assert f"deeper than {MAX_DEPTH} levels" in stopped("{a: " * 500)
    assert "larger than 16 MiB" in stopped(b"# " + b"x" * MAX_BYTES)
    assert parse("[" * MAX_DEPTH + "]" * MAX_DEPTH, "f").value


@pytest.mark.parametrize("text", ["9" * 5000, "0x" + "f" * 5000, "1." + "0" * 5000])
def test_endless_numbers_are_refused(text: str) -> None:
    (problem,) = parse(f"a: {text}", "f").problems
    assert "a number of more than" in problem.message


def test_half_a_character_is_refused() -> None:
    try:
        problems = parse('a: "\\ud800"', "f").problems
    except SuiteError as error:
        problems = error.problems
    assert len(problems) == 1
