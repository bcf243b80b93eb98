"""What a model's own page may say of an audit: a section of its card, and results in YAML.

Both are texts; nothing here writes into a model's repository. The section stands between two
comments, so that it can be replaced where it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from reports.markdown.audit import gap_line
from reports.markdown.check import check_words, verdict_words
from reports.markdown.origin import model_facts, origin_facts, reproduction, suite_facts
from reports.markdown.pieces import COMMENT_LIMIT, Piece, by_turns, fitted
from reports.markdown.text import code, prose, table, table_row
from reports.read import ReportError
from reports.record import AuditReport
from reports.text import safe_text
from reports.views.audit import UNDECIDED, ReportView, view_report
from reports.views.check import CheckView, GateLine
from reports.views.wording import UNKNOWN

BEGIN = "<!-- begin alignment-audit -->"
END = "<!-- end alignment-audit -->"
NAMESPACE = "alignment-audit"

HEADER = (
    *("Verdict", "Check", "Looks for", "Gate", ">Found", ">Limit", "Rests on"),
    *(">AUROC", ">Gain over text"),
)

LIMITS = (
    "A monitor reads what its training rows taught it to read at one place in the model: a pass "
    "says that on these prompts nothing exceeded these limits by an instrument that was shown to "
    "work on labelled rows, and not that the model is free of the concept. Other prompts, a "
    "concept that is represented in another way, or a model that was trained or chosen with these "
    "monitors in view may all come out otherwise."
)

# What is kept longest comes first.
LINE, FOOT = range(2)

_DATASET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9._]+")


def model_card(report: AuditReport) -> str:
    """The section `## Alignment audit` of a model card, between two comments.

    A line for every gate, with interval, n and limit; what was not measured; which suites and
    weights; how to reproduce it; what it does not show. Rows of data are not in it.
    """
    return fitted(_pieces(view_report(report)), COMMENT_LIMIT)


def replace_section(card: str, section: str) -> str:
    """The card with the section in the place of the one that it holds, or at its end.

    The line breaks of the card are kept.

    Raises:
        ReportError: the card's two comments are not one pair in their order.
    """
    ending = "\r\n" if "\r\n" in card else "\n"
    lines = card.replace("\r\n", "\n").split("\n")
    begins = [i for i, line in enumerate(lines) if line.strip() == BEGIN]
    ends = [i for i, line in enumerate(lines) if line.strip() == END]
    new = section.rstrip("\n").split("\n")
    if not begins and not ends:
        text = "\n".join(lines).rstrip("\n")
        whole = "\n".join([*([text, ""] if text else []), *new, ""])
    elif len(begins) == len(ends) == 1 and begins[0] < ends[0]:
        whole = "\n".join([*lines[: begins[0]], *new, *lines[ends[0] + 1 :]])
    else:
        at = ", ".join(str(i + 1) for i in sorted([*begins, *ends]))
        raise ReportError(
            f"the card has to hold {BEGIN} and {END} once each, in this order, and holds them on "
            f"line {at}: mend or delete them"
        )
    return whole.replace("\n", ending)


def eval_results(report: AuditReport, dataset_ids: Mapping[str, str] | None = None) -> str:
    """Results in the form of the hub's `.eval_results/*.yaml`: one entry a check.

    The value is the number that the deciding gate holds against its limit. A check that is
    inconclusive or in error has no entry, because a low rate from a broken instrument would
    look like a good one; a comment names it. `dataset_ids` says for a suite where its rows are
    published, instead of `alignment-audit/SUITE`.

    Raises:
        ReportError: an id is no `namespace/name`, or names a suite that was not asked.
    """
    import yaml

    ids = _dataset_ids(report, dataset_ids or {})
    view = view_report(report)
    entries, silent = [], []
    for check in view.checks:
        found = ((line, line.gate.estimate) for line in check.gates if line.gate.estimate)
        line, estimate = next(found, (None, None))
        if check.verdict in UNDECIDED or line is None or estimate is None:
            silent.append(f"# no entry for {_plain(check.name)}: {check.verdict}\n")
            continue
        of: dict[str, Any] = {"id": ids[check.check.suite], "task_id": _plain(check.check.id)}
        entry = {"dataset": of, "value": estimate.value}
        date = _date(report)
        notes = {"notes": _notes(report, check, line)}
        entries.append(entry | ({"date": date} if date else {}) | notes)
    body = yaml.safe_dump(entries, sort_keys=False, allow_unicode=False, width=10_000)
    return "".join([*silent, body])


def _pieces(view: ReportView) -> Iterator[Piece]:
    report = view.report
    against = f", against {code(report.reference.name)}" if report.reference else ""
    partial = " The run is partial: not for gating." if report.partial else ""
    yield Piece(
        f"{BEGIN}\n## Alignment audit\n\n{verdict_words(view.verdict)} {code(view.subject)}"
        f"{against}. {view.summary}.{partial}\n\n"
    )
    if view.checks:
        yield Piece(f"{table(HEADER, [])}\n")
        rows = (table_row(row) for check in view.checks for row in _rows(check))
        yield from by_turns(rows, LINE, "gate")
        yield Piece(
            "\n**Found** is about the model: what a gate counts, with its interval. **AUROC** and "
            "**gain over text** are about the instrument, on labelled rows it was not fitted on.\n"
        )
    yield Piece("\n### What was not measured\n\n")
    if not view.gaps:
        yield Piece("Everything that was asked for was measured.\n")
    yield from by_turns(map(gap_line, view.gaps), LINE, "gap")
    facts = [
        *model_facts("model", report.model),
        *(model_facts("reference", report.reference) if report.reference else []),
        *suite_facts(report.suites),
        ("record", code(report.digest())),
        ("seed", str(report.seed)),
        *origin_facts(report.provenance),
    ]
    foot = f"\n### How to reproduce\n\n{reproduction(facts, report.provenance)}\n"
    yield Piece(foot, (FOOT,), "way to reproduce")
    yield Piece(f"\n### What this does not show\n\n{LIMITS}\n\n{END}\n")


def _rows(view: CheckView) -> Iterator[tuple[str, ...]]:
    """A line for each gate; what is about the check stands in the first."""
    check = code(view.name, 250)
    concept = prose(view.check.description, 200) or code(view.check.concept)
    if not view.gates:
        verdict = check_words(view)
        yield (verdict, check, concept, *([UNKNOWN] * 6))
    for index, line in enumerate(view.gates):
        yield (
            verdict_words(line.verdict, line.excuse, line.gate.baseline_state),
            check,
            concept if index == 0 else "",
            prose(line.title),
            line.found,
            line.limit,
            UNKNOWN if line.support == UNKNOWN else prose(line.support),
            view.auroc if index == 0 else "",
            view.gain if index == 0 else "",
        )


def _notes(report: AuditReport, view: CheckView, line: GateLine) -> str:
    """Verdict, interval, n, and what the number is worth."""
    excuse = f" ({line.excuse.word})" if line.excuse else ""
    notes = [
        f"{line.verdict}{excuse}: {line.title} {line.found}, limit {line.limit}, {line.support}",
        f"AUROC {view.auroc}, gain over text {view.gain}",
        f"weights {report.model.weights_digest}",
        *(["partial run"] if report.partial else []),
    ]
    return safe_text("; ".join(notes), 1000)


def _dataset_ids(report: AuditReport, given: Mapping[str, str]) -> dict[str, str]:
    suites = {check.suite for check in report.checks} | {suite.name for suite in report.suites}
    for suite, dataset in given.items():
        if suite not in suites:
            known = ", ".join(safe_text(name, 60) for name in sorted(suites)) or "none"
            raise ReportError(
                f"a dataset is named for the suite {safe_text(suite, 60)!r}, which was not asked "
                f"(asked: {known})"
            )
        if not _DATASET.fullmatch(dataset):
            raise ReportError(
                f"the dataset of suite {safe_text(suite, 60)!r} is to be a `namespace/name`, and "
                f"not {safe_text(dataset, 100)!r}"
            )
    names = {suite: _NOT_A_NAME.sub("-", suite).strip("-.") or "unnamed" for suite in suites}
    return {suite: f"{NAMESPACE}/{name}" for suite, name in names.items()} | dict(given)


def _date(report: AuditReport) -> str | None:
    """When it was made, if that is a time."""
    created = report.provenance.created if report.provenance else ""
    try:
        datetime.fromisoformat(created)
    except ValueError:
        return None
    return created


def _plain(text: str) -> str:
    """In characters that YAML takes even in a comment."""
    return safe_text(text, 250).encode("ascii", "backslashreplace").decode("ascii")
