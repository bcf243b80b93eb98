"""Baselines find what they look for, and nothing else."""

import csv
from pathlib import Path

import numpy as np
import pytest

from probes import (
    FITTERS,
    ProbeError,
    auroc,
    length_scores,
    lexical_floor,
    lexical_scores,
    random_direction_scores,
    shuffled_label_probes,
)
from tests.probes.planted import plant

NOUNS = ("river", "house", "letter", "garden", "engine", "market", "bridge", "winter")


def sentences(rng, n: int) -> list[str]:
    return [" ".join(rng.choice(NOUNS, 6)) for _ in range(n)]


def test_a_tell_tale_word_is_found():
    rng = np.random.default_rng(0)
    y = np.tile([1, 0], 100)
    texts = [
        f"{text} honestly" if label else text
        for text, label in zip(sentences(rng, 200), y, strict=True)
    ]
    assert lexical_floor(texts, y, np.arange(200)).value > 0.99


def test_a_tell_tale_pair_of_words_and_a_single_letter_are_found():
    y = np.tile([1, 0], 100)
    order = ["not good but bad" if label else "not bad but good" for label in y]
    letters = ["A" if label else "B" for label in y]
    for texts in (order, letters):
        assert lexical_floor(texts, y, np.arange(200)).value == 1.0


def test_words_without_meaning_reach_one_half():
    values = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        y = rng.permutation(np.tile([1, 0], 100))
        values.append(lexical_floor(sentences(rng, 200), y, np.arange(200)).value)
    # Ten values, each with a standard deviation of about 0.06.
    assert np.mean(values) == pytest.approx(0.5, abs=0.08)


def test_groups_keep_a_topic_from_leaking():
    """One noun per group decides the label: learnt by rows, unknown by groups."""
    rng = np.random.default_rng(0)
    y = np.repeat(rng.permutation(np.tile([1, 0], 30)), 6)
    groups = np.repeat(np.arange(60), 6)
    texts = [f"topic{g} {text}" for g, text in zip(groups, sentences(rng, 360), strict=True)]
    assert lexical_floor(texts, y, np.arange(360)).value > 0.9
    assert lexical_floor(texts, y, groups).value == pytest.approx(0.5, abs=0.2)


def test_only_train_texts_are_learnt_from():
    train, labels = ["yes indeed", "no never"], np.array([1, 0])
    alone = lexical_scores(train, labels, ["yes"])
    crowd = lexical_scores(train, labels, ["yes", "maybe maybe", "no"])
    assert alone[0] == crowd[0]
    assert crowd[0] > crowd[1] > crowd[2]


@pytest.mark.parametrize("texts", [["", " ", "?!", "..."], [""] * 4])
def test_texts_without_words_say_nothing(texts):
    y = np.array([1, 0, 1, 0])
    np.testing.assert_array_equal(lexical_scores(texts, y, ["anything", ""]), [0, 0])
    assert lexical_floor(texts, y, np.arange(4)).value == 0.5


def test_one_class_of_texts_is_refused():
    with pytest.raises(ProbeError, match="only one class"):
        lexical_scores(["a", "b"], np.array([1, 1]), ["c"])


def test_real_data_words_solve_larger_than_and_not_the_cities(shared_data: Path):
    for name, column, (least, most) in (
        ("larger_than", None, (0.98, 1.0)),
        ("cities", "city", (0.4, 0.55)),
    ):
        with (shared_data / "truth" / f"{name}.csv").open(encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        groups = [row[column] for row in rows] if column else np.arange(len(rows))
        floor = lexical_floor(
            [row["statement"] for row in rows],
            np.array([int(row["label"]) for row in rows]),
            groups,
        )
        assert least <= floor.value <= most, name


def test_length_finds_the_long_the_short_and_the_middling():
    rng = np.random.default_rng(0)
    lengths = rng.integers(5, 500, 600)
    for y in (lengths > 100, lengths < 100, np.abs(np.log(lengths / 60)) < 0.7):
        scores = length_scores(lengths[:400], y[:400].astype(int), lengths[400:])
        assert auroc(scores, y[400:]) > 0.95


def test_equal_lengths_say_nothing():
    scores = length_scores(np.full(10, 7), np.tile([0, 1], 5), np.array([7, 7]))
    assert scores[0] == scores[1]


def test_the_control_task_keeps_the_structure_and_loses_the_concept():
    data = plant(n_pairs=200, d=20, strength=4.0)
    real = FITTERS["lda"](data.x, data.y, data.groups)
    controls = shuffled_label_probes(
        FITTERS["lda"], data.x, data.y, data.groups, random_states=range(5)
    )
    assert auroc(real.decision_function(data.x), data.y) > 0.99
    cosines = [abs(float(control.direction @ real.direction)) for control in controls]
    assert np.mean(cosines) < 0.7
    [again] = shuffled_label_probes(FITTERS["lda"], data.x, data.y, data.groups)
    np.testing.assert_array_equal(again.coef_, controls[0].coef_)


def test_random_directions_average_to_nothing():
    data = plant(n_pairs=100, d=200, strength=1.0)
    drawn = random_direction_scores(data.x, data.x, random_states=range(40))
    assert np.mean([auroc(scores, data.y) for scores in drawn]) == pytest.approx(0.5, abs=0.03)
    alone = random_direction_scores(data.x, data.x, random_states=[7])
    np.testing.assert_array_equal(alone[0], drawn[7])
    assert not np.array_equal(alone[0], drawn[8])
    constant = random_direction_scores(np.ones((5, 3)), np.zeros((2, 3)))
    assert np.isfinite(constant).all()
