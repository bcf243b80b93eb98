"""A dataset in the format of Hugging Face `datasets`: a folder, or an id on the hub.

The package is an extra and is imported here, where it is used. A dataset of the hub needs
a pinned commit: a branch may hold other rows tomorrow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from suites.problems import nearest, show
from suites.schema import DatasetSpec

_COMMIT = re.compile(r"[0-9a-f]{40}")


def read_hub_dataset(spec: DatasetSpec, base: Path) -> Iterable[Mapping[str, Any]] | str:
    """The records of a `format: datasets` dataset, or the sentence that says why not."""
    assert spec.path is not None
    folder = base / spec.path
    if not folder.is_dir():
        if folder.exists() or spec.path.startswith((".", "/")):
            return f"there is no folder {show(str(folder), 200)}"
        if spec.revision is None or not _COMMIT.fullmatch(spec.revision):
            given = "none" if spec.revision is None else show(spec.revision)
            return f"a dataset of the hub needs a `revision` of 40 hex digits, not {given}"
    try:
        import datasets
    except ModuleNotFoundError:
        return "needs the package `datasets`: pip install 'alignment-audit[datasets]'"
    bars_were_off = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        if folder.is_dir():
            found = _from_folder(datasets, folder, spec)
        else:
            found = datasets.load_dataset(
                spec.path, spec.config, split=spec.hub_split, revision=spec.revision
            )
    except (OSError, ValueError, KeyError, datasets.exceptions.DatasetsError) as error:
        # Offline, absent, unknown split or configuration, a broken file: its cause says it best.
        said = str(error.__cause__ or error).strip() or type(error).__name__
        return f"the dataset {show(spec.path)} cannot be loaded: {said.splitlines()[0]}"
    finally:
        if not bars_were_off:
            datasets.enable_progress_bars()
    if isinstance(found, Mapping):
        hint = nearest(spec.hub_split, [str(split) for split in found])
        return f"the dataset has no split {show(spec.hub_split)} ({hint})"
    records: Iterable[Mapping[str, Any]] = found
    return records


def _from_folder(datasets: Any, folder: Path, spec: DatasetSpec) -> Any:
    if (folder / "dataset_dict.json").is_file():
        splits = datasets.load_from_disk(str(folder))
        return splits.get(spec.hub_split, splits)
    if (folder / "state.json").is_file():
        return datasets.load_from_disk(str(folder))
    return datasets.load_dataset(str(folder), spec.config, split=spec.hub_split)
