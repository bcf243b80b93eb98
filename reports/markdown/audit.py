"""The report as GitHub Markdown: what a person reads under a pull request.

Opens with the verdicts, then what was found, then what was not measured, then every check in
a folded section. Too long a report loses its least important parts, and says so.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from reports.markdown.card import card_markdown, card_summary
from reports.markdown.check import check_body, check_opening, row_lines, verdict_words
from reports.markdown.text import code, fence, folded, prose, table, table_row
from reports.record import AuditReport, ModelInfo, Provenance, RowResult
from reports.text import safe_text
from reports.views.audit import Finding, Gap, ReportView, view_report
from reports.views.check import CheckView
from reports.views.features import shortened
from reports.views.wording import UNKNOWN, probability

MARKER = "<!-- alignment-audit -->"
COMMENT_LIMIT = 65_536

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
- **q**: the p-value, corrected for all gates of the run (Benjamini-Hochberg).

</details>
"""

# What is kept longest comes first: a head line of every kind by turns, the foot, a check's
# section, then the first row of every check, the second, and so on, then evidence cards alike.
HEAD, FOOT, SECTION, ROW, CARD = range(5)
ALWAYS: tuple[int, ...] = ()


@dataclass(frozen=True)
class Piece:
    """A part of the document, in its place. Parts of equal rank stay or go together."""

    text: str
    rank: tuple[int, ...] = ALWAYS


def render_markdown(report: AuditReport, *, limit: int = COMMENT_LIMIT) -> str:
    """The report as Markdown of at most `limit` characters.

    The default is what GitHub takes as a comment. What always stays (title, summary,
    headings) needs up to 2,000.
    """
    view = view_report(report)
    opening, *pieces = _pieces(view)
    total = len(opening.text) + sum(len(piece.text) for piece in pieces)
    if total <= limit:
        return "".join(piece.text for piece in (opening, *pieces))
    note = (
        "> **Cut to fit.** Some lines, checks or rows are not shown here; `report.json` holds "
        "them all.\n\n"
    )
    kept = _ranks_that_fit(pieces, limit - len(opening.text) - len(note))
    return "".join([opening.text, note, *(p.text for p in pieces if p.rank in kept)])


def _ranks_that_fit(pieces: list[Piece], room: int) -> set[tuple[int, ...]]:
    """Take parts by rank until the first that does not fit."""
    sizes: Counter[tuple[int, ...]] = Counter()
    for piece in pieces:
        sizes[piece.rank] += len(piece.text)
    kept = {ALWAYS}
    for rank in sorted(sizes):
        room -= sizes[rank]
        if room < 0 and rank != ALWAYS:
            break
        kept.add(rank)
    return kept


def _pieces(view: ReportView) -> Iterator[Piece]:
    yield Piece(_opening(view))
    if view.checks:
        yield Piece(f"{table(HEADER, [])}\n")
        yield from _head_lines(map(_verdict_row, view.checks))
    if view.findings:
        yield Piece("\n## What was found\n\n")
        yield from _head_lines(map(_finding, view.findings))
    yield Piece("\n## What was not measured\n\n")
    if not view.gaps:
        yield Piece("Everything that was asked for was measured.\n")
    yield from _head_lines(map(_gap, view.gaps))
    if view.checks:
        yield Piece("\n## Check by check\n\n")
    for index, check in enumerate(view.checks):
        yield from _section(check, index)
    yield Piece(f"{_reproduce(view.report)}\n{GLOSSARY}", (FOOT,))


def _head_lines(lines: Iterator[str]) -> Iterator[Piece]:
    return (Piece(f"{line}\n", (HEAD, index)) for index, line in enumerate(lines))


def _opening(view: ReportView) -> str:
    reference = view.report.reference
    against = f" against {code(reference.name)}" if reference else ""
    return (
        f"{MARKER}\n# {verdict_words(view.verdict)} {code(view.subject)}{against}\n\n"
        f"{view.summary}. Exit code {view.report.exit_code}.\n\n"
    )


