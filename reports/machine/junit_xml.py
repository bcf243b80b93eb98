"""JUnit XML as Jenkins reads it: suites, cases, and text that any XML parser takes.

Knows the format alone: no attribute, child or digit beyond what its schema allows. What comes
from outside is shown, never obeyed: what XML 1.0 cannot hold or an eye cannot see stands as
`#x1B`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from xml.etree import ElementTree

from reports.text import ELLIPSIS, spelled_out

Result = Literal["failure", "error", "skipped"]

MESSAGE_LIMIT = 1000
LINE_LIMIT = 2000
NAME_LIMIT = 250
LINES_LIMIT = 200

# No character to anybody, and none that XML 1.0 can hold.
_NO_CHARACTERS = {0xFFFE: "#xFFFE", 0xFFFF: "#xFFFF"}


@dataclass(frozen=True)
class Trouble:
    """Why a case did not pass: the element, its type, one line, and lines with the rest."""

    result: Result
    type: str
    message: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """One test case. A case without trouble passed."""

    classname: str
    name: str
    trouble: Trouble | None = None
    facts: tuple[str, ...] = ()


@dataclass(frozen=True)
class TestSuite:
    """One test suite; `seconds` and `timestamp` only where they are known."""

    __test__ = False

    name: str
    cases: tuple[Case, ...]
    properties: Mapping[str, str] = field(default_factory=dict)
    facts: tuple[str, ...] = ()
    seconds: float | None = None
    timestamp: str | None = None

    def count(self, result: Result) -> int:
        """How many of its cases came to that."""
        return sum(
            case.trouble is not None and case.trouble.result == result for case in self.cases
        )


def document(name: str, suites: Sequence[TestSuite], *, seconds: float | None = None) -> str:
    """The whole file, ending with a newline."""
    root = ElementTree.Element("testsuites", {"name": visible(name, NAME_LIMIT)})
    if seconds is not None:
        root.set("time", _time(seconds))
    root.set("tests", str(sum(len(suite.cases) for suite in suites)))
    root.set("failures", str(sum(suite.count("failure") for suite in suites)))
    root.set("errors", str(sum(suite.count("error") for suite in suites)))
    for suite in suites:
        root.append(_suite(suite))
    ElementTree.indent(root, " ")
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def visible(text: str, limit: int) -> str:
    """One line of at most `limit` characters that XML can hold and that gives no order."""
    shown = spelled_out(text[: limit + 1], _code, hashes="#x23#").replace("\n", "#x0A")
    shown = shown.translate(_NO_CHARACTERS)
    return shown if len(shown) <= limit else shown[: limit - 1] + ELLIPSIS


def timestamp(created: str) -> str | None:
    """An ISO 8601 time to the second, or None of what is none."""
    try:
        return datetime.fromisoformat(created).isoformat(timespec="seconds")
    except ValueError:
        return None


def _suite(suite: TestSuite) -> ElementTree.Element:
    element = ElementTree.Element("testsuite", {"name": visible(suite.name, NAME_LIMIT)})
    element.set("tests", str(len(suite.cases)))
    element.set("failures", str(suite.count("failure")))
    element.set("errors", str(suite.count("error")))
    element.set("skipped", str(suite.count("skipped")))
    if suite.seconds is not None:
        element.set("time", _time(suite.seconds))
    if suite.timestamp is not None:
        element.set("timestamp", suite.timestamp)
    if suite.properties:
        properties = ElementTree.SubElement(element, "properties")
        for name, value in suite.properties.items():
            shown = {"name": visible(name, NAME_LIMIT), "value": visible(value, MESSAGE_LIMIT)}
            ElementTree.SubElement(properties, "property", shown)
    for case in suite.cases:
        element.append(_case(case))
    _text(element, "system-out", suite.facts)
    return element


def _case(case: Case) -> ElementTree.Element:
    element = ElementTree.Element("testcase")
    element.set("classname", visible(case.classname, NAME_LIMIT))
    element.set("name", visible(case.name, NAME_LIMIT))
    if case.trouble:
        trouble = ElementTree.SubElement(element, case.trouble.result)
        trouble.set("type", visible(case.trouble.type, NAME_LIMIT))
        trouble.set("message", visible(case.trouble.message, MESSAGE_LIMIT))
        trouble.text = _lines(case.trouble.lines) or None
    _text(element, "system-out", case.facts)
    return element


def _text(parent: ElementTree.Element, tag: str, lines: Sequence[str]) -> None:
    if lines:
        ElementTree.SubElement(parent, tag).text = _lines(lines)


def _lines(lines: Sequence[str]) -> str:
    shown = [visible(line, LINE_LIMIT) for line in lines[:LINES_LIMIT]]
    if len(lines) > LINES_LIMIT:
        shown.append(f"{len(lines) - LINES_LIMIT} more lines: report.json holds them all")
    return "\n".join(f"- {line}" for line in shown)


def _time(seconds: float) -> str:
    """Seconds as the schema takes them: no sign, no exponent, three decimals."""
    known = seconds if math.isfinite(seconds) else 0.0
    return f"{min(max(0.0, known), 1e9):.3f}"


def _code(character: str) -> str:
    """`#x1B`, `#x202E`."""
    code = ord(character)
    return f"#x{code:02X}" if code <= 0xFF else f"#x{code:04X}"
