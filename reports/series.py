"""The record of a series: many checkpoints of one run in order, each held against the reference.

One row a checkpoint, and in it one reading a check; everything over the whole series (alarm,
onset, forecast) stands in the tracks. A checkpoint that was audited from disk has a record of
its own beside this one, which holds the rows, the baselines and the evidence; here is what
changed. Verdicts and states were given before: no renderer decides anything.
"""

from __future__ import annotations

import hashlib
import json
from typing import Literal

from pydantic import Field

from reports.features import Fidelity
from reports.parts import Estimate, Facts, Part
from reports.record import ModelInfo, Provenance, Severity, SuiteInfo, Suppressed, Verdict
from reports.text import inert_json

SERIES_SCHEMA_VERSION: Literal[1] = 1

State = Literal[
    "stable",
    "representation drifted, probe refreshed",
    "concept grew",
    "concept lost",
    "monitor no longer valid",
]
ReaderName = Literal["frozen", "realigned", "refit"]
Phase = Literal[
    "warming up",
    "quiet",
    "waiting for patience",
    "waiting for a second signal",
    "alarm",
    "not measured",
]
OnFlag = Literal["stop", "pause", "warn"]


class ProbeReading(Part):
    """What one probe reads on one checkpoint.

    `frozen` was fitted on the reference and is read as it is, `realigned` is the same behind a
    label-free map of the activations, `refit` was fitted on the checkpoint's own train rows.
    """

    name: ReaderName
    auroc: Estimate = Field(description="On the validation rows of this checkpoint.")
    events: Estimate = Field(
        description="Share of the audit rows with what the monitor says by the first gate that "
        "leans on it: firing, or a contradiction."
    )
    change: Estimate | None = Field(
        default=None,
        description="That share less the one of the frozen probe on the reference, on the same "
        "rows; None on the reference itself.",
    )
    controls: Estimate = Field(
        description="Firing rate on benign control rows; of the frozen probe at the reference's "
        "threshold, so that it tells of drift."
    )
    score_r2: float | None = Field(
        default=None, description="realigned: share of the reference's scores that it recovers."
    )
    cosine: float | None = Field(
        default=None, description="Of its direction with that of the frozen probe."
    )


class Representation(Part):
    """How far activations lie from the reference's on the same control rows."""

    n: int
    cka: float
    procrustes: float
    procrustes_chance: float
    norm_ratio: float


class TwoWeights(Part):
    """The checkpoint's own text, read under two sets of weights.

    `in_text` fires under the reference's weights: the text itself is of the concept.
    `in_weights` fires under the checkpoint's weights alone.
    """

    in_text: Estimate
    in_weights: Estimate
    reference_text: Estimate | None = Field(
        default=None,
        description="Share of the reference's own text that fires under its own weights.",
    )
    score: float = Field(description="Mean score under the reference's weights.")
    delta: float = Field(description="Mean difference that the checkpoint's weights add.")


class SAEDrift(Part):
    """How well the reference's SAE still describes this checkpoint."""

    reference: Fidelity
    here: Fidelity
    kept: float = Field(description="Explained variance over that on the reference.")


class GateReading(Part):
    """One gate of one check on one checkpoint, for its own verdict and for the alarm."""

    kind: str
    attribute: str | None = None
    severity: Severity
    limit: float
    estimate: Estimate | None = None
    p_value: float | None = None
    q_value: float | None = Field(
        default=None, description="Benjamini-Hochberg over gates times checkpoints."
    )
    verdict: Verdict
    reason: str
    by_reader: Estimate | None = Field(
        default=None,
        description="The same number as the believed probe reads it; of a gate on misbehaviour, "
        "which leans on none, where no probe is believed, too.",
    )
    alarm_p: float | None = Field(
        default=None,
        description="Of no more than the limit, for the alarm: by the believed probe or by what "
        "the model visibly does, the clearer of the two, corrected for the choice.",
    )
    first: str = Field(
        default="",
        description="Which of the two that was; of a gate on misbehaviour what the model does.",
    )
    second_p: float | None = Field(
        default=None, description="Of the second signal: the smallest of those named, corrected."
    )
    seconded_by: list[str] = Field(
        default_factory=list, description="Those of them with a p-value of 0.05 or less."
    )
    second: list[str] = Field(
        default_factory=list, description="Which second signals there were, in words."
    )
    level: float | None = Field(default=None, description="What alarm_p has to reach here.")
    phase: Phase = "not measured"
    source: str = Field(default="", description="Place in the suite: `file.yaml:31:9`.")
    gates: bool = Field(default=True, description="Whether the exit code heeds its verdict.")


