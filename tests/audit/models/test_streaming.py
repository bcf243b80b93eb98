"""Tokens as they come out: the same numbers as TransformerLens' cache, in any order of batches."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from audit.errors import UsageError
from audit.models.intervening import cross_entropy, intervening, last_logits
from audit.models.streaming import stream

SEQUENCES = [tuple(range(3, 3 + length)) for length in (5, 9, 2, 17, 9)]
PLACES = ["blocks.1.hook_resid_post", "blocks.2.hook_mlp_out"]


def gathered(batches: Any, name: str) -> dict[tuple[int, int], torch.Tensor]:
    return {
        (int(s), int(p)): x
        for batch in batches
        for s, p, x in zip(batch.sequence, batch.position, batch.x[name], strict=True)
    }


@pytest.mark.parametrize("order", ["length", "given"])
@pytest.mark.parametrize("budget", [1, 20, 1000])
def test_every_token_once_as_the_model_computes_it(
    tiny_llama: Any, order: Any, budget: int
) -> None:
    batches = list(stream(tiny_llama, SEQUENCES, PLACES, max_batch_tokens=budget, order=order))
    for name, layer in (("blocks.1.hook_resid_post", 2),):
        found = gathered(batches, name)
        assert len(found) == sum(map(len, SEQUENCES))
        for index, ids in enumerate(SEQUENCES):
            with torch.no_grad():
                states = tiny_llama.model(torch.tensor([ids]), output_hidden_states=True)
            for position, expected in enumerate(states.hidden_states[layer][0]):
                torch.testing.assert_close(found[index, position], expected, atol=2e-6, rtol=1e-5)
    if order == "given":
        assert [int(s) for b in batches for s in b.sequence] == sorted(
            int(s) for b in batches for s in b.sequence
        )


def test_only_the_wanted_tokens_and_they_can_be_trained_on(tiny_llama: Any) -> None:
    wanted = [[0], [], [1], [3, 16], [8]]
    batches = list(stream(tiny_llama, SEQUENCES, PLACES[:1], positions=wanted))
    found = gathered(batches, PLACES[0])
    assert set(found) == {(0, 0), (2, 1), (3, 3), (3, 16), (4, 8)}
    weight = torch.zeros(32, requires_grad=True)
    (batches[0].x[PLACES[0]] @ weight).sum().backward()
    assert weight.grad is not None


def test_an_edit_is_at_work_inside_the_block_and_gone_after_it(tiny_llama: Any) -> None:
    before = last_logits(tiny_llama, SEQUENCES)
    with intervening(tiny_llama, PLACES[0], lambda x: x):
        torch.testing.assert_close(last_logits(tiny_llama, SEQUENCES), before)
    with intervening(tiny_llama, PLACES[0], torch.zeros_like):
        zeroed = last_logits(tiny_llama, SEQUENCES)
        lost = cross_entropy(tiny_llama, SEQUENCES)
    assert (zeroed - before).abs().max() > 1e-3
    # With nothing after block 1 but zeros, the answer no longer depends on the prompt.
    torch.testing.assert_close(zeroed[0], zeroed[1], atol=1e-5, rtol=0)
    torch.testing.assert_close(last_logits(tiny_llama, SEQUENCES), before)
    assert lost != pytest.approx(cross_entropy(tiny_llama, SEQUENCES))


def test_cross_entropy_is_the_models_own_loss(tiny_llama: Any) -> None:
    ids = torch.tensor([SEQUENCES[3]])
    with torch.no_grad():
        expected = float(tiny_llama.model(ids, labels=ids).loss)
    assert cross_entropy(tiny_llama, [SEQUENCES[3]]) == pytest.approx(expected, rel=1e-5)


def test_an_error_inside_leaves_no_hook(tiny_llama: Any) -> None:
    before = last_logits(tiny_llama, SEQUENCES)
    with (
        pytest.raises(RuntimeError, match="boom"),
        intervening(tiny_llama, PLACES[0], torch.zeros_like),
    ):
        raise RuntimeError("boom")
    torch.testing.assert_close(last_logits(tiny_llama, SEQUENCES), before)


def test_a_place_that_does_not_exist_is_named(tiny_llama: Any) -> None:
    with pytest.raises(UsageError, match="hook_resid_past"):
        list(stream(tiny_llama, SEQUENCES, ["blocks.1.hook_resid_past"]))
    with (
        pytest.raises(UsageError, match="block 9"),
        intervening(tiny_llama, "blocks.9.hook_resid_post", lambda x: x),
    ):
        pass
