"""What one report looks like, kept as files that a person can read.

`python -m tests.reports.snapshot` writes them anew; read the difference before you commit it.
"""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from rich.console import Console

from reports.drawing.series import SERIES_PICTURE, series_svg
from reports.markdown.model_card import eval_results, model_card
from reports.render import render
from reports.terminal.audit import print_report
from reports.terminal.features import print_card, print_changes, print_discovery, print_fidelity
from reports.terminal.series import print_series
from tests.reports import features_factory, series_factory

FOLDER = Path(__file__).parent / "snapshots"


def snapshots() -> dict[Path, str]:
    """Path of every snapshot, and what stands in it now."""
    report = features_factory.make_feature_report()
    series = series_factory.make_series()
    terminal, features, followed = StringIO(), StringIO(), StringIO()
    print_report(report, _console(terminal))
    _print_features(_console(features))
    print_series(series, _console(followed))
    print_series(series_factory.make_quiet(), _console(followed))
    return {
        FOLDER / "report.md": render(report, "md"),
        FOLDER / "model-card.md": model_card(report),
        FOLDER / "eval-results.yaml": eval_results(report),
        FOLDER / "report.json": render(report, "json"),
        FOLDER / "terminal.txt": terminal.getvalue(),
        FOLDER / "features.txt": features.getvalue(),
        FOLDER / "series.md": render(series, "md"),
        FOLDER / "series.json": render(series, "json"),
        FOLDER / SERIES_PICTURE: series_svg(series),
        FOLDER / "series.txt": followed.getvalue(),
    }


def _print_features(console: Console) -> None:
    print_fidelity(features_factory.make_fidelity(), console, features_factory.make_sae())
    console.rule(characters="-")
    print_discovery(features_factory.make_discovery(), console)
    console.rule(characters="-")
    print_changes(features_factory.make_changes(), console)
    console.rule(characters="-")
    print_card(features_factory.make_card(), console)


def _console(file: StringIO) -> Console:
    return Console(file=file, width=80, color_system=None, highlight=False)


if __name__ == "__main__":
    for path, text in snapshots().items():
        path.write_text(text, encoding="utf-8")
