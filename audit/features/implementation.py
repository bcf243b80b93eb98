"""Argument 5: what writes to a feature's encoder, token by token and place by place.

A residual stream is a sum, and a pre-activation is linear in it once the normalisation of each
token is held where it is: so what a feature reads divides without remainder over what was
written before (direct attribution). What reaches it through a later place is counted there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from audit.errors import MeasurementError
from audit.features.activating import alone
from audit.features.contexts import PeakContext
from audit.features.pieces import Pieces
from audit.features.vocabulary import FIRST_PLACE, vocabulary, written_by_tokens
from audit.models.hook_names import HookPoints
from audit.models.loading import LoadedModel
from audit.models.streaming import stream
from probes.sae import SAE, Gated
from reports.features import Implementation, Writer

if TYPE_CHECKING:
    from torch import Tensor

BIAS = "bias of the encoder"
_TOP = 10
_RESIDUAL = re.compile(r"blocks\.(\d+)\.(?:hook_)?resid_(pre|mid|post)")


def implementation(
    loaded: LoadedModel,
    sae: SAE,
    feature: int,
    contexts: Sequence[PeakContext],
    *,
    hook_name: str,
) -> Implementation:
    """Which tokens, and which earlier places, write to a feature's encoder.

    Args:
        loaded: the model.
        sae: on the model's device, reading the residual stream.
        feature: which.
        contexts: where it is most active; places are averaged over their peaks.
        hook_name: where the SAE reads.

    Raises:
        MeasurementError: the place is not the residual stream, or there is no context.
        UsageError: the place does not exist.
    """
    names = set(HookPoints(loaded.model).names())
    found = _RESIDUAL.fullmatch(hook_name)
    if hook_name not in names or found is None or FIRST_PLACE not in names:
        HookPoints(loaded.model).resolve(hook_name)  # refuses what does not exist
        raise MeasurementError(
            f"{hook_name} is not the residual stream, so what it holds is no sum of what earlier "
            "places wrote; read hook_resid_pre, hook_resid_mid or hook_resid_post for that"
        )
    if not contexts:
        raise MeasurementError(f"feature {feature}: there is no context in which it is active")
    one = alone(sae, feature)
    words = vocabulary(loaded)
    direction = one.W_enc[:, 0] - _mean(one)
    values = written_by_tokens(loaded, words, direction)
    writers = _writers(names, int(found[1]), found[2])
    x = _at_peaks(loaded, contexts, [hook_name, *dict.fromkeys(p for _, ps in writers for p in ps)])
    read = x[hook_name]
    scale = _divisor(one, read)
    bias = one.b_enc[0] - (sae.b_dec @ one.W_enc[:, 0] if sae.apply_b_dec_to_input else 0.0)
    places = [Writer(name=BIAS, weight=float(bias))]
    for name, parts in writers:
        added = x[parts[0]] if len(parts) == 1 else x[parts[1]] - x[parts[0]]
        places.append(Writer(name=name, weight=float((added @ direction / scale).mean())))
    whole = float(one.pre_activations(read).mean())
    pieces = Pieces(loaded.tokenizer)
    most = min(_TOP, len(words))
    per_unit = float((1 / scale).mean())

    def shown(chosen: Tensor) -> list[Writer]:
        return [
            Writer(name=pieces([words[i]])[0], weight=float(values[i]) * per_unit)
            for i in chosen.tolist()
        ]

    return Implementation(
        tokens=shown(values.topk(most).indices),
        against=shown((-values).topk(most).indices),
        places=places,
        residual=whole - sum(place.weight for place in places),
        notes=_notes(sae),
    )


def _notes(sae: SAE) -> list[str]:
    notes = []
    if sae.normalization != "none":
        notes.append(f"{sae.normalization} is held at what it was on each peak")
    if isinstance(sae.activation, Gated):
        notes.append(
            "the parts are of what gate and magnitude both read; the magnitude's own scale and "
            "biases come after it, so activations are in another unit"
        )
    return notes


def _mean(one: SAE) -> Tensor | float:
    """What centring the input takes from the encoder's direction: both are the same product."""
    centred = one.centre or one.normalization == "layer_norm"
    return one.W_enc[:, 0].mean() if centred else 0.0


def _divisor(one: SAE, x: Tensor) -> Tensor:
    """What the normalisation divides each input by, `[n]`; 1 where there is none."""
    import torch

    eye = torch.eye(one.d_in, device=x.device)
    as_read = replace(
        one,
        W_enc=eye,
        b_enc=torch.zeros_like(eye[0]),
        W_dec=one.W_dec.expand(one.d_in, -1),
        apply_b_dec_to_input=False,
    ).pre_activations(x)
    centred = one.centre or one.normalization == "layer_norm"
    before = x - x.mean(dim=1, keepdim=True) if centred else x
    divisor: Tensor = before.norm(dim=1) / as_read.norm(dim=1)
    return divisor


def _writers(names: set[str], layer: int, side: str) -> list[tuple[str, tuple[str, ...]]]:
    """What writes to the residual stream before a place, as it comes by.

    Each has a name and the place that holds it, or two places it is the difference of: a block
    whose attention or MLP no module carries counts as a whole.
    """
    found: list[tuple[str, tuple[str, ...]]] = [(FIRST_PLACE, (FIRST_PLACE,))]
    for block in range(layer + (side != "pre")):
        at = f"blocks.{block}."
        attention, mlp = at + "hook_attn_out", at + "hook_mlp_out"
        if block == layer and side == "mid":
            found.append((attention, (attention,)))
        elif {attention, mlp} <= names:
            found += [(attention, (attention,)), (mlp, (mlp,))]
        else:
            found.append((f"blocks.{block}", (at + "hook_resid_pre", at + "hook_resid_post")))
    return found


def _at_peaks(
    loaded: LoadedModel, contexts: Sequence[PeakContext], hook_names: Sequence[str]
) -> dict[str, Tensor]:
    """Activations at the peaks, `[n, width]` for each place, all in one order."""
    import torch

    parts: dict[str, list[Tensor]] = {name: [] for name in hook_names}
    for batch in stream(
        loaded,
        [context.ids[: context.peak + 1] for context in contexts],
        list(dict.fromkeys(hook_names)),
        positions=[[context.peak] for context in contexts],
    ):
        for name in parts:
            parts[name].append(batch.x[name])
    return {name: torch.cat(some) for name, some in parts.items()}
