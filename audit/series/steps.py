"""The training step that a checkpoint belongs to, from its files or from its name.

    run/checkpoint-500     its trainer_state.json says global_step, which counts above its name
    step1000, ckpt_10k     a word for steps and a number; `k` and `m` multiply
    epoch=3-step=1200      a step where there is one, else the epoch
    0001000                a name that is nothing but a number

Knows names and one JSON file. Knows neither which folders are checkpoints nor their order.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

TRAINER_STATE = "trainer_state.json"

Unit = Literal["step", "epoch"]

# A number followed by another letter is something else: `checkpoint-7b` is a size.
_NUMBER = r"[-_=]?(\d+)([km]?)(?![a-z0-9]|\.\d)"
_STEPS = re.compile(
    rf"(?<![a-z])(?:global[-_]?steps?|steps?|iterations?|iter|updates?){_NUMBER}", re.IGNORECASE
)
# Said of any checkpoint, so a word for steps in the same name says more.
_CHECKPOINTS = re.compile(rf"(?<![a-z])(?:checkpoint|ckpt|ba){_NUMBER}", re.IGNORECASE)
_EPOCHS = re.compile(rf"(?<![a-z])(?:epochs?|ep){_NUMBER}", re.IGNORECASE)
_BARE = re.compile(r"(\d+)(k?)")
_TIMES = {"": 1, "k": 1_000, "m": 1_000_000}


@dataclass(frozen=True)
class Step:
    """How far a training run was.

    Attributes:
        number: steps of the optimizer, or epochs.
        unit: which of the two.
    """

    number: int
    unit: Unit


def step_of_folder(folder: Path) -> Step | None:
    """The `global_step` that the Trainer wrote beside the weights; None where there is none.

    A file that cannot be read says nothing here: that it is broken is for whoever asks
    whether the folder is complete.
    """
    try:
        state = json.loads((folder / TRAINER_STATE).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    number = state.get("global_step") if isinstance(state, dict) else None
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        return None
    return Step(number, "step")


def step_of_name(name: str) -> Step | None:
    """The number in a name; in a path the last part that has one.

    A hub id `owner/name@revision` is read in its revision first.
    """
    for part in reversed(re.split(r"[/@\\]", name)):
        for pattern, unit in ((_STEPS, "step"), (_CHECKPOINTS, "step"), (_EPOCHS, "epoch")):
            if found := pattern.findall(part):
                return _step(found[-1], "epoch" if unit == "epoch" else "step")
        if bare := _BARE.fullmatch(part):
            return _step(bare.groups(), "step")
    return None


def _step(found: tuple[str | None, ...], unit: Unit) -> Step:
    digits, times = found[0] or "0", found[1] or ""
    return Step(int(digits) * _TIMES[times.lower()], unit)


def natural(name: str) -> tuple[tuple[bool, int, str], ...]:
    """A key that sorts `checkpoint-9` before `checkpoint-10`."""
    return tuple(
        (not part.isdigit(), int(part) if part.isdigit() else 0, part.lower())
        for part in re.split(r"(\d+)", name)
        if part
    )
