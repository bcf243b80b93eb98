"""Train a sparse autoencoder on batches of activations: one loop, five architectures.

Knows batches and recipes; where activations come from is told to it, and what is particular
to an architecture is in the table `ARCHITECTURES`. The same recipe, batches and number of
threads give the same weights, also across an interruption. Imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import torch
from torch import Tensor

from probes.sae.architectures import ARCHITECTURES
from probes.sae.learning import (
    Learning,
    Progress,
    begin,
    finish,
    load_checkpoint,
    save_checkpoint,
)
from probes.sae.recipe import Recipe
from probes.sae.sae import SAE, Origin, SAEError

__all__ = ["Batches", "Progress", "Recipe", "TrainedSAE", "train_sae"]

Batches = Iterable[Tensor] | Callable[[int], Iterable[Tensor]]
"""Batches `[batch, d_in]`; or a function that gives those from a step (from 0) on."""

CHECKPOINT_EVERY = 1000
_KEPT_STEPS = 100  # of the history
_SLOWEST = 0.01  # share of a new value in a running mean, in a long training
_WINDOWS = 20  # in a short one it forgets so many times over
_CLIP = 1.0  # norm of the gradient


@dataclass(frozen=True, eq=False)
class TrainedSAE:
    """A trained SAE and how it came about.

    Attributes:
        sae: in SAELens' conventions; `origin.promised_l0` is what it had at the end.
        recipe: how it was trained.
        history: about a hundred of its steps, the last among them.
    """

    sae: SAE
    recipe: Recipe
    history: tuple[Progress, ...]


def train_sae(
    batches: Batches,
    *,
    recipe: Recipe,
    on_step: Callable[[Progress, Callable[[], SAE]], None] = lambda progress, current: None,
    checkpoint: Path | None = None,
    checkpoint_every: int = CHECKPOINT_EVERY,
    resume: bool = False,
    source: str = "",
    origin: Origin | None = None,
) -> TrainedSAE:
    """Train an SAE.

    Args:
        batches: activations `[batch, d_in]`, any float dtype, on the device to train on. The
            first batch also sets the scale of the inputs and the start of `b_dec`. An iterable
            is run through from its beginning when training resumes.
        recipe: how.
        on_step: told of every step, with a function that gives the SAE as it stands.
        checkpoint: file to save the state to now and then, and at the end.
        checkpoint_every: steps between two savings.
        resume: go on from `checkpoint` where that file is. The weights are then the same, bit
            for bit, as without the interruption.
        source: what the batches come from; a checkpoint of another source is refused.
        origin: of the SAE; format `trained` by default.

    Raises:
        SAEError: too few batches, batches of different widths, activations or losses that are
            not finite, or a checkpoint of another recipe or source.
    """
    learning, rest = _start(batches, recipe, checkpoint if resume else None, source)
    every = max(1, recipe.steps // _KEPT_STEPS)

    def current() -> SAE:
        return finish(learning, origin=_origin(learning, origin))

    for x in islice(rest, recipe.steps - learning.step):
        progress = _step(learning, _checked(x, learning))
        if progress.step % every == 0 or progress.step == recipe.steps:
            learning.history.append(progress)
        if checkpoint and (progress.step % checkpoint_every == 0 or progress.step == recipe.steps):
            save_checkpoint(learning, checkpoint)
        on_step(progress, current)
    if learning.step < recipe.steps:
        raise SAEError(
            f"the batches end after {learning.step} of {recipe.steps} steps; train on more data, "
            "or for fewer steps"
        )
    return TrainedSAE(current(), recipe, tuple(learning.history))


def _start(
    batches: Batches, recipe: Recipe, checkpoint: Path | None, source: str
) -> tuple[Learning, Iterator[Tensor]]:
    """The state to go on from, and the batches that are still to come."""
    if checkpoint is None or not checkpoint.exists():
        stream = iter(batches(0) if callable(batches) else batches)
        first = next(stream, None)
        if first is None:
            raise SAEError("there is no batch of activations to train on")
        if first.ndim != 2 or 0 in first.shape:
            raise SAEError(f"expected batches [batch, d_in], found one of {list(first.shape)}")
        learning = begin(recipe, first)
        learning.source = source
        return learning, chain([first], stream)
    learning = load_checkpoint(checkpoint, recipe, source=source)
    if learning.step == recipe.steps:
        return learning, iter(())
    if callable(batches):
        stream = iter(batches(learning.step))
    else:
        stream = islice(batches, learning.step, None)
    first = next(stream, None)
    if first is None:
        return learning, stream
    if first.device.type != "cpu":
        learning = load_checkpoint(checkpoint, recipe, source=source, device=first.device)
    return learning, chain([first], stream)


def _checked(x: Tensor, learning: Learning) -> Tensor:
    """The batch in float32, if it is one."""
    d_in = learning.weights["W_enc"].shape[0]
    if x.ndim != 2 or x.shape[1] != d_in or len(x) == 0:
        raise SAEError(
            f"step {learning.step + 1}: expected a batch [batch, {d_in}], found {list(x.shape)}"
        )
    return x.detach().float()


def _step(learning: Learning, x: Tensor) -> Progress:
    """One batch, one change of the weights."""
    recipe, weights = learning.recipe, learning.weights
    architecture = ARCHITECTURES[recipe.architecture]
    x = x * learning.scale
    d_in = x.shape[1]
    h = (x - weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"]
    acts = architecture.activate(h, weights, recipe)
    errors = _errors(x, acts, learning)
    loss = torch.stack([error.square().sum(dim=1).mean() for error in errors]).mean() / d_in
    if architecture.penalty is not None:
        price = architecture.penalty(h, acts, weights, recipe)
        loss = loss + recipe.sparsity_share(learning.step) * price
    dead = learning.step - learning.last_fired >= recipe.steps_until_dead
    if recipe.aux > 0 and bool(dead.any()):
        loss = loss + recipe.aux * _auxiliary(h, errors[-1].detach(), dead, learning) / d_in
    value = float(loss.detach())
    if not abs(value) < float("inf"):
        raise SAEError(
            f"step {learning.step + 1}: the loss is {value}; the activations hold NaN or infinity, "
            "or the learning rate is too high"
        )
    learning.optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    _apply(learning)
    with torch.no_grad():
        return _watch(learning, acts, x, errors[-1], value)


def _errors(x: Tensor, acts: Tensor, learning: Learning) -> list[Tensor]:
    """What each nested dictionary leaves of the input, the whole one last."""
    weights = learning.weights
    left, start, errors = x - weights["b_dec"], 0, []
    for stop in learning.recipe.nested:
        left = left - acts[:, start:stop] @ weights["W_dec"][start:stop]
        errors.append(left)
        start = stop
    return errors


def _auxiliary(h: Tensor, error: Tensor, dead: Tensor, learning: Learning) -> Tensor:
    """Squared error of the dead features' own attempt at the error that is left.

    Gao et al. 2024, section A.2: the `aux_k` dead features with the largest pre-activations
    reconstruct it, so that they learn something and come back to life.
    """
    recipe = learning.recipe
    of_dead = h[:, dead]
    k = min(recipe.aux_k or max(1, error.shape[1] // 2), of_dead.shape[1])
    top = of_dead.topk(k, dim=1, sorted=False)
    acts = torch.zeros_like(of_dead).scatter(1, top.indices, top.values.relu())
    guess = acts @ learning.weights["W_dec"][dead]
    return (error - guess).square().sum(dim=1).mean()


def _apply(learning: Learning) -> None:
    """Change the weights along the gradient; decoder rows that are held stay at norm 1."""
    weights = learning.weights
    held = ARCHITECTURES[learning.recipe.architecture].unit_rows
    rows = weights["W_dec"]
    if held and rows.grad is not None:
        along = (rows.grad * rows.detach()).sum(dim=1, keepdim=True)
        rows.grad -= along * rows.detach()
    torch.nn.utils.clip_grad_norm_(weights.values(), _CLIP)
    for group in learning.optimizer.param_groups:
        group["lr"] = learning.recipe.learning_rate * learning.recipe.lr_share(learning.step)
    learning.optimizer.step()
    if held:
        with torch.no_grad():
            rows /= rows.norm(dim=1, keepdim=True)


def _watch(learning: Learning, acts: Tensor, x: Tensor, error: Tensor, loss: float) -> Progress:
    """Count the step, keep the running means, and say how it was."""
    recipe = learning.recipe
    fires = acts > 0
    l0 = float(fires.sum()) / len(x)
    # A plain mean at first, then one that forgets.
    share = max(min(1.0, _WINDOWS / recipe.steps), _SLOWEST, 1 / (learning.step + 1))
    if ARCHITECTURES[recipe.architecture].has_threshold and bool(fires.any()):
        learning.threshold += share * (float(acts[fires].min()) - learning.threshold)
    learning.l0 += share * (l0 - learning.l0)
    learning.step += 1
    learning.last_fired[fires.any(dim=0)] = learning.step
    dead = learning.step - learning.last_fired >= recipe.steps_until_dead
    spread = float((x - x.mean(dim=0)).square().sum())
    unexplained = float(error.square().sum())
    return Progress(
        step=learning.step,
        loss=loss,
        l0=l0,
        explained_variance=1 - unexplained / spread if spread > 0 else 0.0,
        dead_share=float(dead.float().mean()),
    )


def _origin(learning: Learning, origin: Origin | None) -> Origin:
    from dataclasses import replace

    recipe = learning.recipe
    promised = float(recipe.k) if recipe.architecture == "topk" else learning.l0
    return replace(origin or Origin("trained"), promised_l0=promised)
