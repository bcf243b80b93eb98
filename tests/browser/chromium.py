"""A real browser, and everything that a page made it do: requests, messages, dialogs, refusals.

Knows files and pages; knows no report. The browser is the one that the machine has: nothing is
downloaded, and no name is resolved, so what a page asks for is noted down and goes nowhere.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
DESKTOP, PHONE = (1280, 1000), (390, 844)

# Runs in the page before anything of its own: what the policy refused, and traces of a script.
_LISTEN = """
window.__refused = [];
document.addEventListener("securitypolicyviolation", event =>
  window.__refused.push(`${event.effectiveDirective} ${event.blockedURI}`));
"""


def program() -> Path | None:
    """The browser of this machine; `CHROMIUM` names another."""
    named = os.environ.get("CHROMIUM")
    found = named or next(filter(None, map(shutil.which, NAMES)), None)
    return Path(found) if found else None


def launch(playwright: Playwright, path: Path) -> Browser:
    """A browser without a screen that resolves no name."""
    quiet = ["--host-resolver-rules=MAP * ~NOTFOUND", "--disable-background-networking"]
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=path, args=quiet + sandbox)


@dataclass
class Opened:
    """A tab, and what happened since its page was opened."""

    page: Page
    requests: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def go(self, path: Path) -> None:
        """Open another file in the same tab; what the one before did is forgotten."""
        self.page.goto("about:blank")
        for noted in (self.requests, self.console, self.errors, self.dialogs):
            noted.clear()
        self.page.goto(path.resolve().as_uri())

    @property
    def refused(self) -> list[str]:
        """What the page's policy refused, as directive and address."""
        return list(self.page.evaluate("window.__refused"))

    @property
    def pwned(self) -> bool:
        """Whether a script of the text ran that was to be shown."""
        return bool(self.page.evaluate("'__pwned' in window"))


@dataclass(frozen=True)
class Window:
    """How a page is looked at."""

    size: tuple[int, int] = DESKTOP
    dark: bool = False
    scripts: bool = True
    forced: bool = False


AS_USUAL = Window()


@contextmanager
def tab(browser: Browser, window: Window = AS_USUAL) -> Iterator[Opened]:
    """An empty tab in a window of its own, and a record of what happens there."""
    context = browser.new_context(
        viewport={"width": window.size[0], "height": window.size[1]},
        color_scheme="dark" if window.dark else "light",
        reduced_motion="reduce",
        forced_colors="active" if window.forced else "none",
        java_script_enabled=window.scripts,
    )
    try:
        context.add_init_script(_LISTEN)
        made = Opened(context.new_page())
        _note(context, made)
        yield made
    finally:
        context.close()


def _note(context: BrowserContext, made: Opened) -> None:
    def dismissed(dialog: Any) -> None:
        made.dialogs.append(dialog.message)
        dialog.dismiss()

    context.on("request", lambda request: made.requests.append(request.url))
    context.on("console", lambda said: made.console.append(f"{said.type}: {said.text}"))
    made.page.on("pageerror", lambda error: made.errors.append(str(error)))
    made.page.on("dialog", dismissed)