def _verdict_row(view: CheckView) -> str:
    gate = view.headline
    return table_row(
        (
            verdict_words(view.verdict, view.excuse),
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
    q = "" if finding.q_value is None else f" (q = {probability(finding.q_value)})"
    known = f"; {prose(finding.excuse.sentence)}" if finding.excuse else ""
    return (
        f"- {verdict_words(finding.verdict, finding.excuse)} "
        f"{code(finding.where)}, {finding.severity}: {prose(finding.sentence)}{q}{known}"
    )


def _gap(gap: Gap) -> str:
    verdict = f"{verdict_words(gap.verdict)} " if gap.verdict else ""
    where = f"{code(gap.where)}: " if gap.where else ""
    return f"- {verdict}{where}{'; '.join(map(prose, gap.why))}"


def _section(view: CheckView, index: int) -> Iterator[Piece]:
    section = (SECTION, index)
    yield Piece(f"{check_opening(view)}\n{check_body(view)}", section)
    concern = f"Hidden concern: {view.words.event}, and looks fine"
    for title, rows in ((concern, view.hidden_concerns), ("Other rows", view.other_rows)):
        if rows:
            yield from _rows(f"\n#### {title}\n\n", rows, view, index)
    for number, card in enumerate(view.check.cards):
        body = card_markdown(shortened(card), level=4).rstrip("\n")
        yield Piece(f"\n{folded(card_summary(card), body)}\n", (CARD, number, index))
    yield Piece("\n</details>\n\n", section)


def _rows(title: str, rows: tuple[RowResult, ...], view: CheckView, index: int) -> Iterator[Piece]:
    texts = [row_lines(number, row, view.words) for number, row in enumerate(rows, 1)]
    opening, closing = fence(texts)
    first = (ROW, 0, index)
    yield Piece(f"{title}{opening}\n", first)
    for number, text in enumerate(texts):
        yield Piece(f"{text}\n", (ROW, number, index))
    yield Piece(f"{closing}\n", first)


def _reproduce(report: AuditReport) -> str:
    work, origin = report.work, report.provenance
    prompts = f"{work.prompts:,} prompts, {work.distinct_prompts:,} of them distinct"
    facts = [
        ("record", code(report.digest())),
        *_model_facts("model", report.model),
        *(_model_facts("reference", report.reference) if report.reference else []),
        *((f"suite {code(s.name)}, version {s.version}", code(s.digest)) for s in report.suites),
        ("seed", str(report.seed)),
        ("work", f"{prompts}, {work.tokens:,} tokens"),
        *(_origin_facts(origin) if origin else []),
    ]
    lines = ["## How to reproduce\n"]
    if origin:
        command = f"$ {safe_text(shlex.join(origin.command), 2000)}"
        opening, closing = fence([command])
        lines += [opening, command, closing, ""]
    return "\n".join([*lines, table(("What", "Which"), facts)]) + "\n"


def _model_facts(role: str, model: ModelInfo) -> list[tuple[str, str]]:
    shape = (
        f"{model.architecture}, {model.n_parameters:,} parameters, {model.n_layers} layers of "
        f"width {model.d_model}, {model.dtype}"
    )
    return [
        (role, f"{code(model.name)}, {prose(shape)}"),
        (f"{role} weights", code(model.weights_digest)),
        (f"{role} tokenizer", code(model.tokenizer_digest)),
    ]


def _origin_facts(origin: Provenance) -> list[tuple[str, str]]:
    versions = ", ".join(f"{name} {version}" for name, version in origin.packages.items())
    facts = [
        ("made", prose(f"{origin.created} in {origin.duration_seconds:.3g} s")),
        ("on", prose(f"Python {origin.python}, {origin.platform}, {origin.device}")),
        ("with", prose(versions)),
    ]
    if origin.git_commit:
        dirty = " with changes that were not committed" if origin.git_dirty else ""
        facts.append(("commit", f"{code(origin.git_commit)}{dirty}"))
    return facts
