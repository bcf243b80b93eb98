"""Features whose meaning is known, because it was put there, and the state of a model."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import transformers as hf

from audit.models.loaded import LoadedModel, state_digest
from probes.sae import SAE, Origin, ReLU
from tests.audit.conftest import save_tiny

PLACE = "blocks.2.hook_resid_post"
FIRST = "blocks.0.hook_resid_pre"


def random_sae(width: int = 32, d_sae: int = 48, *, bias: float = 0.0, **more: Any) -> SAE:
    """Random unit directions, read by their transpose."""
    rows = torch.randn(d_sae, width, generator=torch.Generator().manual_seed(3))
    rows = rows / rows.norm(dim=1, keepdim=True)
    b_dec = 0.1 * torch.randn(width, generator=torch.Generator().manual_seed(4))
    more = {"activation": ReLU(), "b_enc": torch.full((d_sae,), bias), "b_dec": b_dec} | more
    return SAE(W_enc=rows.T.contiguous(), W_dec=rows, **more)


def token_sae(loaded: LoadedModel, tokens: Sequence[int]) -> SAE:
    """Feature `i` fires on `tokens[i]` alone, by 1, where the first block reads.

    Its direction is the token's own embedding, cut halfway to the next token along it.
    """
    table = loaded.model.get_input_embeddings().weight.detach().float()
    rows = table[list(tokens)]
    rows = rows / rows.norm(dim=1, keepdim=True)
    along = table @ rows.T
    own = along[list(tokens), range(len(tokens))]
    along[list(tokens), range(len(tokens))] = -torch.inf
    second = along.max(dim=0).values
    assert bool((own > second).all()), "another token lies further along the direction"
    cut = (own + second) / 2  # far from both: rounding makes nothing fire
    return SAE(rows.T / (own - cut), -cut / (own - cut), rows, torch.zeros(table.shape[1]), ReLU())


def transcoder(sae: SAE, hook_name: str, hook_name_out: str) -> SAE:
    return replace(sae, origin=Origin("memory", hook_name=hook_name, hook_name_out=hook_name_out))


def tiny_gpt2(tokenizer_folder: Path, folder: Path) -> LoadedModel:
    """A GPT-2 of 3 layers: position embeddings, LayerNorm, biases, a tied head."""
    from audit.models.loading import load_model

    torch.manual_seed(1)
    config = hf.GPT2Config(
        n_layer=3, n_head=4, n_embd=32, vocab_size=320, n_positions=64, bos_token_id=0
    )
    model = hf.GPT2LMHeadModel(config)
    for parameter in model.parameters():
        parameter.data.add_(0.05 * torch.randn_like(parameter))
    return load_model(str(save_tiny(model, tokenizer_folder, folder)), device="cpu")


def state_of(loaded: LoadedModel) -> str:
    """Everything that a measurement could leave in a model: weights, gradients, flags, hooks."""
    model = loaded.model
    said = [state_digest(model)]
    for name, parameter in model.named_parameters():
        said.append(f"{name} {parameter.requires_grad} {parameter.grad is None}")
    for name, module in model.named_modules():
        hooks = [*module._forward_hooks, *module._forward_pre_hooks, *module._backward_hooks]
        said.append(f"{name} {module.training} {len(hooks)}")
    return hashlib.sha256("\n".join(said).encode()).hexdigest()


def reading(loaded: LoadedModel, sae: SAE, ids: Sequence[int], block: int) -> torch.Tensor:
    """Feature activations `[tokens, d_sae]` behind a block, by a plain forward pass: the judge."""
    with torch.no_grad():
        states = loaded.model(torch.tensor([list(ids)]), output_hidden_states=True).hidden_states
        return sae.encode(states[block + 1][0])
