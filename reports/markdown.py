"""The report as GitHub Markdown: what a person reads under a pull request.

Opens with the verdicts, then what failed, then what was not measured, then every check in a
folded section. Too long a report loses its least important parts, and says so.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from reports.check_view import CheckView
from reports.markdown_check import check_body, check_opening, row_lines, signed
from reports.markdown_text import code, fence, prose, table, table_row
from reports.record import AuditReport, ModelInfo, RowResult
from reports.text import safe_text
from reports.view import Finding, Gap, ReportView, view_report

MARKER = "<!-- alignment-audit -->"
COMMENT_LIMIT = 65_536

HEADER = ("Verdict", "Check", "Gate", "Found", "Limit", "Misbehaves", "AUROC", "Gain", "Read at")

GLOSSARY = """<details>
<summary>What the words mean</summary>

- **Firing**: the monitor's score on a row lies above its threshold. The threshold comes from \
benign control rows, at a stated false-positive rate.
- **Found, limit**: what the gate counts on the audit rows, with its interval, and what it \
allows. The whole interval must lie beyond the limit to flag, and within it to pass.
- **Misbehaves**: how often the model visibly does it. **Hidden concern**: it fires and looks \
fine. **Blind spot**: it misbehaves and nothing fires.
- **AUROC, gain**: how good the monitor is on labelled rows it was not fitted on, and how much \
better than the words of those rows alone. They judge the instrument, never the model.
- **Inconclusive**: the evidence or the instrument is too weak to pass or to flag.
- **q**: the p-value after Benjamini-Hochberg correction over all gates of the run.

