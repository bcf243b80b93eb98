"""A folder to which checkpoints are added: which are there, and which of them are complete.

A checkpoint is ready once two looks apart agree that all of it is there; one that is done with
is looked at again only when its files change. Audits nothing and waits for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from audit.errors import UsageError
from audit.series.checkpoints import (
    Checkpoint,
    find_checkpoints,
    is_staging,
    looks_like_checkpoint,
)
from audit.series.completeness import Completeness, files_in, is_complete
from audit.series.steps import natural, step_of_folder, step_of_name

Files = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Look:
    """What one look at the folder found.

    Attributes:
        found: all that is there, in the order of training.
        new: those of them that are looked at for the first time, or again since they changed.
        ready: those that are complete.
        refused: by name, why a folder cannot be placed in the series.
    """

    found: tuple[Checkpoint, ...]
    new: tuple[Checkpoint, ...]
    ready: tuple[Checkpoint, ...]
    refused: dict[str, tuple[Checkpoint, str]]


@dataclass
class Growing:
    """A folder, and what earlier looks at it found.

    Attributes:
        folder: that is watched.
        own: the folder of the watch itself, which is none of them.
        base: the model that adapters go on, above what they name.
        looks: the last look at each checkpoint that is not done with.
        settled: the files of each that is.
        waiting: those that had one look and are to have another.
    """

    folder: Path
    own: Path
    base: str | None = None
    looks: dict[str, Completeness] = field(default_factory=dict)
    settled: dict[str, Files] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)

    def look(self) -> Look:
        """Look at everything that is there now."""
        found, refused = self.found()
        new, ready = [], []
        for checkpoint in found:
            folder, name = checkpoint.folder, checkpoint.name
            if folder is None or self._as_it_was(name, folder):
                continue
            earlier = self.looks.get(name)
            look = self.looks[name] = is_complete(folder, earlier=earlier)
            if earlier is None:
                new.append(checkpoint)
                self.waiting.add(name)
            else:
                self.waiting.discard(name)
                if look.complete:
                    ready.append(checkpoint)
        self._forget({one.name for one in found})
        return Look(tuple(found), tuple(new), tuple(ready), refused)

    def settle(self, checkpoint: Checkpoint) -> None:
        """Be done with a checkpoint as it was when it was found complete."""
        if (look := self.looks.pop(checkpoint.name, None)) is not None:
            self.settled[checkpoint.name] = look.files

    def _as_it_was(self, name: str, folder: Path) -> bool:
        if name not in self.settled:
            return False
        try:
            same = files_in(folder) == self.settled[name]
        except OSError:  # deleted this moment, which the next look finds
            return True
        if not same:
            del self.settled[name]
        return same

    def _forget(self, there: set[str]) -> None:
        for held in (self.looks, self.settled):
            for name in held.keys() - there:
                del held[name]
        self.waiting &= there

    def found(self) -> tuple[list[Checkpoint], dict[str, tuple[Checkpoint, str]]]:
        """What is there, in the order of training, and why others cannot be placed."""
        paths = self._folders()
        try:
            return (self._placed(paths) if paths else []), {}
        except UsageError:
            return self._one_by_one(paths)

    def _folders(self) -> list[Path]:
        try:
            inside = list(self.folder.iterdir())
        except FileNotFoundError:
            return []
        own = self.own.resolve()
        kept = [p for p in inside if looks_like_checkpoint(p) and p.resolve() != own]
        return sorted((p for p in kept if not is_staging(p)), key=_own_step_first)

    def _placed(self, paths: list[Path]) -> list[Checkpoint]:
        return find_checkpoints([str(path) for path in sorted(paths, key=_by_name)], base=self.base)

    def _one_by_one(
        self, paths: list[Path]
    ) -> tuple[list[Checkpoint], dict[str, tuple[Checkpoint, str]]]:
        """All that can be placed together, and why each of the others cannot."""
        kept: list[Path] = []
        refused = {}
        for path in paths:
            try:
                self._placed([*kept, path])
            except UsageError as error:
                if path.is_dir():  # it may have been deleted since it was listed
                    step = step_of_folder(path) or step_of_name(path.name)
                    number = None if step is None else step.number
                    named = Checkpoint(path.name, str(path), number, "model")
                    refused[path.name] = (named, str(error))
            else:
                kept.append(path)
        return (self._placed(kept) if kept else []), refused


def _by_name(path: Path) -> tuple[object, ...]:
    return path.is_symlink(), natural(path.name)


def _own_step_first(path: Path) -> tuple[object, ...]:
    """Where two claim one step, `checkpoint-500` keeps it and its copy `best` does not."""
    return path.is_symlink(), step_of_name(path.name) is None, natural(path.name)
