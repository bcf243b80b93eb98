"""Where the models of the bench are made, and what several of them share: each made once and kept.

A folder and a device. What lies in the folder was made by this `VERSION` of the bench, or is not
looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audit.bench.bases import from_nothing
from audit.bench.grid import Member
from audit.bench.lessons import misbehaving, natural
from audit.bench.methods import METHODS, Course
from audit.bench.misbehaviours import MISBEHAVIOURS
from audit.bench.saes import saes
from audit.bench.world import draw_honest
from audit.organisms.tokenizer import build_tokenizer
from audit.organisms.train import load_model, save

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

VERSION = 1
"""Of how models are made and judged; raised with every change after which they come out others."""

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

    @property
    def results(self) -> Path:
        """The folder with a file for every model that was judged."""
        return self.folder / "results"

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
            course = Course(model, tokenizer, lesson, TEACHER_STEPS, member.seed + 7_000_000)
            for _ in METHODS["full"](course):
                pass
            save(model, tokenizer, place)
        return load_model(place).to(self.device)

    def saes(self, member: Member) -> Path:
        """The folder with the SAEs of the honest model that a member starts from."""
        place = self._shared / "saes" / f"{member.shape}-{member.seed}"
        return saes(self.honest(member.seed, member.shape), place, member.seed)

    @property
    def _shared(self) -> Path:
        return self.folder / f"made-{VERSION}"
