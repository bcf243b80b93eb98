"""Names that links on a page point at: readable, stable, and each there once."""

from __future__ import annotations

import re
from collections.abc import Sequence


def anchors_of(names: Sequence[str], prefix: str = "c-") -> list[str]:
    """An id for each name: `c-suite-check`, with a number where two would be the same."""
    used: set[str] = set()
    made = []
    for name in names:
        slug = prefix + (re.sub(r"[^A-Za-z0-9_.]+", "-", name).strip("-") or "check")[:80]
        chosen, number = slug, 2
        while chosen in used:
            chosen, number = f"{slug}-{number}", number + 1
        used.add(chosen)
        made.append(chosen)
    return made
