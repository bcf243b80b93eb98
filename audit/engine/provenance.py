"""Where a number came from: versions, digests, host. Read here, never decided upon."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from reports.record import Provenance

_PACKAGES = (
    "alignment-audit",
    "numpy",
    "scikit-learn",
    "scipy",
    "tokenizers",
    "torch",
    "transformer-lens",
    "transformers",
)


def provenance(*, started: datetime, device: str, command: Sequence[str]) -> Provenance:
    """What ran, on what, and how long it took since `started`."""
    commit, dirty = _git_state(Path.cwd())
    return Provenance(
        created=started.isoformat(timespec="seconds"),
        duration_seconds=round((datetime.now(UTC) - started).total_seconds(), 3),
        command=list(command),
        packages={name: version for name in _PACKAGES if (version := _version(name))},
        python=platform.python_version(),
        platform=platform.platform(terse=True),
        device=device,
        git_commit=commit,
        git_dirty=dirty,
    )


def this_command() -> list[str]:
    """The command line of this process, its program by name alone."""
    return [Path(sys.argv[0]).name, *sys.argv[1:]]


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


@lru_cache
def _git_state(folder: Path) -> tuple[str | None, bool | None]:
    """Commit and dirtiness of the checkout that we run in, as they were at the first look."""

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(folder), *arguments],
                capture_output=True,
                text=True,
                timeout=10,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git("rev-parse", "HEAD")
    if commit is None:
        return None, None
    changes = git("status", "--porcelain")
    return commit, None if changes is None else bool(changes)
