"""Direct attribution: the parts sum to the pre-activation, whatever the block is built like."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from audit.errors import MeasurementError, UsageError
from audit.features.contexts import PeakContext
from audit.features.implementation import BIAS, implementation
from audit.features.pieces import Pieces
from audit.models.loaded import LoadedModel
from audit.models.loading import load_model
from tests.audit.features.planted import PLACE, random_sae, state_of, tiny_gpt2
from tests.audit.models.shapes import random_model

CONTEXTS = [
    PeakContext((0, 40, 50, 60, 70), 3, 0.0, "row 1"),
    PeakContext((0, 8, 9, 10, 11, 12, 13, 14), 7, 0.0, "row 2"),
    PeakContext((0, 33, 90), 1, 0.0, "row 3"),
]
SAES: dict[str, dict[str, Any]] = {
    "plain": {},
    "pre-bias": {"apply_b_dec_to_input": True, "bias": 0.3},
    "centred": {"centre": True, "apply_b_dec_to_input": True},
    "layer norm": {"normalization": "layer_norm", "apply_b_dec_to_input": True, "bias": -0.1},
    "constant norm": {"normalization": "constant_norm", "centre": True},
}


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory, tiny_tokenizer_folder: Any) -> LoadedModel:
    return tiny_gpt2(tiny_tokenizer_folder, tmp_path_factory.mktemp("gpt2"))


@pytest.mark.parametrize("place", ["blocks.0.hook_resid_pre", "blocks.1.hook_resid_mid", PLACE])
@pytest.mark.parametrize("kind", SAES)
@pytest.mark.parametrize("which", ["llama", "gpt2"])
def test_the_places_sum_to_the_pre_activation(
    request: pytest.FixtureRequest, which: str, kind: str, place: str
) -> None:
    loaded = request.getfixturevalue({"llama": "tiny_llama", "gpt2": "gpt2"}[which])
    sae = random_sae(**SAES[kind])
    found = implementation(loaded, sae, 6, CONTEXTS, hook_name=place)
    assert found.residual == pytest.approx(0.0, abs=1e-4)
    if place != PLACE or which == "gpt2":  # which ends in a norm that hidden states hold
        return
    whole = []
    for context in CONTEXTS:
        ids = torch.tensor([context.ids[: context.peak + 1]])
        with torch.no_grad():
            states = loaded.model(ids, output_hidden_states=True).hidden_states
        whole.append(float(sae.pre_activations(states[3][0, -1])[6]))
    parts = sum(one.weight for one in found.places)
    assert parts == pytest.approx(sum(whole) / 3, abs=1e-4)
    assert [one.name for one in found.places][:3] == [
        BIAS,
        "blocks.0.hook_resid_pre",
        "blocks.0.hook_attn_out",
    ]
    assert len(found.places) == 2 + 2 * 3


@pytest.mark.parametrize("shape", ["gpt-neox", "gemma-2", "mamba", "granite"])
def test_other_ways_to_build_a_block(tiny_llama: Any, shape: str) -> None:
    loaded = replace(random_model(shape), tokenizer=tiny_llama.tokenizer)
    sae = random_sae(apply_b_dec_to_input=True)
    found = implementation(loaded, sae, 6, CONTEXTS, hook_name="blocks.1.hook_resid_post")
    # A block whose parts no module carries, or which scales them, counts as a whole.
    assert len(found.places) == (6 if shape in ("gpt-neox", "gemma-2") else 4)
    scale = max(abs(one.weight) for one in found.places)
    assert found.residual == pytest.approx(0.0, abs=1e-4 * max(1.0, scale))


def test_tokens_are_rows_of_the_embedding_along_the_encoder(tiny_llama: Any, gpt2: Any) -> None:
    for loaded, table in (
        (tiny_llama, tiny_llama.model.model.embed_tokens.weight),
        (gpt2, gpt2.model.transformer.wte.weight),
    ):
        sae = random_sae(centre=True)
        found = implementation(loaded, sae, 6, CONTEXTS, hook_name="blocks.1.hook_resid_post")
        rows = table.detach()[2:]
        written = (rows - rows.mean(dim=1, keepdim=True)) @ sae.W_enc[:, 6]
        written = written - written.mean()
        best, worst = written.argsort(descending=True)[:10] + 2, written.argsort()[:10] + 2
        pieces = Pieces(loaded.tokenizer)
        assert [one.name for one in found.tokens] == pieces(best.tolist())
        assert [one.name for one in found.against] == pieces(worst.tolist())
        assert found.tokens[0].weight == pytest.approx(float(written.max()), abs=1e-5)


def test_what_is_no_residual_stream_is_refused_in_a_sentence(tiny_llama: Any) -> None:
    for name in ("blocks.1.hook_mlp_out", "hook_embed", "blocks.1.attn.hook_z"):
        with pytest.raises(MeasurementError, match=f"{name} is not the residual stream"):
            implementation(tiny_llama, random_sae(), 6, CONTEXTS, hook_name=name)
    with pytest.raises(UsageError, match="block 9"):
        implementation(tiny_llama, random_sae(), 6, CONTEXTS, hook_name="blocks.9.hook_resid_post")
    with pytest.raises(MeasurementError, match="no context"):
        implementation(tiny_llama, random_sae(), 6, [], hook_name=PLACE)


def test_the_model_is_left_as_it_was() -> None:
    loaded = load_model("organism:liar", device="cpu")
    before = state_of(loaded)
    implementation(loaded, random_sae(64), 6, CONTEXTS, hook_name=PLACE)
    assert state_of(loaded) == before
