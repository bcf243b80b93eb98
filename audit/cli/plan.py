"""`audit plan`: the work of a run, before it is done."""

from __future__ import annotations

import json

import click

from audit.cli.options import half_option, model_option, selection_options, suites_argument


@click.command("plan")
@suites_argument
@model_option
@half_option
@selection_options
@click.option("--json", "as_json", is_flag=True, help="As JSON on stdout.")
def command(
    suites: tuple[str, ...],
    model: str,
    device: str | None,
    dtype: str | None,
    allow_pickle: bool,
    allow_half: bool,
    expression: str | None,
    limit: int | None,
    seed: int,
    as_json: bool,
) -> int:
    """Print what `audit run` would do: prompts, tokens, places, memory."""
    from audit.engine.opening import open_suites, select_checks
    from audit.engine.plan import make_plan
    from audit.engine.watching import open_watches
    from audit.exit_codes import ExitCode
    from audit.models.loading import load_model

    opened = open_suites(suites, seed=seed)
    selected = select_checks(opened, seed=seed, expression=expression, limit=limit)
    loaded = load_model(model, device=device, dtype=dtype, allow_pickle=allow_pickle)
    watches = open_watches(
        selected, loaded, allow_pickle=allow_pickle, allow_half=allow_half, seed=seed
    )
    plan = make_plan(selected, loaded, watches)
    facts: dict[str, object] = {
        "model": f"{loaded.name} ({loaded.architecture}, {loaded.n_layers} layers)",
        "checks": len(plan.checks),
        "prompts": plan.prompts,
        "distinct prompts": len(plan.sequences),
        "tokens": plan.tokens,
        "longest prompt": max(len(sequence.ids) for sequence in plan.sequences),
        "truncated prompts": plan.truncated,
        "hook names": ", ".join(sorted({read.hook_name for read in plan.reads})),
        "deepest layer": "none" if plan.deepest is None else plan.deepest.name,
        "vocabulary projection": "at the answers only" if plan.needs_logits else "none",
        "activations kept": _bytes(plan.activation_bytes(loaded.d_model)),
        "weights": _bytes(sum(p.numel() * p.element_size() for p in loaded.model.parameters())),
    }
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        width = max(map(len, facts))
        for name, value in facts.items():
            click.echo(f"{name:<{width}}  {value}")
    return ExitCode.PASSED


def _bytes(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
