"""How much is measured: the whole, or little of it for a look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Work:
    """Amounts of one run of the benchmark.

    Attributes:
        rounds: interleaved rounds, of which medians are taken.
        prompts: of the whole work.
        slices: prompts of each round, by model, where one round cannot read all of them: rounds
            then read one slice after the other, in file order.
        fitted: prompts whose layers are fitted.
        steps: how often more there is of what the cost is followed against.
        few_prompts: where memory begins to be followed.
        many_prompts: where that ends.
        smoke: less than all of it, and shapes a third as wide and a third as deep.
        out: where pictures and tables beside the main one go.
    """

    rounds: int
    prompts: int
    slices: Mapping[str, int]
    fitted: int
    steps: Sequence[int]
    few_prompts: int
    many_prompts: int
    smoke: bool
    out: Path


RESULTS = Path(__file__).parents[1] / "results"
FULL = Work(
    rounds=7,
    prompts=1000,
    slices={"GPT-2 small": 32, "Llama, grouped": 32, "MiniLM-L6": 64},
    fitted=800,
    steps=(1, 3, 10, 30, 100),
    few_prompts=1000,
    many_prompts=100_000,
    smoke=False,
    out=RESULTS,
)
SMOKE = Work(
    rounds=2,
    prompts=96,
    slices={"GPT-2 small": 32, "Llama, grouped": 32, "MiniLM-L6": 12},
    fitted=60,
    steps=(1, 3, 10),
    few_prompts=1000,
    many_prompts=5000,
    smoke=True,
    out=RESULTS / "smoke",
)
