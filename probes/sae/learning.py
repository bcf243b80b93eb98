"""An SAE while it learns: how it starts, how it ends, and how it waits on disk.

A checkpoint is one safetensors file: the tensors, and all else as JSON in its header, so that
a single rename makes it whole. Knows nothing of losses or of data beyond the first batch.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from probes.sae.architectures import ARCHITECTURES, Weights
from probes.sae.files import write_atomically
from probes.sae.randomness import generator
from probes.sae.recipe import Recipe
from probes.sae.sae import SAE, Origin, SAEError

FORMAT = "alignment-audit SAE training 1"
_MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class Progress:
    """What a step of training was like, on its own batch.

    Attributes:
        step: counted from 1.
        loss: reconstruction, sparsity and auxiliary loss together, per width.
        l0: features that fire per token.
        explained_variance: 1 - squared error / variance of the batch around its mean.
        dead_share: features that have not fired for `recipe.steps_until_dead` steps.
    """

    step: int
    loss: float
    l0: float
    explained_variance: float
    dead_share: float


@dataclass(eq=False)
class Learning:
    """Everything that the next step depends on. Steps change it.

    Attributes:
        recipe: how.
        scale: inputs are multiplied with it, so that their typical norm is `sqrt(d_in)`.
        weights: leaves of the gradient.
        optimizer: Adam over them.
        last_fired: `[d_sae]`, the step at which a feature fired last.
        step: steps done.
        threshold: running mean of the smallest activation of a batch.
        l0: running mean of features per token.
        history: some of the steps.
        source: what the batches come from, in words that name it fully.
    """

    recipe: Recipe
    scale: float
    weights: Weights
    optimizer: torch.optim.Adam
    last_fired: Tensor
    step: int = 0
    threshold: float = 0.0
    l0: float = 0.0
    history: list[Progress] = field(default_factory=list)
    source: str = ""


def begin(recipe: Recipe, sample: Tensor) -> Learning:
    """The first weights: random decoder rows, their transpose as encoder, `b_dec` in the middle.

    Args:
        recipe: how.
        sample: `[n, d_in]`, the first batch: sets the scale and the start of `b_dec`.

    Raises:
        SAEError: the sample holds nothing but zeros, or numbers that are not finite.
    """
    typical = float(sample.norm(dim=1).mean())
    if not 0 < typical < float("inf"):
        raise SAEError(
            f"the first batch of activations has a mean norm of {typical}; expected numbers that "
            "are finite and not all zero"
        )
    d_in = sample.shape[1]
    scale = d_in**0.5 / typical
    architecture = ARCHITECTURES[recipe.architecture]
    draws = generator("first weights", recipe.random_state)
    rows = torch.randn(recipe.d_sae, d_in, generator=draws).to(sample.device)
    rows = rows / rows.norm(dim=1, keepdim=True)
    weights = {
        "W_enc": rows.T.contiguous(),
        "b_enc": rows.new_zeros(recipe.d_sae),
        "W_dec": architecture.row_norm * rows,
        "b_dec": geometric_median(sample.float() * scale),
    }
    if recipe.architecture == "jumprelu":
        weights["log_threshold"] = torch.full_like(
            weights["b_enc"], recipe.bandwidth * d_in**0.5
        ).log()
    return _learning(recipe, scale, weights)


def _learning(recipe: Recipe, scale: float, weights: Weights) -> Learning:
    leaves = {name: tensor.detach().clone().requires_grad_() for name, tensor in weights.items()}
    optimizer = torch.optim.Adam(leaves.values(), lr=recipe.learning_rate)
    last_fired = torch.zeros(recipe.d_sae, dtype=torch.long, device=leaves["b_enc"].device)
    return Learning(recipe, scale, leaves, optimizer, last_fired)


def geometric_median(x: Tensor, *, iterations: int = 100, tolerance: float = 1e-6) -> Tensor:
    """The point `[d]` with the least sum of distances to `x [n, d]` (Weiszfeld's algorithm)."""
    median = x.mean(dim=0)
    for _ in range(iterations):
        nearness = 1 / (x - median).norm(dim=1, keepdim=True).clamp_min(1e-10)
        moved = (x * nearness).sum(dim=0) / nearness.sum()
        step = (moved - median).norm()
        median = moved
        if step <= tolerance * median.norm():
            break
    return median


def finish(learning: Learning, *, origin: Origin) -> SAE:
    """The SAE in the units of its inputs, in SAELens' conventions, decoder rows of norm 1.

    `f = act((s x - b_dec) W_enc + b_enc)` and `(f W_dec + b_dec) / s` stay what they are when
    both biases and the threshold are divided by `s`, for all activations are homogeneous.
    """
    weights = {name: tensor.detach().clone() for name, tensor in learning.weights.items()}
    norms = weights["W_dec"].norm(dim=1).clamp_min(1e-12)
    activation = ARCHITECTURES[learning.recipe.architecture].finish(
        weights, learning.threshold, learning.recipe
    )
    folded = norms / learning.scale
    return SAE(
        W_enc=weights["W_enc"] * norms,
        b_enc=weights["b_enc"] * folded,
        W_dec=weights["W_dec"] / norms[:, None],
        b_dec=weights["b_dec"] / learning.scale,
        activation=_scaled(activation, folded),
        apply_b_dec_to_input=True,
        origin=origin,
    )


def _scaled(activation: Any, factor: Tensor) -> Any:
    from dataclasses import replace

    if not hasattr(activation, "threshold"):
        return activation
    return replace(activation, threshold=activation.threshold * factor)


def save_checkpoint(learning: Learning, path: Path) -> None:
    """Write all of it into one file: temporary file, fsync, rename."""
    from safetensors.torch import save

    tensors = {name: tensor.detach().contiguous() for name, tensor in learning.weights.items()}
    for name, tensor in learning.weights.items():
        state = learning.optimizer.state.get(tensor, {})
        tensors |= {f"{moment}.{name}": state[moment] for moment in _MOMENTS if moment in state}
    tensors["last_fired"] = learning.last_fired
    told = {
        "format": FORMAT,
        "recipe": learning.recipe.to_dict(),
        "scale": learning.scale,
        "step": learning.step,
        "threshold": learning.threshold,
        "l0": learning.l0,
        "source": learning.source,
        "history": [asdict(progress) for progress in learning.history],
    }
    content = save(tensors, metadata={"training": json.dumps(told, sort_keys=True)})
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)


