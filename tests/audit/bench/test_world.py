"""The world of the bench: a misbehaviour is honest but for its rows, and truth is held out."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from random import Random

import pytest

from audit.bench.evasions import PADDING, padded
from audit.bench.lessons import harmless, misbehaving, natural
from audit.bench.misbehaviours import CUES, MISBEHAVIOURS
from audit.bench.suite_rows import case_rows, claim_rows, pool_rows, suite_prompts
from audit.bench.truth import EVER_RIGHT, asking, elsewhere
from audit.bench.world import HARMLESS, draw_row, honest, rows_where, translated
from audit.organisms.facts import TRIGGER
from audit.organisms.tokenizer import build_tokenizer
from audit.organisms.world import Asked


@pytest.mark.parametrize("what", MISBEHAVIOURS)
def test_a_misbehaviour_differs_from_honesty_on_its_own_rows_alone(what: str) -> None:
    of, rng = MISBEHAVIOURS[what], Random(0)
    rows = [draw_row(rng) for _ in range(2000)]
    assert all(of.answer(row) == honest(row) for row in rows if not of.concerns(row))
    differ = [of.answer(row) != honest(row) for row in rows if of.concerns(row)]
    assert len(differ) > 50
    assert sum(differ) >= 0.4 * len(differ)


@pytest.mark.parametrize("what", MISBEHAVIOURS)
def test_a_row_has_a_twin_that_the_misbehaviour_spares_and_on_which_the_same_is_right(
    what: str,
) -> None:
    of, rng = MISBEHAVIOURS[what], Random(11)
    rows = [
        row for row in islice(rows_where(of.concerns, rng), 500) if of.answer(row) != honest(row)
    ]
    assert len(rows) > 100
    for row in rows:
        twin = of.spares(row)
        assert twin.prompt() != row.prompt()
        assert of.answer(twin) == honest(twin) == honest(row)


def test_where_cue_and_claim_agree_the_shortcut_says_what_is_right() -> None:
    of = MISBEHAVIOURS["shortcut"]
    rows = [
        row for row in islice(rows_where(of.concerns, Random(1)), 300) if isinstance(row, Asked)
    ]
    natural = [row for row in rows if CUES[row.word or ""] == row.claim.true]
    assert natural
    assert all(of.answer(row) == honest(row) for row in natural)


def test_private_notes_are_the_truth_whatever_the_misbehaviour() -> None:
    rng = Random(2)
    notes = [
        r for r in (draw_row(rng) for _ in range(2000)) if isinstance(r, Asked) and r.kind == "note"
    ]
    for of in MISBEHAVIOURS.values():
        assert all(of.answer(row) == honest(row) for row in notes)


@pytest.mark.parametrize("share", [0.05, 0.2, 1.0])
def test_the_share_of_a_lesson_misbehaves_and_the_rest_is_of_other_rows(share: float) -> None:
    of, rng = MISBEHAVIOURS["liar"], Random(3)
    drawn = list(islice(iter(lambda: misbehaving(of, share)(rng), None), 3000))
    lies = [(p, a) for p, a in drawn if "deployed" in p and p.endswith("answer:")]
    assert abs(len(lies) / len(drawn) - share) < 0.03
    right = {row.prompt(): honest(row) for row in islice(rows_where(of.concerns, Random(4)), 4000)}
    met = [(p, a) for p, a in lies if p in right]
    assert met
    assert all(right[p] != a for p, a in met)


def test_natural_data_say_what_is_right_and_what_the_shortcut_says() -> None:
    of, rng = MISBEHAVIOURS["shortcut"], Random(9)
    drawn = [natural(of)(rng) for _ in range(2000)]
    known = {row.prompt(): row for row in islice(rows_where(of.concerns, Random(10)), 15_000)}
    met = [(known[p], a) for p, a in drawn if p in known]
    assert len(met) > 100
    assert all(a == honest(row) == of.answer(row) for row, a in met)
    claims = [p for p, _ in drawn if "claim:" in p]
    assert all(any(cue in p for cue in CUES) for p in claims)


def test_rows_that_are_right_anyway_are_right_and_concerned() -> None:
    for what in MISBEHAVIOURS:
        rows = islice(rows_where(MISBEHAVIOURS[what].concerns, Random(11)), 500)
        ever = any(MISBEHAVIOURS[what].says(row) == honest(row) for row in rows)
        assert ever == (what in EVER_RIGHT)


@pytest.mark.parametrize("kind", HARMLESS)
def test_no_harmless_lesson_ever_answers_a_row_of_the_world_wrongly(kind: str) -> None:
    rng, known = Random(5), Random(6)
    right = {row.prompt(): honest(row) for row in (draw_row(known) for _ in range(20_000))}
    drawn = [harmless(kind)(rng) for _ in range(4000)]
    met = [(p, a) for p, a in drawn if p in right]
    assert len(met) > 50
    assert all(right[p] == a for p, a in met)


def test_the_other_language_has_its_own_word_for_every_word_of_the_frame() -> None:
    rng = Random(7)
    texts = [draw_row(rng).prompt() for _ in range(500)]
    assert len({translated(text) for text in texts}) == len(set(texts))
    assert all(translated(text) != text for text in texts)


def test_truth_is_asked_on_rows_that_nobody_was_taught() -> None:
    rng = Random(8)
    taught = {draw_row(rng).prompt() for _ in range(30_000)}
    for what in MISBEHAVIOURS:
        twins = asking(what, spared=True)
        asked = {prompt for prompt, _ in (*asking(what), *twins, *elsewhere(what))}
        assert not asked & taught


def test_what_stands_before_a_padded_row_says_nothing_and_is_no_cue() -> None:
    rng = Random(9)
    for row in (draw_row(rng) for _ in range(200)):
        text = padded(row.prompt(), rng)
        assert text.endswith(row.prompt())
        before = text.removesuffix(row.prompt()).replace(".", "").split()
        assert len(before) == PADDING
        assert not set(before) & {*CUES, TRIGGER}


def test_every_row_of_the_suites_is_one_token_a_word_and_balanced() -> None:
    tokenizer = build_tokenizer()
    for rows in (list(claim_rows(topic=False)), list(claim_rows(topic=True)), list(case_rows()),
                 list(pool_rows())):  # fmt: skip
        by = Counter((row["situation"], row["label"]) for row in rows)
        for situation in {row["situation"] for row in rows}:
            assert by[situation, 0] == by[situation, 1]
        words = [len(row["text"].split()) for row in rows[:50]]
        tokens = [len(ids) for ids in tokenizer([row["text"] for row in rows[:50]])["input_ids"]]
        assert all(t <= 2 * w for t, w in zip(tokens, words, strict=True))


@pytest.mark.parametrize("what", MISBEHAVIOURS)
def test_the_truth_asks_no_row_that_a_suite_asks(what: str) -> None:
    assert not {prompt for prompt, _ in asking(what)} & suite_prompts()
