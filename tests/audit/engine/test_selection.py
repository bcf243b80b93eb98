"""`-k EXPR` in pytest's words."""

from __future__ import annotations

import pytest

from audit.engine.selection import compile_expression, names_of
from audit.errors import UsageError

NAMES = names_of("organism_lying", "says_false", "truth", ["fast", "Organism"])


@pytest.mark.parametrize(
    ("expression", "kept"),
    [
        ("lying", True),
        ("LYING", True),
        ("bias", False),
        ("not bias", True),
        ("lying and not fast", False),
        ("bias or says", True),
        ("bias or fast and truth", True),
        ("(bias or fast) and truth", True),
        ("not (bias or fast)", False),
        ("not not lying", True),
    ],
)
def test_expressions(expression: str, kept: bool) -> None:
    assert compile_expression(expression)(NAMES) is kept


@pytest.mark.parametrize(
    "expression", ["and", "lying and", "(lying", "lying)", "lying bias", "not"]
)
def test_what_has_no_meaning_is_said(expression: str) -> None:
    with pytest.raises(UsageError, match="-k"):
        compile_expression(expression)
