"""The monitor of a check in words and figures: about the instrument, never about the model.

Strings may hold text from outside, as it came: whoever shows them escapes them.
"""

from __future__ import annotations

from dataclasses import dataclass

from reports.record import CheckResult, LayerScore, Quality, RoleCount, Threshold
from reports.views.wording import estimate_words, percent, probability, support_words

ROLES = {
    "train": "fits the monitor",
    "validation": "says how good the monitor is",
    "control": "sets the threshold",
    "audit": "is what the model is judged on",
}

BASELINES = {
    "text": "words alone",
    "length": "length alone",
    "embedding": "embedding layer",
    "shuffled_labels": "shuffled labels",
    "random_direction": "random direction",
    "raw_probe": "probe on raw activations",
    "random_sae": "random SAE",
}


@dataclass(frozen=True)
class Line:
    """A named figure, with what it rests on."""

    name: str
    figure: str
    note: str = ""


@dataclass(frozen=True)
class LayerLine:
    """A candidate place: its figure, and its height in [0, 1] for a bar."""

    place: str
    figure: str
    height: float
    chosen: bool


@dataclass(frozen=True)
class RoleLine:
    """A role: how many rows it has, and what they are for."""

    name: str
    count: RoleCount
    purpose: str


@dataclass(frozen=True)
class Cuts:
    """Scores above `present` say so; those below `absent`, where there is one, the opposite."""

    present: float
    absent: float | None


@dataclass(frozen=True)
class Instrument:
    """How good the monitor is, what simpler things reach, and where it was set."""

    quality: tuple[Line, ...]
    baselines: tuple[Line, ...]
    layers: tuple[LayerLine, ...]
    threshold: str | None
    roles: tuple[RoleLine, ...]


def view_instrument(check: CheckResult) -> Instrument:
    """Say everything about a check's monitor that the record holds."""
    quality, threshold = check.quality, check.threshold
    return Instrument(
        quality=_quality(quality, threshold) if quality else (),
        baselines=_baselines(quality) if quality else (),
        layers=tuple(map(_layer, quality.layers)) if quality else (),
        threshold=_threshold(threshold) if threshold else None,
        roles=_roles(check.roles),
    )


def _quality(quality: Quality, threshold: Threshold | None) -> tuple[Line, ...]:
    fpr = f"{percent(threshold.stated_fpr)} false positives" if threshold else "the threshold"
    gain, p = quality.gain_over_text, quality.best_of_layers_p
    measured = [
        ("AUROC", quality.auroc),
        (f"recall at {fpr}", quality.recall_at_fpr),
        ("balanced accuracy", quality.balanced_accuracy),
        ("calibration error", quality.calibration_error),
    ]
    lines = [Line(name, estimate_words(e), support_words(e)) for name, e in measured]
    lines.insert(1, Line("gain over text", estimate_words(gain, signed=True), support_words(gain)))
    if p is not None:
        note = "permutation p of the best of all candidate places"
        lines.append(Line("better than chance", f"p = {probability(p)}", note))
    return tuple(lines)


def _baselines(quality: Quality) -> tuple[Line, ...]:
    return tuple(
        Line(BASELINES[baseline.name], estimate_words(baseline.auroc), baseline.note)
        for baseline in quality.baselines
    )


def _layer(layer: LayerScore) -> LayerLine:
    height = min(max(layer.auroc.value, 0.0), 1.0)
    return LayerLine(layer.hook_name, estimate_words(layer.auroc), height, layer.chosen)


def cuts_of(threshold: Threshold) -> Cuts:
    """Where a score says that the concept is there, and where that it is not.

    A belief gap has a threshold for each; above both is present, below both is absent.
    """
    if threshold.lower is None:
        return Cuts(threshold.value, None)
    low, high = sorted((threshold.value, threshold.lower))
    return Cuts(high, low)


def _threshold(threshold: Threshold) -> str:
    absent, cuts = "", cuts_of(threshold)
    if cuts.absent is not None:
        absent = (
            f"; for a belief gap reads present above {cuts.present:.4g}, "
            f"absent below {cuts.absent:.4g}"
        )
    observed = threshold.observed_fpr
    return (
        f"fires above {threshold.value:.4g}{absent}; set for {percent(threshold.stated_fpr)} of "
        f"controls to fire, and {estimate_words(observed)} of them do ({support_words(observed)})"
    )


def _roles(roles: dict[str, RoleCount]) -> tuple[RoleLine, ...]:
    """In the order in which they are used; unknown ones last."""
    names = [*(name for name in ROLES if name in roles), *(n for n in roles if n not in ROLES)]
    return tuple(RoleLine(name, roles[name], ROLES.get(name, "")) for name in names)
