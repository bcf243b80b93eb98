"""Fits and resamples: the figures of `benchmarks/fits.py` that have a goal."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.fits import WIDTH, fitted, resampled
from benchmarks.speed.figures import Figure, figure_of
from benchmarks.speed.work import Work

SKLEARN = "LogisticRegressionCV"
APART = 0.002


def rows(work: Work) -> Iterator[Figure]:
    """All layers, 10 penalties, 5 grouped folds: beside the capture and beside scikit-learn.

    The layers are the rounds; the capture of all of them is paid once.
    """
    layers = 2 if work.smoke else 12
    several, capture_time = fitted(work.fitted, layers)
    most, train = sorted(several, reverse=True)
    for count in (most, train):
        of_rows = several[count]
        about = {"model": "GPT-2 small", "work": f"{layers} layers, {count} rows, d {WIDTH}"}
        yield figure_of(
            [layers * seconds / capture_time for seconds in of_rows.ours],
            "fits of every layer / their capture",
            goal=0.25,
            peer="capture",
            **about,
        )
        yield figure_of(
            [theirs / ours for theirs, ours in zip(of_rows.peer, of_rows.ours, strict=True)],
            f"{SKLEARN} / fit",
            goal=10,
            least=True,
            peer=SKLEARN,
            **about,
        )
    for name, apart in (
        ("held-out AUROC apart at the same penalty", several[train].apart),
        ("held-out AUROC lost where each chooses its penalty", several[train].lack),
    ):
        yield figure_of(apart, name, goal=APART, unit="", peer=SKLEARN, **about)


def resampling(work: Work) -> Iterator[Figure]:
    """1,000 cluster-bootstrap resamples of an AUROC."""
    n, draws = 5000, 1000
    seconds, loops, apart = resampled(work.rounds, n, draws)
    about = {"peer": "a plain loop", "work": f"n = {n:,}, {n // 2:,} groups"}
    name = f"{draws:,} resamples of an AUROC"
    yield figure_of(seconds, name, goal=0.3, unit="s", **about)
    yield figure_of(
        [loop / ours for loop, ours in zip(loops, seconds, strict=True)],
        f"plain loop / {name}",
        **about,
    )
    yield Figure("largest difference from the plain loop", apart, 1e-12, unit="", **about)
