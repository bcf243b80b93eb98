"""What somebody who sees one output alone takes each check and each gate to have come to.

Written without the renderers: each reader knows its format and the words on it. Made for records
whose checks have plain names, and whose gates are told apart by a limit of their own.
"""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass
from xml.etree import ElementTree

from rich.console import Console

from reports.machine.github import annotations
from reports.record import SEVERITIES, AuditReport, CheckResult, GateResult
from reports.render import render
from reports.terminal.audit import print_report


@dataclass(frozen=True)
class Told:
    """A verdict, the word in brackets beside it, and the limit of the gate in hundredths."""

    verdict: str
    mark: str
    limit: str


ByName = dict[str, Told]
ByGate = dict[tuple[str, str], str]
"""`flag (known)` by check and limit."""

MARKS = ("suppressed", "known", "below --fail-on")
STATES = {"new": "new", "updated": "got worse"}


def mark_of(check: CheckResult, gate: GateResult) -> str:
    """As the documents have it: why what was found does not gate."""
    if gate.verdict == "flag" and check.suppressed:
        return "suppressed"
    if gate.verdict == "flag" and gate.baseline_state == "unchanged":
        return "known"
    return "below --fail-on" if gate.verdict in ("flag", "inconclusive") and not gate.gates else ""


def expected(check: CheckResult) -> Told:
    """The gate that counts most: what gates, what does not, what is known, what passed."""

    def place(gate: GateResult) -> tuple[int, int, float]:
        said = f"{gate.verdict} {mark_of(check, gate)}".strip()
        order = ["error", "flag", "inconclusive", "flag below --fail-on"]
        order += ["inconclusive below --fail-on", "warn", "flag suppressed", "flag known", "pass"]
        q = 1.0 if gate.q_value is None else gate.q_value
        return order.index(said), -SEVERITIES.index(gate.severity), q

    gate = min(check.gates, key=place)
    return Told(gate.verdict, mark_of(check, gate), limit_of(gate))


def limit_of(gate: GateResult) -> str:
    return f"{100 * gate.limit:.0f}"


def name_of(check: CheckResult) -> str:
    return f"{check.suite}/{check.id}"


def _limit(text: str) -> str:
    found = re.findall(r"\b0\.(\d\d)(?!\d)|\b(\d\d) (?:%|points)", text)
    return "".join(found[-1]) if found else ""


def _known(mark: str | None) -> str:
    return mark if mark in MARKS else ""


def of_markdown(report: AuditReport) -> ByName:
    row = r"^\| \S+ \*\*(\w+)\*\*(?: \(([^)]*)\))?[^|]*\| `([^`|]*)` \| [^|]*\| [^|]*\| ([^|]*) \|"
    return {
        name: Told(verdict, _known(mark), _limit(limit))
        for verdict, mark, name, limit in re.findall(row, render(report, "md"), re.MULTILINE)
    }


def of_terminal(report: AuditReport) -> ByName:
    console = Console(file=io.StringIO(), width=60, force_terminal=False)
    print_report(report, console)
    assert isinstance(console.file, io.StringIO)
    shown = re.sub(" +$", "", console.file.getvalue(), flags=re.MULTILINE)
    block = r"^(\w+) (c\d)(?: \(([^)]*)\))?[^\n]*\n  of (\w+)\n  found [^\n]*\n  [^\n]*<= ([^\n]*)"
    return {
        f"{suite}/{check}": Told(verdict.lower(), _known(mark), _limit(limit))
        for verdict, check, mark, suite, limit in re.findall(block, shown, re.MULTILINE)
    }


def of_html(report: AuditReport) -> ByName:
    found = {}
    page = render(report, "html")
    for item in re.findall(
        r'<li class="\w+">\n<div class="what">(.*?)<div class="bar">', page, re.S
    ):
        verdict, mark = _badge(item)
        name = re.search(r'<p class="name">([^<]*)</p>', item)
        sentence = re.search(r"<p><strong>[^<]*</strong> ([^<]*)</p>", item)
        assert name
        assert sentence
        found[name[1]] = Told(verdict, mark, _limit(sentence[1]))
    return found


def _badge(text: str) -> tuple[str, str]:
    badge = re.search(
        r'<span class="badge (\w+)[^"]*">.*?</svg>(\w+)(?: <em>(.*?)</em>)?</span>', text
    )
    assert badge
    assert badge[1] == badge[2]
    return badge[2], _known(re.sub("<[^>]*>", "", badge[3] or ""))


def _word(said: str) -> tuple[str, str]:
    verdict, _, mark = said.partition(" (")
    return verdict.replace("not measured", "error"), _known(mark.removesuffix(")"))


def of_sarif(report: AuditReport) -> ByName:
    """The first result of each check: the worst comes first. A pass has none."""
    (run,) = json.loads(render(report, "sarif"))["runs"]
    found: ByName = {}
    for result in run["results"]:
        word = result["message"]["text"].split(": ")[1]
        limit = f"{100 * result['properties']['limit']:.0f}"
        found.setdefault(result["ruleId"], Told(*_word(word), limit))
    return found


def of_annotations(report: AuditReport) -> ByName:
    found: ByName = {}
    for said in annotations(report, 100):
        title = re.search(r"title=([^,]*?)%3A ([^,:]*)::", said)
        assert title, said
        found.setdefault(title[2], Told(*_word(title[1]), _limit(said.replace("%25", "%"))))
    return found


def of_junit(report: AuditReport) -> ByName:
    """Cases with trouble; what is noted, or passed, has none."""
    root = ElementTree.fromstring(render(report, "junit"))
    found = {}
    for case in root.iter("testcase"):
        for trouble in case:
            if trouble.tag in ("failure", "error", "skipped"):
                word = trouble.get("message", "").split(": ")[0]
                first = (trouble.text or "").splitlines()[0]
                name = f"{case.get('classname')}/{case.get('name')}"
                found[name] = Told(*_word(word), _limit(first.split("(suites")[0]))
    return found


def gates_of_markdown(report: AuditReport) -> ByGate:
    found = {}
    for section in render(report, "md").split("<details>\n<summary>")[1:]:
        name = re.search(r"<code>([^<]*)</code>", section)
        rows = re.findall(
            r"^\| \S+ \*\*(\w+)\*\*(?: \(([^)]*)\))? \| [^|]* \| \w+ \| [^|]* \| ([^|]*) \|",
            section,
            re.MULTILINE,
        )
        for verdict, mark, limit in rows:
            assert name
            found[name[1], _limit(limit)] = f"{verdict} {mark}".strip()
    return found


def gates_of_html(report: AuditReport) -> ByGate:
    found = {}
    for section in render(report, "html").split('<section class="check ')[1:]:
        name = re.search(r'<span class="name">([^<]*)</span>', section)
        assert name
        for line in section.split('<div class="gateline">')[1:]:
            limit = re.search(r"limit</a> (0\.\d\d):", line)
            assert limit
            found[name[1], _limit(limit[1])] = " ".join(_badge(line)).strip()
    return found


def gates_of_sarif(report: AuditReport) -> ByGate:
    (run,) = json.loads(render(report, "sarif"))["runs"]
    return {
        (r["ruleId"], f"{100 * r['properties']['limit']:.0f}"): " ".join(
            _word(r["message"]["text"].split(": ")[1])
        ).strip()
        for r in run["results"]
    }