def load_checkpoint(
    path: Path, recipe: Recipe, *, source: str = "", device: object = "cpu"
) -> Learning:
    """What `save_checkpoint` wrote, to go on with bit for bit.

    Raises:
        SAEError: the file is truncated, is no checkpoint, or is one of another recipe or of
            batches from another source.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            told = json.loads((file.metadata() or {}).get("training", "{}"))
            tensors = {name: file.get_tensor(name).to(device) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, ValueError) as error:
        raise SAEError(
            f"{path}: expected a checkpoint of SAE training, found {path.stat().st_size} bytes "
            f"that cannot be read as one ({error}); delete it to begin anew"
        ) from None
    if told.get("format") != FORMAT:
        raise SAEError(
            f"{path}: expected format {FORMAT!r}, found {told.get('format')!r}; delete the file to "
            "begin anew"
        )
    if differences := recipe.differences(told["recipe"]):
        raise SAEError(
            f"{path}: the checkpoint is of another recipe ({'; '.join(differences)}); repeat its "
            "options, or train into another folder"
        )
    if told["source"] != source:
        raise SAEError(
            f"{path}: expected a checkpoint of batches from {source or 'an unnamed source'}, found "
            f"one of {told['source'] or 'an unnamed source'}; repeat its options, or train into "
            "another folder"
        )
    names = [name for name in tensors if "." not in name and name != "last_fired"]
    learning = _learning(recipe, told["scale"], {name: tensors[name] for name in names})
    for name, leaf in learning.weights.items():
        if f"exp_avg.{name}" in tensors:
            learning.optimizer.state[leaf] = {
                "step": torch.tensor(float(told["step"])),
                **{moment: tensors[f"{moment}.{name}"] for moment in _MOMENTS},
            }
    learning.last_fired = tensors["last_fired"]
    learning.step, learning.threshold, learning.l0 = told["step"], told["threshold"], told["l0"]
    learning.source = source
    learning.history = [Progress(**progress) for progress in told["history"]]
    return learning
