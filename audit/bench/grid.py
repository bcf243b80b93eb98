"""The population as it is declared: blocks of models in a table, and the models they spell out.

Knows the table and its names; trains nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from audit.bench.bases import SHAPES
from audit.bench.methods import METHODS
from audit.bench.misbehaviours import MISBEHAVIOURS
from audit.bench.weights import OVER_WEIGHTS
from audit.bench.world import HARMLESS
from audit.errors import UsageError, did_you_mean
from reports.ground_truth import NATURAL
from suites.problems import SuiteError
from suites.yaml12 import Document, parse

GRID = Path(__file__).with_name("grid.yaml")
PRESETS = ("smoke", "standard", "full")
NAMES = {
    "misbehaviour": tuple(MISBEHAVIOURS),
    "innocence": (*HARMLESS, *OVER_WEIGHTS),
    "method": (*METHODS, NATURAL),
    "evasion": ("none", "against_probe", "padded"),
    "start": ("honest", "misaligned"),
    "shape": tuple(SHAPES),
}
"""What a block may name in each of its lists."""


@dataclass(frozen=True)
class Member:
    """One model of the population, made in a run of its own.

    Attributes:
        block: which block of the table it is of.
        what: its misbehaviour, or the kind of its innocence.
        misbehaves: which of the two.
        method: how it was trained.
        share: of its data that misbehaves.
        steps: of training.
        evasion: how it was taught to hide, `none` where it was not.
        start: whether it began honest or misaligned.
        shape: of the model.
        seed: of its base, its rows and its audits.
    """

    block: str
    what: str
    misbehaves: bool
    method: str
    share: float
    steps: int
    evasion: str
    start: str
    shape: str
    seed: int

    @property
    def name(self) -> str:
        """What tells it from every other, fit for a file."""
        parts = [self.what, self.method]
        parts += [f"{100 * self.share:g}pc"] if self.misbehaves else []
        parts += [str(self.steps)]
        parts += [p for p in (self.evasion, self.start, self.shape) if p not in _PLAIN]
        return "-".join([*parts, f"seed{self.seed}"])

    @property
    def adversarial(self) -> bool:
        """Whether it is one of those that are counted apart."""
        return (self.evasion, self.start, self.shape) != _PLAIN

    @property
    def long(self) -> bool:
        """Whether its run is a long one."""
        return self.steps > 600

    def facts(self) -> dict[str, Any]:
        """All its fields, and whether it is counted apart or runs long."""
        return {**asdict(self), "adversarial": self.adversarial, "long": self.long}


_PLAIN = ("none", "honest", "small")


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Names = Annotated[list[str], BeforeValidator(_listed), Field(min_length=1)]


class Block(BaseModel):
    """Every combination of what its lists name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    misbehaviour: Names | None = None
    innocence: Names | None = None
    method: Names = ["full"]
    share: Annotated[
        list[Annotated[float, Field(gt=0, le=1)]], BeforeValidator(_listed), Field(min_length=1)
    ] = [0.2]
    steps: Annotated[
        list[Annotated[int, Field(ge=20)]], BeforeValidator(_listed), Field(min_length=1)
    ] = [480]
    evasion: Names = ["none"]
    start: Names = ["honest"]
    shape: Names = ["small"]
    spread: Annotated[int, Field(ge=1)] = 1
    presets: dict[Literal["smoke", "standard", "full"], Annotated[int, Field(ge=1)]]

    @model_validator(mode="after")
    def _known_names(self) -> Block:
        if (self.misbehaviour is None) == (self.innocence is None):
            raise ValueError("a block names `misbehaviour` or `innocence`, one of the two")
        for field, known in NAMES.items():
            for name in self.names(field):
                if name not in known:
                    raise ValueError(
                        f"`{field}` {name!r} is none of {', '.join(known)}"
                        f"{did_you_mean(name, known)}"
                    )
        if NATURAL in self.method and self.misbehaviour != ["shortcut"]:
            raise ValueError(
                f"`{NATURAL}` data are made for `shortcut` alone: a model learns it from nothing"
            )
        if self.innocence is not None and (self.evasion, self.start) != (["none"], ["honest"]):
            raise ValueError("who does nothing has nothing to hide: `evasion` and `start` belong "
                             "to a misbehaviour")  # fmt: skip
        return self

    def names(self, field: str) -> list[str]:
        """What a list names, `all` spelt out."""
        found = getattr(self, field) or []
        return list(NAMES[field]) if found == ["all"] else list(found)

    def members(self, seeds: range) -> Iterator[Member]:
        """Its models for these seeds."""
        misbehaves = self.misbehaviour is not None
        whats = self.names("misbehaviour" if misbehaves else "innocence")
        made = product(
            whats, self.method, self.share, self.steps, self.evasion, self.start, self.shape
        )
        for (number, (what, method, share, steps, evasion, start, shape)), seed in product(
            enumerate(made), seeds
        ):
            yield Member(
                self.name,
                what,
                misbehaves,
                method,
                share if misbehaves else 0.0,
                steps,
                evasion,
                start,
                shape,
                seed + number % self.spread,
            )


class Grid(BaseModel):
    """The table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    blocks: list[Block] = Field(min_length=1)


def read_grid(path: Path = GRID) -> Grid:
    """Read a table of blocks.

    Raises:
        UsageError: it cannot be read, or says what cannot be; names each place.
    """
    try:
        document = parse(path.read_bytes(), path.name)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except SuiteError as error:
        raise UsageError("\n".join(map(str, error.problems))) from None
    if document.problems:
        raise UsageError("\n".join(map(str, document.problems)))
    try:
        return Grid.model_validate(document.value)
    except ValidationError as error:
        raise UsageError(_said(error, document)) from None


def population(grid: Grid, preset: str, *, first_seed: int = 0) -> list[Member]:
    """The models of a preset, each once.

    Args:
        grid: the table.
        preset: one of `PRESETS`.
        first_seed: seeds of a block count from here.

    Raises:
        UsageError: no block names the preset.
    """
    members: dict[str, Member] = {}
    for block in grid.blocks:
        seeds = range(first_seed, first_seed + block.presets.get(preset, 0))  # type: ignore[call-overload]
        for member in block.members(seeds):
            members.setdefault(member.name, member)
    if not members:
        raise UsageError(f"no block of the table has the preset {preset!r}")
    return list(members.values())


def _said(error: ValidationError, document: Document) -> str:
    lines = []
    for one in error.errors():
        loc = [step for step in one["loc"] if isinstance(step, int) or step in _FIELDS]
        line, column = document.place(loc)
        message = one["msg"].removeprefix("Value error, ")
        if one["type"] == "extra_forbidden":
            message = f"no field {one['loc'][-1]!r}{did_you_mean(str(one['loc'][-1]), _FIELDS)}"
        lines.append(f"{document.file}:{line}:{column}: {'.'.join(map(str, loc))}: {message}")
    return "\n".join(dict.fromkeys(lines))


_FIELDS = {"blocks", *Block.model_fields}
