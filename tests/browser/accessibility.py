"""What axe finds on a page."""

from __future__ import annotations

from collections.abc import Collection

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

GRAVE = frozenset({"serious", "critical"})
ANY = GRAVE | {"minor", "moderate"}


def faults(page: Page, grave: Collection[str] = ANY) -> list[str]:
    """Faults of those impacts, each with its rule and the first elements that have it."""
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['impact']} {one['id']}: {one['help']}: "
        + "; ".join(f"{node['target'][0]} {node['html'][:120]}" for node in one["nodes"][:4])
        for one in found["violations"]
        if one["impact"] in grave
    ]
