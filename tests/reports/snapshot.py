"""What one report looks like, kept as files that a person can read.

`python -m tests.reports.snapshot` writes them anew; read the difference before you commit it.
"""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from rich.console import Console

from reports.render import render
from reports.terminal import print_report
from tests.reports.factory import make_report

FOLDER = Path(__file__).parent / "snapshots"


def snapshots() -> dict[Path, str]:
    """Path of every snapshot, and what stands in it now."""
    report = make_report()
    terminal = StringIO()
    print_report(report, Console(file=terminal, width=80, color_system=None, highlight=False))
    return {
        FOLDER / "report.md": render(report, "md"),
        FOLDER / "report.json": render(report, "json"),
        FOLDER / "terminal.txt": terminal.getvalue(),
    }


if __name__ == "__main__":
    for path, text in snapshots().items():
        path.write_text(text, encoding="utf-8")
