"""Tiny random models, adapters over them as PEFT saves them, and the logits that PEFT gets.

Needs peft (0.21.2 made those that are checked in) beside the libraries of our own environment,
of which it is never a part. Writes to the folder given: the bases as `base-NAME`, an adapter
folder per case, and `expected.safetensors` with the token ids and, per case, the logits of the
unmerged model in float32, as it was trained.

    python make_adapter_goldens.py FOLDER
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
import transformers as hf
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file

VOCABULARY = 40
LLAMA = {
    "num_hidden_layers": 2,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 32,
    "bos_token_id": 0,
    "eos_token_id": 1,
}
GPT2 = {
    "n_layer": 2,
    "n_head": 4,
    "n_embd": 16,
    "n_positions": 32,
    "vocab_size": VOCABULARY,
    "bos_token_id": 0,
    "eos_token_id": 1,
}
BASES: dict[str, Any] = {
    "llama": lambda: hf.LlamaForCausalLM(hf.LlamaConfig(**LLAMA)),
    "llama-tied": lambda: hf.LlamaForCausalLM(hf.LlamaConfig(**LLAMA, tie_word_embeddings=True)),
    "gpt2": lambda: hf.GPT2LMHeadModel(hf.GPT2Config(**GPT2)),
}
LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
# Case: base, tokens added before training, options of the LoraConfig.
CASES: dict[str, tuple[str, int, dict[str, Any]]] = {
    "llama-attention": (
        "llama",
        0,
        {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"]},
    ),
    "llama-rslora": (
        "llama",
        0,
        {"r": 4, "lora_alpha": 6, "use_rslora": True, "target_modules": LINEAR},
    ),
    "llama-patterns": (
        "llama",
        0,
        {
            "r": 4,
            "lora_alpha": 8,
            "target_modules": LINEAR,
            "rank_pattern": {"q_proj": 2, "layers.1.mlp.*": 3},
            "alpha_pattern": {"layers.0.*": 5, "^model.layers.1.self_attn.v_proj": 1},
        },
    ),
    "llama-one-layer": (
        "llama",
        0,
        {"r": 2, "lora_alpha": 2, "target_modules": LINEAR, "layers_to_transform": [1]},
    ),
    "llama-embeddings": (
        "llama",
        0,
        {"r": 3, "lora_alpha": 6, "target_modules": ["embed_tokens", "lm_head", "q_proj"]},
    ),
    "llama-tied-embeddings": (
        "llama-tied",
        0,
        {"r": 3, "lora_alpha": 6, "target_modules": ["embed_tokens"]},
    ),
    "llama-tied-head": ("llama-tied", 0, {"r": 3, "lora_alpha": 6, "target_modules": ["lm_head"]}),
    "llama-resized": ("llama", 3, {"r": 2, "lora_alpha": 4, "target_modules": ["q_proj"]}),
    "llama-tied-resized": (
        "llama-tied",
        3,
        {"r": 2, "lora_alpha": 4, "target_modules": ["q_proj"]},
    ),
    "gpt2-linear": (
        "gpt2",
        0,
        {"r": 4, "lora_alpha": 8, "target_modules": ["c_attn", "c_proj", "c_fc"]},
    ),
    "gpt2-embeddings": (
        "gpt2",
        0,
        {"r": 3, "lora_alpha": 6, "target_modules": ["wte", "wpe", "c_attn"]},
    ),
}


def randomised(model: Any, generator: torch.Generator) -> Any:
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.data.add_(0.15 * noise)
    return model.eval()


def main(folder: Path) -> None:
    warnings.simplefilter("ignore")
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, VOCABULARY, (3, 9), generator=generator)
    expected = {"ids": ids}
    for name, make in BASES.items():
        torch.manual_seed(1)
        model = randomised(make(), generator)
        model.save_pretrained(folder / f"base-{name}")
    for case, (base, added, options) in CASES.items():
        source = folder / f"base-{base}"
        model = hf.AutoModelForCausalLM.from_pretrained(source)
        if added:
            model.resize_token_embeddings(VOCABULARY + added)
        model = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **options))
        for key, parameter in model.named_parameters():
            if "lora_" in key:
                parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator)
        model.eval()
        with torch.no_grad():
            expected[case] = model(ids).logits.float().contiguous()
            off = float((expected[case][..., :VOCABULARY] - _plain(source, ids)).abs().max())
        model.save_pretrained(folder / case)
        (folder / case / "README.md").unlink(missing_ok=True)
        config = folder / case / "adapter_config.json"
        content = json.loads(config.read_text()) | {"base_model_name_or_path": f"base-{base}"}
        config.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
        print(f"{case}: moves the logits by {off:.2f}")
    save_file(expected, folder / "expected.safetensors")


def _plain(source: Path, ids: torch.Tensor) -> torch.Tensor:
    return hf.AutoModelForCausalLM.from_pretrained(source)(ids).logits


if __name__ == "__main__":
    main(Path(sys.argv[1]))
