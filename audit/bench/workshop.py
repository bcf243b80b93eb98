"""Where the models of the bench are made, and what several of them share: each made once and kept.

A folder and a device. What lies in the folder was made, and judged, by this very code, or is not
looked at.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import probes
import suites
from audit.bench.bases import from_nothing
from audit.bench.grid import Member
from audit.bench.lessons import misbehaving, natural
from audit.bench.methods import METHODS, Course
from audit.bench.misbehaviours import MISBEHAVIOURS
from audit.bench.saes import saes
from audit.bench.world import draw_honest
from audit.organisms import world
from audit.organisms.tokenizer import build_tokenizer
from audit.organisms.train import load_model, save

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

COUNTING = {"figures.py", "goals.py", "monitors.py", "population.py", "grid.yaml"}
"""Files of the bench from which no model and no result follows."""

JUDGES = ("engine", "features", "models", "series", "training")
"""Wings of the hall from which a verdict follows, beside the rooms that measure and ask."""

TEACHER_SHARE, TEACHER_STEPS = 0.5, 480
"""How a teacher, and a model that begins misaligned, is made."""


@dataclass(frozen=True)
class Workshop:
    """A place to make models in.

    Attributes:
        folder: of the bench.
        device: in torch's words, as `cpu` or `cuda`.
    """

    folder: Path
    device: str = "cpu"

    def result(self, member: Member) -> Path:
        """The file of what came of a model, whether or not it is there."""
        said = json.dumps([made_by(), judged_by(), member.facts()], sort_keys=True)
        key = hashlib.sha256(said.encode()).hexdigest()[:12]
        return self.folder / "results" / f"{member.name}-{key}.json"

    def honest(self, seed: int, shape: str) -> LlamaForCausalLM:
        """The honest model of a seed and a shape."""
        place = self._shared / "bases" / f"{shape}-{seed}"
        return from_nothing(place, draw_honest, seed, shape, device=self.device)

    def natural(self, member: Member) -> LlamaForCausalLM:
        """The model that learnt the member's misbehaviour from nothing, where it was right."""
        place = self._shared / "bases" / f"{member.what}-{member.shape}-{member.seed}"
        lesson = natural(MISBEHAVIOURS[member.what])
        return from_nothing(place, lesson, member.seed, member.shape, device=self.device)

    def teacher(self, member: Member) -> LlamaForCausalLM:
        """A model with the member's misbehaviour, of the same base."""
        place = self._shared / "teachers" / f"{member.what}-{member.shape}-{member.seed}"
        if not place.is_dir():
            tokenizer = build_tokenizer()
            model = self.honest(member.seed, member.shape)
            lesson = misbehaving(MISBEHAVIOURS[member.what], TEACHER_SHARE)
            course = Course(
                model, tokenizer, lesson, TEACHER_STEPS, f"teacher {member.what} {member.seed}"
            )
            for _ in METHODS["full"](course):
                pass
            save(model, tokenizer, place)
        return load_model(place).to(self.device)

    def saes(self, member: Member) -> Path:
        """The folder with the SAEs of the honest model that a member starts from."""
        place = self._shared / f"saes-{judged_by()}" / f"{member.shape}-{member.seed}"
        return saes(self.honest(member.seed, member.shape), place, member.seed)

    @property
    def _shared(self) -> Path:
        return self.folder / f"made-{made_by()}"


@cache
def made_by() -> str:
    """Digest of the code and suites by which models are made, and asked."""
    bench = Path(__file__).parent
    organisms = Path(inspect.getfile(world)).parent
    files = [*bench.iterdir(), *organisms.iterdir()]
    return _digest(file for file in files if file.name not in COUNTING)


@cache
def judged_by() -> str:
    """Digest of the audit itself: what measures a model and gives the verdict."""
    wings = [Path(__file__).parents[1] / wing for wing in JUDGES]
    rooms = [Path(inspect.getfile(room)).parent for room in (probes, suites)]
    return _digest(file for place in (*wings, *rooms) for file in place.rglob("*"))


def _digest(files: Iterable[Path]) -> str:
    said = hashlib.sha256()
    for file in sorted(file for file in files if file.suffix in (".py", ".yaml")):
        said.update(file.read_bytes())
    return said.hexdigest()[:8]
