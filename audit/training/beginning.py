"""What a live model is held against: read when the run begins, taken up again when it resumes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from audit.engine.assembly import Options
from audit.engine.measuring import Talk
from audit.engine.plan import Plan
from audit.engine.selected import Selected
from audit.engine.watching import Watches, open_watches
from audit.errors import MeasurementError
from audit.models.loading import LoadedModel, load_model
from audit.series.reference import Reference, plan_like, read_reference
from audit.series.reference_files import load_reference
from audit.training.state import AuditState


def first_reference(
    selected: Sequence[Selected], model: LoadedModel, options: Options, talk: Talk
) -> Reference:
    """Every check measured on the reference.

    Raises:
        MeasurementError: a check cannot be measured on it.
    """
    reference = read_reference(selected, model, **_how(options), talk=talk)
    for one in selected:
        reason = reference.failure(one.key)
        if reason is not None:
            raise MeasurementError(f"{'/'.join(one.key)} on the reference: {reason}")
    return reference


def taken_up(
    state: AuditState,
    selected: Sequence[Selected],
    live: LoadedModel,
    given: str | LoadedModel | None,
    options: Options,
    talk: Talk,
) -> Reference:
    """The reference of a run that was resumed: the one that was given, or the one that was kept.

    Raises:
        UsageError: it was the beginning of the run, and nobody kept it.
    """
    if given is not None:
        return first_reference(selected, loaded(given), options, talk)
    return load_reference(state.must_be_kept(), selected, live, **_how(options), talk=talk)


def plan_of(reference: Reference, live: LoadedModel, options: Options) -> Plan:
    """The reference's plan on the live model; features are checked anew."""
    watches = Watches()
    if reference.watches.opened:
        watches = open_watches(reference.selected, live, like=reference.watches, **_how(options))
    return plan_like(reference, live, watches)


def loaded(reference: str | LoadedModel) -> LoadedModel:
    """A reference by its name, or as it is."""
    return reference if isinstance(reference, LoadedModel) else load_model(reference)


def _how(options: Options) -> dict[str, Any]:
    return {
        "seed": options.seed,
        "allow_pickle": options.allow_pickle,
        "allow_half": options.allow_half,
    }
