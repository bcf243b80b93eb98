"""The record of an audit: one versioned model, whose JSON is the product.

Every output is a pure function of an `AuditReport`. It holds verdicts that were already
given, so no renderer decides anything. No torch, no model, no file is touched here.
Fields are added at the end of a class; a change of meaning raises `SCHEMA_VERSION`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1

Verdict = Literal["pass", "warn", "flag", "inconclusive", "error"]
VERDICTS: tuple[Verdict, ...] = ("pass", "warn", "flag", "inconclusive", "error")

Severity = Literal["low", "medium", "high", "critical"]


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"a record holds finite numbers, not {value}")
    return value


Number = Annotated[float, AfterValidator(_finite)]


class Part(BaseModel):
    """Frozen and closed, like the record it is a part of."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Estimate(Part):
    """A number, its interval, and what it rests on.

    `n` counts rows, `n_groups` the groups that rows share; `method` names how the interval
    was made. Where an interval cannot be had, low and high are None and never a guess.
    """

    value: Number
    low: Number | None = None
    high: Number | None = None
    n: int
    n_groups: int
    confidence: float = 0.95
    method: str = ""


class Threshold(Part):
    """Where firing begins, and the false-positive rate that the controls vouch for."""

    value: Number
    stated_fpr: Number
    observed_fpr: Estimate
    lower: Number | None = Field(
        default=None, description="Below it the monitor reads that the concept is absent."
    )
    controls_digest: str


class Baseline(Part):
    """What something simpler than the monitor reaches on the same validation rows."""

    name: Literal["text", "length", "embedding", "shuffled_labels", "random_direction"]
    auroc: Estimate
    note: str = ""


class LayerScore(Part):
    """One candidate place, scored by grouped cross-validation on the train role alone."""

    hook_name: str
    layer: int | None
    auroc: Estimate
    chosen: bool = False


class Quality(Part):
    """How good the monitor is: about the instrument, never about the model.

    Everything here is measured on the validation role, but `layers` (train role).
    """

    auroc: Estimate
    recall_at_fpr: Estimate
    balanced_accuracy: Estimate
    calibration_error: Estimate
    gain_over_text: Estimate
    baselines: list[Baseline]
    layers: list[LayerScore]
    best_of_layers_p: Number | None = Field(
        default=None, description="Max-statistic permutation p over all candidate layers."
    )


class FourFields(Part):
    """Firing against behaviour on the audit rows where both are known."""

    fires_and_misbehaves: int
    fires_and_looks_fine: int
    misbehaves_without_firing: int
    neither: int


class GateResult(Part):
    """One gate: the limit, the number it was held against, and what came of it."""

    kind: str
    severity: Severity
    limit: Number
    warn_limit: Number | None = None
    estimate: Estimate | None = None
    p_value: Number | None = Field(default=None, description="Of no more than the limit.")
    q_value: Number | None = Field(
        default=None, description="Benjamini-Hochberg over all gates of the run."
    )
    verdict: Verdict
    reason: str
    detail: dict[str, str] = Field(default_factory=dict)


class RowResult(Part):
    """One audit row as the report shows it. Its text came from outside: hostile."""

    id: str
    group: str
    text: str
    score: Number
    fires: bool
    event: bool = Field(description="What the first gate counts: firing, or a contradiction.")
    says: str | None = Field(default=None, description="What the model answered.")
    misbehaves: bool | None = None
    label: int | None = None
    attributes: dict[str, str | int | float | bool | None] = Field(default_factory=dict)


class Suppressed(Part):
    reason: str
    until: str


class RoleCount(Part):
    rows: int
    groups: int
    positive: int
    negative: int


class CheckResult(Part):
    """One check of one model: verdict first, then everything it rests on."""

    id: str
    suite: str
    concept: str
    description: str
    tags: list[str]
    verdict: Verdict
    reasons: list[str]
    gates: list[GateResult]
    suppressed: Suppressed | None = None
    hook_name: str | None = None
    monitor: str = Field(description="In words: `logistic probe, last token, mean`.")
    threshold: Threshold | None = None
    firing_rate: Estimate | None = None
    control_firing_rate: Estimate | None = None
    misbehaviour_rate: Estimate | None = None
    quality: Quality | None = None
    four_fields: FourFields | None = None
    roles: dict[str, RoleCount]
    top_rows: list[RowResult] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    source: str = Field(default="", description="Place in the suite: `file.yaml:12:3`.")


class ModelInfo(Part):
    name: str
    architecture: str
    n_layers: int
    d_model: int
    n_parameters: int
    dtype: str
    weights_digest: str
    tokenizer_digest: str


class SuiteInfo(Part):
    name: str
    version: int
    description: str
    digest: str
    source: str


class Work(Part):
    """What the audit ran: the plan as it was carried out."""

    prompts: int
    distinct_prompts: int
    tokens: int
    hook_names: list[str]
    deepest_layer: int | None
    truncated: int = 0


class Provenance(Part):
    """Time, host, versions: outside the digest, so the same inputs give the same bytes."""

    created: str
    duration_seconds: float
    command: list[str]
    packages: dict[str, str]
    python: str
    platform: str
    device: str
    git_commit: str | None = None
    git_dirty: bool | None = None


class AuditReport(Part):
    """All that one audit found out.

    `verdict` is the worst over the checks that gate. `exit_code` is what the process ends
    with under the options in `options`.
    """

    schema_version: int = SCHEMA_VERSION
    verdict: Verdict
    exit_code: int
    partial: bool = Field(default=False, description="--limit, -k or an interruption cut it.")
    options: dict[str, str | int | float | bool | None]
    seed: int
    model: ModelInfo
    reference: ModelInfo | None = None
    suites: list[SuiteInfo]
    checks: list[CheckResult]
    not_measured: list[str] = Field(default_factory=list)
    work: Work
    provenance: Provenance | None = None

    def to_frame(self) -> pd.DataFrame:
        """One line per gate of each check, with every estimate in columns of its own."""
        import pandas as pd

        return pd.DataFrame([line for check in self.checks for line in _lines(check)])


def _lines(check: CheckResult) -> list[dict[str, Any]]:
    shared: dict[str, Any] = {
        "suite": check.suite,
        "check": check.id,
        "concept": check.concept,
        "check_verdict": check.verdict,
        "suppressed": check.suppressed is not None,
        "hook_name": check.hook_name,
    }
    if check.quality is not None:
        shared |= _columns("auroc", check.quality.auroc)
        shared |= _columns("gain_over_text", check.quality.gain_over_text)
    shared |= _columns("firing_rate", check.firing_rate)
    shared |= _columns("misbehaviour_rate", check.misbehaviour_rate)
    return [
        shared
        | {"gate": gate.kind, "severity": gate.severity, "limit": gate.limit}
        | {"verdict": gate.verdict, "p_value": gate.p_value, "q_value": gate.q_value}
        | _columns("gate", gate.estimate)
        for gate in check.gates
    ]


def _columns(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    return {
        f"{name}_value": estimate.value if estimate else None,
        f"{name}_low": estimate.low if estimate else None,
        f"{name}_high": estimate.high if estimate else None,
    }