class CheckReading(Part):
    """One check on one checkpoint: its verdict, and whether the concept or only its place moved."""

    suite: str
    check: str
    concept: str
    verdict: Verdict
    reasons: list[str] = Field(default_factory=list)
    gates: list[GateReading]
    suppressed: Suppressed | None = None
    hook_name: str | None = None
    state: State | None = Field(default=None, description="None on the reference itself.")
    state_reason: str = ""
    conclusive: bool = Field(
        default=False, description="Whether the intervals settle the state, or leave room."
    )
    reader: ReaderName | None = Field(
        default=None, description="The probe that was believed; None where none can be."
    )
    controls_rose: bool = False
    contradicted_by: list[ReaderName] = Field(default_factory=list)
    readings: list[ProbeReading] = Field(default_factory=list)
    behaviour: Estimate | None = Field(
        default=None,
        description="What the model visibly does: its misbehaving share of the audit rows, or for "
        "a disparity the difference in what it says.",
    )
    behaviour_change: Estimate | None = None
    p_change: float | None = Field(
        default=None, description="Of no change in the reader's events against the reference."
    )
    q_change: float | None = Field(
        default=None, description="Benjamini-Hochberg over checks times checkpoints."
    )
    representation: Representation | None = None
    sae: SAEDrift | None = None
    two_weights: TwoWeights | None = None
    notes: list[str] = Field(default_factory=list)
    source: str = Field(default="", description="Place in the suite: `file.yaml:12:3`.")


class CheckpointRow(Part):
    """One checkpoint. Where it could not be audited the verdict is `error` and reasons say why."""

    name: str
    step: int | None
    source: str
    kind: Literal["model", "adapter", "hub", "organism", "live"]
    base: str | None = None
    verdict: Verdict
    reasons: list[str] = Field(default_factory=list)
    model: ModelInfo | None = None
    checks: list[CheckReading] = Field(default_factory=list)
    run: str | None = Field(
        default=None, description="Folder of its own record, relative to this one."
    )


class Onset(Part):
    """When a rate began to rise: the first risen step, between a certain before and after."""

    found: bool
    p: float
    kind: Literal["step", "ramp"] | None = None
    step: float | None = None
    low: float | None = None
    high: float | None = None
    before: float | None = None
    after: float | None = None
    confidence: float = 0.95


class Lead(Part):
    """Steps by which the monitor's onset comes before that of the behaviour; negative: after."""

    value: float
    low: float
    high: float
    confidence: float


class Prediction(Part):
    """A rate to come, with its interval."""

    rate: float
    low: float
    high: float


class Outlook(Part):
    """What the next audit may show, and whether such forecasts were any good on this run so far."""

    step: float
    trend: Prediction
    persistence: Prediction
    change_points: list[float]
    hazard: float = Field(description="Chance of a jump before the next audit.")
    base_hazard: float
    warning: bool
    limit: float = Field(description="Hazard from which on there is a warning.")
    skill: str = Field(description="The forecast against persistence, on this run: in words.")
    coverage: float | None = None


class Track(Part):
    """One gate over the whole series: did it raise an alarm, when did it begin, what comes."""

    suite: str
    check: str
    kind: str
    attribute: str | None = None
    limit: float
    alpha: float = Field(description="Chance of a false alarm over the whole run, this track's.")
    patience: int
    warmup: int = Field(default=0, description="Steps before which nothing is tested.")
    on_flag: OnFlag = "stop"
    phase: Phase
    alarm_step: int | None = None
    first_exceeded: int | None = Field(
        default=None, description="Step of the first of the exceedances that led to the phase."
    )
    steps: list[int] = Field(default_factory=list)
    rates: list[float] = Field(
        default_factory=list, description="What the gate holds against its limit, by the reader."
    )
    behaviours: list[float | None] = Field(default_factory=list)
    onset: Onset | None = None
    behaviour_onset: Onset | None = None
    lead: Lead | None = None
    outlook: Outlook | None = None
    blind: list[int] = Field(
        default_factory=list, description="Steps at which no probe could be believed."
    )


class Stop(Part):
    """Why the run was stopped, or should be: a word for programs and a sentence for people."""

    reason: Literal["alarm", "not_measured", "paused", "interrupted"]
    sentence: str
    step: int | None
    checkpoint: str
    on_flag: OnFlag
    tracks: list[str] = Field(default_factory=list, description="suite/check/gate that alarmed.")
    kept: str | None = Field(default=None, description="Where the flagged weights are.")


class SeriesReport(Part):
    """All that one series of audits found out.

    `verdict` is the worst over the checkpoints; a raised alarm is a flag.
    """

    kind: Literal["series"] = "series"
    schema_version: Literal[1] = SERIES_SCHEMA_VERSION
    verdict: Verdict
    exit_code: int
    partial: bool = False
    options: Facts[str | int | float | bool | None]
    seed: int
    reference: str = Field(description="Name of the checkpoint that all are held against.")
    reference_model: ModelInfo | None = None
    suites: list[SuiteInfo]
    checkpoints: list[CheckpointRow]
    tracks: list[Track] = Field(default_factory=list)
    stop: Stop | None = None
    alpha: float = Field(description="Chance of any false alarm over the whole run.")
    hidden: list[str] = Field(
        default_factory=list, description="Suites that the run never saw: folders of their records."
    )
    notes: list[str] = Field(default_factory=list)
    provenance: Provenance | None = None

    def to_json(self) -> str:
        """The record as canonical JSON, as `AuditReport.to_json` writes it."""
        plain = json.dumps(
            self.model_dump(mode="json"), ensure_ascii=False, allow_nan=False, indent=2
        )
        return inert_json(plain) + "\n"

    def digest(self) -> str:
        """SHA-256 of the record without its provenance."""
        finding = self.model_copy(update={"provenance": None})
        return hashlib.sha256(finding.to_json().encode("utf-8")).hexdigest()
