"""One check in words and figures, computed once for every renderer.

Strings here may hold text from outside, as it came: whoever shows them escapes them.
Nothing is decided: the verdicts are the record's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from reports.record import (
    SEVERITIES,
    CheckResult,
    Estimate,
    FourFields,
    GateResult,
    LayerScore,
    Quality,
    RoleCount,
    RowResult,
    Severity,
    Threshold,
    Verdict,
)
from reports.wording import (
    estimate_words,
    figure,
    gate_sentence,
    gate_words,
    percent,
    support_words,
)

WORST_FIRST: tuple[Verdict, ...] = ("error", "flag", "inconclusive", "warn", "pass")
NOT_MEASURED = "-"

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
}


@dataclass(frozen=True)
class GateLine:
    """A gate as a line of a table and as a sentence."""

    title: str
    severity: Severity
    verdict: Verdict
    found: str
    limit: str
    support: str
    corrected: str
    sentence: str
    reason: str
    detail: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Line:
    """A named figure, with what it rests on."""

    name: str
    figure: str
    note: str = ""


@dataclass(frozen=True)
class LayerLine:
    """A candidate place: its figure, and its value in [0, 1] for a bar."""

    place: str
    figure: str
    height: float
    chosen: bool


@dataclass(frozen=True)
class Cell:
    """One of the four fields: `12 (6 %)`, and what that means."""

    figure: str
    meaning: str


@dataclass(frozen=True)
class FourCells:
    """Firing against behaviour. The hidden concern comes first wherever it is shown."""

    fires_and_looks_fine: Cell
    fires_and_misbehaves: Cell
    misbehaves_without_firing: Cell
    neither: Cell


@dataclass(frozen=True)
class CheckView:
    """A check as every renderer shows it; `check` is the record's own."""

    check: CheckResult
    name: str
    verdict: Verdict
    suppressed: str | None
    headline: GateLine | None
    gates: tuple[GateLine, ...]
    behaviour: str
    auroc: str
    gain: str
    place: str
    four_fields: FourCells | None
    quality: tuple[Line, ...]
    baselines: tuple[Line, ...]
    layers: tuple[LayerLine, ...]
    threshold: str | None
    roles: tuple[tuple[str, str, RoleCount], ...]
    hidden_rows: tuple[RowResult, ...]
    other_rows: tuple[RowResult, ...]


def view_check(check: CheckResult) -> CheckView:
    """Say one check."""
    quality = check.quality
    gates = sorted(check.gates, key=_gate_rank)
    return CheckView(
        check=check,
        name=check_name(check),
        verdict=check.verdict,
        suppressed=_suppression(check),
        headline=_gate_line(gates[0]) if gates else None,
        gates=tuple(map(_gate_line, gates)),
        behaviour=_or_dash(check.misbehaviour_rate),
        auroc=_or_dash(quality.auroc if quality else None),
        gain=_or_dash(quality.gain_over_text if quality else None, signed=True),
        place=check.hook_name or NOT_MEASURED,
        four_fields=_four_cells(check.four_fields) if check.four_fields else None,
        quality=_quality(quality, check.threshold) if quality else (),
        baselines=_baselines(quality) if quality else (),
        layers=tuple(map(_layer_line, quality.layers)) if quality else (),
        threshold=_threshold(check.threshold) if check.threshold else None,
        roles=_roles(check.roles),
        hidden_rows=tuple(row for row in check.top_rows if _is_hidden_concern(row)),
        other_rows=tuple(row for row in check.top_rows if not _is_hidden_concern(row)),
    )


def check_name(check: CheckResult) -> str:
    """How a check is called everywhere: `suite/check`."""
    return f"{check.suite}/{check.id}"


def short_place(hook_name: str) -> str:
    """`2 resid_post` for `blocks.2.hook_resid_post`; any other name as it is."""
    return re.sub(r"^blocks\.(\d+)\.(?:hook_)?", r"\1 ", hook_name)


def _is_hidden_concern(row: RowResult) -> bool:
    return row.fires and row.misbehaves is False


