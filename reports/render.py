"""Every format of a report in one table, and the names of the files that hold them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from reports.atomic import write_text_atomic
from reports.drawing.series import SERIES_PICTURE, series_svg
from reports.html.audit import render_html
from reports.html.series import render_series_html
from reports.machine.junit import render_junit, render_series_junit
from reports.machine.sarif import render_sarif, render_series_sarif
from reports.markdown.audit import render_markdown
from reports.markdown.series import render_series_markdown
from reports.read import Record, ReportError
from reports.record import AuditReport
from reports.series import SeriesReport
from reports.text import safe_text

__all__ = [
    "KEPT",
    "RENDERERS",
    "Maker",
    "Renderer",
    "UnknownFormatError",
    "files",
    "makers",
    "render",
    "renderer",
    "write_text_atomic",
]


@dataclass(frozen=True)
class Renderer:
    """A format: the ending of its files, and a pure function of each kind of record.

    What is `kept` lies beside every run; the rest is made when asked for.
    """

    suffix: str
    audit: Callable[[AuditReport], str]
    series: Callable[[SeriesReport], str]
    kept: bool = True

    def render(self, record: Record) -> str:
        """The record as text in this format."""
        if isinstance(record, SeriesReport):
            return self.series(record)
        return self.audit(record)


RENDERERS: dict[str, Renderer] = {
    "json": Renderer(".json", AuditReport.to_json, SeriesReport.to_json),
    "md": Renderer(".md", render_markdown, render_series_markdown),
    "html": Renderer(".html", render_html, render_series_html),
    "junit": Renderer(".junit.xml", render_junit, render_series_junit, kept=False),
    "sarif": Renderer(".sarif", render_sarif, render_series_sarif, kept=False),
}


class UnknownFormatError(ReportError):
    """No renderer has that name; the message names the nearest that does."""


def renderer(format: str) -> Renderer:
    """The renderer of that name.

    Raises:
        UnknownFormatError: there is none.
    """
    if format in RENDERERS:
        return RENDERERS[format]
    near = difflib.get_close_matches(format.lower().lstrip("."), RENDERERS, n=1, cutoff=0.4)
    meant = f"; did you mean {near[0]}?" if near else ""
    known = ", ".join(sorted(RENDERERS))
    raise UnknownFormatError(
        f"there is no report format {safe_text(format, 40)!r}{meant} (known: {known})"
    )


def render(record: Record, format: str) -> str:
    """The record as text in that format.

    Raises:
        UnknownFormatError: there is no such format.
    """
    return renderer(format).render(record)


Maker: TypeAlias = Callable[[], str]

KEPT: tuple[str, ...] = tuple(name for name, renderer in RENDERERS.items() if renderer.kept)


def makers(record: Record, formats: Iterable[str] = KEPT) -> dict[str, Maker]:
    """What makes each file that is kept with a run, by its name; nothing is made as yet.

    Beside the formats these are the pictures that they link to.

    Raises:
        UnknownFormatError: a format does not exist.
    """
    made: dict[str, Maker] = {}
    if isinstance(record, SeriesReport):
        made[SERIES_PICTURE] = partial(series_svg, record)
    for one in map(renderer, formats):
        made[f"report{one.suffix}"] = partial(one.render, record)
    return made


def files(record: Record, formats: Iterable[str] = KEPT) -> dict[str, str]:
    """Everything that is kept with a run: names of files and what stands in each.

    Raises:
        UnknownFormatError: a format does not exist.
    """
    return {name: make() for name, make in makers(record, formats).items()}
