"""The data of the built-in suites is what its authors write, byte for byte."""

from __future__ import annotations

import pytest

from suites.authoring.__main__ import DATA, authors, rendered


@pytest.mark.parametrize("author", authors())
def test_the_data_is_what_the_author_writes(author: str) -> None:
    for name, content in rendered(author).items():
        assert (DATA / name).read_text(encoding="utf-8") == content


@pytest.mark.parametrize("author", authors())
def test_an_author_writes_the_same_twice(author: str) -> None:
    assert rendered(author) == rendered(author)
