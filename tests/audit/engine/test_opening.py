"""Which checks of opened suites are run."""

from __future__ import annotations

import pytest

from audit.engine.opening import open_suites, select_checks
from audit.errors import NothingToAuditError
from suites.load import LoadedSuite


@pytest.fixture(scope="module")
def suite() -> LoadedSuite:
    return open_suites(["organism_lying"])[0]


def _ids(suites: list[LoadedSuite], **selection: object) -> list[tuple[str, str]]:
    return [one.key for one in select_checks(suites, **selection)]  # type: ignore[arg-type]


def test_only_keeps_the_checks_that_it_names(suite: LoadedSuite) -> None:
    other = open_suites(["organism_bias"])[0]
    every = _ids([suite, other])
    assert len(every) > len(suite.suite.checks)
    for one in every:
        assert _ids([suite, other], only={one}) == [one]
    assert _ids([suite, other], only=set(every)) == every


def test_only_and_an_expression_both_have_to_agree(suite: LoadedSuite) -> None:
    key = ("organism_lying", "deployed")
    assert _ids([suite], only={key}, expression="lying") == [key]
    with pytest.raises(NothingToAuditError, match="organism_lying/deployed"):
        _ids([suite], only={key}, expression="not lying")


def test_a_check_that_is_not_there_is_named(suite: LoadedSuite) -> None:
    with pytest.raises(NothingToAuditError, match=r"asked for \(organism_lying/deploid\)"):
        _ids([suite], only={("organism_lying", "deploid")})
