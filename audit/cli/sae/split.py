"""`audit sae split`: which features of a small dictionary divide in a large one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from audit.exit_codes import ExitCode

if TYPE_CHECKING:
    from torch import Tensor

    from probes.sae.sae import SAE
    from probes.sae.splitting import Split

_CHUNK = 4096  # tokens encoded at once


@click.command("split")
@click.argument("small", metavar="A")
@click.argument("large", metavar="B")
@click.option("--model", "-m", metavar="MODEL", help="Count on which tokens they fire as well.")
@click.option("--data", metavar="FILE", help="What MODEL reads for that, as for `audit sae train`.")
@click.option("--device", help="cpu, cuda, cuda:1, mps; the best there is if not given.")
@click.option(
    "--min-cosine",
    type=click.FloatRange(-1, 1),
    default=0.5,
    show_default=True,
    help="Of a child's decoder row with its parent's.",
)
@click.option("--allow-pickle", is_flag=True, help="Load pickled weights (weights only).")
@click.option("--json", "as_json", is_flag=True, help="As JSON on stdout.")
def command(
    small: str,
    large: str,
    model: str | None,
    data: str | None,
    device: str | None,
    min_cosine: float,
    allow_pickle: bool,
    as_json: bool,
) -> int:
    """List the features of the dictionary A that divide in the larger dictionary B.

    A child is a feature of B whose decoder row is nearest to the parent's. With --model and
    --data a split is listed where children also share out the tokens of their parent.
    """
    from audit.errors import UsageError
    from probes.sae.formats import load_sae
    from probes.sae.sae import SAEError
    from probes.sae.splitting import split_features

    if (model is None) != (data is None):
        raise UsageError("--model and --data belong together; give both or neither")
    try:
        a = load_sae(small, allow_pickle=allow_pickle)
        b = load_sae(large, allow_pickle=allow_pickle)
        places = {one.origin.hook_name for one in (a, b)} - {None}
        if len(places) > 1 or a.d_in != b.d_in:
            raise UsageError(
                f"{small} reads {a.origin.hook_name} (width {a.d_in}) and {large} "
                f"{b.origin.hook_name} (width {b.d_in}); only SAEs of one place share features"
            )
        if a.d_sae >= b.d_sae:
            raise UsageError(
                f"{small} has {a.d_sae} features and {large} has {b.d_sae}; the small one "
                "comes first"
            )
        batches = None
        if model is not None and data is not None:
            batches = _activations(a, b, model, data, device, allow_pickle=allow_pickle)
        found = split_features(a, b, batches, min_cosine=min_cosine)
    except SAEError as error:
        raise UsageError(str(error)) from None
    if as_json:
        click.echo(json.dumps(_record(a, b, found), indent=2))
    else:
        for line in _lines(a, b, found):
            click.echo(line)
    return ExitCode.PASSED


def _activations(
    a: SAE, b: SAE, model: str, data: str, device: str | None, *, allow_pickle: bool
) -> Iterator[Tensor]:
    from audit.errors import UsageError
    from audit.features.batches import read_activations
    from audit.features.data import read_corpus
    from audit.models.loading import load_model

    places = {sae.origin.hook_name for sae in (a, b)} - {None}
    if len(places) != 1:
        said = " and ".join(sorted(map(str, places))) or "no place"
        raise UsageError(f"two dictionaries of one place are compared; their files name {said}")
    loaded = load_model(model, device=device, allow_pickle=allow_pickle)
    sizes = [sae.origin.context_size for sae in (a, b) if sae.origin.context_size]
    corpus = read_corpus(data, loaded, context_size=min(sizes, default=None))
    x = read_activations(loaded, corpus, str(places.pop())).to(a.W_enc.device)
    return (x[start : start + _CHUNK] for start in range(0, len(x), _CHUNK))


def _record(a: SAE, b: SAE, found: Sequence[Split]) -> dict[str, object]:
    from dataclasses import asdict

    return {
        "small": {"path": a.origin.path, "d_sae": a.d_sae},
        "large": {"path": b.origin.path, "d_sae": b.d_sae},
        "splits": [asdict(split) for split in found],
    }


def _lines(a: SAE, b: SAE, found: Sequence[Split]) -> Iterator[str]:
    yield f"{len(found)} of {a.d_sae} features divide among the {b.d_sae} of the larger dictionary"
    for split in found:
        said = ""
        if split.coverage is not None and split.overlap is not None:
            said = (
                f"  {split.tokens:,} tokens, {split.coverage:.0%} covered, "
                f"{split.overlap:.0%} of these by several"
            )
        yield f"{split.parent:>7}  divides into {len(split.children)}{said}"
        for child in split.children:
            share = ""
            if child.share is not None and child.inside is not None:
                share = f"  {child.share:>4.0%} of the parent's, {child.inside:>4.0%} of its own"
            yield f"         {child.feature:>7}  cosine {child.cosine:.2f}{share}"
