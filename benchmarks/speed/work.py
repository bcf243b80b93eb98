"""How much is measured: the whole, or little of it for a look."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Work:
    """Amounts of one run of the benchmark.

    Attributes:
        rounds: interleaved rounds, of which medians are taken.
        prompts: of the whole work.
        slice_prompts: of each round where 124M parameters run: rounds then read one slice of the
            prompts after the other, in file order.
        smoke: less than all of it, and shapes a third as wide and a third as deep.
        out: where pictures and tables beside the main one go.
    """

    rounds: int
    prompts: int
    slice_prompts: int
    smoke: bool
    out: Path

    @property
    def sliced(self) -> int:
        """Prompts that all slices hold together."""
        return min(self.prompts, self.rounds * self.slice_prompts)


RESULTS = Path(__file__).parents[1] / "results"
FULL = Work(rounds=7, prompts=1000, slice_prompts=32, smoke=False, out=RESULTS)
SMOKE = Work(rounds=3, prompts=120, slice_prompts=32, smoke=True, out=RESULTS / "smoke")
