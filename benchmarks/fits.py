"""What fitting and resampling cost beside scikit-learn and beside the capture they follow.

    python benchmarks/fits.py [--smoke] [--rounds 7] [--json PATH]

A GPT-2-small shape (12 layers, d_model 768) with random weights reads prompts of log-normal
lengths from 8 to 256 tokens, in which a few words tell the label; the mean after every layer is
kept. Then, all in one process on one thread, over all rows and over a train role of 0.4 of them:

    capture   every layer of all prompts
    fit       every layer: 10 penalties, 5 grouped folds, then all rows at the best
    peer      scikit-learn's LogisticRegressionCV, the same folds and penalties, standardised rows
    shuffles  ten labelings shuffled and fitted together
    resample  1,000 cluster-bootstrap resamples of an AUROC of 5,000 rows, beside a plain loop

Process time. The twelve layers are the rounds: each is fitted in every way before the next, and a
ratio is the median over layers. The capture is paid once, in two halves.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from audit.models.capture import Read, Selection, TokenSequence, capture
from audit.models.loaded import LoadedModel
from probes.baselines import shuffled_label_probes
from probes.crossval import grouped_folds
from probes.logistic import PENALTIES, fit_logistic
from probes.metrics import auroc
from probes.quality import auroc_estimate
from probes.resampling import draw_multiplicities, weighted_aurocs

VOCABULARY, LAYERS, WIDTH = 50257, 12, 768
TELLING, SHARE = 40, 0.2  # words that tell, and their share in a prompt of label 1
Vectors = NDArray[np.float32]
Labels = NDArray[Any]


@dataclass(frozen=True)
class Figure:
    """One row of the table; `met` says nothing where there is no goal."""

    name: str
    ratio: float
    goal: float | None = None
    least: bool = False  # the goal is a least, not a most

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached."""
        if self.goal is None:
            return None
        return self.ratio >= self.goal if self.least else self.ratio <= self.goal


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--smoke", action="store_true", help="less work, under half a minute")
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--json", type=Path, help="where the figures go as well")
    options = arguments.parse_args()
    prompts, layers, rounds = (120, 3, 3) if options.smoke else (1000, LAYERS, options.rounds)
    with threadpool_limits(1):
        figures = [*fits(prompts, layers), *resampling(rounds)]
    print("| what | ratio | goal | reached |\n|---|---|---|---|")
    for figure in figures:
        goal = "" if figure.goal is None else f"{'≥' if figure.least else '≤'} {figure.goal:g}"
        met = "" if figure.met is None else ("yes" if figure.met else "no")
        print(f"| {figure.name} | {figure.ratio:.4g} | {goal} | {met} |")
    if options.json:
        rows = [{"name": f.name, "ratio": f.ratio, "goal": f.goal, "met": f.met} for f in figures]
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def fits(prompts: int, layers: int) -> list[Figure]:
    """The figures of `fitted`."""
    several, capture_time = fitted(prompts, layers)
    return [
        figure
        for rows, of_rows in several.items()
        for figure in of_rows.figures(f"{rows} rows, d {WIDTH}", capture_time)
    ]


