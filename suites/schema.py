"""What a suite may say: concepts, datasets, checks, gates.

Pure data. This module knows pydantic and nothing else: no file is read here, no
model is named, no tensor exists. `load.py` turns YAML into these values and keeps
the place of every key; the engine turns them into work.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from suites.dataset_spec import Columns, DatasetSpec, Pairs
from suites.gate_spec import Gate
from suites.monitor_spec import (
    DEFAULT_DEPTHS,
    Discover,
    DiscoveredFeatures,
    FeatureSpec,
    LastTokens,
    Monitor,
    MonitorSpec,
    NamedFeature,
    ProbeSpec,
)
from suites.policy import OnFlag, Policy
from suites.spec import Identifier, Label, NonEmpty, OpenRate, Pattern, Rate, Spec, Where
from suites.words import ROLES, SEVERITIES, Role, Severity

__all__ = [
    "DEFAULT_DEPTHS",
    "ROLES",
    "SEVERITIES",
    "BehaviourSpec",
    "Check",
    "ChoiceBehaviour",
    "Columns",
    "DatasetSpec",
    "Discover",
    "DiscoveredFeatures",
    "FeatureSpec",
    "Gate",
    "LastTokens",
    "Monitor",
    "MonitorSpec",
    "NamedFeature",
    "OnFlag",
    "Pairs",
    "Policy",
    "ProbeSpec",
    "RegexBehaviour",
    "Role",
    "RoleSource",
    "Roles",
    "RowBehaviour",
    "Severity",
    "Spec",
    "Suite",
    "Suppression",
    "Validity",
    "as_sources",
]


class RoleSource(Spec):
    """One dataset, or part of one, in a role of a check."""

    dataset: str = Field(description="Name of a dataset.")
    where: Where = Field(default_factory=dict, description="Keep rows whose fields match.")
    label: Label | None = Field(default=None, description="Label for every row.")


def as_sources(value: Any) -> Any:
    """A dataset's name, `{dataset, where, label}` and lists of them become a list of sources."""
    items = value if isinstance(value, list) else [value]
    return [{"dataset": item} if isinstance(item, str) else item for item in items]


_OneSource = str | RoleSource
Sources = Annotated[
    list[RoleSource],
    BeforeValidator(
        as_sources,
        json_schema_input_type=_OneSource | Annotated[list[_OneSource], Field(min_length=1)],
    ),
    Field(min_length=1),
]


class Roles(Spec):
    """Which rows a check uses for what. No two roles may share a group.

    `train` fits the monitor, `validation` says how good it is, `control` (benign rows)
    sets the threshold, `audit` is what the model is judged on.
    """

    train: Sources = Field(description="Labelled rows that fit the monitor.")
    validation: Sources = Field(description="Labelled rows that say how good it is.")
    control: Sources = Field(description="Benign rows that set the threshold.")
    audit: Sources = Field(description="Rows that the model is judged on.")


# --- behaviours --------------------------------------------------------------------


class ChoiceBehaviour(Spec):
    """The model picks the choice with the higher log-probability after the prompt.

    `asserts` is the choice that says the concept is there ("yes, the claim is true").
    A row misbehaves when the picked choice is its `misbehaviour`; a row without one, but
    with a label, misbehaves when what the model says differs from the label.
    """

    kind: Literal["choice"] = Field(default="choice", description="Compare choices.")
    choices: list[NonEmpty] | None = Field(
        default=None, min_length=2, description="For every row; otherwise the row's own."
    )
    asserts: str | None = Field(
        default=None, description="The choice that says the concept is there."
    )
    denies: str | None = Field(
        default=None,
        description="The choice that says it is not there; of two choices it is the other one.",
    )
    normalise: Literal["none", "tokens"] = Field(
        default="none", description="Divide a choice's log-probability by its tokens."
    )

    @model_validator(mode="after")
    def _asserts_a_choice(self) -> ChoiceBehaviour:
        if self.choices and len(set(self.choices)) < len(self.choices):
            raise ValueError("two of the `choices` are the same")
        if self.asserts is not None and self.choices and self.asserts not in self.choices:
            raise ValueError("`asserts` is none of the `choices`")
        if self.denies is not None and self.choices and self.denies not in self.choices:
            raise ValueError("`denies` is none of the `choices`")
        if self.denies is not None and self.denies == self.asserts:
            raise ValueError("`denies` and `asserts` are the same choice")
        return self


class RegexBehaviour(Spec):
    """A greedy continuation of the prompt misbehaves when the pattern is found in it."""

    kind: Literal["regex"] = Field(default="regex", description="Search a continuation.")
    pattern: Pattern = Field(description="Regular expression whose match is misbehaviour.")
    asserts: Pattern | None = Field(
        default=None, description="Pattern whose match says the concept is there."
    )
    denies: Pattern | None = Field(
        default=None, description="Pattern whose match says the concept is not there."
    )
    max_new_tokens: int = Field(
        default=32, ge=1, le=4096, description="Length of the continuation."
    )


class RowBehaviour(Spec):
    """The row itself says whether the recorded response misbehaves (`behaviour: true`)."""

    kind: Literal["row"] = Field(default="row", description="Ask the row.")


BehaviourSpec = Annotated[
    ChoiceBehaviour | RegexBehaviour | RowBehaviour, Field(discriminator="kind")
]


# --- suppressions and validity ------------------------------------------------------


def _iso_date(value: Any) -> Any:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("must be a date such as 2030-01-31") from None


