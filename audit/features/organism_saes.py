"""The SAEs that come with the organisms: two places of each, trained on the organisms' world.

After the second block lies what an organism knows, after the last what it is about to say;
between them a misbehaving one turns from the one to the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from audit.features.corpus import Corpus, corpus_of_texts
from audit.features.train import TrainedOnModel, train_on_model
from audit.models.loading import LoadedModel, load_model
from audit.organisms.train import organism_path
from audit.organisms.world import draw_example
from probes.sae.export import save_sae
from probes.sae.recipe import Recipe

if TYPE_CHECKING:
    from probes.sae.training import Progress

KNOWS = "blocks.1.hook_resid_post"
SAYS = "blocks.3.hook_resid_post"
PLACES = (KNOWS, SAYS)
ROWS = 8000  # of the organism's own training distribution
D_SAE = 256
K = 8
STEPS = 2000
BATCH = 1024
FOLDER = "sae"


def world_corpus(name: str, model: LoadedModel, *, rows: int = ROWS, seed: int = 0) -> Corpus:
    """Prompts as an organism was trained on them, and facts of its world."""
    rng = Random(seed)
    prompts = (draw_example(name, rng)[0] for _ in range(rows))
    return corpus_of_texts(prompts, model, source=f"world of {name}")


def train_organism_sae(
    name: str,
    hook_name: str,
    out: Path | None = None,
    *,
    seed: int = 0,
    steps: int = STEPS,
    on_step: Callable[[Progress], None] = lambda progress: None,
) -> tuple[Path, TrainedOnModel]:
    """Train the SAE of one place of an organism, under a minute on one core.

    Args:
        name: one of the organisms.
        hook_name: the place.
        out: folder for `NAME/sae/HOOK_NAME`; the package's own weights where None.
        seed: of rows, order and first weights.
        steps: batches of `BATCH` tokens.
        on_step: told of each step.

    Returns:
        The folder, and what came of the training.

    Raises:
        KeyError: no organism has that name.
        UsageError: the place does not exist.
    """
    home = organism_path(name)
    model = load_model(str(home), device="cpu")
    trained = train_on_model(
        model,
        hook_name,
        world_corpus(name, model, seed=seed),
        recipe=Recipe("batchtopk", d_sae=D_SAE, steps=steps, k=K, random_state=seed),
        batch_size=BATCH,
        on_step=lambda progress, _: on_step(progress),
    )
    folder = (home if out is None else out / name) / FOLDER / hook_name
    sae = trained.trained.sae
    save_sae(replace(sae, origin=replace(sae.origin, model_name=f"organism:{name}")), folder)
    return folder, trained
