"""One browser for the session, and a way to show it a page."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.chromium import AS_USUAL, Opened, Window, launch, program, tab

File = Callable[[str], Path]
Show = Callable[..., AbstractContextManager[Opened]]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = program()
    if path is None:
        missing = "no chromium is on PATH (apt-get install chromium, or name one in CHROMIUM)"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)  # what is skipped where it should run is not tested anywhere
        pytest.skip(missing)
    with sync_playwright() as playwright:
        made = launch(playwright, path)
        yield made
        made.close()


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> File:
    """`file(html)`: the text as a file of its own."""
    folder, numbers = tmp_path_factory.mktemp("pages"), itertools.count()

    def written(html: str) -> Path:
        path: Path = folder / f"page-{next(numbers)}.html"
        path.write_bytes(html.encode("utf-8"))
        return path

    return written


@pytest.fixture(scope="session")
def show(browser: Browser, file: File) -> Show:
    """`show(html, Window(...))`: the page, open."""

    @contextmanager
    def shown(html: str, window: Window = AS_USUAL) -> Iterator[Opened]:
        with tab(browser, window) as made:
            made.go(file(html))
            yield made

    return shown
