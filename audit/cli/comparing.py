"""Two stored runs as one comparison, in the formats that show one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from audit.cli.files import OUTPUTS, AskedFile, Output, check_places, refuse
from audit.cli.writing import print_texts, say_written, write_files, write_into

if TYPE_CHECKING:
    from reports.diff import RecordDiff
    from reports.record import AuditReport


def _json(diff: RecordDiff, before: AuditReport, after: AuditReport) -> str:
    return diff.to_json()


def _markdown(diff: RecordDiff, before: AuditReport, after: AuditReport) -> str:
    from reports.markdown.diff import render_diff_markdown

    return render_diff_markdown(diff)


def _html(diff: RecordDiff, before: AuditReport, after: AuditReport) -> str:
    from reports.html.diff import render_diff_html

    return render_diff_html(diff, before, after)


COMPARISONS: dict[str, Callable[[RecordDiff, AuditReport, AuditReport], str]] = {
    "json": _json,
    "md": _markdown,
    "html": _html,
}


def compare(
    before: Path,
    after: Path,
    names: Sequence[str],
    out: Path | None,
    files: tuple[AskedFile, ...],
) -> int:
    """Print or write what became of the second run since the first.

    Raises:
        UsageError: a format that shows one run only.
        ReportError: a record cannot be read, or is of a series.
    """
    from audit.engine.diffing import diff_runs
    from audit.errors import UsageError
    from reports.read import read_report

    formats = ", ".join(COMPARISONS)
    if alone := [name for name in names if name not in COMPARISONS]:
        raise UsageError(f"two runs are compared in {formats}, and not in {', '.join(alone)}")
    of_one = {output.option for output in OUTPUTS if output.format not in COMPARISONS}
    refuse(files, of_one, f"of one run, and here are two; a comparison is had in {formats}")
    check_places(files)
    old, new = read_report(before), read_report(after)
    diff = diff_runs(before, after)
    texts = {name: COMPARISONS[name](diff, old, new) for name in names}
    if out is None:
        print_texts(list(texts.values()))
    else:
        write_into(out, {f"comparison.{name}": text for name, text in texts.items()})

    def make(output: Output) -> str:
        assert output.format is not None  # the others were refused
        return COMPARISONS[output.format](diff, old, new)

    return say_written(files, write_files(files, make))
