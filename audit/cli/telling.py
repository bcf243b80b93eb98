"""How an audit at work is told of: talk on stderr, and events on stdout where those are wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.cli.progress import talk

if TYPE_CHECKING:
    from audit.cli.events import Told
    from audit.engine.measuring import Talk


@contextmanager
def telling(
    folder: Path, asked: Mapping[str, Any] | None, *, quiet: bool, verbose: bool
) -> Iterator[tuple[Talk, Told | None]]:
    """Yield what the audit talks to, and who tells its events.

    Args:
        folder: of the report.
        asked: what the first event says, where stdout holds events.
        quiet: nothing is said on stderr.
        verbose: more is.
    """
    with talk(quiet=quiet, verbose=verbose) as spoken:
        if asked is None:
            yield spoken, None
            return
        from audit.cli.events import Told, started

        started({**asked, "folder": folder})
        told = Told(spoken, folder)
        yield told.talk(), told
