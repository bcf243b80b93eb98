"""Tiny models with random weights, one per architecture, and how far their places are off.

`parity` captures every basic hook name at every token through `capture` and compares with
`TransformerBridge.run_with_cache`: the judge is transformer-lens itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import transformers as hf

from audit.models.bridge import bridge_of
from audit.models.capture import Read, Selection, TokenSequence, capture
from audit.models.hook_names import HookPoints
from audit.models.loaded import LoadedModel
from audit.models.quiet import quiet

VOCABULARY = 99
PLAIN = {
    "num_hidden_layers": 3,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_attention_heads": 4,
    "vocab_size": VOCABULARY,
}
GROUPED = PLAIN | {"num_key_value_heads": 2}
NARROW = GROUPED | {"head_dim": 8}
OLD = {"n_layer": 3, "n_head": 4, "n_embd": 32, "vocab_size": VOCABULARY}

# The five that must hold; `MORE` are those of the other ways to build a block.
SHAPES: dict[str, Callable[[], Any]] = {
    "gpt2": lambda: hf.GPT2Config(**OLD),
    "llama (grouped-query)": lambda: hf.LlamaConfig(**GROUPED),
    "gpt-neox": lambda: hf.GPTNeoXConfig(**PLAIN),
    "gemma-2": lambda: hf.Gemma2Config(**NARROW),
    "qwen-2": lambda: hf.Qwen2Config(**GROUPED),
}
MORE: dict[str, Callable[[], Any]] = {
    "gpt-neox (sequential)": lambda: hf.GPTNeoXConfig(**PLAIN, use_parallel_residual=False),
    "gpt-j": lambda: hf.GPTJConfig(**OLD, rotary_dim=4),
    "gpt-neo": lambda: hf.GPTNeoConfig(
        num_layers=4,
        hidden_size=32,
        num_heads=4,
        vocab_size=VOCABULARY,
        attention_types=[[["global", "local"], 2]],
    ),
    "opt": lambda: hf.OPTConfig(
        num_hidden_layers=3,
        hidden_size=32,
        ffn_dim=48,
        num_attention_heads=4,
        vocab_size=VOCABULARY,
        word_embed_proj_dim=32,
    ),
    "bloom": lambda: hf.BloomConfig(n_layer=3, hidden_size=32, n_head=4, vocab_size=VOCABULARY),
    "falcon": lambda: hf.FalconConfig(
        num_hidden_layers=3, hidden_size=32, num_attention_heads=4, vocab_size=VOCABULARY
    ),
    "mpt": lambda: hf.MptConfig(d_model=32, n_heads=4, n_layers=3, vocab_size=VOCABULARY),
    "phi": lambda: hf.PhiConfig(**PLAIN),
    "phi-3": lambda: hf.Phi3Config(**GROUPED, pad_token_id=0),
    "gemma-3": lambda: hf.Gemma3TextConfig(**NARROW),
    "qwen-3": lambda: hf.Qwen3Config(**NARROW),
    "mistral": lambda: hf.MistralConfig(**GROUPED),
    "mixtral": lambda: hf.MixtralConfig(**GROUPED, num_local_experts=4),
    "olmo-2": lambda: hf.Olmo2Config(**GROUPED),
    "cohere": lambda: hf.CohereConfig(**GROUPED),
    "granite": lambda: hf.GraniteConfig(**GROUPED, residual_multiplier=0.5),
    "stablelm": lambda: hf.StableLmConfig(**GROUPED),
    "starcoder-2": lambda: hf.Starcoder2Config(**GROUPED),
    "gpt-oss": lambda: hf.GptOssConfig(**NARROW, num_local_experts=4),
    "glm-4": lambda: hf.Glm4Config(**NARROW, pad_token_id=0),
    "smollm-3": lambda: hf.SmolLM3Config(**GROUPED, pad_token_id=0),
    "mamba": lambda: hf.MambaConfig(num_hidden_layers=3, hidden_size=32, vocab_size=VOCABULARY),
}


def random_model(name: str) -> LoadedModel:
    """A model of this shape in float32 with eager attention, no weight at its initial value."""
    with quiet():
        torch.manual_seed(0)
        config = (SHAPES | MORE)[name]()
        model = hf.AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
        for parameter in model.parameters():
            parameter.data.add_(0.05 * torch.randn_like(parameter))
    return loaded(model, name)


def loaded(model: Any, name: str = "random") -> LoadedModel:
    """A `LoadedModel` without a tokenizer."""
    config = model.config.get_text_config()
    return LoadedModel(
        name=name,
        model=model,
        tokenizer=None,
        architecture=type(model).__name__,
        n_layers=config.num_hidden_layers,
        d_model=config.hidden_size,
        n_parameters=0,
        dtype="float32",
        device="cpu",
        weights_digest="",
        tokenizer_digest="",
        context_length=None,
        path=None,
    )


def parity(model: LoadedModel) -> dict[str, float]:
    """Largest absolute error of each basic hook name against `run_with_cache`."""
    ids = torch.randint(0, VOCABULARY, (2, 9), generator=torch.Generator().manual_seed(1))
    names = HookPoints(model.model).names()
    reads = [Read(name, "last") for name in names]
    every = tuple(range(len(reads)))
    sequences = [
        TokenSequence(tuple(row), tuple(Selection((at,), every) for at in range(len(row))))
        for row in ids.tolist()
    ]
    captured = capture(model, sequences, reads)
    with torch.inference_mode():
        _, cache = bridge_of(model.model).run_with_cache(ids, names_filter=names)
    keys = [(row, at) for row in range(2) for at in range(9)]
    return {
        name: float(abs(captured.matrix(read, keys) - cache[name].flatten(0, 1).numpy()).max())
        for read, name in enumerate(names)
    }
