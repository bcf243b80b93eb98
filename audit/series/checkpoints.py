"""From what a user wrote to the checkpoints of a run, in the order of training.

    run/checkpoint-500      a folder
    'run/checkpoint-*'      a pattern that the shell has left alone
    run                     a folder that holds checkpoints and is none itself
    owner/name@step1000     a revision on the hub
    organism:liar           an embedded model

Ordered by the training step. Whoever has none keeps the place where it was written, so a base
model in front of its run stays in front; epochs count only where nobody counts steps. Knows
names and folders; neither loads a model nor asks a network.
"""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from audit.errors import UsageError, did_you_mean
from audit.series.adapters import ADAPTER_CONFIG, base_of, is_adapter
from audit.series.steps import Step, natural, step_of_folder, step_of_name

Kind = Literal["model", "adapter", "hub", "organism"]

# What only a checkpoint has; several, since any one of them may be what is missing.
_WEIGHTS = (
    "*.safetensors",
    "*.safetensors.index.json",
    "pytorch_model*.bin",
    "adapter_model.bin",
)
_MARKS = ("config.json", ADAPTER_CONFIG, *_WEIGHTS)
# Folders that a writer renames once it is done.
STAGING = ("tmp-checkpoint-", "tmp_", "tmp-", ".")
STAGED = (".tmp", ".incomplete", ".partial", "_tmp", "-tmp")


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint of a series.

    Attributes:
        name: as a record calls it; differs from every other name of the series.
        source: what `load_model` takes; for an adapter its folder.
        step: training step, or epoch where the series counts epochs; None if it says none.
        kind: `model` and `adapter` are folders; `hub` and `organism` are names.
        base: the model that an adapter goes on, None for the others.
    """

    name: str
    source: str
    step: int | None
    kind: Kind
    base: str | None = None

    @property
    def folder(self) -> Path | None:
        """The folder on this machine, None for a name."""
        local = self.kind in ("model", "adapter")
        return Path(self.source).expanduser() if local else None

    @property
    def place(self) -> str:
        """Where it lies, the same however it is spelt; a name for what is no folder."""
        return self.source if self.folder is None else str(self.folder.resolve())


@dataclass(frozen=True)
class _Source:
    """A name or a folder as it was found, so that a folder deleted meanwhile stays one."""

    text: str
    folder: Path | None = None


def find_checkpoints(given: Sequence[str], *, base: str | None = None) -> list[Checkpoint]:
    """The checkpoints that `given` names, each once, in the order of training.

    Args:
        given: folders, patterns, parent folders, hub ids and organisms, in any mixture.
        base: the model that adapters go on, above what they name themselves.

    Raises:
        UsageError: a name leads to no checkpoint, a pattern matches nothing, an adapter has
            no base, or two checkpoints claim the same step.
    """
    if not given:
        raise UsageError("no checkpoint was given; name folders, a pattern or hub revisions")
    sources = _once(source for name in given for source in _sources(name))
    names = _names(sources)
    found = [_step(source, name) for source, name in zip(sources, names, strict=True)]
    counted = {step.unit for step in found if step}
    unit = "step" if "step" in counted else "epoch"
    numbers = [step.number if step and step.unit == unit else None for step in found]
    checkpoints = [
        _checkpoint(source, name, number, base)
        for source, name, number in zip(sources, names, numbers, strict=True)
    ]
    _no_step_twice(checkpoints, unit)
    return in_order(checkpoints)


def is_series(given: Sequence[str]) -> bool:
    """Whether what was written means several checkpoints and not one model.

    More than one name, a pattern, or a folder that is no model itself and holds some.
    """
    if len(given) != 1:
        return True
    path = Path(given[0]).expanduser()
    if path.is_dir():
        return bool(_inside(path)) and not any(
            next(path.glob(mark), None) for mark in (ADAPTER_CONFIG, *_WEIGHTS)
        )
    return not given[0].startswith("organism:") and glob.has_magic(given[0])


def holds_adapter(given: str) -> bool:
    """Whether a name means the folder of an adapter."""
    path = Path(given).expanduser()
    return path.is_dir() and is_adapter(path)


def looks_like_checkpoint(folder: Path) -> bool:
    """Whether a folder holds, or by its name should hold, a model or an adapter.

    One that lacks its config counts, so that it is named as broken and not passed over; one
    that its writer has not renamed yet does not.
    """
    if not folder.is_dir() or is_staging(folder):
        return False
    return _has_marks(folder) or step_of_name(folder.name) is not None


def is_staging(folder: Path) -> bool:
    """Whether the name is one that a writer gives to a folder it is still filling."""
    return folder.name.startswith(STAGING) or folder.name.endswith(STAGED)


def _sources(given: str) -> list[_Source]:
    if given.startswith("organism:"):
        return [_Source(given)]
    path = Path(given).expanduser()
    if path.is_dir():
        return [_Source(str(folder), folder) for folder in _of_folder(path)]
    if path.is_file():
        raise UsageError(f"{given} is a file; a checkpoint is the folder with its config.json")
    if glob.has_magic(given):
        return [_Source(str(folder), folder) for folder in _of_pattern(given)]
    if _means_a_folder(given, path):
        raise UsageError(f"there is no folder {given}{_nearest(path)}")
    return [_Source(given)]


def _means_a_folder(given: str, path: Path) -> bool:
    """Whether a name that does not exist was meant as a folder and not for the hub."""
    if given.startswith((".", "/", "~")) or given.endswith("/") or given.count("/") > 1:
        return True
    return "/" in given and "@" not in given and path.parent.is_dir()


def _of_folder(folder: Path) -> list[Path]:
    if any(next(folder.glob(mark), None) for mark in (ADAPTER_CONFIG, *_WEIGHTS)):
        return [folder]
    # A config.json alone may be that of the run.
    if inside := _inside(folder):
        return inside
    if _has_marks(folder) or looks_like_checkpoint(folder):
        return [folder]
    held = sorted((path.name for path in folder.iterdir()), key=natural)
    holds = f"it holds {_listed(held)}" if held else "it is empty"
    raise UsageError(
        f"{folder} is no checkpoint, having neither config.json nor weights, and no folder in it "
        f"is one ({holds}); give the folder that holds the checkpoints"
    )


def _of_pattern(pattern: str) -> list[Path]:
    parts = Path(pattern).expanduser().parts
    fixed = next(place for place, part in enumerate(parts) if glob.has_magic(part))
    matched = list(Path(*parts[:fixed]).glob("/".join(parts[fixed:])))
    if found := _sorted(path for path in matched if looks_like_checkpoint(path)):
        return found
    if not matched:
        if "@" in pattern:
            raise UsageError(
                f"no folder matches {pattern!r}, and the hub's revisions cannot be asked for by "
                "a pattern; name each of them, owner/name@step1000 owner/name@step2000"
            )
        raise UsageError(f"nothing matches {pattern!r}{_nearest(Path(*parts))}")
    names = sorted((path.name for path in matched), key=natural)
    raise UsageError(
        f"{pattern!r} matches {_listed(names)}, none of which is the folder of a checkpoint "
        "(with config.json, adapter_config.json or weights)"
    )


def _inside(folder: Path) -> list[Path]:
    """The checkpoints directly in `folder`."""
    return _sorted(path for path in folder.iterdir() if looks_like_checkpoint(path))


def _sorted(paths: Iterable[Path]) -> list[Path]:
    """In natural order, links last, so that a checkpoint keeps its own name beside `latest`."""
    return sorted(paths, key=lambda path: (path.is_symlink(), natural(str(path))))


def _has_marks(folder: Path) -> bool:
    return any(next(folder.glob(mark), None) for mark in _MARKS)


def _nearest(missing: Path) -> str:
    """The end of a sentence: what there is where `missing` was looked for."""
    there = missing
    while not there.is_dir() and there != there.parent:
        there = there.parent
    name = missing.relative_to(there).parts[0]
    folders = sorted((path.name for path in there.iterdir() if path.is_dir()), key=natural)
    if offer := did_you_mean(name, folders):
        return f" ({there} has no {name}){offer}"
    return f"; {there} holds " + (f"the folders {_listed(folders)}" if folders else "no folder")


def _listed(names: Sequence[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _once(sources: Iterable[_Source]) -> list[_Source]:
    """Each source once, the first spelling of it: links and `./` are looked through."""
    seen: dict[str, _Source] = {}
    for source in sources:
        seen.setdefault(str(source.folder.resolve()) if source.folder else source.text, source)
    return list(seen.values())


def _names(sources: Sequence[_Source]) -> list[str]:
    """For every source the shortest end of its path that no other has."""
    parts = [source.folder.absolute().parts if source.folder else () for source in sources]
    ends = Counter(path[-depth:] for path in parts for depth in range(1, len(path) + 1))
    names = []
    for source, path in zip(sources, parts, strict=True):
        shortest = (path[-depth:] for depth in range(1, len(path) + 1))
        end = next((end for end in shortest if ends[end] == 1), None)
        names.append("/".join(end) if end else source.text)
    taken = Counter(names)
    pairs = zip(sources, names, strict=True)
    return [name if taken[name] == 1 else source.text for source, name in pairs]


def _step(source: _Source, name: str) -> Step | None:
    if source.folder is not None:
        return step_of_folder(source.folder) or step_of_name(name)
    return None if source.text.startswith("organism:") else step_of_name(source.text)


def _checkpoint(source: _Source, name: str, step: int | None, base: str | None) -> Checkpoint:
    if source.folder is None:
        kind: Kind = "organism" if source.text.startswith("organism:") else "hub"
        return Checkpoint(name, source.text, step, kind)
    if is_adapter(source.folder):
        return Checkpoint(name, source.text, step, "adapter", base_of(source.folder, base=base))
    return Checkpoint(name, source.text, step, "model")


def _no_step_twice(checkpoints: Sequence[Checkpoint], unit: str) -> None:
    seen: dict[int, Checkpoint] = {}
    for checkpoint in checkpoints:
        if checkpoint.step is None:
            continue
        first = seen.setdefault(checkpoint.step, checkpoint)
        if first is not checkpoint:
            raise UsageError(
                f"{first.source} and {checkpoint.source} both say that they are {unit} "
                f"{checkpoint.step}, so they have no order; leave one of them out, or give the "
                "checkpoints of one run alone"
            )


def in_order(checkpoints: Sequence[Checkpoint]) -> list[Checkpoint]:
    """By step, on the places of those that have one; the others stay where they are."""
    stepped = sorted((c.step, place) for place, c in enumerate(checkpoints) if c.step is not None)
    rest = iter(checkpoints[place] for _, place in stepped)
    return [next(rest) if c.step is not None else c for c in checkpoints]
