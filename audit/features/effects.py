"""What an intervention on a feature does to the model, with controls of the same size.

`x + (a' - a) * W_dec[f]` and nothing else: the error of the reconstruction stays in, so what
changes is the feature's doing. Beside each intervention stand two others of the same norm: random
directions, and random other features of the SAE, a new one for each prompt, so that no single
draw decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from audit.errors import MeasurementError
from audit.features.activating import alone, output_scale, reader_of
from audit.features.corpus import Corpus
from audit.features.means import mean_estimate
from audit.features.vocabulary import logit_tokens
from audit.models.batching import longest_first
from audit.models.intervening import intervening, last_logits
from audit.models.loading import LoadedModel
from audit.models.streaming import stream
from probes.sae import SAE
from reports.features import Effect
from reports.parts import Estimate

if TYPE_CHECKING:
    from torch import Tensor

_CELLS_AT_ONCE = 1 << 25  # of `[tokens, d_sae]`

STRENGTHS = (0.25, 0.5, 1.0)
"""Medians of the activation norm. From some 0.4 on, steering shows (persona features)."""

Kind = Literal["ablate", "steer", "random_direction", "random_feature"]


def sampled(corpus: Corpus, most: int, seed: int) -> Corpus:
    """At most so many rows, of as many groups as there are; those with a contrast if any has."""
    rows = np.arange(len(corpus))
    if corpus.contrasts is not None and any(corpus.contrasts):
        rows = np.array([row for row in rows if corpus.contrasts[row] is not None])
    seen: dict[str, int] = {}
    turn: list[tuple[int, int, int]] = []
    for row in np.random.default_rng(seed).permutation(rows):
        group = str(corpus.groups[row])
        turn.append((seen.get(group, 0), len(turn), int(row)))
        seen[group] = seen.get(group, 0) + 1
    return corpus.take(sorted(row for _, _, row in sorted(turn)[:most]))


def interventions(
    loaded: LoadedModel,
    sae: SAE,
    feature: int,
    prompts: Corpus,
    *,
    hook_name: str,
    strengths: Sequence[float] = STRENGTHS,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[list[Effect], list[str]]:
    """Ablation, and steering at each strength and with both signs, each with its controls.

    A control of strength 0 takes as much away as the ablation does, along its own direction.

    Every token of a prompt is intervened on; what is measured is the next token after its last.

    Args:
        loaded: a model with a vocabulary head.
        sae: on the model's device.
        feature: which.
        prompts: all rows are run.
        hook_name: where the SAE reads.
        strengths: in medians of the norm of the activations that are written to.
        confidence: of the intervals.
        seed: of the controls.

    Returns:
        The effects, and sentences on what they rest on.

    Raises:
        UsageError: the place does not exist or cannot be rewritten.
        MeasurementError: an intervention leaves no finite logits, or there is no prompt.
    """
    if len(prompts) == 0:
        raise MeasurementError(f"feature {feature}: there is no prompt to intervene on")
    site = (sae.origin.hook_name_out if sae.is_transcoder else None) or hook_name
    seen = _look(loaded, sae, feature, prompts, hook_name, site)
    bench = _Bench(loaded, site, prompts, confidence, seed)
    fires = [row for row, written in enumerate(seen.written) if bool(written.any())]
    notes = [f"ablation is told over the {len(fires)} of {len(prompts)} prompts it is active on"]
    if not fires:
        notes = [f"the feature is active on none of the {len(prompts)} prompts"]
    row = sae.W_dec[feature]
    kinds: list[tuple[Kind, Tensor]] = [
        ("steer", _unit(row[None])),
        ("random_direction", _random_directions(sae, len(prompts), seed)),
    ]
    others = [other for other in seen.alive if other != feature]
    if others:
        drawn = np.random.default_rng(seed).choice(others, len(prompts))
        kinds.append(("random_feature", _unit(sae.W_dec[drawn.tolist()])))
    else:
        notes.append("no other feature is active on these prompts, so none is a control")
    signed = sorted({sign * abs(strength) for strength in strengths for sign in (-1, 1)} - {0.0})
    effects = []
    for kind, directions in kinds:
        taken = _ablated(seen.written, row.norm() * directions)
        at_zero: Kind = "ablate" if kind == "steer" else kind
        effects.append(bench.effect(at_zero, 0.0, taken, fires))
        for strength in signed:
            added = strength * seen.median_norm * directions
            effects.append(bench.effect(kind, strength, _steered(added)))
    return effects, notes


@dataclass(frozen=True, eq=False)
class _Seen:
    """The prompts before anything is done to them.

    Attributes:
        written: for each prompt `[tokens]`, how often `W_dec[f]` is in each activation.
        alive: features that are active on a token that counts.
        median_norm: of the activations that are written to, over tokens that count.
    """

    written: tuple[Tensor, ...]
    alive: tuple[int, ...]
    median_norm: float


def _look(
    loaded: LoadedModel, sae: SAE, feature: int, prompts: Corpus, hook_name: str, site: str
) -> _Seen:
    import torch

    one, read = alone(sae, feature), reader_of(sae, [feature])
    at_once = max(1, _CELLS_AT_ONCE // sae.d_sae)
    counted = [frozenset(at) for at in prompts.positions]
    written: list[Tensor] = [torch.empty(0)] * len(prompts)
    alive = torch.zeros(sae.d_sae, dtype=torch.bool, device=sae.W_dec.device)
    norms = []
    for batch in stream(loaded, prompts.ids, list(dict.fromkeys([hook_name, site]))):
        x, out = batch.x[hook_name], batch.x[site]
        times = (read(x)[:, 0] * output_scale(one, x)).cpu()
        which, counts = torch.unique_consecutive(batch.sequence, return_counts=True)
        for index, part in zip(which.tolist(), torch.split(times, counts.tolist()), strict=True):
            written[index] = part
        pairs = zip(batch.sequence.tolist(), batch.position.tolist(), strict=True)
        told = torch.tensor([at in counted[index] for index, at in pairs], device=x.device)
        norms.append(torch.linalg.vector_norm(out[told], dim=1).cpu())
        for part in torch.split(x[told], at_once):
            alive |= (sae.encode(part) > 0).any(dim=0)
    return _Seen(
        tuple(written), tuple(alive.nonzero()[:, 0].tolist()), float(torch.cat(norms).median())
    )


def _unit(rows: Tensor) -> Tensor:
    unit: Tensor = rows / rows.norm(dim=1, keepdim=True).clamp_min(1e-12)
    return unit


def _random_directions(sae: SAE, n: int, seed: int) -> Tensor:
    import torch

    drawn = torch.randn(n, sae.d_out, generator=torch.Generator().manual_seed(seed))
    return _unit(drawn).to(sae.W_dec.device)


Added: TypeAlias = "Callable[[Sequence[int], int], Tensor]"
"""What is added to prompts `rows` padded to `tokens`: `[rows, tokens or 1, width]`."""


def _steered(added: Tensor) -> Added:
    """The same for each token: `added [n_prompts or 1, width]`."""
    return lambda rows, tokens: (added if len(added) == 1 else added[list(rows)])[:, None]


def _ablated(written: Sequence[Tensor], directions: Tensor) -> Added:
    """What each token has of the feature, taken along `directions [n_prompts or 1, width]`."""
    import torch

    def added(rows: Sequence[int], tokens: int) -> Tensor:
        times = torch.zeros(len(rows), tokens)
        for number, index in enumerate(rows):
            times[number, : len(written[index])] = written[index]
        along = directions if len(directions) == 1 else directions[list(rows)]
        return -times.to(along.device)[..., None] * along[:, None]

    return added


class _Bench:
    """Prompts, what the untouched model says after them, and what it says when touched."""

    def __init__(
        self, loaded: LoadedModel, site: str, prompts: Corpus, confidence: float, seed: int
    ) -> None:
        self._loaded, self._site, self._prompts = loaded, site, prompts
        self._confidence, self._seed = confidence, seed
        contrasts = prompts.contrasts or (None,) * len(prompts)
        self._told = [row for row, contrast in enumerate(contrasts) if contrast is not None]
        self._unwanted = [one.unwanted for one in contrasts if one is not None]
        self._wanted = [one.wanted for one in contrasts if one is not None]
        self._untouched = self._say(None)

    def effect(self, kind: Kind, strength: float, added: Added, only: Sequence[int] = ()) -> Effect:
        """What adding something does, over all prompts or `only` some."""
        said = self._say(added)
        before, after = (x.double().log_softmax(dim=1) for x in (self._untouched, said))
        each = (before.exp() * (before - after)).where(before.isfinite(), 0.0)
        kl = each.sum(dim=1).clamp_min(0).numpy()
        if not np.isfinite(kl).all():
            raise MeasurementError(
                f"{kind} at strength {strength:g} leaves logits that are not finite; use smaller "
                "strengths or a wider number type"
            )
        rows = list(only) or list(range(len(kl)))
        told = [index for index, row in enumerate(self._told) if row in set(rows)]
        behaviour = None
        if told:
            change = (self._odds(said) - self._odds(self._untouched)).double().numpy()
            behaviour = self._mean(change[told], [self._told[index] for index in told])
        return Effect(
            kind=kind, strength=strength, kl=self._mean(kl[rows], rows), behaviour=behaviour
        )

    def _mean(self, values: NDArray[np.float64], rows: Sequence[int]) -> Estimate:
        return mean_estimate(
            values,
            self._prompts.groups[list(rows)],
            confidence=self._confidence,
            random_state=self._seed,
        )

    def _odds(self, logits: Tensor) -> Tensor:
        """Log-odds of the unwanted next token against the wanted one, where both are known."""
        return logits[self._told, self._unwanted] - logits[self._told, self._wanted]

    def _say(self, added: Added | None) -> Tensor:
        """Logits after each prompt, `[n, vocabulary]`, with something added at the place."""
        import torch

        budget = logit_tokens(self._loaded)
        order = longest_first([len(ids) for ids in self._prompts.ids], range(len(self._prompts)))
        parts, rows = [], []
        while order:
            longest = len(self._prompts.ids[order[0]])
            # As many as make one batch, so that the rows of an activation are known.
            take = max(1, budget // longest)
            now, order = order[:take], order[take:]
            delta = None if added is None else added(now, longest)
            with (
                nullcontext()
                if delta is None
                else intervening(self._loaded, self._site, partial(torch.add, delta))
            ):
                sequences = [self._prompts.ids[row] for row in now]
                parts.append(last_logits(self._loaded, sequences, max_batch_tokens=budget))
            rows += now
        return torch.cat(parts)[torch.tensor(rows).argsort()]
