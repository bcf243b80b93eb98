"""The suite `bias`: enough rows, merit that no word tells, and pairs that differ in the person."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from itertools import combinations

import numpy as np
import pytest

from probes.baselines import lexical_floor, lexical_scores
from probes.metrics import auroc
from suites import LoadedSuite, Row, check_suite, load_suite, resolve_suite, rows_by_role
from suites.authoring import _bias_people as people
from suites.authoring import _bias_skills as skills
from suites.authoring.bias import AXES
from suites.dataset import read_dataset

SEEDS = range(5)
ASKED = re.compile(r"^A [^.]* (?:experience in|is good at) (?P<need>[^.]+)\.")
TOLD = (
    re.compile(r"has experience in (?P<has>.+) but none in (?P<lacks>[^.]+)\."),
    re.compile(r"has no experience in (?P<lacks>.+) but a great deal in (?P<has>[^.]+)\."),
    re.compile(r"has long worked in (?P<has>.+) and never in (?P<lacks>[^.]+)\."),
    re.compile(r"has never worked in (?P<lacks>.+) and has long worked in (?P<has>[^.]+)\."),
    re.compile(r"knows (?P<has>.+) well and has never tried (?P<lacks>[^.]+)\."),
    re.compile(r"has never tried (?P<lacks>.+) and knows (?P<has>.+) well\."),
)


@pytest.fixture(scope="module")
def suite() -> LoadedSuite:
    return load_suite(resolve_suite("bias"))


def texts(rows: tuple[Row, ...]) -> list[str]:
    return [row.question or "" for row in rows]


def labels(rows: tuple[Row, ...]) -> np.ndarray:
    return np.array([row.label for row in rows])


def groups(rows: tuple[Row, ...]) -> np.ndarray:
    return np.array([row.group for row in rows])


def understood(text: str) -> tuple[str, str, str] | None:
    """What is asked, what the applicant has, what is lacking; None where that is left open."""
    asked = ASKED.match(text)
    assert asked is not None, text
    found = [match for match in (pattern.search(text) for pattern in TOLD) if match]
    if not found:
        assert "the letter does not say which" in text
        return None
    (told,) = found
    return asked["need"], told["has"], told["lacks"]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_check_has_enough_rows(suite: LoadedSuite, seed: int) -> None:
    check_suite(suite, seed=seed)  # two roles that share a group or a text would be an error
    for check in suite.suite.checks:
        roles = rows_by_role(suite, check, seed=seed)
        assert all(len(roles[role]) >= 200 for role in ("train", "validation", "audit"))
        assert len({row.group for row in roles["control"]}) >= 400
        assert {row.label for row in roles["control"]} == {0}


@pytest.mark.parametrize("seed", SEEDS)
def test_words_alone_do_not_tell_the_label(suite: LoadedSuite, seed: int) -> None:
    roles = rows_by_role(suite, "gender", seed=seed)
    train, rows = roles["train"], roles["validation"]
    floor = lexical_floor(texts(rows), labels(rows), groups(rows))
    assert floor.value == pytest.approx(0.5, abs=0.02)
    scores = lexical_scores(texts(train), labels(train), texts(rows))
    assert auroc(scores, labels(rows)) == pytest.approx(0.5, abs=0.02)


def test_the_floor_would_show_what_understanding_gives(suite: LoadedSuite) -> None:
    """The same measure, once it is told whether the applicant has what is asked."""
    rows = rows_by_role(suite, "gender")["validation"]
    read = [understood(text) for text in texts(rows)]
    marked = ["same" if found and found[0] == found[1] else "other" for found in read]
    assert lexical_floor(marked, labels(rows), groups(rows)).value == 1.0


def test_the_label_says_whether_the_applicant_has_what_is_asked(suite: LoadedSuite) -> None:
    for name in suite.suite.datasets:
        for row in read_dataset(suite, name):
            found = understood(row.question or "")
            if found is None:
                assert row.label is None
                assert row.attributes["merit"] == "open"
            else:
                need, has, lacks = found
                assert need in (has, lacks)
                assert row.label == (need == has)


def test_no_skill_is_in_two_roles(suite: LoadedSuite) -> None:
    roles = rows_by_role(suite, "gender")
    met = {
        role: {skill for text in texts(rows) for skill in (understood(text) or ())}
        for role, rows in roles.items()
    }
    for one, other in combinations(met.values(), 2):
        assert not one & other


def test_a_skill_stands_in_one_list_only() -> None:
    fields = [field for pair in skills.OPPOSITE_FIELDS for field in pair]
    named = Counter(
        skill
        for skill_list in (*fields, skills.PROFESSIONS, skills.PASTIMES)
        for skill in skill_list.split(", ")
    )
    assert set(named.values()) == {1}


def test_rows_to_fit_on_say_nothing_of_groups(suite: LoadedSuite) -> None:
    phrases = [p for values in AXES.values() for tried in values.values() for p in tried]
    telling = {"he", "she", "his", "her", "him", "man", "woman", "young", "old", *phrases}
    pattern = re.compile("|".join(rf"\b{re.escape(word)}\b" for word in telling))
    for name in ("merit", "unsuited"):
        for row in read_dataset(suite, name):
            assert not pattern.search(row.question or ""), row.question
            assert any(who in (row.question or "") for who in people.NEUTRAL)


@pytest.mark.parametrize("attribute", list(AXES))
def test_each_case_is_told_once_of_everybody_in_the_same_words(
    suite: LoadedSuite, attribute: str
) -> None:
    cases: defaultdict[object, dict[str, Row]] = defaultdict(dict)
    rows = read_dataset(suite, attribute)
    for row in rows:
        cases[row.attributes["case"]][str(row.attributes[attribute])] = row
    assert len(cases) >= 100
    assert len(rows) == len(cases) * len(AXES[attribute])
    for case, told in cases.items():
        assert set(told) == set(AXES[attribute])
        assert {row.group for row in told.values()} == {case}
        bare = set()
        for value, row in told.items():
            (phrase,) = [
                p for p in AXES[attribute][value] if f"applicant, {p}," in texts((row,))[0]
            ]
            bare.add(texts((row,))[0].replace(f", {phrase},", ""))
        assert len(bare) == 1


@pytest.mark.parametrize("attribute", list(AXES))
def test_half_of_the_cases_leave_merit_open(suite: LoadedSuite, attribute: str) -> None:
    merits = Counter(row.attributes["merit"] for row in read_dataset(suite, attribute))
    assert merits["open"] == 2 * merits["met"] == 2 * merits["missed"]


def test_rows_are_different_plain_text(suite: LoadedSuite) -> None:
    for name in suite.suite.datasets:
        rows = read_dataset(suite, name)
        assert len({row.id for row in rows}) == len({row.question for row in rows}) == len(rows)
        assert all(text.isascii() and "{" not in text for text in texts(rows))
