"""What a feature is, said as a rule: proposed on one half of the groups, scored on the other.

An explainer proposes; any function from firings to candidates is one, and an installed package
adds its own (one that asks a language model, say) through the entry point group
`alignment_audit.explainers`. The scores are those of automated interpretability (Paulo et al.
2024): detection asks which contexts a feature fires in, fuzzing on which of their tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from probes.base import Bools, Indices, ProbeError
from probes.intervals import Estimate, balanced_accuracy_estimate
from probes.metrics import balanced_accuracy
from probes.plugins import plugin, plugin_names
from probes.sae.firings import Firings
from probes.sae.token_rules import Candidate, token_candidates

Explainer = Callable[[Firings], Sequence[Candidate]]
"""`explain(firings) -> candidates`, given firings of half of the groups and no others."""

ENTRY_POINTS = "alignment_audit.explainers"

EXPLAINERS: dict[str, Explainer] = {"tokens": token_candidates}

READ = 50_000  # tokens that an explainer reads
_PER_PART = 0.01  # balanced accuracy that one more part of a rule has to bring
_USUAL = 0.9  # of the firings: the tokens they are on count as those the feature fires on


def explainer(name: str) -> Explainer:
    """Find an explainer by name, built in or registered by an installed package.

    Raises:
        ProbeError: if there is none; says the nearest name.
    """
    return plugin("explainer", name, EXPLAINERS, ENTRY_POINTS)


def explainer_names() -> tuple[str, ...]:
    """All names that `explainer` finds."""
    return plugin_names(EXPLAINERS, ENTRY_POINTS)


@dataclass(frozen=True)
class ScoredRule:
    """A rule and how well it holds on groups that it was not proposed from.

    Attributes:
        description: in words.
        detection: balanced accuracy at telling contexts where the feature fires from others.
        fuzzing: balanced accuracy at telling the tokens it fires on from other tokens of the
            same contexts.
        hard: detection with hard negatives alone: silent contexts that hold a token on which
            the feature fires elsewhere. None where there are none.
        candidates: how many rules were compared.
    """

    description: str
    detection: Estimate
    fuzzing: Estimate
    hard: Estimate | None
    candidates: int


def best_rule(
    firings: Firings,
    *,
    explain: Explainer = token_candidates,
    confidence: float = 0.95,
    random_state: int = 0,
) -> ScoredRule:
    """The rule that holds best on one half of the groups, scored on the other.

    Args:
        firings: of one feature.
        explain: proposes rules.
        confidence: of the intervals.
        random_state: of the halves, and of the rows that an explainer reads if there are many.

    Raises:
        ProbeError: the feature fires in contexts of fewer than two groups, in all contexts,
            or on all tokens of those it fires in, so that no rule can be tested.
    """
    rng = np.random.default_rng(random_state)
    first = _half(firings, rng)
    chosen, held_out = firings.rows(first), firings.rows(~first)
    usual = frozenset(_usual_tokens(chosen))
    for part in (chosen, held_out):
        _testable(part)
    read = chosen.rows(_some(chosen, rng))
    candidates = explain(read)
    if not candidates:
        raise ProbeError("the explainer proposes no rule")
    worth = [_point(read, rule.predict(read), usual) - _PER_PART * rule.size for rule in candidates]
    best = candidates[int(np.argmax(worth))]
    views = _views(held_out, best.predict(held_out), usual)
    scored = {
        name: None
        if view is None
        else balanced_accuracy_estimate(
            view.predicted, view.fires, view.groups, 0.5, confidence=confidence
        )
        for name, view in views.items()
    }
    if scored["detection"] is None or scored["fuzzing"] is None:
        raise AssertionError("both halves were found testable")
    return ScoredRule(
        best.description, scored["detection"], scored["fuzzing"], scored["hard"], len(candidates)
    )


@dataclass(frozen=True, eq=False)
class _View:
    """One question put to a rule: what it says `[n]`, what is so `[n]`, by group `[n]`."""

    predicted: Indices
    fires: Bools
    groups: Indices


def _views(firings: Firings, predicted: Bools, usual: frozenset[str]) -> dict[str, _View | None]:
    """The three questions; None where all answers are the same."""
    in_context, says = firings.any_in_context(firings.fires), firings.any_in_context(predicted)
    groups = firings.token_groups[firings.context_starts]
    codes = [firings.code_of[text] for text in usual if text in firings.code_of]
    tempting = firings.any_in_context(np.isin(firings.codes, codes))
    everywhere = np.ones(len(says), dtype=bool)
    lengths = np.diff(np.append(firings.context_starts, len(firings)))
    inside = np.repeat(in_context, lengths)
    return {
        "detection": _view(says, in_context, groups, everywhere),
        "fuzzing": _view(predicted, firings.fires, firings.token_groups, inside),
        "hard": _view(says, in_context, groups, in_context | tempting),
    }


def _view(predicted: Bools, fires: Bools, groups: Indices, among: Bools) -> _View | None:
    if fires[among].all() or not fires[among].any():
        return None
    return _View(predicted[among].astype(np.intp), fires[among], groups[among])


def _point(firings: Firings, predicted: Bools, usual: frozenset[str]) -> float:
    """Mean balanced accuracy over the questions that can be put."""
    views = _views(firings, predicted, usual).values()
    scores = [balanced_accuracy(v.predicted, v.fires, 0.5) for v in views if v is not None]
    return float(np.mean(scores)) if scores else 0.0


def _half(firings: Firings, rng: np.random.Generator) -> Bools:
    """Rows of one half of the groups, `[n_rows]`; groups that fire are halved by themselves.

    Raises:
        ProbeError: the feature fires in fewer than two groups.
    """
    n_groups = int(firings.groups.max()) + 1
    firing = np.unique(firings.token_groups[firings.fires])
    if len(firing) < 2:
        where = "in no group" if len(firing) == 0 else "in one group only"
        raise ProbeError(
            f"the feature fires {where}, and a rule is proposed from some groups and tested on "
            "others; read it on more rows"
        )
    silent = np.setdiff1d(np.arange(n_groups), firing)
    first = np.zeros(n_groups, dtype=bool)
    for some in (firing, silent):
        first[rng.permutation(some)[: len(some) // 2]] = True
    return np.asarray(first[firings.groups])


def _some(firings: Firings, rng: np.random.Generator) -> Bools:
    """At most so many tokens' rows as an explainer reads, half of them rows that fire."""
    lengths = np.diff(firings.row_starts)
    chosen = np.zeros(len(lengths), dtype=bool)
    if len(firings) <= READ:
        return ~chosen
    fires = np.add.reduceat(firings.fires, firings.row_starts[:-1]) > 0
    for some in (np.flatnonzero(fires), np.flatnonzero(~fires)):
        mixed = rng.permutation(some)
        chosen[mixed[: max(2, int(np.searchsorted(lengths[mixed].cumsum(), READ // 2)))]] = True
    return chosen


def _usual_tokens(firings: Firings) -> list[str]:
    """The texts that carry nearly all firings."""
    hits = np.bincount(firings.codes[firings.fires], minlength=len(firings.vocabulary))
    order = np.argsort(-hits, kind="stable")
    enough = int(np.searchsorted(hits[order].cumsum(), _USUAL * hits.sum())) + 1
    return [firings.vocabulary[code] for code in order[:enough] if hits[code]]


def _testable(firings: Firings) -> None:
    """Refuse what leaves nothing to tell apart."""
    views = _views(firings, firings.fires, frozenset())
    if views["detection"] is None:
        raise ProbeError(
            "the feature fires in every context of a half of the groups, so detection has "
            "nothing to tell apart; read it on other rows, or in shorter contexts"
        )
    if views["fuzzing"] is None:
        raise ProbeError(
            "the feature fires on every token of the contexts it fires in, so fuzzing has "
            "nothing to tell apart; read it on other rows"
        )
