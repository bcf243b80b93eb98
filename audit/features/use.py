"""Argument 6: what a feature is used for: its direct effect on logits, and interventions.

The direct effect is arithmetic on weights and speaks of the last layers alone; what happens
when the feature is taken away or turned up is measured in `effects.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from audit.features.corpus import Corpus
from audit.features.effects import STRENGTHS, interventions, sampled
from audit.features.pieces import Pieces
from audit.features.vocabulary import vocabulary
from audit.models.forward import evaluating
from audit.models.hook_names import adapter_of
from audit.models.loading import LoadedModel
from probes.sae import SAE
from reports.features import Effect, Use, Writer

if TYPE_CHECKING:
    from torch import Tensor

_TOP = 10
_WORDS_AT_ONCE = 1 << 14
_RESIDUAL = ("hook_resid_pre", "hook_resid_mid", "hook_resid_post", "hook_attn_out", "hook_mlp_out")


def use_of(
    loaded: LoadedModel,
    sae: SAE,
    feature: int,
    corpus: Corpus,
    *,
    hook_name: str,
    strengths: Sequence[float] = STRENGTHS,
    prompts: int = 64,
    confidence: float = 0.95,
    seed: int = 0,
) -> Use:
    """Tokens that a feature promotes and suppresses, and what ablating and steering it does.

    Args:
        loaded: a model with a vocabulary head.
        sae: on the model's device.
        feature: which.
        corpus: its rows are the prompts; behaviour is measured where it has contrasts.
        hook_name: where the SAE reads; a transcoder is intervened on where it writes.
        strengths: of steering, in medians of the activation norm; each is run with both signs.
        prompts: most rows that are run, of as many groups as there are.
        confidence: of the intervals.
        seed: of the sample and of the controls.

    Raises:
        UsageError: the place does not exist or cannot be rewritten, or the model has no head.
        MeasurementError: an intervention leaves no finite logits.
    """
    loaded.must_speak()
    site = sae.origin.hook_name_out if sae.is_transcoder else None
    direct, notes = _direct(loaded, sae, feature, site or hook_name)
    effects, more = interventions(
        loaded,
        sae,
        feature,
        sampled(corpus, prompts, seed),
        hook_name=hook_name,
        strengths=strengths,
        confidence=confidence,
        seed=seed,
    )
    return Use(
        promotes=direct.promotes,
        suppresses=direct.suppresses,
        effects=effects,
        monotone=follows(effects),
        notes=[*notes, *more],
    )


def follows(effects: Sequence[Effect]) -> bool | None:
    """Whether behaviour follows the strength of steering, up or down, over both signs.

    It does where each step of the strength moves it the same way, and the strongest of either
    sign moves it by more than chance. None where behaviour or an interval was not measured.
    """
    steered = sorted((e for e in effects if e.kind == "steer"), key=lambda e: e.strength)
    told = [effect.behaviour for effect in steered if effect.behaviour is not None]
    if len(told) < 2 or len(told) < len(steered):
        return None
    first, last = told[0], told[-1]
    if first.low is None or first.high is None or last.low is None or last.high is None:
        return None
    below = [e.behaviour.value for e in steered if e.behaviour and e.strength < 0]
    above = [e.behaviour.value for e in steered if e.behaviour and e.strength > 0]
    way = [*below, 0.0, *above]
    rising = all(a < b for a, b in pairwise(way))
    falling = all(a > b for a, b in pairwise(way))
    if rising:
        return first.high < 0 < last.low
    return falling and last.high < 0 < first.low


class _Direct(NamedTuple):
    promotes: list[Writer]
    suppresses: list[Writer]


def _direct(loaded: LoadedModel, sae: SAE, feature: int, site: str) -> tuple[_Direct, list[str]]:
    """Logits that a unit of the feature adds past all later layers, less their mean."""
    import torch

    if not site.endswith(_RESIDUAL) or sae.d_out != loaded.d_model:
        return _Direct([], []), [f"{site} does not write to logits directly"]
    head = loaded.model.get_output_embeddings()
    norm = _final_norm(loaded)
    with evaluating(loaded.model):
        row = sae.W_dec[feature]
        if norm is not None:
            row = _through(norm, row)
        row = row.to(head.weight.device)
        # In parts: a vocabulary in float32 may be larger than the model.
        parts = [part.float() @ row for part in torch.split(head.weight, _WORDS_AT_ONCE)]
        logits = torch.cat(parts).cpu().clone()
    words = vocabulary(loaded)
    values = (logits - logits.mean())[words]
    pieces = Pieces(loaded.tokenizer)
    most = min(_TOP, len(words))

    def shown(chosen: Tensor) -> list[Writer]:
        return [
            Writer(name=pieces([words[i]])[0], weight=float(values[i])) for i in chosen.tolist()
        ]

    said = (
        "direct effects have no final norm in them: none was found"
        if norm is None
        else "direct effects hold the weight of the final norm, not its division"
    )
    return _Direct(shown(values.topk(most).indices), shown((-values).topk(most).indices)), [said]


def _final_norm(loaded: LoadedModel) -> Any:
    component = adapter_of(loaded.model).component_mapping.get("ln_final")
    return None if component is None else loaded.model.get_submodule(component.name)


def _through(norm: Any, row: Tensor) -> Tensor:
    """A direction after the part of a norm that is linear: its weight, and centring if it does.

    Found by asking the norm itself, so that it need not be known how it writes its weight: a
    vector of ones with alternating signs has mean 0 and norm 1 per dimension.
    """
    import torch

    weight = next(norm.parameters(), None)
    dtype = row.dtype if weight is None else weight.dtype
    device = row.device if weight is None else weight.device
    ones = torch.ones(1, 1, len(row), device=device, dtype=dtype)
    signs = ones.clone()
    signs[..., 1::2] = -1
    gain = (norm(signs) - norm(-signs)).float().flatten() / 2 * signs.float().flatten()
    # A norm that centres makes nothing of a vector that is the same everywhere.
    centres = bool((norm(ones) - norm(-ones)).abs().max() < 1e-3 * gain.abs().max())
    row = row.to(device)
    through: Tensor = (row - row.mean() if centres else row) * gain
    return through
