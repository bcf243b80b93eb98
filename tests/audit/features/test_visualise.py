"""Search: the planted token is found, nothing gets worse, and gradients are autograd's own."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from audit.features.contexts import PeakContext
from audit.features.gradients import substitution_gains
from audit.features.pieces import Pieces
from audit.features.visualise import visualise
from audit.models.loading import load_model
from tests.audit.features.planted import (
    FIRST,
    PLACE,
    random_sae,
    reading,
    state_of,
    tiny_gpt2,
    token_sae,
)

IDS = (0, 40, 50, 60, 70, 80)


def test_the_planted_token_is_found(tiny_llama: Any) -> None:
    sae = token_sae(tiny_llama, [150, 33])
    name = Pieces(tiny_llama.tokenizer)([33])
    found = visualise(tiny_llama, sae, 1, hook_name=FIRST, maximum=2.0, budget=900)
    assert [one.tokens for one in found.tokens] == [name]
    assert found.tokens[0].activation == pytest.approx(1.0, abs=1e-5)
    assert found.tokens[0].relative == pytest.approx(0.5, abs=1e-5)
    assert 318 <= found.searched < 1100
    assert all(name[0] in one.tokens for one in found.sequences)
    assert found.notes == []


def test_of_a_vocabulary_too_large_the_best_aligned_tokens_are_run(tiny_llama: Any) -> None:
    sae = token_sae(tiny_llama, [150, 33])
    found = visualise(tiny_llama, sae, 1, hook_name=FIRST, maximum=1.0, budget=40)
    assert [one.tokens for one in found.tokens] == [Pieces(tiny_llama.tokenizer)([33])]
    assert found.notes == [
        "of 318 tokens 30 were run alone: those whose embeddings write most to the encoder"
    ]


@pytest.mark.parametrize("feature", [0, 5, 11])
def test_a_sequence_is_never_worse_than_its_start(tiny_llama: Any, feature: int) -> None:
    sae = random_sae()
    base = PeakContext(IDS, 5, 0.0, "row 1")
    arguments: dict[str, Any] = {"hook_name": PLACE, "maximum": 1.0, "budget": 1500, "length": 5}
    found = visualise(tiny_llama, sae, feature, base=base, seed=3, **arguments)
    assert found == visualise(tiny_llama, sae, feature, base=base, seed=3, **arguments)
    best, values = found.tokens[0].activation, [one.activation for one in found.sequences]
    start = float(reading(tiny_llama, sae, (0, 40, 50, 60, 70, 80), 2)[1:, feature].max())
    assert max(values) >= max(best, start)
    assert values == sorted(values, reverse=True)
    assert all(len(one.tokens) <= 5 for one in found.sequences)
    # Positive control: as many sequences drawn at random do not come near.
    drawn = torch.randint(2, 320, (1500, 5), generator=torch.Generator().manual_seed(0))
    ids = torch.cat([torch.zeros(1500, 1, dtype=torch.long), drawn], dim=1)
    with torch.no_grad():
        states = tiny_llama.model(ids, output_hidden_states=True).hidden_states[3][:, 1:]
    assert max(values) > float(sae.encode(states)[..., feature].max())


def test_what_is_shown_is_what_a_plain_forward_pass_says(tiny_llama: Any) -> None:
    sae = random_sae()
    found = visualise(tiny_llama, sae, 5, hook_name=PLACE, maximum=1.0, budget=800)
    names = {Pieces(tiny_llama.tokenizer)([token])[0]: token for token in range(2, 320)}
    for one in [*found.tokens, *found.sequences]:
        ids = (0, *(names[token] for token in one.tokens))
        acts = reading(tiny_llama, sae, ids, 2)[1:, 5]
        assert one.activation == pytest.approx(float(acts.max()), abs=1e-5)


def test_gains_are_autograds_through_given_embeddings(tiny_llama: Any) -> None:
    sae, words = random_sae(normalization="layer_norm"), list(range(2, 320))
    found = substitution_gains(tiny_llama, sae, 9, IDS, 4, words, hook_name=PLACE)
    assert found is not None
    table = tiny_llama.model.get_input_embeddings().weight.detach()
    given = table[list(IDS)][None].clone().requires_grad_()
    states = tiny_llama.model(inputs_embeds=given, output_hidden_states=True).hidden_states
    (slope,) = torch.autograd.grad(sae.pre_activations(states[3][0, 4])[9], [given])
    expected = slope[0] @ table[words].T - (slope[0] * given[0]).sum(dim=1, keepdim=True)
    torch.testing.assert_close(found, expected.detach(), atol=1e-5, rtol=1e-4)
    assert float(found[5].abs().max()) == 0.0  # what comes later has no part


def test_where_the_place_is_linear_gains_are_exact(
    tmp_path: Any, tiny_tokenizer_folder: Any
) -> None:
    gpt2 = tiny_gpt2(tiny_tokenizer_folder, tmp_path)
    sae, words = random_sae(), list(range(2, 320))
    found = substitution_gains(gpt2, sae, 9, IDS, 3, words, hook_name=FIRST)
    assert found is not None
    table = gpt2.model.get_input_embeddings().weight.detach()
    expected = (table[words] - table[IDS[3]]) @ sae.W_enc[:, 9]
    torch.testing.assert_close(found[3], expected, atol=1e-5, rtol=1e-4)


def test_nothing_is_left_in_a_model_that_is_being_trained() -> None:
    loaded = load_model("organism:liar", device="cpu")
    loaded.model.train()
    loaded.model.model.layers[1].eval()
    loaded.model.get_input_embeddings().weight.requires_grad = False
    before = state_of(loaded)
    arguments: dict[str, Any] = {"hook_name": PLACE, "maximum": 1.0, "budget": 900}
    one = visualise(loaded, random_sae(64), 3, **arguments)
    assert state_of(loaded) == before
    with torch.inference_mode():
        assert visualise(loaded, random_sae(64), 3, **arguments) == one
    with pytest.raises(RuntimeError, match="boom"), _exploding(loaded):
        visualise(loaded, random_sae(64), 3, **arguments)
    assert state_of(loaded) == before


def _exploding(loaded: Any) -> Any:
    from contextlib import contextmanager

    @contextmanager
    def exploding() -> Any:
        def boom(*_: Any) -> None:
            if torch.is_grad_enabled():
                raise RuntimeError("boom")

        handle = loaded.model.model.layers[0].register_forward_hook(boom)
        try:
            yield
        finally:
            handle.remove()

    return exploding()


def test_a_place_that_only_a_bridge_carries_is_swept_and_not_searched(tiny_llama: Any) -> None:
    found = visualise(
        tiny_llama, random_sae(), 3, hook_name="blocks.1.attn.hook_z", maximum=1.0, budget=800
    )
    assert found.tokens
    assert found.sequences == []
    assert "no sequence was searched" in found.notes[0]
