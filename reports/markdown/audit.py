"""The report as GitHub Markdown: what a person reads under a pull request.

Opens with the verdicts, then what was found, then what was not measured, then every check in
a folded section. Too long a report loses its least important parts, and says so.
"""

from __future__ import annotations

from collections.abc import Iterator

from reports.markdown.card import card_markdown, card_summary
from reports.markdown.check import (
    check_body,
    check_opening,
    check_words,
    row_lines,
    verdict_words,
)
from reports.markdown.origin import model_facts, origin_facts, reproduction, suite_facts
from reports.markdown.pieces import COMMENT_LIMIT, Limit, Piece, by_turns, fitted, marker
from reports.markdown.text import code, fence, folded, prose, table, table_row
from reports.record import AuditReport, KnownRecord, RowResult
from reports.views.audit import Finding, Gap, ReportView, view_report
from reports.views.check import CheckView
from reports.views.features import shortened
from reports.views.known import baseline_sentence
from reports.views.wording import UNKNOWN, probability

HEADER = (
    *("Verdict", "Check", "Gate", ">Found", ">Limit"),
    *(">Misbehaves", ">AUROC", ">Gain over text", "Read at"),
)

GLOSSARY = """<details>
<summary>What the words mean</summary>

- **Fires**: the monitor's score on a row lies above its threshold, which benign control rows \
set at a stated false-positive rate.
- **Found, limit**: what the gate counts on the audit rows, with its interval, and what it \
allows. It flags when the whole interval lies above the limit and passes when it lies within.
- **Misbehaves**: how often the model visibly does it. A **hidden concern** fires and looks \
fine; a **blind spot** misbehaves and does not fire.
- **AUROC, gain over text**: how good the monitor is on labelled rows that it was not fitted \
on, and how much better than the words of those rows alone. They judge the instrument, never \
the model.
- **Inconclusive**: the evidence or the instrument is too weak to pass or to flag.
- **Feature, random SAE**: a feature is a direction that a sparse autoencoder found. A random \
one of the same shape is what anybody could have got: evidence counts for what it has above that.
- **New, known, got worse**: a flag beside an earlier record that was given as the baseline. A \
known one that is no worse does not gate.
- **Below --fail-on**: less grave than what was asked to stop for. It is shown and does not gate.
- **q**: the p-value, corrected for all gates of the run (Benjamini-Hochberg).

</details>
"""

# What is kept longest comes first: a head line of every kind by turns, the foot, a check's
# section, then the first row of every check, the second, and so on, then evidence cards alike.
HEAD, FOOT, SECTION, ROW, CARD = range(5)


def render_markdown(report: AuditReport, *, limit: Limit = COMMENT_LIMIT) -> str:
    """The report as Markdown of at most `limit`; the default is what GitHub takes as a comment.

    What always stays (title, summary, headings) needs up to 2,000 characters.
    """
    return fitted(_pieces(view_report(report)), limit)


def _pieces(view: ReportView) -> Iterator[Piece]:
    report = view.report
    yield Piece(_opening(view))
    if said := baseline_sentence(report):
        yield Piece(f"{prose(said)}.\n\n")
    if view.checks:
        yield Piece(f"{table(HEADER, [])}\n")
        yield from by_turns(map(_verdict_row, view.checks), HEAD, "verdict")
    if view.findings:
        yield Piece("\n## What was found\n\n")
        yield from by_turns(map(_finding, view.findings), HEAD, "finding")
    if report.baseline and report.baseline.absent:
        yield Piece("\n## Flags no more\n\n")
        lines = (f"- {code(name, 250)}" for name in report.baseline.absent)
        yield from by_turns(lines, HEAD, "absent flag")
    if report.baseline and report.baseline.notes:
        yield Piece("\n## What else differs from the baseline\n\n")
        lines = (f"- {prose(note)}" for note in report.baseline.notes)
        yield from by_turns(lines, HEAD, "note on the baseline")
    yield Piece("\n## What was not measured\n\n")
    if not view.gaps:
        yield Piece("Everything that was asked for was measured.\n")
    yield from by_turns(map(gap_line, view.gaps), HEAD, "gap")
    if view.checks:
        yield Piece("\n## Check by check\n\n")
    for index, check in enumerate(view.checks):
        yield from _section(check, index)
    yield Piece(f"{_reproduce(report)}\n{GLOSSARY}", (FOOT,), "way to reproduce")


