"""LoRA in the weights against PEFT itself: the goldens are adapters and logits that PEFT made.

`tests/judge/make_adapter_goldens.py` makes them anew.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from audit.errors import MeasurementError, UsageError
from audit.models.loaded import state_digest
from audit.models.quiet import quiet
from audit.series.adapters import read_adapter
from audit.series.merging import merge

GOLDEN = Path(__file__).parent / "golden"
EXPECTED = load_file(GOLDEN / "expected.safetensors")
CASES = sorted(EXPECTED.keys() - {"ids"})
Tensors = dict[str, torch.Tensor]


def base_model(case: str, dtype: str = "float32") -> Any:
    config = json.loads((GOLDEN / case / "adapter_config.json").read_text())
    with quiet():
        folder = GOLDEN / config["base_model_name_or_path"]
        return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()


def tensors_of(case: str) -> Tensors:
    return load_file(GOLDEN / case / "adapter_model.safetensors")


def merged(base: Any, case: str, tensors: Tensors | None = None, folder: Path = GOLDEN) -> Any:
    adapter = read_adapter(folder / case, base="base")
    return merge(base, adapter, tensors_of(case) if tensors is None else tensors)


@torch.inference_mode()
def logits(model: Any) -> torch.Tensor:
    found: torch.Tensor = model(EXPECTED["ids"]).logits.float()
    return found


@pytest.mark.parametrize("case", CASES)
def test_the_logits_are_those_of_peft(case: str) -> None:
    base = base_model(case)
    before = state_digest(base)
    model = merged(base, case)
    off = (logits(model) - EXPECTED[case]).abs().max()
    assert off < 1e-4
    unmerged = (logits(base) - EXPECTED[case][..., :40]).abs().max()
    assert unmerged > 0.3, "the adapter changes nothing, so the test shows nothing"
    assert state_digest(base) == before, "the base was changed"


def test_the_copy_shares_what_the_adapter_leaves_alone() -> None:
    base = base_model("llama-attention")
    model = merged(base, "llama-attention")
    shared = dict(base.named_parameters())
    changed = {name for name, p in model.named_parameters() if p is not shared[name]}
    assert changed == {
        f"model.layers.{layer}.self_attn.{name}_proj.weight" for layer in (0, 1) for name in "qv"
    }


@pytest.mark.parametrize("case", ["llama-tied-embeddings", "llama-tied-head"])
def test_a_tie_goes_where_one_end_is_changed(case: str) -> None:
    base = base_model(case)
    model = merged(base, case)
    assert base.lm_head.weight is base.model.embed_tokens.weight
    assert model.lm_head.weight is not model.model.embed_tokens.weight
    assert not model.config.tie_word_embeddings
    assert base.config.tie_word_embeddings


def test_a_tie_stays_where_neither_end_is() -> None:
    model = merged(base_model("llama-tied-resized"), "llama-tied-resized")
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert model.config.vocab_size == len(model.lm_head.weight) == 43


def test_half_precision_is_rounded_once() -> None:
    half = merged(base_model("llama-rslora", "bfloat16"), "llama-rslora")
    exact = base_model("llama-rslora", "bfloat16").float()
    expected = merged(exact, "llama-rslora").bfloat16()
    assert {p.dtype for p in half.parameters()} == {torch.bfloat16}
    assert state_digest(half) == state_digest(expected)


def respelt(tensors: Tensors, change: Callable[[str], str]) -> Tensors:
    return {change(key): tensor for key, tensor in tensors.items()}


@pytest.mark.parametrize("case", ["llama-attention", "llama-embeddings", "gpt2-embeddings"])
@pytest.mark.parametrize(
    "change",
    [
        lambda key: key.replace(".weight", ".default.weight") if "lora_" in key else key,
        lambda key: f"{key}.default" if "lora_embedding" in key else key,
        lambda key: key.removeprefix("base_model.model."),
        lambda key: key.replace("base_model.model.model.", "base_model.model.").replace(
            "base_model.model.transformer.", "base_model.model."
        ),
    ],
    ids=["adapter's name", "adapter's name at the end", "no prefix", "saved without the head"],
)
def test_other_spellings(case: str, change: Callable[[str], str]) -> None:
    model = merged(base_model(case), case, respelt(tensors_of(case), change))
    assert (logits(model) - EXPECTED[case]).abs().max() < 1e-4


Q = "base_model.model.model.layers.0.self_attn.q_proj"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop(f"{Q}.lora_B.weight"), rf"holds {Q}.lora_A.weight without {Q}.lora_B"),
        (lambda t: t.pop(f"{Q}.lora_A.weight"), rf"holds {Q}.lora_B.weight without {Q}.lora_A"),
        (lambda t: t.update(extra=torch.ones(2)), "holds the tensor extra, which no LoRA"),
        (
            lambda t: t.update({f"{Q}.lora_B.bias": torch.ones(16)}),
            "holds the tensor .*lora_B.bias, which no LoRA",
        ),
        (
            lambda t: t.update({f"{Q}.lora_A.other.weight": torch.ones(4, 16)}),
            "two updates of one module",
        ),
        (
            lambda t: t.update({f"{Q}.lora_A.weight": torch.ones(2, 16)}),
            r"holds lora_A of model.*q_proj of shape \[2, 16\], where \[4, 16\] was expected",
        ),
        (
            lambda t: t.update({f"{Q}.lora_B.weight": torch.ones(8, 4)}),
            r"holds lora_B of model.*q_proj of shape \[8, 4\], where \[16, 4\] was expected",
        ),
        (
            lambda t: t.update({Q.replace("q_proj", "w") + ".lora_A.weight": torch.ones(4, 16)}),
            "LlamaForCausalLM has no module model.layers.0.self_attn.w;",
        ),
        (
            lambda t: t.update(
                {
                    "base_model.model.model.norm.lora_A.weight": torch.ones(4, 16),
                    "base_model.model.model.norm.lora_B.weight": torch.ones(16, 4),
                }
            ),
            "changes model.norm, a LlamaRMSNorm, where Linear or Embedding was expected",
        ),
        (
            lambda t: t.update({"base_model.model.lm_head.weight": torch.ones(43, 16)}),
            "holds lm_head with 43 rows, which leaves others of 40 rows behind",
        ),
        (
            lambda t: t.update({"base_model.model.lm_head.weight": torch.ones(40, 8)}),
            r"lm_head of shape \[40, 8\], where \[40, 16\] was expected",
        ),
        (lambda t: t.clear(), "holds no lora_A and lora_B"),
        (
            lambda t: [t.pop(key) for key in list(t) if "layers.1" in key],
            "no update for 2 of the 4 modules that its config targets, the first model.layers.1",
        ),
    ],
)
def test_a_file_that_does_not_fit(change: Callable[[Tensors], object], words: str) -> None:
    tensors = tensors_of("llama-attention")
    change(tensors)
    with pytest.raises(MeasurementError, match=words) as caught:
        merged(base_model("llama-attention"), "llama-attention", tensors)
    assert str(GOLDEN / "llama-attention") in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"use_dora": True}, "sets use_dora, and only a plain LoRA"),
        ({"modules_to_save": ["score"]}, "sets modules_to_save"),
        ({"bias": "all", "lora_bias": True}, "sets lora_bias, bias"),
        ({"init_lora_weights": "pissa"}, "sets init_lora_weights=pissa"),
        ({"peft_type": "LOHA"}, "is of the method LOHA.*merge_and_unload"),
        ({"r": None}, "states no r and lora_alpha for model.layers.0.self_attn.q_proj"),
    ],
)
def test_what_is_no_plain_lora(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    folder = Path(shutil.copytree(GOLDEN / "llama-attention", tmp_path / "llama-attention"))
    file = folder / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | options))
    with pytest.raises(MeasurementError, match=words):
        merged(base_model("llama-attention"), "llama-attention", folder=tmp_path)


def test_a_quantised_base_is_refused() -> None:
    base = base_model("llama-attention")
    weight = base.model.layers[0].self_attn.q_proj.weight.data
    base.model.layers[0].self_attn.q_proj.weight.data = weight.to(torch.float8_e4m3fn)
    with pytest.raises(MeasurementError, match=r"q_proj, whose weights .* are float8_e4m3fn"):
        merged(base, "llama-attention")


@pytest.mark.parametrize("value", [{"q_proj": "x"}, {"(": 2}, "q_proj"])
@pytest.mark.parametrize("key", ["rank_pattern", "alpha_pattern"])
def test_patterns_that_are_none(tmp_path: Path, key: str, value: Any) -> None:
    folder = Path(shutil.copytree(GOLDEN / "llama-attention", tmp_path / "llama-attention"))
    file = folder / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))
    with pytest.raises(UsageError, match=rf"has the {key} .*, where patterns with a number"):
        read_adapter(folder)


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        (["q_proj", "v_proj", "layers.0.mlp.up_proj"], "1 of the 5 modules .* the first model.la"),
        (r"model\.layers\.\d+\.self_attn\.[qkv]_proj", "2 of the 6 modules"),
        (r"layers\.\d+\.self_attn\.[qkv]_proj", None),
        ("q_proj", None),
    ],
)
def test_what_the_config_targets_is_there(
    tmp_path: Path, targets: list[str] | str, words: str | None
) -> None:
    folder = Path(shutil.copytree(GOLDEN / "llama-attention", tmp_path / "llama-attention"))
    file = folder / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"target_modules": targets}))
    if words is None:
        merged(base_model("llama-attention"), "llama-attention", folder=tmp_path)
        return
    with pytest.raises(MeasurementError, match=words):
        merged(base_model("llama-attention"), "llama-attention", folder=tmp_path)
