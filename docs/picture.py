"""Draw the README's picture from stored runs: `python docs/picture.py RUN... > docs/demo.svg`.

What is drawn is what `audit show` prints; the fonts are those of the reader, so that the file
asks nobody for anything.
"""

from __future__ import annotations

import io
import re
import sys

from rich.console import Console
from rich.terminal_theme import MONOKAI

from reports.read import read_report
from reports.terminal.audit import print_report


def main(runs: list[str]) -> None:
    """Print the picture of the runs as SVG."""
    console = Console(
        record=True, width=84, file=io.StringIO(), force_terminal=True, highlight=False
    )
    for run in runs:
        report = read_report(run)
        console.print(f"$ audit run {report.suites[0].name} --model {report.model.name}")
        console.print()
        print_report(report, console)
        console.print()
    svg = console.export_svg(title="alignment-audit", theme=MONOKAI)
    svg = re.sub(r"@font-face\s*\{[^}]*\}", "", svg)
    sys.stdout.write(svg.replace("Fira Code", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono"))


if __name__ == "__main__":
    main(sys.argv[1:])