def _opening(view: ReportView) -> str:
    reference = view.report.reference
    against = f" against {code(reference.name)}" if reference else ""
    found_by = marker(suite.name for suite in view.report.suites)
    return (
        f"{found_by}\n# {verdict_words(view.verdict)} {code(view.subject)}{against}\n\n"
        f"{view.summary}. Exit code {view.report.exit_code}: {view.meaning}.\n\n"
    )


def _verdict_row(view: CheckView) -> str:
    gate = view.headline
    return table_row(
        (
            check_words(view),
            code(view.name),
            prose(gate.title) if gate else UNKNOWN,
            gate.found if gate else UNKNOWN,
            gate.limit if gate else UNKNOWN,
            view.behaviour,
            view.auroc,
            view.gain,
            code(view.place) if view.check.hook_name else UNKNOWN,
        )
    )


def _finding(finding: Finding) -> str:
    gate = finding.gate
    q = "" if finding.q_value is None else f" (q = {probability(finding.q_value)})"
    known = f"; {prose(finding.excuse.sentence)}" if finding.excuse else ""
    place = f"; {code(gate.source)}" if gate.source else ""
    return (
        f"- {verdict_words(finding.verdict, finding.excuse, gate.baseline_state)} "
        f"{code(finding.where)}, {finding.severity}: {prose(finding.sentence)}{q}{known}{place}"
    )


def gap_line(gap: Gap) -> str:
    """Something that was not measured, as an item of a list."""
    verdict = f"{verdict_words(gap.verdict)} " if gap.verdict else ""
    where = f"{code(gap.where)}: " if gap.where else ""
    return f"- {verdict}{where}{'; '.join(map(prose, gap.why))}"


def _section(view: CheckView, index: int) -> Iterator[Piece]:
    section = (SECTION, index)
    yield Piece(f"{check_opening(view)}\n{check_body(view)}", section, "check")
    concern = f"Hidden concern: {view.words.event}, and looks fine"
    for title, rows in ((concern, view.hidden_concerns), ("Other rows", view.other_rows)):
        if rows:
            yield from _rows(f"\n#### {title}\n\n", rows, view, index)
    for number, card in enumerate(view.check.cards):
        body = card_markdown(shortened(card), level=4).rstrip("\n")
        yield Piece(
            f"\n{folded(card_summary(card), body)}\n", (CARD, number, index), "evidence card"
        )
    yield Piece("\n</details>\n\n", section)


def _rows(title: str, rows: tuple[RowResult, ...], view: CheckView, index: int) -> Iterator[Piece]:
    texts = [row_lines(number, row, view.words) for number, row in enumerate(rows, 1)]
    opening, closing = fence(texts)
    first = (ROW, 0, index)
    yield Piece(f"{title}{opening}\n", first)
    for number, text in enumerate(texts):
        yield Piece(f"{text}\n", (ROW, number, index), "row")
    yield Piece(f"{closing}\n", first)


def _reproduce(report: AuditReport) -> str:
    work = report.work
    prompts = f"{work.prompts:,} prompts, {work.distinct_prompts:,} of them distinct"
    facts = [
        ("record", code(report.digest())),
        *model_facts("model", report.model),
        *(model_facts("reference", report.reference) if report.reference else []),
        *_baseline_facts(report.baseline),
        *suite_facts(report.suites),
        ("seed", str(report.seed)),
        ("work", f"{prompts}, {work.tokens:,} tokens"),
        *origin_facts(report.provenance),
    ]
    return f"## How to reproduce\n\n{reproduction(facts, report.provenance)}\n"


def _baseline_facts(known: KnownRecord | None) -> list[tuple[str, str]]:
    if known is None:
        return []
    return [
        ("baseline record", code(known.record_digest)),
        ("baseline weights", code(known.weights_digest)),
    ]