def fitted(prompts: int, layers: int) -> tuple[dict[int, Fitted], float]:
    """Capture, our fits and scikit-learn's over the same prompts, layer by layer.

    By the number of rows that are fitted; and the seconds of the capture of all layers.
    """
    model = _model(layers)
    y = np.tile([1, 0], prompts // 2)
    groups = np.repeat(np.arange(prompts // 2), 2)
    sequences = _sequences(y, layers)
    reads = [Read(f"blocks.{layer}.hook_resid_post", "mean") for layer in range(layers)]
    halves = [range(0, prompts, 2), range(1, prompts, 2)]
    captured = np.empty((layers, prompts, WIDTH), np.float32)
    train = int(0.4 * prompts) // 2 * 2
    capture_time, several = 0.0, {prompts: Fitted(), train: Fitted()}
    for half in halves:
        part = [sequences[i] for i in half]
        found, seconds = _timed(partial(capture, model, part, reads))
        capture_time += seconds
        for layer in range(layers):
            captured[layer, list(half)] = found.matrix(layer, [(i, 0) for i in range(len(part))])
    for x in captured:
        for rows, of_rows in several.items():
            of_rows.layer(x, y, groups, rows)
    return several, capture_time


@dataclass
class Fitted:
    """Times and differences, one for each layer."""

    ours: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)
    shuffled: list[float] = field(default_factory=list)
    lack: list[float] = field(default_factory=list)
    apart: list[float] = field(default_factory=list)

    def layer(self, x: Vectors, y: Labels, groups: Labels, train: int) -> None:
        """Fit the first rows of `x [n, d]` in each way; the others are held out."""
        from sklearn.linear_model import LogisticRegression

        known, labels, of = x[:train], y[:train], groups[:train]
        probe, ours = _timed(lambda: fit_logistic(known, labels, of))
        folds = grouped_folds(of, labels, 5, 0)
        mean, scale = known.mean(axis=0, dtype=np.float64), known.std(axis=0, dtype=np.float64)
        z = (known - mean) / scale
        peer, theirs = _timed(lambda: _peer(z, labels, folds))
        draws = range(10)
        _, shuffled = _timed(
            lambda: shuffled_label_probes(fit_logistic, known, labels, of, random_states=draws)
        )
        self.ours.append(ours)
        self.peer.append(theirs)
        self.shuffled.append(shuffled / ours)
        if train < len(y):
            fresh, truth = x[train:], y[train:]
            reached = auroc(probe.decision_function(fresh), truth)
            fresh = (fresh - mean) / scale
            self.lack.append(auroc(peer.decision_function(fresh), truth) - reached)
            exact = LogisticRegression(C=1 / (probe.penalty or 1), tol=1e-8, max_iter=10_000)
            settled = auroc(exact.fit(z, labels).decision_function(fresh), truth)
            self.apart.append(abs(settled - reached))

    def figures(self, rows: str, capture_time: float) -> list[Figure]:
        """The rows of the table."""
        times = statistics.median(b / a for a, b in zip(self.ours, self.peer, strict=True))
        figures = [
            Figure(f"fit of every layer / capture ({rows})", sum(self.ours) / capture_time, 0.25),
            Figure(f"LogisticRegressionCV / fit ({rows})", times, 10, least=True),
            Figure(f"ten shuffles together / one fit ({rows})", statistics.median(self.shuffled)),
        ]
        if self.lack:
            figures += [
                Figure(f"held-out AUROC lost beside its choice, median ({rows})",
                       statistics.median(self.lack), 0.002),
                Figure(f"the same, worst layer ({rows})", max(self.lack), 0.002),
                Figure(f"held-out AUROC apart at the same penalty, worst layer ({rows})",
                       max(self.apart), 0.002),
            ]  # fmt: skip
        return figures


def _peer(z: NDArray[np.float64], y: Labels, folds: Any) -> Any:
    from sklearn.linear_model import LogisticRegressionCV

    strengths = [1 / penalty for penalty in PENALTIES]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some fits stop at its 100 iterations: its own default
        return LogisticRegressionCV(Cs=strengths, cv=folds, scoring="roc_auc").fit(z, y)


def resampling(rounds: int, n: int = 5000, draws: int = 1000) -> list[Figure]:
    """The figures of `resampled`."""
    seconds, loops, apart = resampled(rounds, n, draws)
    return [
        Figure(f"{draws} resamples of an AUROC, n = {n}: seconds", statistics.median(seconds), 0.3),
        Figure("a plain loop / resamples", statistics.median(loops) / statistics.median(seconds)),
        Figure("largest difference from the plain loop", apart, 1e-12),
    ]


def resampled(
    rounds: int, n: int = 5000, draws: int = 1000
) -> tuple[list[float], list[float], float]:
    """Resamples of an AUROC: their seconds, those of a plain loop, and how far they are apart."""
    rng = np.random.default_rng(0)
    y = rng.random(n) < 0.5
    scores, codes = rng.standard_normal(n) + y, rng.integers(0, n // 2, n)
    seconds, loops, apart = [], [], 0.0
    for _ in range(rounds):
        seconds.append(_timed(lambda: auroc_estimate(scores, y, codes, n_resamples=draws))[1])
        weights = draw_multiplicities(n // 2, 20, rng)
        plain, loop = _timed(lambda weights=weights: _looped(scores, y, codes, weights))
        loops.append(loop * draws / len(weights))
        found = weighted_aurocs(scores, y, codes, weights)
        apart = max(apart, float(np.abs(found - plain).max()))
    return seconds, loops, apart


def _looped(scores: Any, y: Any, codes: Any, weights: Any) -> NDArray[np.float64]:
    rows = [np.repeat(np.arange(len(y)), draw[codes].astype(int)) for draw in weights]
    return np.array([auroc(scores[at], y[at]) for at in rows])


def _timed(run: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    return run(), time.process_time() - start


def _sequences(y: Labels, layers: int) -> list[TokenSequence]:
    """Prompts of log-normal lengths; in those of label 1 some words are of the few that tell."""
    rng = np.random.default_rng(0)
    lengths = np.clip(np.exp(rng.normal(np.log(45), 0.7, len(y))), 8, 256).astype(int)
    telling = rng.choice(VOCABULARY, TELLING, replace=False)
    sequences = []
    for label, length in zip(y, lengths, strict=True):
        ids = rng.integers(VOCABULARY, size=length)
        tells = rng.random(length) < SHARE * label
        ids[tells] = rng.choice(telling, int(tells.sum()))
        everything = Selection(tuple(range(length)), tuple(range(layers)))
        sequences.append(TokenSequence(tuple(map(int, ids)), (everything,)))
    return sequences


def _model(layers: int) -> LoadedModel:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = GPT2LMHeadModel(GPT2Config(n_layer=layers)).eval()
    return LoadedModel(
        name="benchmark",
        model=model,
        tokenizer=None,
        architecture=type(model).__name__,
        n_layers=layers,
        d_model=WIDTH,
        n_parameters=0,
        dtype="float32",
        device="cpu",
        weights_digest="",
        tokenizer_digest="",
        context_length=1024,
        path=None,
    )


if __name__ == "__main__":
    main()