class Suppression(Spec):
    """A known finding that does not gate until a date. It stays visible, marked."""

    reason: NonEmpty = Field(description="Why it is known and borne with.")
    until: Annotated[date, BeforeValidator(_iso_date)] = Field(
        description="The last day on which it holds; afterwards the suite is in error."
    )


class Validity(Spec):
    """When a monitor may be listened to. A rule broken makes gates that lean on it inconclusive."""

    min_auroc: Rate = Field(default=0.65, description="Lower bound of the validation AUROC.")
    min_gain_over_text: float = Field(
        default=0.0, description="The lower bound of the gain over text must lie above it."
    )
    min_recall: Rate = Field(
        default=0.5,
        description="Lower bound of the recall at `fpr` below which nothing passes: what the "
        "monitor would miss, it cannot rule out.",
    )
    max_validation_fpr: Rate = Field(
        default=0.2,
        description="Lower bound of the firing rate on validation rows without the concept: "
        "above it the controls are unlike the rows that matter.",
    )
    max_text_auroc: Rate = Field(
        default=0.95, description="Where words reach this, words and concept are one and the same."
    )
    controls_per_false_positive: float = Field(
        default=3.0, gt=0, description="Rule of three: at least this over `fpr` control groups."
    )
    min_audit_rows: int = Field(default=20, ge=1, description="Fewest rows in the audit role.")


# --- check and suite ---------------------------------------------------------------


class Check(Spec):
    """One question to the model: a concept, a monitor, rows in four roles, gates."""

    concept: str = Field(description="Name of a concept.")
    monitor: MonitorSpec = Field(default=ProbeSpec(), description="What reads the model.")
    roles: Roles = Field(description="Which rows are used for what.")
    behaviour: BehaviourSpec | None = Field(
        default=None, description="How to see what the model does on a row."
    )
    gates: list[Gate] = Field(min_length=1, description="What may not be exceeded.")
    fpr: OpenRate = Field(
        default=0.01, description="False-positive rate on controls that sets the threshold."
    )
    confidence: OpenRate = Field(default=0.95, description="Of every interval.")
    validity: Validity = Field(
        default=Validity(), description="When the monitor may be listened to."
    )
    suppress: Suppression | None = Field(
        default=None, description="A known finding that does not gate until a date."
    )
    tags: list[str] = Field(default_factory=list, description="Words to select checks by.")
    description: str = Field(default="", description="For people.")

    @property
    def reads_both_sides(self) -> bool:
        """Whether reading the concept as absent counts too, and not presence alone."""
        return any(gate.counts_gap for gate in self.gates)

    @property
    def asks_controls(self) -> bool:
        """Whether the model is asked for its behaviour on control rows, too."""
        return any(gate.asks_controls for gate in self.gates)

    @model_validator(mode="after")
    def _gates_can_be_told_apart(self) -> Check:
        names = [(gate.kind, gate.attribute, gate.max) for gate in self.gates]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    f"two gates are of kind {name[0]} with the same attribute and limit: a record "
                    f"could not tell them apart"
                )
        return self

    @model_validator(mode="after")
    def _misbehaviour_needs_a_behaviour(self) -> Check:
        for gate in self.gates:
            if not gate.reads_monitor and self.behaviour is None:
                raise ValueError(
                    f"a {gate.kind} gate counts what the model visibly does: give the check a "
                    f"`behaviour` (of kind choice, regex or row)"
                )
        return self

    @model_validator(mode="after")
    def _answers_are_told_apart(self) -> Check:
        for gate in self.gates:
            said = getattr(self.behaviour, "asserts", None)
            if gate.kind == "answer_disparity" and said is None:
                raise ValueError(
                    "an answer_disparity gate compares how often the model says that the concept "
                    "is there: give the check a `behaviour` with `asserts`"
                )
        return self

    @model_validator(mode="after")
    def _belief_gap_needs_a_statement(self) -> Check:
        asserts = getattr(self.behaviour, "asserts", None)
        if asserts is None and self.reads_both_sides:
            raise ValueError("a belief_gap gate needs a `behaviour` with `asserts`")
        if self.reads_both_sides and isinstance(self.behaviour, RegexBehaviour | ChoiceBehaviour):
            several = isinstance(self.behaviour, ChoiceBehaviour) and (
                len(self.behaviour.choices or []) <= 2
            )
            if self.behaviour.denies is None and not several:
                raise ValueError(
                    "a belief_gap gate needs a `behaviour` with `denies` too: what does not "
                    "assert the concept may say nothing of it"
                )
        return self


class Suite(Spec):
    """One YAML file, with all that it includes."""

    schema_uri: str | None = Field(
        default=None, alias="$schema", description="The JSON Schema, for editors."
    )
    name: Identifier = Field(description="Name of the suite.")
    version: int = Field(default=1, ge=1, description="Raised when its meaning changes.")
    description: str = Field(default="", description="For people.")
    include: list[str] = Field(default_factory=list, description="Suites merged into this one.")
    concepts: dict[Identifier, str] = Field(
        default_factory=dict, description="What is looked for, each in one sentence."
    )
    datasets: dict[Identifier, DatasetSpec] = Field(
        default_factory=dict, description="Rows of text, by name."
    )
    checks: dict[Identifier, Check] = Field(
        default_factory=dict, description="The questions to the model, by name."
    )
    truncation: Literal["error", "left", "right"] = Field(
        default="error", description="What to do with a prompt longer than the context."
    )
    tags: list[str] = Field(default_factory=list, description="Words to select suites by.")
    policy: Policy = Field(
        default=Policy(), description="How a run that is followed is looked at and stopped."
    )
