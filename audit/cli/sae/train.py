"""`audit sae train`: a sparse autoencoder of one place of a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from audit.cli.options import model_option
from audit.cli.sae.training_bar import training_bar
from audit.exit_codes import ExitCode
from probes.sae.recipe import ARCHITECTURE_NAMES

if TYPE_CHECKING:
    from audit.features.train import TrainedOnModel

CHECKPOINT = Path("checkpoint", "state.safetensors")
RECORD = "training.json"
_SAVED = "cfg.json"


@click.command("train")
@model_option
@click.option(
    "--hook-name", required=True, metavar="NAME", help="The place: blocks.8.hook_resid_post."
)
@click.option(
    "--data",
    required=True,
    metavar="FILE",
    help=".txt with one text in a line, .jsonl with a field `text`, or a suite: its file or "
    "built-in name, with :DATASET for one of its data sets.",
)
@click.option("--d-sae", type=int, required=True, metavar="N", help="Number of features.")
@click.option(
    "--architecture",
    type=click.Choice(ARCHITECTURE_NAMES),
    default="batchtopk",
    show_default=True,
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    metavar="DIR",
    help="Folder for the SAE, in SAELens' format.",
)
@click.option(
    "--resume", is_flag=True, help="Go on from the checkpoint in DIR, where there is one."
)
@click.option("--steps", type=click.IntRange(min=1), help="Batches [default: 5000].")
@click.option("--tokens", type=click.IntRange(min=1), help="In the place of --steps.")
@click.option("--batch-size", type=int, default=2048, show_default=True, help="In tokens.")
@click.option("--lr", type=float, help="Highest learning rate [default: by the width].")
@click.option(
    "--k", type=int, help="Features per token: topk, batchtopk, matryoshka [default: 32]."
)
@click.option("--l1", type=float, help="Price of activation: relu [default: 0.1].")
@click.option("--l0", type=float, help="Price of a feature: jumprelu [default: 0.003].")
@click.option(
    "--aux", type=float, help="Coefficient of the loss for dead features [default: 1/32]."
)
@click.option("--context-size", type=click.IntRange(min=1), default=256, show_default=True)
@click.option("--keep-special", is_flag=True, help="Train on BOS and other special tokens as well.")
@click.option(
    "--keep-outliers", is_flag=True, help="Train on activations over ten median norms as well."
)
@click.option("--checkpoint-every", type=click.IntRange(min=1), default=1000, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def command(
    model: str,
    device: str | None,
    dtype: str | None,
    allow_pickle: bool,
    hook_name: str,
    data: str,
    out: Path,
    resume: bool,
    batch_size: int,
    context_size: int,
    keep_special: bool,
    keep_outliers: bool,
    checkpoint_every: int,
    quiet: bool,
    **recipe: Any,
) -> int:
    """Train a sparse autoencoder on the activations of MODEL at one place.

    A twentieth of the texts is held out; on it the SAE is measured, ten times in a training
    and at the end, which is written to DIR/training.json beside the SAE. An interrupted
    training goes on with --resume, to the same weights.
    """
    from audit.errors import UsageError
    from audit.features.data import read_corpus
    from audit.features.train import train_on_model
    from audit.models.hook_names import HookPoints
    from audit.models.loading import load_model
    from probes.sae.export import save_sae

    chosen = _recipe(batch_size=batch_size, **recipe)
    checkpoint = out / CHECKPOINT
    if not resume and (checkpoint.exists() or (out / _SAVED).exists()):
        raise UsageError(f"{out} holds an SAE or a checkpoint; add --resume, or name another -o")
    if resume and not checkpoint.exists() and (out / _SAVED).exists():
        raise UsageError(f"{out} holds a finished SAE, and nothing to resume; name another -o")
    loaded = load_model(model, device=device, dtype=dtype, allow_pickle=allow_pickle)
    HookPoints(loaded.model).resolve(hook_name)
    corpus = read_corpus(data, loaded, context_size=context_size, special=keep_special)
    out.mkdir(parents=True, exist_ok=True)
    with training_bar(chosen.steps, quiet=quiet) as told:
        done = train_on_model(
            loaded,
            hook_name,
            corpus,
            recipe=chosen,
            batch_size=batch_size,
            **({"outlier": None} if keep_outliers else {}),
            checkpoint=checkpoint,
            checkpoint_every=checkpoint_every,
            resume=resume,
            on_step=told,
        )
    save_sae(done.trained.sae, out)
    _write_record(out / RECORD, done, data=data, batch_size=batch_size)
    checkpoint.unlink(missing_ok=True)
    checkpoint.parent.rmdir()
    for line in _summary(done):
        click.echo(line)
    click.echo(out)
    return ExitCode.PASSED


def _recipe(
    *,
    d_sae: int,
    architecture: str,
    steps: int | None,
    tokens: int | None,
    batch_size: int,
    seed: int,
    **given: float | None,
) -> Any:
    from audit.errors import UsageError
    from probes.sae.recipe import Recipe
    from probes.sae.sae import SAEError

    if steps is not None and tokens is not None:
        raise UsageError("--steps and --tokens say the same thing; give one of them")
    if batch_size < 1:
        raise UsageError(f"a batch holds at least one token, not {batch_size}")
    steps = steps or (max(1, tokens // batch_size) if tokens else 5000)
    said = {name: value for name, value in given.items() if value is not None}
    try:
        return Recipe(architecture, d_sae, steps, random_state=seed, **said)  # type: ignore[arg-type]
    except SAEError as error:
        raise UsageError(str(error)) from None


def _write_record(path: Path, done: TrainedOnModel, *, data: str, batch_size: int) -> None:
    from dataclasses import asdict

    from probes.sae.files import write_atomically

    held_out = asdict(done.held_out) | {
        "loss_recovered": done.held_out.loss_recovered,
        "divergence_recovered": done.held_out.divergence_recovered,
    }
    record = {
        "recipe": done.trained.recipe.to_dict(),
        "data": data,
        "batch_size": batch_size,
        "tokens": done.tokens,
        "norm_limit": done.norm_limit if done.norm_limit < float("inf") else None,
        "held_out": held_out,
        "history": [asdict(progress) for progress in done.trained.history],
    }
    write_atomically(path, (json.dumps(record, indent=2, sort_keys=True) + "\n").encode())


def _summary(done: TrainedOnModel) -> list[str]:
    held_out, last = done.held_out, done.trained.history[-1]
    lines = [
        f"trained on    {done.tokens:,} tokens, {last.step:,} steps",
        f"held out      {held_out.tokens:,} tokens",
        f"L0            {held_out.l0:.1f}",
        f"explained     {held_out.explained_variance:.1%} of the variance",
        f"dead          {last.dead_share:.1%} of the features",
    ]
    if held_out.loss is not None and held_out.reconstructed and held_out.ablated:
        lines.append(
            f"loss          {held_out.loss:.3f}; reconstructed {held_out.reconstructed.loss:.3f}, "
            f"ablated {held_out.ablated.loss:.3f}: {_share(held_out.loss_recovered)}"
        )
        lines.append(
            f"divergence    0; reconstructed {held_out.reconstructed.divergence:.3f}, "
            f"ablated {held_out.ablated.divergence:.3f}: {_share(held_out.divergence_recovered)}"
        )
    return lines


def _share(recovered: float | None) -> str:
    return "zeros do no harm" if recovered is None else f"{recovered:.1%} recovered"