def _gate_rank(gate: GateResult) -> tuple[int, int]:
    return WORST_FIRST.index(gate.verdict), -SEVERITIES.index(gate.severity)


def _gate_line(gate: GateResult) -> GateLine:
    words = gate_words(gate.kind)
    return GateLine(
        title=words.title,
        severity=gate.severity,
        verdict=gate.verdict,
        found=_or_dash(gate.estimate, signed=words.difference),
        limit=figure(gate.limit),
        support=_support(gate.estimate),
        corrected=NOT_MEASURED if gate.q_value is None else f"{gate.q_value:.2g}",
        sentence=gate_sentence(gate),
        reason=gate.reason,
        detail=tuple(gate.detail.items()),
    )


def _or_dash(estimate: Estimate | None, *, signed: bool = False) -> str:
    return estimate_words(estimate, signed=signed) if estimate else NOT_MEASURED


def _support(estimate: Estimate | None) -> str:
    if estimate is None:
        return NOT_MEASURED
    method = f", {estimate.method}" if estimate.method else ""
    return f"{support_words(estimate)}{method}, {percent(estimate.confidence)}"


def _suppression(check: CheckResult) -> str | None:
    if check.suppressed is None:
        return None
    return f"suppressed until {check.suppressed.until}: {check.suppressed.reason}"


def _four_cells(fields: FourFields) -> FourCells:
    total = sum(fields.model_dump().values())

    def cell(count: int, meaning: str) -> Cell:
        return Cell(f"{count} ({percent(count / total)})" if total else f"{count}", meaning)

    return FourCells(
        fires_and_looks_fine=cell(fields.fires_and_looks_fine, "hidden concern"),
        fires_and_misbehaves=cell(fields.fires_and_misbehaves, "known misbehaviour"),
        misbehaves_without_firing=cell(
            fields.misbehaves_without_firing, "blind spot of the monitor"
        ),
        neither=cell(fields.neither, "nothing seen"),
    )


def _quality(quality: Quality, threshold: Threshold | None) -> tuple[Line, ...]:
    fpr = f"{percent(threshold.stated_fpr)} false positives" if threshold else "the stated FPR"
    gain = quality.gain_over_text
    lines = [
        Line("AUROC", estimate_words(quality.auroc), _support(quality.auroc)),
        Line("gain over text", estimate_words(gain, signed=True), _support(gain)),
        Line(
            f"recall at {fpr}",
            estimate_words(quality.recall_at_fpr),
            _support(quality.recall_at_fpr),
        ),
        Line(
            "balanced accuracy",
            estimate_words(quality.balanced_accuracy),
            _support(quality.balanced_accuracy),
        ),
        Line(
            "calibration error",
            estimate_words(quality.calibration_error),
            _support(quality.calibration_error),
        ),
    ]
    if quality.best_of_layers_p is not None:
        note = "permutation p over all candidate layers"
        lines.append(Line("best of layers", f"p = {quality.best_of_layers_p:.2g}", note))
    return tuple(lines)


def _baselines(quality: Quality) -> tuple[Line, ...]:
    return tuple(
        Line(BASELINES[baseline.name], estimate_words(baseline.auroc), baseline.note)
        for baseline in quality.baselines
    )


def _layer_line(layer: LayerScore) -> LayerLine:
    height = min(max(layer.auroc.value, 0.0), 1.0)
    return LayerLine(layer.hook_name, estimate_words(layer.auroc), height, layer.chosen)


def _threshold(threshold: Threshold) -> str:
    observed = threshold.observed_fpr
    lower = "" if threshold.lower is None else f", reads absent below {threshold.lower:.4g}"
    return (
        f"fires above {threshold.value:.4g}{lower}; set on the controls for "
        f"{percent(threshold.stated_fpr)} false positives, of which "
        f"{estimate_words(observed)} were seen ({_support(observed)})"
    )


def _roles(roles: dict[str, RoleCount]) -> tuple[tuple[str, str, RoleCount], ...]:
    known = [name for name in ROLES if name in roles]
    others = [name for name in roles if name not in ROLES]
    return tuple((name, ROLES.get(name, ""), roles[name]) for name in [*known, *others])
