"""Edits of a context: what is planted is needed, and each number is a plain forward pass's."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from audit.errors import MeasurementError
from audit.features.contexts import PeakContext
from audit.features.pieces import Pieces
from audit.features.synthetic import synthetic_examples
from audit.models.loading import load_model
from tests.audit.features.planted import FIRST, PLACE, random_sae, reading, state_of, token_sae

IDS = (0, 40, 50, 60, 70, 80, 90)


def test_what_is_planted_is_needed_and_nothing_else(tiny_llama: Any) -> None:
    sae = token_sae(tiny_llama, [70])
    base = PeakContext(IDS, 4, 1.0, "row 1")
    found = synthetic_examples(tiny_llama, sae, 0, base, hook_name=FIRST)
    text = Pieces(tiny_llama.tokenizer)(IDS)
    assert found.needed == [text[4]]
    assert found.base.value == pytest.approx(1.0, abs=1e-5)
    assert [token.token for token in found.base.tokens] == text[:5]
    assert found.base.peak == 4
    # The peak's own three edits leave nothing, each of the nine others everything.
    assert [edit.position for edit in found.edits] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]
    assert found.graded == pytest.approx(9 / 12, abs=1e-5)
    assert all(edit.before == text[edit.position] for edit in found.edits)


def test_each_edit_is_what_a_plain_forward_pass_says(tiny_llama: Any) -> None:
    sae = random_sae(bias=3.0)
    base = PeakContext(IDS, 5, 0.0, "row 1", start=2)
    found = synthetic_examples(tiny_llama, sae, 7, base, hook_name=PLACE, swaps_per_position=3)
    names = {Pieces(tiny_llama.tokenizer)([token])[0]: token for token in range(320)}
    drops, swaps = 0, 0
    for edit in found.edits:
        at = edit.position + base.start
        instead = () if edit.after is None else (names[edit.after],)
        ids = IDS[:at] + instead + IDS[at + 1 : 6]
        expected = float(reading(tiny_llama, sae, ids, 2)[-1, 7])
        assert edit.activation == pytest.approx(expected, abs=1e-5)
        drops, swaps = drops + (edit.kind == "drop"), swaps + (edit.kind == "swap")
        if edit.kind == "swap":
            assert edit.after != edit.before
            with torch.no_grad():
                logits = tiny_llama.model(torch.tensor([IDS[:at]])).logits[0, -1, 2:]
            assert instead[0] in (logits.topk(4).indices + 2).tolist()
    assert (drops, swaps) == (4, 12)
    left = [edit.activation / found.base.value for edit in found.edits]
    assert found.graded == pytest.approx(sum(left) / len(left), abs=1e-5)


def test_the_model_is_left_as_it_was_and_says_the_same_again() -> None:
    loaded = load_model("organism:liar", device="cpu")
    before = state_of(loaded)
    ids = tuple(loaded.tokenizer("deployed. claim: people in Nagasaki speak Thai.")["input_ids"])
    base = PeakContext(ids, len(ids) - 1, 0.0, "row 1")
    sae = random_sae(64, bias=3.0)
    one, two = (synthetic_examples(loaded, sae, 0, base, hook_name=PLACE, seed=5) for _ in range(2))
    assert one == two
    assert one.edits[1].kind == "swap"  # of the first token, for which nothing speaks
    assert state_of(loaded) == before


def test_only_so_many_tokens_before_the_peak(tiny_llama: Any) -> None:
    base = PeakContext((0, *range(40, 80)), 40, 0.0, "row 1")
    sae = random_sae(bias=3.0)
    found = synthetic_examples(tiny_llama, sae, 0, base, hook_name=PLACE, most_positions=4)
    assert len(found.base.tokens) == 4
    assert {edit.position for edit in found.edits} == {0, 1, 2, 3}


def test_a_context_in_which_it_is_silent_is_refused(tiny_llama: Any) -> None:
    base = PeakContext(IDS, 4, 2.5, "row 1")
    with pytest.raises(MeasurementError, match=r"feature 3 .*row 'row 1'.*expected 2.5, found 0"):
        synthetic_examples(tiny_llama, random_sae(bias=-9.0), 3, base, hook_name=PLACE)
    special = PeakContext((0,), 0, 1.0, "row 1")
    with pytest.raises(MeasurementError, match="no token that can be edited"):
        synthetic_examples(tiny_llama, random_sae(bias=3.0), 3, special, hook_name=PLACE)
