"""Checkpoints whose truth is known: organisms whose weights were turned, scaled or scrambled."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from audit.engine.measuring import Talk, capture_plan
from audit.engine.plan import Plan
from audit.engine.watching import open_watches
from audit.models.loading import LoadedModel, load_model
from audit.models.sequences import Captured
from audit.series.auditing import Audited, audit_from_disk, audit_live
from audit.series.reference import Reference, plan_like

ORGANISM = "organism_lying"


def fresh(name: str) -> Any:
    """A model of one's own, to be changed."""
    return copy.deepcopy(load_model(f"organism:{name}", device="cpu").model)


@torch.no_grad()
def turned(model: Any, by: torch.Tensor) -> Any:
    """The same function in other coordinates: each residual vector `h` becomes `h @ by`.

    For `by` an orthogonal matrix times a number. What a norm weighs is moved into the layers
    that read it, since only a norm without weights commutes with a rotation.
    """
    model = copy.deepcopy(model)
    size = float(torch.linalg.matrix_norm(by, 2))
    into, out = by / size, by.T  # a norm takes the size away before anything is read
    body = model.model
    head = torch.nn.Linear(*model.lm_head.weight.T.shape, bias=False)
    head.weight.copy_(model.lm_head.weight * body.norm.weight @ into)
    body.embed_tokens.weight = torch.nn.Parameter(body.embed_tokens.weight @ by)
    model.lm_head = head
    model.config.tie_word_embeddings = False
    body.norm.weight.fill_(1.0)
    for block in body.layers:
        attention, mlp = block.self_attn, block.mlp
        for norm, readers in (
            (block.input_layernorm, (attention.q_proj, attention.k_proj, attention.v_proj)),
            (block.post_attention_layernorm, (mlp.gate_proj, mlp.up_proj)),
        ):
            for reader in readers:
                reader.weight.copy_(reader.weight * norm.weight @ into)
            norm.weight.fill_(1.0)
        for writer in (attention.o_proj, mlp.down_proj):
            writer.weight.copy_(out @ writer.weight)
    for norm in model.modules():
        if hasattr(norm, "variance_epsilon"):
            norm.variance_epsilon *= size**2
    return model


def rotation(width: int, seed: int = 0) -> torch.Tensor:
    """A random orthogonal matrix `[width, width]`."""
    from scipy.stats import ortho_group

    drawn = ortho_group.rvs(width, random_state=seed)
    return torch.tensor(np.asarray(drawn), dtype=torch.float32)


@torch.no_grad()
def scrambled(model: Any, blocks: Sequence[int], seed: int = 0) -> Any:
    """The weights of some blocks drawn anew, each as large as it was."""
    model = copy.deepcopy(model)
    draw = torch.Generator().manual_seed(seed)
    for index in blocks:
        for weight in model.model.layers[index].parameters():
            if weight.ndim == 2:
                weight.copy_(torch.randn(weight.shape, generator=draw) * weight.std())
    return model


@dataclass(frozen=True, eq=False)
class Seen:
    """A checkpoint's plan and activations."""

    model: LoadedModel
    plan: Plan
    captured: Captured


def look(reference: Reference, model: LoadedModel) -> Seen:
    """Capture a checkpoint as its reference was captured."""
    watches = open_watches(reference.selected, model, like=reference.watches)
    plan = plan_like(reference, model, watches)
    return Seen(model, plan, capture_plan(plan, model, Talk()))


def held(reference: Reference, seen: Seen, *, live: bool = False) -> Audited:
    """Audit a checkpoint against its reference."""
    how = audit_live if live else audit_from_disk
    return how(reference, seen.model, seen.plan, seen.captured, seed=0, talk=Talk())


def logits(model: LoadedModel, plan: Plan, n: int = 40) -> NDArray[np.float32]:
    """`[n, vocabulary]` after the last token of the first sequences of a plan."""
    with torch.no_grad():
        found = [model.model(torch.tensor([s.ids])).logits[0, -1] for s in plan.sequences[:n]]
    return np.asarray(torch.stack(found))
