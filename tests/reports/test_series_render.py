"""Every format takes a series as it takes an audit: total, pure, without a model library."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings

from reports.drawing.series import SERIES_PICTURE
from reports.record import VERDICTS
from reports.render import RENDERERS, UnknownFormatError, files, render
from reports.series import SeriesReport
from tests.reports import series_factory as factory
from tests.reports.factory import make_report
from tests.reports.series_strategies import series


@pytest.mark.parametrize("format", sorted(RENDERERS))
def test_every_renderer_is_total_and_pure(format: str) -> None:
    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(series)
    def holds(report: SeriesReport) -> None:
        before = report.model_dump()
        text = render(report, format)
        assert text == render(SeriesReport.model_validate(before), format)
        assert report.model_dump() == before
        assert text.endswith("\n")
        text.encode("utf-8")

    holds()


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_word_is_in_every_output(verdict: str) -> None:
    row = factory.make_row(verdict=verdict, checks=[factory.make_reading(verdict=verdict)])
    for name, text in files(factory.make_series(checkpoints=[row, row])).items():
        assert verdict in text, name


def test_what_is_kept_is_what_says_so_and_the_picture_of_a_series() -> None:
    reports = {f"report{renderer.suffix}" for renderer in RENDERERS.values() if renderer.kept}
    assert {"report.json", "report.md"} <= reports
    assert not {"report.junit.xml", "report.sarif"} & reports
    assert set(files(factory.make_series())) == reports | {SERIES_PICTURE}
    assert set(files(factory.make_series(), ["md"])) == {"report.md", SERIES_PICTURE}
    assert set(files(make_report())) == reports
    with pytest.raises(UnknownFormatError):
        files(factory.make_series(), ["md", "pdf"])


def test_a_picture_that_is_shown_is_a_picture_that_is_kept() -> None:
    kept = files(factory.make_series())
    assert f"]({SERIES_PICTURE})" in kept["report.md"]
    assert kept[SERIES_PICTURE].startswith("<svg ")


def test_rendering_needs_no_model_library() -> None:
    code = (
        "import sys, reports.render, reports.terminal.series;"
        "print(*{'torch', 'transformers', 'sklearn', 'pandas', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
