"""The family of a feature: cosines and correlations by hand, and a path with both its ends."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, takewhile
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from audit.features.contexts import PeakContext
from audit.features.joint import edit_path, joint_tuning
from audit.models.loading import load_model
from tests.audit.features.planted import (
    FIRST,
    PLACE,
    random_sae,
    reading,
    state_of,
    token_sae,
)

DRAWN = torch.randint(2, 320, (6, 12), generator=torch.Generator().manual_seed(0))
TEXTS = [(0, *row) for row in DRAWN.tolist()]


def context(ids: tuple[int, ...], peak: int) -> PeakContext:
    return PeakContext(ids, peak, 0.0, "row 1")


def test_neighbours_are_nearest_by_cosine_and_correlate_as_numpy_says(tiny_llama: Any) -> None:
    sae = random_sae(bias=-0.05)
    others = [context(ids, 1) for ids in TEXTS[1:]]
    found = joint_tuning(tiny_llama, sae, 4, context(TEXTS[0], 5), others, hook_name=PLACE, top=5)
    cosine = torch.nn.functional.cosine_similarity(sae.W_dec, sae.W_dec[[4]])
    order = [i for i in cosine.argsort(descending=True).tolist() if i != 4][:5]
    assert [one.feature for one in found.neighbours] == order
    acts = torch.cat([reading(tiny_llama, sae, ids, 2)[1:] for ids in TEXTS]).double().numpy()
    for one in found.neighbours:
        assert one.cosine == pytest.approx(float(cosine[one.feature]), abs=1e-5)
        if one.correlation is None:
            assert np.ptp(acts[:, one.feature]) == 0 or np.ptp(acts[:, 4]) == 0
        else:
            expected = np.corrcoef(acts[:, 4], acts[:, one.feature])[0, 1]
            assert one.correlation == pytest.approx(expected, abs=1e-4)
    assert any(one.correlation is not None for one in found.neighbours)


def test_a_twin_is_found_with_likeness_one(tiny_llama: Any) -> None:
    sae = random_sae()
    rows = sae.W_dec.clone()
    rows[20] = 3 * rows[4]
    twins = replace(sae, W_enc=rows.T.contiguous(), W_dec=rows)
    twins = replace(twins, b_dec=torch.zeros(32), b_enc=torch.zeros(48))
    others = [context(ids, 1) for ids in TEXTS[1:]]
    found = joint_tuning(tiny_llama, twins, 4, context(TEXTS[0], 5), others, hook_name=PLACE)
    assert found.neighbours[0].feature == 20
    assert found.neighbours[0].cosine == pytest.approx(1.0)
    assert found.neighbours[0].correlation == pytest.approx(1.0)


def test_activation_passes_from_one_planted_token_to_the_other(tiny_llama: Any) -> None:
    sae = token_sae(tiny_llama, [70, 90])
    start, goal = (0, 40, 50, 70, 60), (0, 41, 51, 61, 90, 71)
    found = joint_tuning(tiny_llama, sae, 0, context(start, 3), [context(goal, 5)], hook_name=FIRST)
    assert found.neighbours[0].feature == 1
    assert found.path[0].activations == pytest.approx({"0": 1.0, "1": 0.0}, abs=1e-5)
    assert found.path[-1].activations == pytest.approx({"0": 0.0, "1": 1.0}, abs=1e-5)
    assert [len(step.tokens) for step in found.path] == [4, 5, 5, 5, 5]


def test_without_a_live_neighbour_there_is_no_path(tiny_llama: Any) -> None:
    sae = token_sae(tiny_llama, [70, 90])
    found = joint_tuning(tiny_llama, sae, 0, context((0, 40, 70), 2), [], hook_name=FIRST)
    assert found.path == []
    assert [one.correlation for one in found.neighbours] == [None]


def test_the_model_is_left_as_it_was() -> None:
    loaded = load_model("organism:liar", device="cpu")
    before = state_of(loaded)
    base = context((300, 400, 500), 2)
    joint_tuning(loaded, random_sae(64), 0, base, [context((8, 9, 10), 0)], hook_name=PLACE)
    assert state_of(loaded) == before


plain = st.lists(st.integers(1, 6), min_size=1, max_size=9).map(tuple)


@given(plain, plain, st.booleans(), st.integers(1, 30))
def test_a_path_begins_and_ends_where_it_should_and_changes_one_token_at_a_time(
    a: tuple[int, ...], b: tuple[int, ...], opened: bool, most: int
) -> None:
    front = (0,) if opened else ()
    path = edit_path(front + a, front + b, frozenset([0]), most)
    assert path[0] == front + a
    assert path[-1] == front + b
    assert len(path) <= most + 1
    assert all(one[: len(front)] == front for one in path)
    if most >= max(len(a), len(b)):
        assert all(_one_edit(one, two) for one, two in pairwise(path))


def _one_edit(one: tuple[int, ...], two: tuple[int, ...]) -> bool:
    """Whether they are the same up to one token changed, put in or taken out."""
    alike = list(takewhile(lambda pair: pair[0] == pair[1], zip(one, two, strict=False)))
    one, two = one[len(alike) :], two[len(alike) :]
    return one[1:] == two[1:] or one == two[1:] or one[1:] == two
