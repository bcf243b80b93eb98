"""A tiny Llama of any depth and width with random weights, where the work is what grows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from audit.models.quiet import quiet
from benchmarks.speed.prompts import tokenizer

CONTEXT = 4096


def tiny(layers: int = 2, width: int = 32, seed: int = 0) -> Any:
    """The model, in eval mode."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer()),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=0,
    )
    return LlamaForCausalLM(config).eval()


def saved(folder: Path, model: Any) -> Path:
    """The folder, with the model and its tokenizer in it as `from_pretrained` wants them."""
    with quiet():
        model.save_pretrained(folder)
        tokenizer().save_pretrained(folder)
    return folder
