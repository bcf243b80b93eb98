"""The toy model of superposition in one picture, and what dictionaries recover of known features.

    python benchmarks/superposition.py          the figures, as Markdown, on stdout
    python benchmarks/superposition.py --plot   writes docs/superposition.svg as well

Above: W.T W of models that store 20 features in 5 dimensions, from dense to sparse. Below: how
long each feature is stored, darker where it shares its direction with others. Ends with 1
where a dictionary recovers less than nine of ten planted features, or a random one any.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import torch

from probes.sae.controls import random_sae
from probes.sae.matching import TOWARDS_MONOSEMANTICITY, matched_correlation
from probes.sae.randomness import generator
from probes.sae.recipe import Recipe
from probes.sae.superposition import ToyModel, planted, train_toy_models
from probes.sae.training import train_sae

PLOT = Path(__file__).parents[1] / "docs" / "superposition.svg"
N, M = 20, 5
DENSITIES = (1.0, 0.3, 0.1, 0.03, 0.01)
CELL, GAP, TOP, BAR = 7, 26, 34, 44
SIDE = N * CELL
INK, PAPER, WARM, COLD = "#24292f", "#ffffff", (178, 60, 38), (38, 90, 160)
LEVELS = 6

PLANTED = planted(64, 32, density=2.5 / 64)
_COMPETING = {"k": 3, "aux": 0.25, "dead_after": 20, "lr": 0.005}
RECIPES = {
    "topk": Recipe("topk", 96, 1500, **_COMPETING),
    "batchtopk": Recipe("batchtopk", 96, 1500, **_COMPETING),
    "jumprelu": Recipe("jumprelu", 96, 1500, l0=0.02, bandwidth=0.1, lr=0.005),
    "relu": Recipe("relu", 96, 1500, lr=0.005),
    "matryoshka": Recipe("matryoshka", 96, 1500, prefixes=(64, 96), **_COMPETING),
}


def tint(colour: tuple[int, int, int], share: float) -> str:
    """Of the colour on paper."""
    return "#" + "".join(f"{round(255 + (c - 255) * share):02x}" for c in colour)


def heat_map(model: ToyModel, left: int) -> str:
    """One path for each shade, so that the file stays small."""
    shades: dict[str, list[str]] = defaultdict(list)
    gram = (model.W.T @ model.W).clamp(-1, 1)
    for row in range(N):
        for column in range(N):
            value = float(gram[row, column])
            level = round(abs(value) * LEVELS)
            if level:
                shade = tint(WARM if value > 0 else COLD, level / LEVELS)
                x, y = left + column * CELL, TOP + row * CELL
                shades[shade].append(f"M{x} {y}h{CELL}v{CELL}h-{CELL}z")
    return "".join(f'<path fill="{fill}" d="{"".join(d)}"/>' for fill, d in shades.items())


def bars(model: ToyModel, left: int) -> str:
    """Norm of each feature; darker where other features lie in its direction."""
    foot = TOP + SIDE + 12 + BAR
    shades: dict[str, list[str]] = defaultdict(list)
    for feature in range(N):
        height = round(min(float(model.norms[feature]), 1.2) / 1.2 * BAR, 1)
        shared = min(float(model.interference[feature]) / 2, 1.0)
        if height >= 1:
            fill = tint((36, 41, 47), round((0.3 + 0.7 * shared) * LEVELS) / LEVELS)
            x = left + feature * CELL
            shades[fill].append(f"M{x} {foot}v-{height}h{CELL - 1}v{height}z")
    return "".join(f'<path fill="{fill}" d="{"".join(d)}"/>' for fill, d in shades.items())


def picture(models: tuple[ToyModel, ...]) -> str:
    width, height = len(models) * (SIDE + GAP) + GAP, TOP + SIDE + 12 + BAR + 44
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="ui-sans-serif,system-ui,sans-serif" font-size="11" fill="{INK}">',
        f"<title>{N} features in {M} dimensions, from dense to sparse</title>",
        f'<rect width="{width}" height="{height}" fill="{PAPER}"/>',
    ]
    for number, model in enumerate(models):
        left = GAP + number * (SIDE + GAP)
        stored = int((model.norms > 0.5).sum())
        foot = TOP + SIDE + 12 + BAR
        parts += [
            f'<text x="{left}" y="18" font-weight="600">density {model.density:g}</text>',
            f'<text x="{left + SIDE}" y="18" text-anchor="end">{stored} stored</text>',
            f'<rect x="{left - 0.5}" y="{TOP - 0.5}" width="{SIDE + 1}" height="{SIDE + 1}" '
            f'fill="none" stroke="{INK}" stroke-opacity=".25"/>',
            heat_map(model, left),
            bars(model, left),
            f'<path d="M{left} {foot + 0.5}h{SIDE}" stroke="{INK}" stroke-opacity=".4"/>',
        ]
    foot = TOP + SIDE + 12 + BAR
    parts.append(
        f'<text x="{GAP}" y="{foot + 18}" fill-opacity=".75">Above: W&#7488;W, red positive, blue '
        f"negative. Below: length of each feature, darker where it shares its direction."
        f"</text><text x="
        f'"{GAP}" y="{foot + 33}" fill-opacity=".75">{N} features in {M} dimensions; the first is '
        f"the most important. Dense ones get a dimension each, sparse ones pair up with opposites, "
        "then crowd.</text></svg>\n"
    )
    return "".join(parts)


def geometry(models: tuple[ToyModel, ...]) -> None:
    print("| density | stored | antipodal pairs | median cosine between them |")
    print("|---|---|---|---|")
    for model in models:
        stored = model.W[:, model.norms > 0.5]
        directions = stored / stored.norm(dim=0)
        between = (directions.T @ directions).fill_diagonal_(0)
        pairs = int((between < -0.9).sum()) // 2
        others = between[~torch.eye(len(between), dtype=torch.bool)]
        print(
            f"| {model.density:g} | {len(between)} in {M} dimensions | {pairs} | "
            f"{float(others.abs().median()):.2f} |"
        )


def recovery() -> bool:
    """The table of dictionaries; whether all of them did as they should."""
    print("\n| architecture | recovered | random decoder | two seeds | random | L0 | explained |")
    print("|---|---|---|---|---|---|---|")
    x = PLANTED.draw(30_000, generator("unseen"))[0]
    fine = True
    for name, recipe in RECIPES.items():
        first, second = (
            train_sae(
                lambda start: PLANTED.batches(512, random_state=1, start=start),
                recipe=replace(recipe, random_state=seed),
            )
            for seed in (0, 1)
        )
        control = random_sae(first.sae, x, random_state=0)
        found, chance = (PLANTED.recovered(sae.W_dec) for sae in (first.sae, control))
        seeds = matched_correlation(first.sae, second.sae, x.split(4096)).median
        luck = matched_correlation(first.sae, control, x.split(4096)).median
        l0 = float((first.sae.encode(x) > 0).sum(dim=1).float().mean())
        error = (x - first.sae.reconstruct(x)).square().sum()
        explained = 1 - float(error / (x - x.mean(dim=0)).square().sum())
        print(
            f"| {name} | {found:.0%} | {chance:.0%} | {seeds:.2f} | {luck:.2f} | {l0:.1f} | "
            f"{explained:.1%} |",
            flush=True,
        )
        fine &= found >= 0.9 and chance <= 0.02
    print(
        f"\nTwo seeds: median over features of the best activation correlation; "
        f"{TOWARDS_MONOSEMANTICITY} in Towards Monosemanticity."
    )
    return fine


def main(plot: bool) -> int:
    torch.set_num_threads(1)
    models = train_toy_models(N, M, DENSITIES, decay=0.7, steps=4000)
    if plot:
        PLOT.write_text(picture(models), encoding="utf-8")
    geometry(models)
    return 0 if recovery() else 1


if __name__ == "__main__":
    sys.exit(main("--plot" in sys.argv[1:]))
