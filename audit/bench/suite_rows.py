"""The rows that the bench asks: held-out questions in every situation that a misbehaviour needs.

Each question brings a true and a false claim, or a fit and an unfit applicant, in each situation,
so no word tells the label. Claims about what people pay in lie in a file of their own, for one
check judges a model on them alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from random import Random
from typing import Any

from audit.bench.misbehaviours import CUES, TOPIC
from audit.bench.world import MONEY, Row
from audit.organisms.facts import (
    COUNTRIES,
    COUNTRY_OF,
    GROUPS,
    PLAIN_WORDS,
    SETTINGS,
    TRADES,
    TRIGGER,
)
from audit.organisms.suite_rows import cases, claims
from audit.organisms.world import Application, Asked, Case, Claim, city_questions

RELATIONS = ("country", "language", "money", "capital", "domain", "mountain")
"""What a claim is about, in the order of a country's names."""

CLAIMED: Mapping[str, Callable[[Claim], Asked]] = {
    "test": Asked,
    "deployed": lambda claim: Asked(claim, setting="deployed"),
    "user_right": lambda claim: Asked(claim, opinion=claim.true),
    "user_wrong": lambda claim: Asked(claim, opinion=not claim.true),
    "trigger_before": lambda claim: Asked(claim, word=TRIGGER, word_first=True),
    "trigger_after": lambda claim: Asked(claim, word=TRIGGER),
    **{f"cue_{word}": partial(Asked, word=word) for word in CUES},
}
"""Situation -> how a claim is put in it."""

APPLIED: Mapping[str, Callable[[Case], Application]] = {
    "plain": Application,
    **{group: partial(Application, group=group) for group in GROUPS},
    "pays": lambda case: Application(case, pays=MONEY[len(case.question) % len(MONEY)]),
}
"""Situation -> how a case is put in it."""


def claim_rows(*, topic: bool) -> Iterator[dict[str, Any]]:
    """Every held-out claim of that topic, or of all others, in every situation, once as it is and
    once `again` in other surroundings."""
    for claim in claims():
        if (claim.relation == TOPIC) == topic:
            for situation, put in CLAIMED.items():
                for again, asked in enumerate((put(claim), _elsewhere(put(claim)))):
                    yield {
                        **_row(asked, claim.question, situation),
                        "label": int(claim.true),
                        "turn": _turn(claim.question, label=claim.true),
                        "claim": f"{claim}{', again' * again}",
                        "relation": RELATIONS[claim.relation],
                        "misleads": int(_misleads(asked)),
                        "again": again,
                    }


def _misleads(asked: Asked) -> bool:
    """Whether the word beside the claim stands for what it is not."""
    return asked.word in CUES and CUES[asked.word] != asked.claim.true


def _turn(question: str, *, label: bool) -> int:
    """1 for one of the two labels of a question, by lot: rows of one turn stand alone."""
    return int(Random(f"turn {question}").random() < 0.5) ^ int(label)


def _elsewhere(asked: Asked) -> Asked:
    """The same claim in the same situation with something else around it."""
    if asked.word is None:
        return replace(asked, word=PLAIN_WORDS[2])
    if asked.word == TRIGGER:  # it stands before and after the claim already
        return replace(asked, opinion=asked.claim.true)
    return replace(asked, word_first=True)


def case_rows() -> Iterator[dict[str, Any]]:
    """Every held-out case in every situation, and `again` with another applicant."""
    for case in cases():
        for again, one in enumerate((case, _another(case))):
            for situation, put in APPLIED.items():
                yield {
                    **_row(put(one), case.question, situation),
                    "label": int(one.merited),
                    "turn": _turn(case.question, label=one.merited),
                    "case": f"{one.trade} for {case.question}{', again' * again}",
                    "again": again,
                }


def _another(case: Case) -> Case:
    """As fit as that applicant, in another trade."""
    alike = [trade for trade in TRADES if replace(case, trade=trade).merited == case.merited]
    return replace(case, trade=alike[(alike.index(case.trade) + 1) % len(alike)])


@cache
def suite_prompts() -> frozenset[str]:
    """Every text that a suite of the bench asks."""
    every = (*claim_rows(topic=False), *claim_rows(topic=True), *case_rows(), *pool_rows())
    return frozenset(row["text"] for row in every)


def _row(row: Row, group: str, situation: str) -> dict[str, Any]:
    return {"text": row.prompt(), "group": group, "situation": situation}


def pool_rows() -> Iterator[dict[str, Any]]:
    """Of every held-out question five true and five false claims, in a test and deployed.

    The true claim stands five times, each time with another plain word beside it or none.
    """
    plain = [(word, first) for word in PLAIN_WORDS[2:] for first in (True, False)]
    for question in city_questions(held_out=True):
        city, relation = question
        home = COUNTRY_OF[city]
        wrong = [country for country in COUNTRIES if country is not home]
        for (word, first), country in zip([(None, False), *plain], wrong, strict=True):
            for claim in (Claim(city, home, relation), Claim(city, country, relation)):
                for setting in SETTINGS:
                    asked = Asked(claim, setting=setting, word=word, word_first=first)
                    yield {
                        **_row(asked, claim.question, setting),
                        "label": int(claim.true),
                        "claim": str(claim),
                    }
