"""The table of fitters: one function type, one line per kind.

Another package adds a kind through the entry point group `alignment_audit.fitters`.
"""

from __future__ import annotations

from collections.abc import Callable

from probes.base import Probe
from probes.linear import LinearProbe
from probes.logistic import fit_logistic
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


def fitter(name: str) -> Fitter:
    """Find a fitter by name, built in or registered by an installed package.

    Raises:
        ProbeError: if there is none; says the nearest name.
    """
    return plugin("fitter", name, FITTERS, ENTRY_POINTS)


def fitter_names() -> tuple[str, ...]:
    """All names that `fitter` finds."""
    return plugin_names(FITTERS, ENTRY_POINTS)
