"""Places by name: equal to TransformerLens' own, and sentences for those that do not exist."""

from __future__ import annotations

import pytest
import transformers as hf

from audit.errors import UsageError
from audit.models.capture import Read, Selection, TokenSequence, capture
from audit.models.hook_names import SITES, HookPoints, layer_at
from audit.models.loading import LoadedModel
from tests.audit.models.shapes import MORE, PLAIN, SHAPES, loaded, parity, random_model


@pytest.mark.parametrize("shape", SHAPES)
def test_every_place_equals_run_with_cache(shape: str) -> None:
    errors = parity(random_model(shape))
    assert len(errors) >= 1 + 3 * 4
    assert max(errors.values()) <= 1e-5, errors


@pytest.mark.parametrize("shape", MORE)
def test_other_ways_to_build_a_block_agree_too(shape: str) -> None:
    assert max(parity(random_model(shape)).values()) <= 1e-5


def test_parity_would_see_a_wrong_place(monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model("gpt2")
    wrong = model.model.transformer.h[1].ln_1
    right = model.model.get_submodule
    monkeypatch.setattr(
        model.model, "get_submodule", lambda path: wrong if path.endswith("1.ln_2") else right(path)
    )
    errors = parity(model)
    assert errors["blocks.1.hook_resid_mid"] > 1e-3
    assert errors["blocks.1.hook_resid_post"] <= 1e-5


def test_names_come_in_the_order_of_the_forward_pass(tiny_llama: LoadedModel) -> None:
    points = HookPoints(tiny_llama.model)
    resolved = [points.resolve(name) for name in points.names()]
    assert resolved[0].name == "hook_embed"
    assert len(resolved) == 1 + 4 * len(SITES)
    assert [point.order for point in resolved] == sorted({point.order for point in resolved})
    assert points.resolve("blocks.2.hook_resid_post").module_path == "model.layers.2"
    assert points.resolve("blocks.2.hook_resid_post").layer == 2


def test_gemma_2_reads_after_the_post_norms() -> None:
    points = HookPoints(random_model("gemma-2").model)
    paths = {name: points.resolve(f"blocks.0.hook_{name}") for name in SITES}
    assert paths["attn_out"].module_path.endswith("post_attention_layernorm")
    assert paths["mlp_out"].module_path.endswith("post_feedforward_layernorm")
    assert paths["resid_mid"].module_path.endswith("pre_feedforward_layernorm")
    assert paths["resid_mid"].side == "input"


def test_a_base_model_has_the_same_places() -> None:
    bert = hf.BertModel(hf.BertConfig(**PLAIN)).eval()
    names = HookPoints(bert).names()
    assert HookPoints(bert).resolve("blocks.1.hook_resid_post").module_path == "encoder.layer.1"
    whole = TokenSequence((1, 2, 3), (Selection((0, 1, 2), tuple(range(len(names)))),))
    captured = capture(loaded(bert), [whole], [Read(name, "mean") for name in names])
    assert captured.non_finite == (0,) * len(names)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("blocks.1.hook_resid_pots", "did you mean 'blocks.1.hook_resid_post'"),
        ("block.1.hook_mlp_out", "did you mean 'blocks.1.hook_mlp_out'"),
        ("blocks.4.hook_resid_post", "has 4 blocks, 0 to 3"),
        ("blocks.17.attn.hook_z", "has 4 blocks, 0 to 3"),
        ("blocks.1.attn.hook_pattern", "a weight for every pair of tokens"),
        ("hook_embedding", "did you mean 'hook_embed'"),
    ],
)
def test_a_name_that_does_not_exist(tiny_llama: LoadedModel, name: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        HookPoints(tiny_llama.model).resolve(name)
    assert sentence in str(caught.value)
    assert name in str(caught.value)


@pytest.mark.parametrize("shape", ["gpt-neox", "gpt-j", "falcon", "phi"])
def test_parallel_blocks_have_no_stream_between_attention_and_mlp(shape: str) -> None:
    points = HookPoints(random_model(shape).model)
    with pytest.raises(UsageError, match="no residual stream between attention and MLP"):
        points.resolve("blocks.0.hook_resid_mid")


def test_an_architecture_that_transformer_lens_does_not_know() -> None:
    model = hf.AutoModelForCausalLM.from_config(
        hf.XLNetConfig(d_model=32, n_layer=1, n_head=2, d_inner=16, vocab_size=50)
    )
    with pytest.raises(UsageError, match="no adapter for XLNetLMHeadModel"):
        HookPoints(model)


@pytest.mark.parametrize(
    ("depth", "n_layers", "layer"), [(0, 5, 0), (1, 5, 4), (0.5, 5, 2), (0.6, 6, 3), (0.3, 1, 0)]
)
def test_layer_at_a_depth(depth: float, n_layers: int, layer: int) -> None:
    assert layer_at(depth, n_layers) == layer
