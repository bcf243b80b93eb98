"""Every format of a report in one table, and the way onto the disk."""

from __future__ import annotations

import difflib
import os
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

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


def pictures(record: Record) -> dict[str, str]:
    """What the texts link to: names of files beside them, and what stands in each."""
    return {SERIES_PICTURE: series_svg(record)} if isinstance(record, SeriesReport) else {}


KEPT: tuple[str, ...] = tuple(name for name, renderer in RENDERERS.items() if renderer.kept)


def files(record: Record, formats: Iterable[str] = KEPT) -> dict[str, str]:
    """Everything that is kept with a run: names of files and what stands in each.

    Raises:
        UnknownFormatError: a format does not exist.
    """
    texts = {f"report{renderer(name).suffix}": render(record, name) for name in formats}
    return pictures(record) | texts


def write_text_atomic(path: Path | str, text: str) -> None:
    """Write a file as a whole or not at all: temporary file, fsync, rename.

    Raises:
        OSError: with the path; what was there before is unharmed and nothing is left over.
    """
    target = Path(path)
    temporary = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        try:
            _write_through(temporary, text.encode("utf-8"))
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(target.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error


def _write_through(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the rename itself last through a crash, where folders can be opened."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
