"""Train an SAE on a place of a model: split the data, feed the trainer, measure what came out.

Knows which tokens are trained on and which are held out; the training itself is
`probes.sae.training`, which knows no model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audit.errors import UsageError
from audit.features.batches import OUTLIER, token_batches
from audit.features.corpus import Corpus
from audit.features.recovered import HeldOut, held_out_quality
from audit.models.hook_names import HookPoints
from audit.models.loading import LoadedModel
from probes.sae.randomness import generator
from probes.sae.sae import SAE, Origin, SAEError

if TYPE_CHECKING:
    from probes.sae.recipe import Recipe
    from probes.sae.training import Progress, TrainedSAE

HELD_OUT = 0.05
_MOST_HELD_OUT = 64  # sequences: each runs three times whenever losses are measured
_MEASURED = 10  # times in a training,
_GLANCE = 8  # on so many of them


@dataclass(frozen=True, eq=False)
class TrainedOnModel:
    """A trained SAE with what it is worth on held-out text.

    Attributes:
        trained: the SAE, its recipe and its history.
        held_out: measured at the end.
        tokens: distinct tokens that it was trained on.
        norm_limit: activations above it were left out.
    """

    trained: TrainedSAE
    held_out: HeldOut
    tokens: int
    norm_limit: float


def train_on_model(
    loaded: LoadedModel,
    hook_name: str,
    corpus: Corpus,
    *,
    recipe: Recipe,
    batch_size: int = 2048,
    outlier: float | None = OUTLIER,
    buffer_tokens: int | None = None,
    checkpoint: Path | None = None,
    checkpoint_every: int = 1000,
    resume: bool = False,
    on_step: Callable[[Progress, HeldOut | None], None] = lambda progress, held_out: None,
) -> TrainedOnModel:
    """Train an SAE on the activations of a corpus at one place.

    Args:
        loaded: the model; it is not changed.
        hook_name: the place, in TransformerLens' words.
        corpus: what it reads; a twentieth of its groups is held out.
        recipe: how to train; its `random_state` also shuffles.
        batch_size: tokens in a step.
        outlier: multiple of the median norm above which activations are left out, None to
            keep all.
        buffer_tokens: tokens that are shuffled together; half a gigabyte of them where None.
        checkpoint: file that the state is saved to.
        checkpoint_every: steps between two savings.
        resume: go on from that file where it is. Activations up to there are read again
            where they do not fit into one block.
        on_step: told of each step, and of what is held out ten times in a training.

    Raises:
        UsageError: the place does not exist, the recipe does not fit, or too little data.
    """
    HookPoints(loaded.model).resolve(hook_name)
    training, held_out = hold_out(corpus, random_state=recipe.random_state)
    from probes.sae.training import train_sae

    batches = token_batches(
        loaded,
        training,
        hook_name,
        batch_size=batch_size,
        outlier=outlier,
        buffer_tokens=buffer_tokens,
        random_state=recipe.random_state,
    )

    def measured(sae: SAE, rows: int) -> HeldOut:
        some = held_out.take(range(min(rows, len(held_out))))
        return held_out_quality(loaded, hook_name, sae, some, norm_limit=batches.norm_limit)

    every = max(1, recipe.steps // _MEASURED)

    def stepped(progress: Progress, current: Callable[[], SAE]) -> None:
        now = progress.step % every == 0 and progress.step < recipe.steps
        on_step(progress, measured(current(), _GLANCE) if now else None)

    try:
        trained = train_sae(
            batches,
            recipe=recipe,
            on_step=stepped,
            checkpoint=checkpoint,
            checkpoint_every=checkpoint_every,
            resume=resume,
            source=batches.name,
            origin=_origin(loaded, hook_name, corpus),
        )
    except SAEError as error:
        raise UsageError(str(error)) from None
    return TrainedOnModel(
        trained, measured(trained.sae, len(held_out)), training.n_tokens, batches.norm_limit
    )


def hold_out(corpus: Corpus, *, random_state: int) -> tuple[Corpus, Corpus]:
    """Part a corpus by groups into what is trained on and what is held out.

    Raises:
        UsageError: all rows are of one group.
    """
    import numpy as np
    import torch

    groups = np.unique(corpus.groups)
    if len(groups) < 2:
        raise UsageError(
            "the data is a single text or group, of which nothing can be held out; give it as "
            "several lines"
        )
    order = torch.randperm(len(groups), generator=generator("held out", random_state))
    count = max(1, round(HELD_OUT * len(groups)))
    chosen = np.isin(corpus.groups, groups[order[:count].numpy()])
    outside = np.flatnonzero(chosen)[:_MOST_HELD_OUT]
    return corpus.take(np.flatnonzero(~chosen)), corpus.take(outside)


def _called(name: str) -> str:
    return Path(name).name if Path(name).exists() else name


def _origin(loaded: LoadedModel, hook_name: str, corpus: Corpus) -> Origin:
    first = getattr(loaded.tokenizer, "bos_token_id", None)
    return Origin(
        format="trained",
        # A folder of this machine is no name: what it is called will do.
        model_name=loaded.name if loaded.path is None else _called(loaded.name),
        hook_name=hook_name,
        context_size=max(map(len, corpus.ids)),
        prepend_bos=first is not None and all(ids[0] == first for ids in corpus.ids),
    )
