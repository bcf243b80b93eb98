"""Annotations: what is written is what a runner reads, and nothing else."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reports.machine.github import LIMIT, annotations, command
from reports.machine.places import Place, located
from reports.read import Record
from reports.text import safe_text
from tests.reports import factory
from tests.reports import series_factory as of_series
from tests.reports.hostile import HOSTILE
from tests.reports.series_strategies import series
from tests.reports.strategies import nasty, reports

NAMES = {"error", "warning", "notice"}
MANY = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def read(line: str) -> tuple[str, dict[str, str], str]:
    """A command as the runner's documented syntax has it: name, properties, message."""
    found = re.fullmatch(r"::([a-z-]+)(?: ([^\r\n]*?))?::([^\r\n]*)", line)
    assert found, line
    properties = {}
    for one in (found[2] or "").split(","):
        if one:
            name, _, value = one.partition("=")
            for escape, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n")):
                value = value.replace(escape, character)
            properties[name] = value.replace("%25", "%")
    message = found[3].replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
    return found[1], properties, message


def check_line(line: str) -> None:
    name, properties, message = read(line)
    assert name in NAMES
    assert set(properties) <= {"file", "line", "col", "title"}
    assert command(
        name,  # type: ignore[arg-type]
        properties.get("title", ""),
        message,
        Place(properties["file"], *_numbers(properties)) if "file" in properties else None,
    ) == (line)
    assert len(line.splitlines()) == 1
    assert "##[" not in line
    assert "##vso[" not in line.lower()


def _numbers(properties: dict[str, str]) -> list[int]:
    return [int(properties[name]) for name in ("line", "col") if name in properties]


@MANY
@given(reports | series)
def test_every_line_is_one_command(record: Record) -> None:
    lines = annotations(record)
    assert len(lines) <= LIMIT
    for line in lines:
        check_line(line)


@settings(max_examples=300, deadline=None)
@given(title=nasty, message=nasty | st.text(), file=nasty)
def test_what_is_written_is_read_back(title: str, message: str, file: str) -> None:
    line = command("error", title, message, Place(file, 3, 7))
    name, properties, said = read(line)
    assert name == "error"
    assert said == safe_text(message, 2000)
    assert properties["file"] == safe_text(file, 1000)
    assert (properties["line"], properties["col"]) == ("3", "7")
    assert properties.get("title", "") == safe_text(title, 200)


def test_the_reader_sees_an_injection() -> None:
    """Positive control: text that is not escaped does add a property, a command, a message."""
    naive = "::error title=a,file=/etc/passwd::b"
    assert read(naive)[1] == {"title": "a", "file": "/etc/passwd"}
    with pytest.raises(AssertionError):
        check_line("::error title=a::b\n::add-mask::c")
    with pytest.raises(AssertionError):
        check_line("::stop-commands::x")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_a_message(text: str) -> None:
    gate = factory.make_gate(reason=text, source=f"{text}:4:2", detail={"attribute": text})
    check = factory.make_check(id=text, suite=text, gates=[gate])
    (line,) = annotations(factory.make_report(checks=[check]))
    check_line(line)
    name, properties, _ = read(line)
    assert name == "error"
    assert set(properties) == {"file", "line", "col", "title"}


def test_each_standing_has_its_level_and_word() -> None:
    checks = [
        *factory.make_report().checks,
        factory.make_known_check(),
        factory.make_passing_check(verdict="warn", gates=[factory.make_gate(verdict="warn")]),
        factory.make_check(id="low", gates=[factory.make_gate(severity="low", gates=False)]),
        factory.make_inconclusive_check(
            id="low2", gates=[factory.make_gate(verdict="inconclusive", gates=False)]
        ),
    ]
    lines = [read(line) for line in annotations(factory.make_report(checks=checks), 100)]
    assert [(name, properties["title"]) for name, properties, _ in lines] == [
        ("error", "not measured: organism_bias/favouring"),
        ("error", "flag: organism_lying/lying"),
        ("error", "flag: organism_lying/lying"),
        ("warning", "inconclusive: truth/larger_than"),
        ("warning", "flag (below --fail-on): organism_lying/low"),
        ("notice", "inconclusive (below --fail-on): truth/low2"),
        ("warning", "warn: organism_trigger/trigger"),
        ("notice", "flag (suppressed): organism_sycophancy/flattery"),
        ("notice", "flag (known): organism_sycophancy/praise"),
        ("notice", "flag (suppressed): organism_sycophancy/flattery"),
    ]


