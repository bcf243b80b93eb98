"""The record of an audit: one versioned model, whose JSON is the product.

Every output is a pure function of an `AuditReport`. It holds verdicts that were already
given, so no renderer decides anything. No torch, no model, no file is touched here.
Fields are added at the end of a class; a change of meaning raises `SCHEMA_VERSION`.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from reports.curves import Distributions, Roc, TokenScores
from reports.features import Discovery, FeatureCard, Fidelity, SAEInfo, WatchedFeature
from reports.parts import Estimate, Facts, Part
from reports.text import inert_json

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "SEVERITIES",
    "VERDICTS",
    "AuditReport",
    "Baseline",
    "BaselineState",
    "CheckResult",
    "Estimate",
    "Facts",
    "FourFields",
    "GateResult",
    "KnownRecord",
    "LayerScore",
    "ModelInfo",
    "Part",
    "Provenance",
    "Quality",
    "RoleCount",
    "RowResult",
    "Severity",
    "SuiteInfo",
    "Suppressed",
    "Threshold",
    "Verdict",
    "Work",
]

SCHEMA_VERSION: Literal[1] = 1

Verdict = Literal["pass", "warn", "flag", "inconclusive", "error"]
VERDICTS: tuple[Verdict, ...] = ("pass", "warn", "flag", "inconclusive", "error")

Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")

BaselineState = Literal["new", "unchanged", "updated"]


class Threshold(Part):
    """Where firing begins, and the false-positive rate that the controls vouch for."""

    value: float
    stated_fpr: float
    observed_fpr: Estimate
    lower: float | None = Field(
        default=None, description="Below it the monitor reads that the concept is absent."
    )
    controls_digest: str


class Baseline(Part):
    """What something simpler than the monitor reaches on the same validation rows."""

    name: Literal[
        "text",
        "length",
        "embedding",
        "shuffled_labels",
        "random_direction",
        "raw_probe",
        "random_sae",
    ]
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
    best_of_layers_p: float | None = Field(
        default=None, description="Max-statistic permutation p over all candidate layers."
    )


class FourFields(Part):
    """Firing (for a belief gap: contradiction) against behaviour, where both are known."""

    fires_and_misbehaves: int
    fires_and_looks_fine: int
    misbehaves_without_firing: int
    neither: int


class GateResult(Part):
    """One gate: the limit, the number it was held against, and what came of it."""

    kind: str
    severity: Severity
    limit: float
    warn_limit: float | None = None
    estimate: Estimate | None = None
    p_value: float | None = Field(default=None, description="Of no more than the limit.")
    q_value: float | None = Field(
        default=None, description="Benjamini-Hochberg over all gates of the run."
    )
    verdict: Verdict
    reason: str
    detail: Facts[str] = Field(default_factory=dict)
    source: str = Field(default="", description="Place in the suite: `file.yaml:31:9`.")
    gates: bool = Field(
        default=True,
        description="Whether the exit code heeds it: not a flag that is suppressed or known from "
        "the baseline, and nothing but an error below --fail-on.",
    )
    baseline_state: BaselineState | None = Field(
        default=None,
        description="Of a flag, against the record of --baseline: `unchanged` does not gate, "
        "`updated` is one that got worse and does.",
    )


class RowResult(Part):
    """One audit row as the report shows it. Its text came from outside: hostile."""

    id: str
    group: str
    text: str
    score: float
    fires: bool
    event: bool = Field(
        description="What the first gate counts: firing, a contradiction, or misbehaviour."
    )
    says: str | None = Field(default=None, description="What the model answered.")
    misbehaves: bool | None = None
    label: int | None = None
    attributes: Facts[str | int | float | bool | None] = Field(default_factory=dict)
    tokens: TokenScores | None = None


class Suppressed(Part):
    """A known finding that does not gate until a date. It stays visible, marked."""

    reason: str
    until: str


class RoleCount(Part):
    """How many rows one role of a check has, in how many groups, with which labels."""

    rows: int
    groups: int
    positive: int
    negative: int
    digest: str = Field(default="", description="SHA-256 over the rows, in whatever order.")


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
    roles: Facts[RoleCount]
    top_rows: list[RowResult] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    source: str = Field(default="", description="Place in the suite: `file.yaml:12:3`.")
    sae: SAEInfo | None = Field(default=None, description="What a feature monitor reads with.")
    fidelity: Fidelity | None = Field(
        default=None, description="How well that SAE describes this model, measured on load."
    )
    watched: list[WatchedFeature] = Field(default_factory=list)
    discovery: Discovery | None = None
    cards: list[FeatureCard] = Field(
        default_factory=list, description="Evidence on the features behind a flag."
    )
    distributions: Distributions | None = None
    roc: Roc | None = None
    faults: list[str] = Field(
        default_factory=list,
        description="Why the monitor may not be believed here; empty where it may.",
    )


class ModelInfo(Part):
    """Which weights were audited. Digests, so that a name that moved on is noticed."""

    name: str
    architecture: str
    n_layers: int
    d_model: int
    n_parameters: int
    dtype: str
    weights_digest: str
    tokenizer_digest: str


class SuiteInfo(Part):
    """Which suite was asked, and the digest of its YAML; each role has the digest of its rows."""

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


class KnownRecord(Part):
    """The record whose flags are known: which one, and what of it is gone."""

    model: str
    weights_digest: str
    record_digest: str
    created: str | None = None
    absent: list[str] = Field(
        default_factory=list, description="Flags of it that are flags no more: suite/check/gate."
    )
    notes: list[str] = Field(
        default_factory=list, description="What else than the weights differs between the two."
    )


class Provenance(Part):
    """Time, host, versions: outside the digest, so the same inputs give the same bytes."""

    created: str
    duration_seconds: float
    command: list[str]
    packages: Facts[str]
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

    schema_version: Literal[1] = SCHEMA_VERSION
    verdict: Verdict
    exit_code: int
    partial: bool = Field(default=False, description="--limit, -k or an interruption cut it.")
    options: Facts[str | int | float | bool | None]
    seed: int
    model: ModelInfo
    reference: ModelInfo | None = None
    suites: list[SuiteInfo]
    checks: list[CheckResult]
    not_measured: list[str] = Field(default_factory=list)
    work: Work
    provenance: Provenance | None = None
    baseline: KnownRecord | None = None

    def to_json(self) -> str:
        """The record as canonical JSON: equal records give equal text.

        Fields stand in the order of their classes and free keys in that of the alphabet;
        two spaces of indent, a newline at the end. Characters that an eye cannot see or that
        a CI log obeys are escaped, so the text is safe to print.
        """
        plain = json.dumps(
            self.model_dump(mode="json"), ensure_ascii=False, allow_nan=False, indent=2
        )
        return inert_json(plain) + "\n"

    def digest(self) -> str:
        """SHA-256 of the record without its provenance: the same finding, the same digest."""
        finding = self.model_copy(update={"provenance": None})
        return hashlib.sha256(finding.to_json().encode("utf-8")).hexdigest()

    def to_frame(self) -> pd.DataFrame:
        """One line per gate of each check, with every estimate in columns of its own."""
        from reports.frame import gate_frame

        return gate_frame(self)
