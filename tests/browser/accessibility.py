"""What axe finds on a page."""

from __future__ import annotations

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

CONTRAST = "color-contrast"  # the dearest of all rules, and the same at every width


def faults(page: Page, *, contrast: bool = True, only: str | None = None) -> list[str]:
    """Faults of any impact with the first elements that have them; of one rule, or of all."""
    page.evaluate(AXE_SCRIPT)
    options: dict[str, object] = {"resultTypes": ["violations"]}
    options["rules"] = {CONTRAST: {"enabled": contrast}}
    if only:
        options["runOnly"] = [only]
    found = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{one['impact']} {one['id']}: {one['help']}: "
        + "; ".join(f"{node['target'][0]} {node['html'][:120]}" for node in one["nodes"][:4])
        for one in found["violations"]
    ]