def test_a_line_points_to_the_gate() -> None:
    lines = annotations(factory.make_report(checks=[factory.make_check()]))
    place = {"file": "suites/organism_lying.yaml", "line": "45", "col": "9"}
    assert place.items() <= read(lines[0])[1].items()


@pytest.mark.parametrize(
    ("sources", "place"),
    [
        (["a.yaml:31:9"], Place("a.yaml", 31, 9)),
        (["C:\\suites\\a.yaml:31:9"], Place("C:\\suites\\a.yaml", 31, 9)),
        (["", "b.yaml:1:2"], Place("b.yaml", 1, 2)),
        (["", "", "a.yaml"], Place("a.yaml")),
        (["a.yaml:0:9"], Place("a.yaml:0:9")),
        (["a.yaml:²:9", "b:1:1"], Place("b", 1, 1)),
        (["", ""], None),
    ],
)
def test_a_place_is_read_from_the_right(sources: list[str], place: Place | None) -> None:
    assert located(*sources) == place


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("suites/a b.yaml", "suites/a%20b.yaml"),
        ("javascript:x", "javascript%3Ax"),
        ("//evil.example/a", "evil.example/a"),
        ("\\", "-"),
        ("a\\b.yaml", "a/b.yaml"),
        ("ü\u202e?#", "%C3%BC%E2%80%AE%3F%23"),
    ],
)
def test_a_file_is_a_relative_reference_whatever_it_is_called(file: str, uri: str) -> None:
    assert Place(file).uri == uri


@pytest.mark.parametrize("limit", [1, 2, 3, 10])
def test_no_more_than_the_limit_and_a_word_on_the_rest(limit: int) -> None:
    checks = [factory.make_check(id=f"c{n}") for n in range(20)]  # two gates each
    lines = annotations(factory.make_report(checks=checks), limit)
    assert len(lines) == limit
    assert lines[-1] == f"::notice::{40 - limit + 1} more: see the job summary"
    assert all(line.startswith("::error ") for line in lines[:-1])
    few = factory.make_report(checks=checks[:1])
    assert "job summary" not in "".join(annotations(few, 2))


def test_a_built_in_suite_is_no_file_of_the_repository() -> None:
    place = located("builtin:organism_lying:48:9")
    assert command("error", "t", "m", place) == "::error title=t::m"
    assert "file=" in command("error", "t", "m", located("organism_lying.yaml:48:9"))


def test_nothing_audited_is_said_and_a_pass_says_nothing() -> None:
    assert annotations(factory.make_report(checks=[])) == [
        "::warning title=nothing was audited::no check was run"
    ]
    assert annotations(factory.make_report(checks=[factory.make_passing_check()])) == []
    assert annotations(factory.make_report(), 0) == []


def test_a_series_tells_its_alarm_and_its_broken_checkpoint() -> None:
    lines = [read(line) for line in annotations(of_series.make_series())]
    titles = [properties["title"] for _, properties, _ in lines]
    assert titles[0] == "not measured: checkpoint-1000"
    assert "alarm: organism_lying/lying" in titles


def test_an_endless_text_is_cut() -> None:
    gate = factory.make_gate(reason="%" * 10**6, source="f" * 10**6 + ":1:1")
    check = factory.make_check(id="c" * 10**6, gates=[gate])
    (line,) = annotations(factory.make_report(checks=[check]))
    check_line(line)
    assert len(line) < 64 * 1024
