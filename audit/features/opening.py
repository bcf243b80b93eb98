"""From what a user wrote to an SAE in memory, and what is known of how it fits a model."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from audit.errors import MeasurementError, UsageError
from audit.models.loading import LoadedModel
from probes.base import ProbeError
from probes.sae.fidelity import faults, fidelity, wrong_place
from probes.sae.formats import load_sae
from probes.sae.sae import SAE
from reports.features import Fidelity

if TYPE_CHECKING:
    from torch import Tensor

IN_MODEL = "model:"


def open_sae(
    given: str,
    model: LoadedModel | None = None,
    *,
    beside: Path | None = None,
    sae_format: str | None = None,
    allow_pickle: bool = False,
    allow_half: bool = False,
) -> SAE:
    """Load an SAE, onto the model's device where there is a model.

    Args:
        given: a folder, a file, a hub id, or `model:FOLDER` for one in the model's own folder.
        model: the model that it is to read.
        beside: a folder that paths may be relative to as well.
        sae_format: a name in the table of formats, where the files alone do not say.
        allow_pickle: read torch's pickles, tensors alone.
        allow_half: read half precision as float32.

    Raises:
        UsageError: it cannot be had or is not what it should be; names file, expected and found.
    """
    path = sae_path(given, model, beside)
    try:
        sae = load_sae(path, format=sae_format, allow_pickle=allow_pickle, allow_half=allow_half)
    except ProbeError as error:
        raise UsageError(str(error)) from None
    # What a record names is what the user wrote, wherever that lay on this machine.
    sae = replace(sae, origin=replace(sae.origin, path=given))
    return sae if model is None else sae.to(model.home)


def sae_path(given: str, model: LoadedModel | None, beside: Path | None = None) -> str:
    """Where an SAE lies: in the model's folder, beside a file, or where the words say.

    Raises:
        UsageError: the model has no folder to look in.
    """
    if given.startswith(IN_MODEL):
        if ".." in Path(given.removeprefix(IN_MODEL)).parts:
            raise UsageError(f"{given!r} leaves the model's folder; give the path itself")
        if model is None or model.path is None:
            raise UsageError(
                f"{given!r} lies in a model's folder, and "
                f"{'there is no model' if model is None else f'{model.name} has none'}; "
                "give the path"
            )
        return str(model.path / given.removeprefix(IN_MODEL))
    if beside is not None and (beside / given).exists():
        return str(beside / given)
    return given


def check_fidelity(sae: SAE, hook_name: str, x: Tensor, target: Tensor | None = None) -> Fidelity:
    """The check on load, as the record keeps it.

    Args:
        sae: the SAE.
        hook_name: where `x` was read.
        x: as in `probes.sae.fidelity.fidelity`.
        target: as there.

    Raises:
        UsageError: what the SAE reconstructs is beyond any number.
        MeasurementError: there is nothing to measure on, or activations are not finite.
    """
    try:
        figures = fidelity(sae, x, target)
    except ProbeError as error:
        raise MeasurementError(str(error)) from None
    wild = [name for name, value in asdict(figures).items() if not math.isfinite(value)]
    if wild:
        raise UsageError(
            f"{sae.origin.path or 'SAE'}: expected to reconstruct finite activations, found "
            f"{', '.join(wild)} beyond any number: its weights are out of all proportion"
        )
    elsewhere = wrong_place(sae, hook_name)
    return Fidelity(
        **asdict(figures),
        promised_l0=sae.origin.promised_l0,
        faults=[*([elsewhere] if elsewhere else []), *faults(sae, figures)],
    )
