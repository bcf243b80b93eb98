"""Argument 3: what maximises a feature, found by search and not in data.

First the vocabulary, a token at a time; then short sequences, improved one token at a time:
candidates come from the gradient and from chance, an exact run judges them, and only what is
better is kept (greedy coordinate gradient, Zou et al. 2023). A result is therefore never worse
than its start. The optimum it is not promised to be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from audit.errors import MeasurementError
from audit.features.activating import alone, read_tokens, reader_of
from audit.features.contexts import PeakContext
from audit.features.gradients import substitution_gains
from audit.features.pieces import Pieces
from audit.features.vocabulary import FIRST_PLACE, opening, vocabulary, written_by_tokens
from audit.models.hook_names import HookPoints
from audit.models.loading import LoadedModel
from audit.models.tokenizing import special_tokens
from probes.sae import SAE
from reports.features import Maximiser, Visualisation

if TYPE_CHECKING:
    from torch import Tensor

BUDGET = 8192
"""Sequences that are run for one feature; three quarters of them single tokens at most."""

_BEST = 10  # tokens that are shown
_FILLED = 2  # searches that begin from a good token behind random ones
_BY_GRADIENT, _BY_CHANCE, _LONGER = 40, 12, 12  # candidates of a step
_PATIENCE = 5  # steps without a gain before a search ends


class _Score(NamedTuple):
    """How far a sequence drives a feature. Below its threshold the pre-activation decides."""

    activation: float
    pre_activation: float
    place: int


class _Judge:
    """Runs sequences behind the opening, remembers them, and counts what it ran."""

    def __init__(
        self, loaded: LoadedModel, sae: SAE, feature: int, hook_name: str, start: tuple[int, ...]
    ) -> None:
        import torch

        self.ran = 0
        self.known: dict[tuple[int, ...], _Score] = {}
        self._loaded, self._hook_name, self._start = loaded, hook_name, start
        acts, one = reader_of(sae, [feature]), alone(sae, feature)

        def read(x: Tensor) -> Tensor:
            return torch.cat([acts(x), one.pre_activations(x)], dim=1)

        self._read = read

    def __call__(self, texts: Sequence[tuple[int, ...]]) -> list[_Score]:
        """Score of each text at its best token, the last of equals."""
        new = list(dict.fromkeys(text for text in texts if text not in self.known))
        self.ran += len(new)
        skip = len(self._start)
        found = read_tokens(
            self._loaded,
            self._read,
            [self._start + text for text in new],
            hook_name=self._hook_name,
            positions=[range(skip, skip + len(text)) for text in new],
        )
        for text, numbers in zip(new, found, strict=True):
            self.known[text] = max(
                _Score(act, pre, skip + place) for place, (act, pre) in enumerate(numbers.tolist())
            )
        return [self.known[text] for text in texts]


def visualise(
    loaded: LoadedModel,
    sae: SAE,
    feature: int,
    *,
    hook_name: str,
    maximum: float,
    base: PeakContext | None = None,
    length: int = 8,
    budget: int = BUDGET,
    seed: int = 0,
) -> Visualisation:
    """Tokens and short sequences that drive a feature furthest.

    Args:
        loaded: the model.
        sae: on the model's device.
        feature: which.
        hook_name: where the SAE reads.
        maximum: its largest activation in the data, which others are held against.
        base: a context that one of the searches begins from.
        length: most tokens of a sequence.
        budget: most sequences that are run, give or take the candidates of one step.
        seed: of random candidates.

    Raises:
        MeasurementError: the vocabulary holds no text.
        UsageError: the place does not exist.
    """
    words = vocabulary(loaded)
    if not words:
        raise MeasurementError(f"the tokenizer of {loaded.name} has no token that is text")
    judge = _Judge(loaded, sae, feature, hook_name, opening(loaded, sae))
    rng = np.random.default_rng(seed)
    swept, notes = _swept(loaded, sae, feature, words, budget * 3 // 4, rng)
    ranked = sorted(zip(judge([(word,) for word in swept]), swept, strict=True), reverse=True)
    found: list[tuple[int, ...]] = []
    if HookPoints(loaded.model).resolve(hook_name).backend == "module":
        starts = _starts([word for _, word in ranked[:_FILLED]], words, length, rng)
        starts += [] if base is None else [_tail(loaded, base, length)]
        gains = _Gains(loaded, sae, feature, words, hook_name)
        for number, start in enumerate(starts):
            until = judge.ran + (budget - judge.ran) // (len(starts) - number)
            found.append(_climb(judge, gains, start, words, length, until, rng))
    else:
        notes.append(f"no sequence was searched: only a copy of the model carries {hook_name}")
    pieces = Pieces(loaded.tokenizer)

    def shown(text: tuple[int, ...]) -> Maximiser:
        activation = judge.known[text].activation
        relative = activation / maximum if maximum > 0 else 0.0
        return Maximiser(tokens=pieces(text), activation=activation, relative=relative)

    best = sorted(set(found), key=lambda text: (-judge.known[text].activation, text))
    return Visualisation(
        tokens=[shown((word,)) for score, word in ranked[:_BEST] if score.activation > 0],
        sequences=[shown(text) for text in best if judge.known[text].activation > 0],
        searched=judge.ran,
        notes=notes,
    )


def _swept(
    loaded: LoadedModel,
    sae: SAE,
    feature: int,
    words: list[int],
    most: int,
    rng: np.random.Generator,
) -> tuple[list[int], list[str]]:
    """The tokens that are run alone, and a sentence where they are not all."""
    if len(words) <= most:
        return words, []
    said = f"of {len(words)} tokens {most} were run alone"
    if FIRST_PLACE in HookPoints(loaded.model).names() and sae.d_in == loaded.d_model:
        written = written_by_tokens(loaded, words, sae.W_enc[:, feature])
        chosen = written.topk(most).indices.tolist()
        return [words[i] for i in sorted(chosen)], [
            f"{said}: those whose embeddings write most to the encoder"
        ]
    chosen = rng.permutation(len(words))[:most].tolist()
    return [words[i] for i in sorted(chosen)], [f"{said}, drawn at random"]


def _starts(
    best: list[int], words: list[int], length: int, rng: np.random.Generator
) -> list[tuple[int, ...]]:
    """The best token by itself, and good ones at the end of random texts.

    Alone, a token may stand where everything looks (an attention sink), and no longer text
    comes near; from a full text the way is open.
    """
    filled = [(*rng.choice(words, length - 1).tolist(), word) for word in best]
    return [(best[0],), *filled]


def _tail(loaded: LoadedModel, base: PeakContext, length: int) -> tuple[int, ...]:
    """The last tokens of a context up to its peak."""
    special = special_tokens(loaded.tokenizer)
    plain = [token for token in base.ids[: base.peak] if token not in special]
    return (*plain[len(plain) - min(len(plain), length - 1) :], base.ids[base.peak])


class _Gains:
    """Substitutions in a text by their gain to first order, best first."""

    def __init__(
        self, loaded: LoadedModel, sae: SAE, feature: int, words: list[int], hook_name: str
    ) -> None:
        self._asked = (loaded, sae, feature)
        self._words, self._hook_name = words, hook_name
        self._start = opening(loaded, sae)

    def __call__(self, text: tuple[int, ...], place: int, most: int) -> list[tuple[int, ...]]:
        """The `most` texts that promise most."""
        gains = substitution_gains(
            *self._asked, self._start + text, place, self._words, hook_name=self._hook_name
        )
        if gains is None:
            return []
        gains = gains[len(self._start) : place + 1]
        best = gains.flatten().topk(min(most, gains.numel())).indices.tolist()
        return [
            _put(text, index // len(self._words), self._words[index % len(self._words)])
            for index in best
        ]


def _climb(
    judge: _Judge,
    gains: _Gains,
    start: tuple[int, ...],
    words: list[int],
    length: int,
    until: int,
    rng: np.random.Generator,
) -> tuple[int, ...]:
    """The best text on a way that only goes up."""
    text, (score,) = start, judge([start])
    waited = 0
    # Of the promising ones those that were tried lead nowhere: a step without a gain looks on.
    while waited < _PATIENCE and judge.ran < until:
        promising = gains(text, score.place, _BY_GRADIENT * (waited + 1))
        candidates = [one for one in promising if one not in judge.known][:_BY_GRADIENT]
        for _ in range(_BY_CHANCE):
            candidates.append(_put(text, int(rng.integers(len(text))), int(rng.choice(words))))
        for _ in range(_LONGER if len(text) < length else 0):
            at = int(rng.integers(len(text) + 1))
            candidates.append((*text[:at], int(rng.choice(words)), *text[at:]))
        scores = judge(candidates)
        best = max(range(len(candidates)), key=lambda index: scores[index][:2])
        if scores[best][:2] > score[:2]:
            text, score, waited = candidates[best], scores[best], 0
        else:
            waited += 1
    return text


def _put(text: tuple[int, ...], at: int, word: int) -> tuple[int, ...]:
    return (*text[:at], word, *text[at + 1 :])
