"""What somebody who sees one output alone takes the verdict to be, as an exit code.

Written without the renderers: each reader knows its format and the words on it. `plain` readers
see a verdict and neither `--strict` nor `--exit-zero`; the others see the code itself.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

from rich.console import Console

from reports.machine.github import annotations
from reports.read import Record
from reports.terminal.series import print_record

PASSED, FLAGGED, FAILED, NOTHING, INCONCLUSIVE = 0, 1, 3, 5, 6
OF_VERDICT = {"pass": 0, "warn": 0, "flag": 1, "inconclusive": 6, "error": 3}
NOTHING_SAID = ("no check was run", "no checkpoint was audited")


def of_word(word: str, whole: str) -> int:
    return NOTHING if any(said in whole for said in NOTHING_SAID) else OF_VERDICT[word.lower()]


def joined(errors: bool, failures: bool, undecided: bool, exit_zero: bool, nothing: bool) -> int:
    if errors:
        return FAILED
    if nothing and not failures:
        return NOTHING
    if exit_zero:
        return PASSED
    return FLAGGED if failures else INCONCLUSIVE if undecided else PASSED


def of_json(text: str) -> int:
    """From what is said of each gate, not from the code beside it."""
    record: dict[str, Any] = json.loads(text)
    options, rows = record["options"], record.get("checkpoints", [record])
    checks = [check for row in rows for check in row["checks"]]
    gating = {g["verdict"] for check in checks for g in check["gates"] if g["gates"]}
    stop = record.get("stop")
    return joined(
        errors="error" in {check["verdict"] for check in checks}
        or ("checkpoints" in record and "error" in {row["verdict"] for row in rows}),
        failures="flag" in gating
        or bool(options["strict"] and "inconclusive" in gating)
        or bool(stop and stop["on_flag"] != "warn"),
        undecided="inconclusive" in gating,
        exit_zero=bool(options["exit_zero"]),
        nothing=not checks,
    )


def of_junit(text: str) -> int:
    root = ElementTree.fromstring(text)
    properties = {p.get("name"): p.get("value") for p in root.iter("property")}
    return joined(
        errors=root.find(".//error") is not None,
        failures=root.find(".//failure") is not None,
        undecided=root.find(".//skipped[@type='Inconclusive']") is not None,
        exit_zero=properties.get("exit zero") == "true",
        nothing=root.find(".//testcase") is None,
    )


def of_sarif(text: str) -> int:
    (run,) = json.loads(text)["runs"]
    told = run["invocations"][0].get("toolExecutionNotifications", [])
    kinds = [(r["kind"], r["level"], r["properties"]["gates"]) for r in run["results"]]
    return joined(
        errors=any(kind == "open" for kind, _, _ in kinds)
        or any(n["descriptor"]["id"] == "not-measured" for n in told),
        failures=any(level == "error" for _, level, _ in kinds)
        or any(n["descriptor"]["id"] == "alarm" for n in told),
        undecided=any(kind == "review" and gates for kind, _, gates in kinds),
        exit_zero=run["properties"]["exitZero"],
        nothing=not run["tool"]["driver"]["rules"],
    )


def of_annotations(lines: Iterable[str]) -> int:
    """From the first line: the worst comes first. Knows nothing of --exit-zero."""
    first = next(iter(lines), "")
    level, _, rest = first.removeprefix("::").partition(" ")
    title = re.search(r"title=([^,]*)::", rest)
    word = title[1].split("%3A")[0] if title else ""
    return joined(
        errors=level == "error" and word == "not measured",
        failures=level == "error",
        undecided=level == "warning" and word == "inconclusive",
        exit_zero=False,
        nothing=word == "nothing was audited",
    )


def of_markdown(text: str) -> int:
    """From the verdict in the title, not from the code under it."""
    title, summary = text.split("\n\n")[:2]
    word = re.search(r"^# \S+ \*\*(\w+)\*\*", title, re.MULTILINE)
    assert word, title
    return of_word(word[1], summary)


def of_terminal(text: str) -> int:
    opening = text.split("\n\n")[0]
    return of_word(text.split()[0], " ".join(opening.split()))


class _Title(HTMLParser):
    """The text within the first `h1`, and within the paragraph of the summary."""

    def __init__(self) -> None:
        super().__init__()
        self.within: str | None = None
        self.said = {"h1": "", "summary": ""}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "h1" and not self.said["h1"]:
            self.within = "h1"
        elif tag == "p" and ("class", "summary") in attrs:
            self.within = "summary"

    def handle_endtag(self, tag: str) -> None:
        if tag in ("h1", "p"):
            self.within = None

    def handle_data(self, data: str) -> None:
        if self.within:
            self.said[self.within] += data


def of_html(text: str) -> int:
    page = _Title()
    page.feed(text)
    return of_word(page.said["h1"].split()[0], page.said["summary"])


def stated_code(text: str) -> int:
    """The exit code that a text for people names."""
    found = re.search(r"Exit code (\d)", text)
    assert found
    return int(found[1])


def terminal(record: Record) -> str:
    console = Console(file=io.StringIO(), width=100, force_terminal=False)
    print_record(record, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def annotated(record: Record, limit: int = 10) -> list[str]:
    return annotations(record, limit)
