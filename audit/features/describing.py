"""Argument 7: a feature of a model said as a rule, in the words of its tokenizer.

The rules and their scores are `probes.sae.rules`; here tokens become texts.
"""

from __future__ import annotations

import numpy as np

from audit.features.contexts import FeatureTokens
from audit.features.estimates import recorded
from audit.features.pieces import Pieces
from probes.base import ProbeError
from probes.sae.firings import Firings, coded_firings
from probes.sae.rules import ScoredRule, best_rule, explainer
from reports.features import Rule

WINDOWS = (16, 8, 4)
"""Most tokens of a context: the longest of these that leaves contexts where it is silent."""


class Describer:
    """Finds rules for features of one reading, whose tokens become texts once.

    Args:
        tokens: activations over a corpus.
        pieces: the texts of token ids.
        explain: name of the explainer.
        seed: of the halves.
    """

    def __init__(
        self, tokens: FeatureTokens, pieces: Pieces, *, explain: str = "tokens", seed: int = 0
    ) -> None:
        ids, codes = np.unique(tokens.ids, return_inverse=True)
        texts = pieces(ids)
        number = {text: code for code, text in enumerate(dict.fromkeys(texts))}
        self._vocabulary = tuple(number)
        self._codes = np.array([number[text] for text in texts], dtype=np.intp)[codes]
        _, self._groups = np.unique(tokens.corpus.groups, return_inverse=True)
        self._tokens = tokens
        self._name, self._explain, self._seed = explain, explainer(explain), seed

    def __call__(self, feature: int) -> Rule:
        """The best rule for a feature, judged on groups that did not propose it.

        Raises:
            ProbeError: no rule can be tested on these rows; says why.
        """
        window, found = self._scored(feature)
        return Rule(
            description=found.description,
            explainer=self._name,
            detection=recorded(found.detection),
            fuzzing=recorded(found.fuzzing),
            hard=None if found.hard is None else recorded(found.hard),
            window=window,
            compared=found.candidates,
        )

    def _scored(self, feature: int) -> tuple[int, ScoredRule]:
        for window in WINDOWS[:-1]:
            try:
                return window, self._at(feature, window)
            except ProbeError:
                continue  # shorter contexts may leave something to tell apart
        return WINDOWS[-1], self._at(feature, WINDOWS[-1])

    def _at(self, feature: int, window: int) -> ScoredRule:
        return best_rule(
            self._firings(feature, window), explain=self._explain, random_state=self._seed
        )

    def _firings(self, feature: int, window: int) -> Firings:
        return coded_firings(
            self._vocabulary,
            self._codes,
            self._tokens.dense(feature),
            self._tokens.row,
            self._groups.astype(np.intp),
            window=window,
        )
