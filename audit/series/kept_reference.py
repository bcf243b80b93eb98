"""The reference of a watch in its own folder, so that the run may delete the checkpoint.

    OUT/reference/reference.safetensors     what was measured of it
    OUT/reference/reference.json            which checkpoint it was, and what others must be like

What was measured is taken up again with any model of the run that reads the same tokens.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from audit.engine.assembly import Options
from audit.engine.measuring import Talk
from audit.engine.request import of_model
from audit.engine.selected import Selected
from audit.errors import MeasurementError, UsageError
from audit.models.loading import LoadedModel
from audit.series.checkpoints import Checkpoint
from audit.series.identity import Identity
from audit.series.opening import Bases, open_like
from audit.series.origin import Series
from audit.series.own_text import writes
from audit.series.reference_files import load_reference, save_reference
from audit.series.remembered import Seen
from audit.series.stored_rows import series_key
from reports.parts import Part
from reports.record import ModelInfo
from reports.render import write_text_atomic
from suites.load import LoadedSuite

FOLDER = "reference"
_FACTS = "reference.json"


class Kept(Part):
    """What is said of the reference beside its measurements.

    `given` is what the user asked for, None where the first checkpoint was taken; `place` is
    the same checkpoint wherever the watch is started from; `against` is what a request says of
    the model.
    """

    version: Literal[1] = 1
    given: str | None
    origin: Seen
    place: str
    dtype: str | None
    against: dict[str, str | int | bool | None]
    info: ModelInfo
    like: dict[str, Any] | None


def keep_reference(series: Series, given: str | None) -> None:
    """Write it; the facts last, so that half of it counts as nothing."""
    folder = series.folder / FOLDER
    folder.mkdir(exist_ok=True)
    (folder / _FACTS).unlink(missing_ok=True)
    save_reference(folder, series.reference, seed=series.options.seed)
    origin = series.origin
    kept = Kept(
        given=given,
        origin=Seen(**asdict(origin)),
        place=origin.place,
        dtype=series.options.dtype,
        against=dict(series.against),
        info=series.info,
        like=None if series.like is None else _plain(series.like),
    )
    write_text_atomic(folder / _FACTS, kept.model_dump_json(indent=2) + "\n")


def kept_reference(folder: Path) -> Kept | None:
    """What is kept in the folder of a watch; None where there is nothing whole.

    Raises:
        UsageError: something is there and cannot be read.
    """
    file = folder / FOLDER / _FACTS
    try:
        return Kept.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise UsageError(
            f"{file} is not what a watch wrote: {error.errors()[0]['msg']}; name another folder "
            f"with -o"
        ) from None


def resume_series(
    kept: Kept,
    opened: Sequence[LoadedSuite],
    selected: Sequence[Selected],
    candidates: Iterable[Checkpoint],
    folder: Path,
    *,
    options: Options,
    talk: Talk,
) -> Series | None:
    """The series as it was begun; None while no checkpoint is there that can be opened.

    Args:
        kept: what `kept_reference` found.
        opened: the suites.
        selected: the checks.
        candidates: checkpoints of the run that are complete.
        folder: of the watch.
        options: as of a single run.
        talk: where progress goes.

    Raises:
        UsageError: the reference was made with another seed or precision, or of other rows.
    """
    if kept.dtype != options.dtype:
        raise UsageError(
            f"the reference in {folder / FOLDER} was read with --dtype {kept.dtype or 'unset'}, "
            f"and now it is {options.dtype or 'unset'}: keep it, or name another folder with -o"
        )
    known = {one.place: one for one in candidates}
    origin = known.pop(kept.place, kept.origin.checkpoint)
    like = None if kept.like is None else _identity(kept.like)
    bases: Bases = {}
    model = _first_open([origin, *known.values()], options, like, bases)
    if model is None:
        return None
    here, there = model.device.partition(":")[0], kept.against["reference device"]
    if here != there:
        raise UsageError(
            f"the reference in {folder / FOLDER} was read on a {there}, and checkpoints are now on "
            f"a {here}: give --device {there}, or name another folder with -o"
        )
    reference = load_reference(
        folder / FOLDER,
        selected,
        model,
        seed=options.seed,
        allow_pickle=options.allow_pickle,
        allow_half=options.allow_half,
        talk=talk,
    )
    itself = of_model("reference", model) == kept.against
    return Series(
        opened=tuple(opened),
        selected=tuple(selected),
        options=options,
        folder=folder,
        origin=origin,
        reference=replace(reference, name=origin.name, weights_digest=kept.info.weights_digest),
        reference_model=model if itself and any(writes(s.check) for s in selected) else None,
        info=kept.info,
        like=like,
        against=kept.against,
        key=series_key(opened, selected, options, kept.against, reference.watches),
        started=datetime.now(UTC),
        talk=talk,
        bases=bases,
    )


def _first_open(
    candidates: Iterable[Checkpoint], options: Options, like: Identity | None, bases: Bases
) -> LoadedModel | None:
    for candidate in candidates:
        try:
            return open_like(candidate, like, options=options, bases=bases)
        except MeasurementError:  # its own row says so when its turn comes
            continue
    return None


def _plain(like: Identity) -> dict[str, Any]:
    facts = asdict(like)
    if like.added_tokens is not None:
        facts["added_tokens"] = sorted(like.added_tokens)
    plain: dict[str, Any] = json.loads(json.dumps(facts))
    return plain


def _identity(facts: dict[str, Any]) -> Identity:
    added = facts["added_tokens"]
    return Identity(
        **facts
        | {
            "added_tokens": None if added is None else frozenset(map(tuple, added)),
            "special_tokens": tuple(map(tuple, facts["special_tokens"])),
        }
    )
