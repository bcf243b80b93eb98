"""The answers of one model in the cache: looked up by shard, added by part, never changed.

A file names the shard of its prompts, which their digests tell: which process computed an answer
has no say in where it lies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from audit.models.cache.folder import ABOUT, ANSWERS, CacheFolder, cache_folder
from audit.models.cache.keys import KEY, folder_name, model_identity, surroundings
from audit.models.cache.parts import MOST_BITS, shard_of
from audit.models.cache.segments import SUFFIX, DamagedError, Table, file_shard, pack, unpack
from audit.models.loaded import LoadedModel

_MOST_NAMES = 8

Took = Callable[[str, list[int], Table], None]
"""`took(kind, at, table)`: the answers in `table` are those to the keys at `at` of that kind."""


@dataclass(frozen=True, eq=False)
class ModelCache:
    """What one model was asked before.

    Attributes:
        folder: the cache.
        place: the model's folder in it.
    """

    folder: CacheFolder
    place: str

    @property
    def path(self) -> Path:
        """The model's folder."""
        return self.folder.root / self.place

    def find(self, wanted: Mapping[str, Sequence[bytes]], took: Took) -> None:
        """Look up answers and hand over those that are there, each once.

        Args:
            wanted: keys, by kind; of one kind all different.
            took: called for every table in which some were found.

        A damaged file is told and deleted, and nothing of it is handed over.
        """
        waiting = {
            kind: {key: at for at, key in enumerate(keys)} for kind, keys in wanted.items() if keys
        }
        begin = {shard_of(key, MOST_BITS) for of in waiting.values() for key in of}
        shards = {bits[:some] for bits in begin for some in range(MOST_BITS + 1)}
        for file in sorted(self.path.glob(f"*{SUFFIX}")):
            if file_shard(file) not in shards:
                continue
            try:
                found = list(unpack(file, [kind for kind, keys in waiting.items() if keys]))
            except FileNotFoundError:
                continue  # somebody pruned it just now
            except DamagedError as error:
                self.folder.say(
                    f"{file} in the cache is damaged ({error}); what it held is computed again"
                )
                with suppress(OSError):  # of a read-only cache it stays, and is told again
                    file.unlink()
            except OSError as error:
                self.folder.say(f"{file} in the cache cannot be read ({error.strerror})")
            else:
                for kind, table in found:
                    _hand_over(kind, table, waiting[kind], took)

    def add(self, tables: Mapping[str, Table], shard: str = "") -> None:
        """Keep answers as one file, all of them or none.

        Args:
            tables: answers, by kind.
            shard: of all their prompts; empty where they are of several.

        Where it is not possible that is told, and nothing else.
        """
        if tables and self.folder.writable:
            name, content = pack(shard, tables)
            self.folder.put(f"{self.place}/{name}", content)

    def used_by(self, name: str, identity: Mapping[str, str]) -> None:
        """Note under which name the model was used."""
        note = self.folder.note(f"{self.place}/{ABOUT}") or {"names": [], "identity": {}}
        names = [name, *(known for known in note["names"] if known != name)][:_MOST_NAMES]
        if names != note["names"] or note["identity"] != dict(identity):
            self.folder.put_note(
                f"{self.place}/{ABOUT}", {"names": names, "identity": dict(identity)}
            )


def _hand_over(kind: str, table: Table, waiting: dict[bytes, int], took: Took) -> None:
    """Give the answers that are waited for; they are then waited for no more."""
    keys = table.keys.tobytes()
    rows, at = [], []
    for row in range(len(table.keys)):
        index = waiting.pop(keys[KEY * row : KEY * (row + 1)], None)
        if index is not None:
            rows.append(row)
            at.append(index)
    if len(rows) == len(table.keys):
        took(kind, at, table)
    elif rows:
        took(kind, at, table.take(np.array(rows)))


def cache_of(
    name: str, identity: Mapping[str, str] | None, folder: CacheFolder
) -> ModelCache | None:
    """The cache of the model with this identity; None where it has none."""
    if identity is None:
        return None
    whole = {**identity, **surroundings()}
    cache = ModelCache(folder, f"{ANSWERS}/{folder_name(whole)}")
    cache.used_by(name, whole)
    return cache


def with_cache(
    model: LoadedModel, say: Callable[[str], None] = lambda sentence: None
) -> LoadedModel:
    """The model with the user's cache before it, if it is no live one.

    Only for who read it from its files and gave it to nobody: what is done to a model after its
    digest was taken is not seen.
    """
    cache = cache_of(model.name, model_identity(model), CacheFolder(cache_folder(), say))
    return replace(model, cache=cache)