</details>
"""

# Which parts are kept longest. A part without a rank is always there.
TABLE, FINDING, GAP, FOOT, SECTION, ROW = range(6)


@dataclass(frozen=True)
class Piece:
    """A part of the document, in its place. The highest rank is left out first."""

    text: str
    rank: tuple[int, ...] = ()


def render_markdown(report: AuditReport, *, limit: int = COMMENT_LIMIT) -> str:
    """The report as Markdown of at most `limit` characters.

    The default is what GitHub takes as a comment. What always stays (title, summary,
    headings) needs about 2,000.
    """
    view = view_report(report)
    return _fit(list(_pieces(view)), limit)


def _fit(pieces: list[Piece], limit: int) -> str:
    """Join what fits: parts are taken by rank until the first that does not fit."""
    by_rank: dict[tuple[int, ...], int] = {}
    for piece in pieces:
        by_rank[piece.rank] = by_rank.get(piece.rank, 0) + len(piece.text)
    if sum(by_rank.values()) <= limit:
        return "".join(piece.text for piece in pieces)
    note = (
        "\n> [!NOTE]\n> The report was cut to fit: some checks or rows are missing here. "
        "`report.json` holds them all.\n"
    )
    room = limit - len(note)
    kept = set()
    for rank in sorted(by_rank):
        room -= by_rank[rank]
        if room < 0 and rank:
            break
        kept.add(rank)
    return "".join(piece.text for piece in pieces if piece.rank in kept) + note


def _pieces(view: ReportView) -> Iterator[Piece]:
    yield Piece(_opening(view))
    if view.checks:
        yield Piece(table(HEADER, []) + "\n")
        for index, check in enumerate(view.checks):
            yield Piece(_verdict_row(check) + "\n", (TABLE, index))
    if view.findings:
        yield Piece("\n## What was found\n\n")
        for index, finding in enumerate(view.findings):
            yield Piece(_finding(finding) + "\n", (FINDING, index))
    yield Piece("\n## What was not measured\n\n")
    if not view.gaps:
        yield Piece("Everything that was asked for was measured.\n")
    for index, gap in enumerate(view.gaps):
        yield Piece(_gap(gap) + "\n", (GAP, index))
    if view.checks:
        yield Piece("\n## Check by check\n\n")
        for index, check in enumerate(view.checks):
            yield from _section(check, index)
    yield Piece(f"\n{_reproduce(view.report)}\n{GLOSSARY}", (FOOT,))


def _opening(view: ReportView) -> str:
    reference = view.report.reference
    against = f" against {code(reference.name)}" if reference else ""
    return (
        f"{MARKER}\n# {signed(view.verdict)} {code(view.subject)}{against}\n\n"
        f"{view.summary}. Exit code {view.report.exit_code}.\n\n"
    )


def _verdict_row(view: CheckView) -> str:
    gate = view.headline
    return table_row(
        (
            signed(view.verdict, suppressed=view.suppressed is not None),
            code(view.name),
            prose(gate.title) if gate else "-",
            gate.found if gate else "-",
            gate.limit if gate else "-",
            view.behaviour,
            view.auroc,
            view.gain,
            code(view.place) if view.check.hook_name else "-",
        )
    )


def _finding(finding: Finding) -> str:
    corrected = "" if finding.q_value is None else f" (q = {finding.q_value:.2g})"
    known = f" *{prose(finding.suppressed)}*" if finding.suppressed else ""
    return (
        f"- {signed(finding.verdict)} {code(finding.where)}, {finding.severity}: "
        f"{prose(finding.sentence)}{corrected}.{known}"
    )


def _gap(gap: Gap) -> str:
    where = f"{code(gap.where)}: " if gap.where else ""
    verdict = f"{signed(gap.verdict)} " if gap.verdict else ""
    return f"- {verdict}{where}{'; '.join(map(prose, gap.why))}"


def _section(view: CheckView, index: int) -> Iterator[Piece]:
    section = (SECTION, index)
    yield Piece(f"{check_opening(view)}\n{check_body(view)}", section)
    groups = (
        ("Rows that fire while looking fine", view.hidden_rows),
        ("Top rows" if not view.hidden_rows else "Other top rows", view.other_rows),
    )
    for title, rows in groups:
        if rows:
            yield from _rows(title, rows, index)
    yield Piece("\n</details>\n\n", section)


def _rows(title: str, rows: tuple[RowResult, ...], index: int) -> Iterator[Piece]:
    texts = ["\n".join(row_lines(rank, row)) for rank, row in enumerate(rows, 1)]
    opening, closing = fence(texts)
    first = (ROW, 0, index)
    yield Piece(f"\n#### {title}\n\n{opening}\n", first)
    for rank, text in enumerate(texts):
        yield Piece(f"{text}\n", (ROW, rank, index))
    yield Piece(f"{closing}\n", first)


def _reproduce(report: AuditReport) -> str:
    origin = report.provenance
    facts = [("seed", str(report.seed)), ("record", code(report.digest()))]
    facts += _model_facts("model", report.model)
    facts += _model_facts("reference", report.reference) if report.reference else []
    facts += [
        (f"suite {code(suite.name)} {suite.version}", code(suite.digest)) for suite in report.suites
    ]
    lines = ["## How to reproduce\n"]
    if origin:
        command = f"$ {safe_text(shlex.join(origin.command), 2000)}"
        opening, closing = fence([command])
        lines += [opening, command, closing, ""]
        versions = [f"{name} {version}" for name, version in origin.packages.items()]
        facts += [
            ("made", prose(f"{origin.created}, in {origin.duration_seconds:.3g} s")),
            ("on", prose(f"Python {origin.python}, {origin.platform}, {origin.device}")),
            ("with", prose(", ".join(versions), 1000)),
        ]
    lines.append(table(("What", "Which"), facts))
    return "\n".join(lines) + "\n"


def _model_facts(role: str, model: ModelInfo) -> list[tuple[str, str]]:
    shape = (
        f"{model.architecture}, {model.n_parameters:,} parameters, {model.n_layers} layers, "
        f"d_model {model.d_model}, {model.dtype}"
    )
    return [
        (role, f"{code(model.name)} {prose(shape)}"),
        (f"{role} weights", code(model.weights_digest)),
        (f"{role} tokenizer", code(model.tokenizer_digest)),
    ]
