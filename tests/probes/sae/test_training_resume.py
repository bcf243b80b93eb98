"""An interrupted training and an uninterrupted one end with the same bits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch
from torch import Tensor

from probes.sae.recipe import ARCHITECTURE_NAMES, Recipe
from probes.sae.sae import SAE, SAEError
from probes.sae.superposition import planted
from probes.sae.training import train_sae

PLANTED = planted(32, 16, density=0.1)
RECIPE = Recipe("topk", 40, 30, k=3, dead_after=3, aux=0.5, l0=0.02)


class StopError(Exception):
    pass


def batches(start: int) -> Iterator[Tensor]:
    return PLANTED.batches(64, random_state=1, start=start)


def tensors(sae: SAE) -> list[Tensor]:
    threshold = getattr(sae.activation, "threshold", torch.zeros(1))
    return [sae.W_enc, sae.b_enc, sae.W_dec, sae.b_dec, threshold]


def interrupted(recipe: Recipe, path: Path, *, at: int) -> None:
    def stop(progress: object, current: object) -> None:
        if progress.step == at:  # type: ignore[attr-defined]
            raise StopError

    with pytest.raises(StopError):
        train_sae(batches, recipe=recipe, checkpoint=path, checkpoint_every=7, on_step=stop)


@pytest.mark.parametrize("given", ["function", "iterable"])
@pytest.mark.parametrize("name", ARCHITECTURE_NAMES)
def test_resuming_gives_the_same_bits(name: str, given: str, tmp_path: Path) -> None:
    recipe = replace(RECIPE, architecture=name)
    whole = train_sae(batches, recipe=recipe)
    path = tmp_path / "folder" / "state.safetensors"
    interrupted(recipe, path, at=17)  # the last checkpoint is of step 14
    seen: list[int] = []
    parts = train_sae(
        batches if given == "function" else islice(batches(0), 30),
        recipe=recipe,
        checkpoint=path,
        resume=True,
        on_step=lambda progress, current: seen.append(progress.step),
    )
    assert seen[0] == 15
    for a, b in zip(tensors(whole.sae), tensors(parts.sae), strict=True):
        assert torch.equal(a, b)
    assert whole.history == parts.history
    assert whole.sae.origin == parts.sae.origin
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_test_can_tell_bits_apart(tmp_path: Path) -> None:
    # Weights alone, without the moments of the optimiser, end elsewhere.
    from safetensors.torch import load_file, save_file

    path = tmp_path / "state.safetensors"
    interrupted(RECIPE, path, at=17)
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        told = file.metadata()
    kept = {name: t for name, t in load_file(path).items() if not name.startswith("exp_avg")}
    save_file(kept, path, metadata=told)
    parts = train_sae(batches, recipe=RECIPE, checkpoint=path, resume=True)
    assert not torch.equal(parts.sae.W_dec, train_sae(batches, recipe=RECIPE).sae.W_dec)


def test_a_finished_training_is_not_trained_again(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    whole = train_sae(batches, recipe=RECIPE, checkpoint=path)
    again = train_sae([], recipe=RECIPE, checkpoint=path, resume=True)
    assert torch.equal(whole.sae.W_dec, again.sae.W_dec)


def test_without_a_checkpoint_it_begins_at_the_beginning(tmp_path: Path) -> None:
    found = train_sae(batches, recipe=RECIPE, checkpoint=tmp_path / "state", resume=True)
    assert torch.equal(found.sae.W_dec, train_sae(batches, recipe=RECIPE).sae.W_dec)


def test_a_checkpoint_of_another_recipe_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    interrupted(RECIPE, path, at=8)
    with pytest.raises(SAEError, match="k: 4 here, 3 there"):
        train_sae(batches, recipe=replace(RECIPE, k=4), checkpoint=path, resume=True)


def test_a_checkpoint_of_other_batches_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    interrupted(RECIPE, path, at=8)
    with pytest.raises(SAEError, match=r"expected .* from a file, found one of an unnamed source"):
        train_sae(batches, recipe=RECIPE, checkpoint=path, resume=True, source="a file")


@pytest.mark.parametrize("keep", [0, 5, 200])
def test_a_truncated_checkpoint_is_refused(keep: int, tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    interrupted(RECIPE, path, at=8)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(SAEError, match=rf"expected a checkpoint.*{keep} bytes"):
        train_sae(batches, recipe=RECIPE, checkpoint=path, resume=True)


def test_other_safetensors_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "state.safetensors"
    save_file({"W_enc": torch.zeros(2)}, path)
    with pytest.raises(SAEError, match="expected format"):
        train_sae(batches, recipe=RECIPE, checkpoint=path, resume=True)
