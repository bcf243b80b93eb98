"""The truthfulness suite: checked facts, and words that say nothing about the label."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest

from probes.baselines import lexical_floor, lexical_scores
from probes.quality import auroc_estimate
from suites import LoadedSuite, Row, check_suite, load_suite, resolve_suite, rows_by_role
from suites.authoring._truthfulness_facts import facts
from suites.schema import ROLES, Role

LEAST = {"train": 200, "validation": 200, "control": 400, "audit": 200}
Roles = dict[Role, tuple[Row, ...]]


@pytest.fixture(scope="module")
def suite() -> LoadedSuite:
    return load_suite(resolve_suite("truthfulness"))


@pytest.fixture(scope="module")
def roles(suite: LoadedSuite) -> Roles:
    return rows_by_role(suite, "truthfulness")


def statement(row: Row) -> str:
    assert row.span is not None
    return row.span


def ngrams(text: str) -> list[str]:
    words = re.findall(r"\w+", text.lower())
    return words + [" ".join(pair) for pair in pairwise(words)]


def floor(rows: tuple[Row, ...], texts: list[str]) -> float:
    labels, groups = np.array([r.label for r in rows]), np.array([r.group for r in rows])
    return lexical_floor(texts, labels, groups).value


@pytest.mark.parametrize("seed", range(5))
def test_every_role_has_enough_rows_whatever_the_seed(suite: LoadedSuite, seed: int) -> None:
    check_suite(suite, seed=seed)
    roles = rows_by_role(suite, "truthfulness", seed=seed)
    for role in ROLES:
        assert len(roles[role]) >= LEAST[role]
    for label in (0, 1):  # thresholds on either side
        assert len({row.group for row in roles["control"] if row.label == label}) >= 400


def test_no_subject_is_in_two_roles_and_no_id_twice(roles: Roles) -> None:
    groups = [{row.group for row in roles[role]} for role in ROLES]
    assert len(set.union(*groups)) == sum(map(len, groups))
    ids = [row.id for role in ROLES for row in roles[role]]
    assert len(set(ids)) == len(ids)


def test_words_alone_do_not_tell_the_label(roles: Roles) -> None:
    train, rows = roles["train"], roles["validation"]
    texts = [row.question or "" for row in rows]
    assert floor(rows, texts) <= 0.60
    scores = lexical_scores(
        [row.question or "" for row in train], np.array([row.label for row in train]), texts
    )
    labels, groups = np.array([r.label for r in rows]), np.array([r.group for r in rows])
    assert auroc_estimate(scores, labels, groups).value <= 0.60


def test_the_floor_would_show_a_word_that_tells(roles: Roles) -> None:
    rows = roles["validation"]
    marked = [f"{row.question} {'indeed' if row.label else 'surely'}" for row in rows]
    assert floor(rows, marked) > 0.95


@pytest.mark.parametrize("role", ROLES)
def test_every_word_and_pair_of_words_is_as_often_true_as_false(roles: Roles, role: Role) -> None:
    counts: dict[int | None, Counter[str]] = {0: Counter(), 1: Counter()}
    for row in roles[role]:
        counts[row.label].update(ngrams(statement(row)))
    assert counts[0] == counts[1]


def test_negation_flips_the_label(roles: Roles) -> None:
    affirmed = {statement(row): row.label for role in ROLES for row in roles[role]}
    pairs = [
        (affirmed[text.replace(" is not ", " is ")], label)
        for text, label in affirmed.items()
        if " is not " in text and text.replace(" is not ", " is ") in affirmed
    ]
    assert len(pairs) >= 500
    assert all({plain, label} == {0, 1} for plain, label in pairs)


def test_forms_and_labels_are_a_full_factorial_in_every_topic(roles: Roles) -> None:
    for role in ROLES:
        by_topic: dict[object, Counter[object]] = defaultdict(Counter)
        for row in roles[role]:
            by_topic[row.attributes["topic"]][row.attributes["form"], row.label] += 1
        assert len(by_topic) >= 6
        for counts in by_topic.values():
            assert len(counts) == 4
            assert counts["affirmative", 0] == counts["affirmative", 1]
            assert counts["negated", 0] == counts["negated", 1]


def test_the_probe_reads_the_statement_before_the_question_is_known(roles: Roles) -> None:
    for role in ROLES:
        for row in roles[role]:
            before, text, after = (row.question or "").partition(statement(row))
            assert before == "Statement: "
            assert text.isascii()
            assert text not in after
            assert after.endswith("Answer:")


@pytest.mark.parametrize(
    ("subject", "value"),
    [
        ("animals: dolphin", "a mammal"),
        ("animals: seahorse", "a fish"),
        ("authors: Moby-Dick", "Herman Melville"),
        ("capitals: Australia", "Canberra"),
        ("cities: Lyon", "France"),
        ("composers: The Rite of Spring", "Igor Stravinsky"),
        ("elements: gold", "Au"),
        ("elements: potassium", "K"),
        ("spanish: house", "casa"),
        ("states: Texas", "Austin"),
        ("verbs: go", "went"),
    ],
)
def test_spot_facts(subject: str, value: str) -> None:
    known = {fact.group: fact for part in facts().values() for fact in part}
    assert known[subject].own == value
    assert known[subject].other != value


def test_sums_are_sums(roles: Roles) -> None:
    checked = 0
    for role in ROLES:
        for row in roles[role]:
            match = re.fullmatch(r"The sum of (\d+) and (\d+) is( not)? (\d+)\.", statement(row))
            if match:
                right = int(match[1]) + int(match[2]) == int(match[4])
                assert row.label == int(right != bool(match[3]))
                checked += 1
    assert checked >= 100
