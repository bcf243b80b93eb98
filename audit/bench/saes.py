"""The SAEs of an honest model of the bench, for monitors that read features.

They are trained on the honest model alone: whoever watches a model in training has the SAE of
what it was, and how well that still describes it is part of what the audit says.
"""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from audit.bench.world import draw_honest
from audit.features.corpus import corpus_of_texts
from audit.features.organism_saes import BATCH, D_SAE, PLACES, ROWS, K
from audit.features.train import train_on_model
from audit.models.loaded import wrap_model
from audit.organisms.tokenizer import build_tokenizer
from probes.sae.export import save_sae
from probes.sae.recipe import Recipe

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

STEPS = 1000
"""Half of what the shipped SAEs take; they are as many as there are bases."""


def saes(honest: LlamaForCausalLM, folder: Path, seed: int) -> Path:
    """The folder with the SAE of each of `PLACES`, trained where it is not there yet.

    Args:
        honest: the model.
        folder: where they lie.
        seed: of rows, order and first weights.
    """
    missing = [place for place in PLACES if not (folder / place).is_dir()]
    if missing:
        loaded = wrap_model(honest, build_tokenizer(), name="honest")
        rng = Random(f"corpus {seed}")
        prompts = [draw_honest(rng)[0] for _ in range(ROWS)]
        corpus = corpus_of_texts(prompts, loaded, source="world of the bench")
        for place in missing:
            recipe = Recipe("batchtopk", d_sae=D_SAE, steps=STEPS, k=K, random_state=seed)
            trained = train_on_model(loaded, place, corpus, recipe=recipe, batch_size=BATCH)
            save_sae(trained.trained.sae, folder / place)
    return folder
