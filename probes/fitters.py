"""The table of fitters: one function type, one line per kind.

Another package adds a kind through the entry point group `alignment_audit.fitters`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from probes.base import Array, Groups, Probe
from probes.linear import LinearProbe
from probes.logistic import fit_logistic, fit_logistic_labelings
from probes.mean_based import fit_difference_of_means, fit_lda, fit_mass_mean
from probes.plugins import plugin, plugin_names
from probes.unsupervised import fit_ccs, fit_pca_pairs

Fitter = Callable[..., LinearProbe]
"""`fit(x [n, d_model], y [n], groups [n], *, folds=5, random_state=0) -> LinearProbe`."""

AnyFitter = Callable[..., Probe]
"""The same for a monitor of any kind."""

ENTRY_POINTS = "alignment_audit.fitters"

FITTERS: dict[str, Fitter] = {
    "logistic": fit_logistic,
    "mass_mean": fit_mass_mean,
    "lda": fit_lda,
    "difference_of_means": fit_difference_of_means,
    "pca_pairs": fit_pca_pairs,
    "ccs": fit_ccs,
}

TOGETHER: dict[AnyFitter, Callable[..., Sequence[Probe]]] = {fit_logistic: fit_logistic_labelings}
"""Fitters that learn several labelings of the same rows at less than the price of each."""


def fit_labelings(
    fit: AnyFitter,
    x: Array,
    labelings: Sequence[Array],
    groups: Groups,
    *,
    folds: int = 5,
    random_states: Sequence[int],
) -> Sequence[Probe]:
    """One probe for each labeling `[n]` of the same rows `x [n, d_model]`, each with its own seed.

    Raises:
        ProbeError: as the fitter does, for any of the labelings.
    """
    if fit in TOGETHER:
        return TOGETHER[fit](x, labelings, groups, folds=folds, random_states=random_states)
    return [
        fit(x, y, groups, folds=folds, random_state=seed)
        for y, seed in zip(labelings, random_states, strict=True)
    ]


def fitter(name: str) -> Fitter:
    """Find a fitter by name, built in or registered by an installed package.

    Raises:
        ProbeError: if there is none; says the nearest name.
    """
    return plugin("fitter", name, FITTERS, ENTRY_POINTS)


def fitter_names() -> tuple[str, ...]:
    """All names that `fitter` finds."""
    return plugin_names(FITTERS, ENTRY_POINTS)
