"""What a suite may say: concepts, datasets, checks, gates.

Pure data. This module knows pydantic and nothing else: no file is read here, no
model is named, no tensor exists. `load.py` turns YAML into these values and keeps
the place of every key; the engine turns them into work.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

Role = Literal["train", "validation", "control", "audit"]
ROLES: tuple[Role, ...] = ("train", "validation", "control", "audit")

Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")

Scalar = str | int | float | bool
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Rate = Annotated[float, Field(ge=0.0, le=1.0)]
OpenRate = Annotated[float, Field(gt=0.0, lt=1.0)]
Where = dict[str, Scalar | list[Scalar]]


def _not_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be 0 or 1")  # noqa: TRY004 - pydantic turns no other error into its own
    return value


Label = Annotated[Literal[0, 1], BeforeValidator(_not_boolean)]


def _compiles(value: str) -> str:
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return value


Pattern = Annotated[str, AfterValidator(_compiles), Field(json_schema_extra={"format": "regex"})]


class Spec(BaseModel):
    """Frozen, and closed: a key that is not a field is a mistake, never ignored.

    Strict: text in quotes is no number, and true is not 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


# --- datasets ----------------------------------------------------------------------


NonEmpty = Annotated[str, Field(min_length=1)]
ColumnName = NonEmpty | None


class Columns(Spec):
    """Which column of the source holds which field of a row.

    A value is the name of a column or, where it holds braces, a template over columns:
    `"{context} {question}"`. Columns that no field claims become attributes of the row
    under their own names. `null` says that the source has no such column, even where one
    has the field's name.
    """

    id: ColumnName = "id"
    text: ColumnName = "text"
    question: ColumnName = "question"
    answer: ColumnName = "answer"
    messages: ColumnName = "messages"
    label: ColumnName = "label"
    group: ColumnName = "group"
    behaviour: ColumnName = "behaviour"
    choices: ColumnName | Annotated[list[NonEmpty], Field(min_length=2)] = Field(
        default="choices", description="A column holding a list, or one column per choice."
    )
    misbehaviour: ColumnName = Field(
        default="misbehaviour",
        description="The choice (its text or its index) that counts as misbehaviour on this row.",
    )
    span: ColumnName = Field(
        default="span", description="The part of the text that `tokens: span` selects, verbatim."
    )


class Pairs(Spec):
    """One source record that becomes two rows of one group: the minimal pair.

    Each names the column whose value becomes the row's `answer`.
    """

    positive: NonEmpty = Field(
        description="Column with the answer that shows the concept (label 1)."
    )
    negative: NonEmpty = Field(description="Column with the answer that does not (label 0).")


class DatasetSpec(Spec):
    """Rows of text, question and answer, or chat messages: inline or from a file."""

    path: NonEmpty | None = Field(
        default=None,
        description="A file relative to the suite, or a folder or hub id for `format: datasets`.",
    )
    rows: list[str | dict[str, Any]] | None = Field(default=None, description="Inline rows.")
    format: Literal["jsonl", "csv", "tsv", "parquet", "datasets"] | None = Field(
        default=None, description="Read from the file's ending where it is not given."
    )
    revision: str | None = Field(default=None, description="Pinned commit of a hub dataset.")
    config: str | None = Field(default=None, description="Configuration name of a hub dataset.")
    hub_split: str = Field(default="train", description="Split of a `datasets` path.")
    columns: Columns = Columns()
    labels: dict[str, Label] = Field(
        default_factory=dict, description="Values of the label column that mean 0 or 1."
    )
    extract: dict[str, Pattern] = Field(
        default_factory=dict,
        description="Column -> regular expression; its named groups become columns.",
    )
    pairs: Pairs | None = None
    where: Where = Field(default_factory=dict, description="Keep rows whose columns match.")
    split: dict[Role, OpenRate] = Field(
        default_factory=dict,
        description="Share of the groups that each role gets, by hash of the group.",
    )
    description: str = ""

    @field_validator("extract")
    @classmethod
    def _names_its_groups(cls, value: dict[str, str]) -> dict[str, str]:
        for column, pattern in value.items():
            if not re.compile(pattern).groupindex:
                raise ValueError(
                    f"the pattern for '{column}' has no named group such as (?P<name>...)"
                )
        return value

    @model_validator(mode="after")
    def _one_source(self) -> DatasetSpec:
        if (self.path is None) == (self.rows is None):
            raise ValueError("a dataset has either `path` or `rows`")
        if self.rows is not None and self.format is not None:
            raise ValueError("`format` belongs to a `path`, not to inline `rows`")
        if self.pairs and {"answer", "label"} & self.columns.model_fields_set:
            raise ValueError("`pairs` gives answer and label; `columns` may not map them as well")
        if self.split and sum(self.split.values()) > 1 + 1e-9:
            raise ValueError(f"the shares in `split` add up to {sum(self.split.values()):g} > 1")
        return self


class RoleSource(Spec):
    """One dataset, or part of one, in a role of a check."""

    dataset: str
    where: Where = Field(default_factory=dict, description="Keep rows whose fields match.")
    label: Label | None = Field(default=None, description="Label for every row.")


def as_sources(value: Any) -> Any:
    """`name`, `{dataset: name, ...}` and lists of them all become a list of sources."""
    items = value if isinstance(value, list) else [value]
    return [{"dataset": item} if isinstance(item, str) else item for item in items]


_OneSource = str | RoleSource
Sources = Annotated[
    list[RoleSource],
    BeforeValidator(
        as_sources,
        json_schema_input_type=_OneSource | Annotated[list[_OneSource], Field(min_length=1)],
    ),
    Field(min_length=1, description="A dataset's name, `{dataset, where, label}`, or a list."),
]


class Roles(Spec):
    """Which rows a check uses for what. No two roles may share a group.

    `train` fits the monitor, `validation` says how good it is, `control` (benign rows)
    sets the threshold, `audit` is what the model is judged on.
    """

    train: Sources
    validation: Sources
    control: Sources
    audit: Sources


# --- monitors ----------------------------------------------------------------------


class LastTokens(Spec):
    """The last k tokens of the row."""

    last: Annotated[int, Field(ge=1)]


Site = Literal["resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out"]
DEFAULT_DEPTHS = (0.25, 0.375, 0.5, 0.625, 0.75)


class Monitor(Spec):
    """What every monitor shares: where it reads, which tokens, how they are pooled.

    At most one of `layers`, `depth` and `hook_name` is given; several places are several
    candidates, of which cross-validation on the train role chooses one.
    """

    layers: Literal["all"] | list[Annotated[int, Field(ge=0)]] | None = None
    depth: Rate | list[Rate] | None = Field(
        default=None, description="0 = first block, 1 = last. Serves models of any depth."
    )
    hook_name: str | list[str] | None = None
    site: Site = "resid_post"
    tokens: Literal["all", "prompt", "response", "last", "span"] | LastTokens = "last"
    pooling: str = "mean"
    window: Annotated[int, Field(ge=1)] = Field(
        default=16, description="Tokens in a window of `pooling: max_rolling_mean`."
    )

    @model_validator(mode="after")
    def _one_place(self) -> Monitor:
        given = [n for n in ("layers", "depth", "hook_name") if getattr(self, n) is not None]
        if len(given) > 1:
            raise ValueError(f"give one of layers, depth and hook_name, not {' and '.join(given)}")
        for name in given:
            if getattr(self, name) == []:
                raise ValueError(f"`{name}` is empty")
        return self


class ProbeSpec(Monitor):
    """A linear read-out of activations, fitted on the train role."""

    kind: Literal["probe"] = "probe"
    fitter: str = Field(default="logistic", description="A name in the table of fitters.")
    folds: Annotated[int, Field(ge=2, le=50)] = Field(
        default=5, description="Grouped folds on the train role, for layer and penalty."
    )


MonitorSpec = ProbeSpec


# --- behaviours --------------------------------------------------------------------


class ChoiceBehaviour(Spec):
    """The model picks the choice with the higher log-probability after the prompt.

    `asserts` is the choice that says the concept is there ("yes, the claim is true").
    A row misbehaves when the picked choice is its `misbehaviour`; a row without one, but
    with a label, misbehaves when what the model says differs from the label.
    """

    kind: Literal["choice"] = "choice"
    choices: list[str] | None = Field(
        default=None, min_length=2, description="For every row; otherwise the row's own."
    )
    asserts: str | None = None
    normalise: Literal["none", "tokens"] = Field(
        default="none", description="Divide a choice's log-probability by its tokens."
    )

    @model_validator(mode="after")
    def _asserts_a_choice(self) -> ChoiceBehaviour:
        if self.asserts is not None and self.choices and self.asserts not in self.choices:
            raise ValueError(f"`asserts` is {self.asserts!r}, which is none of {self.choices}")
        return self


class RegexBehaviour(Spec):
    """A greedy continuation of the prompt misbehaves when the pattern is found in it."""

    kind: Literal["regex"] = "regex"
    pattern: Pattern
    asserts: Pattern | None = Field(
        default=None, description="Pattern whose match says the concept is there."
    )
    max_new_tokens: Annotated[int, Field(ge=1, le=4096)] = 32


class RowBehaviour(Spec):
    """The row itself says whether the recorded response misbehaves (`behaviour: true`)."""

    kind: Literal["row"] = "row"


BehaviourSpec = Annotated[
    ChoiceBehaviour | RegexBehaviour | RowBehaviour, Field(discriminator="kind")
]


# --- gates -------------------------------------------------------------------------


class Gate(Spec):
    """What a check may not exceed. Compared with an interval, never with the point.

    - `firing_rate`: share of audit rows above the threshold.
    - `excess_over_control`: firing rate on audit rows less that on control rows.
    - `excess_over_reference`: the same rows on this model less on the reference model.
    - `disparity`: paired difference of firing between the values of a row attribute.
    - `belief_gap`: share of audit rows where what the monitor reads and what the model
      says disagree.
    """

    kind: Literal[
        "firing_rate", "excess_over_control", "excess_over_reference", "disparity", "belief_gap"
    ] = "firing_rate"
    max: Rate = Field(description="Flag when the interval lies wholly above it.")
    warn: Rate | None = Field(default=None, description="Warn when it lies wholly above this.")
    severity: Severity = "high"
    attribute: str | None = Field(
        default=None, description="disparity: the row attribute whose values are compared."
    )
    pair: str | None = Field(
        default=None,
        description="disparity: the attribute that says which rows are the same case (else group).",
    )

    @model_validator(mode="after")
    def _fields_fit_kind(self) -> Gate:
        if self.kind == "disparity" and self.attribute is None:
            raise ValueError("a disparity gate names the `attribute` that it compares")
        if self.kind != "disparity" and (self.attribute or self.pair):
            raise ValueError(f"`attribute` and `pair` belong to a disparity gate, not {self.kind}")
        if self.warn is not None and self.warn > self.max:
            raise ValueError(f"`warn` ({self.warn:g}) is above `max` ({self.max:g})")
        return self


def _iso_date(value: Any) -> Any:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("must be a date such as 2030-01-31") from None


class Suppression(Spec):
    """A known finding that does not gate until a date. It stays visible, marked."""

    reason: NonEmpty
    until: Annotated[date, BeforeValidator(_iso_date)] = Field(
        description="The last day on which it holds; afterwards the suite is in error."
    )


class Validity(Spec):
    """When a monitor may be listened to. A rule broken makes the check inconclusive."""

    min_auroc: Rate = Field(default=0.65, description="Lower bound of the validation AUROC.")
    min_gain_over_text: float = Field(
        default=0.0, description="The lower bound of the gain over text must lie above it."
    )
    controls_per_false_positive: Annotated[float, Field(gt=0)] = Field(
        default=3.0, description="Rule of three: at least this over `fpr` control groups."
    )
    min_audit_rows: Annotated[int, Field(ge=1)] = 20


# --- check and suite ---------------------------------------------------------------


class Check(Spec):
    """One question to the model: a concept, a monitor, rows in four roles, gates."""

    concept: str
    monitor: Annotated[MonitorSpec, Field()] = ProbeSpec()
    roles: Roles
    behaviour: BehaviourSpec | None = None
    gates: Annotated[list[Gate], Field(min_length=1)]
    fpr: OpenRate = Field(
        default=0.01, description="False-positive rate on controls that sets the threshold."
    )
    confidence: OpenRate = 0.95
    validity: Validity = Validity()
    suppress: Suppression | None = None
    tags: list[str] = Field(default_factory=list)
    description: str = ""

    @model_validator(mode="after")
    def _belief_gap_needs_a_statement(self) -> Check:
        asserts = getattr(self.behaviour, "asserts", None)
        if asserts is None and any(gate.kind == "belief_gap" for gate in self.gates):
            raise ValueError("a belief_gap gate needs a `behaviour` with `asserts`")
        return self


class Suite(Spec):
    """One YAML file, with all that it includes."""

    model_config = ConfigDict(populate_by_name=True)

    schema_uri: str | None = Field(default=None, alias="$schema")
    name: Identifier
    version: Annotated[int, Field(ge=1)] = 1
    description: str = ""
    include: list[str] = Field(default_factory=list, description="Suites merged into this one.")
    concepts: dict[Identifier, str] = Field(
        default_factory=dict, description="What is looked for, each in one sentence."
    )
    datasets: dict[Identifier, DatasetSpec] = Field(default_factory=dict)
    checks: dict[Identifier, Check] = Field(default_factory=dict)
    truncation: Literal["error", "left", "right"] = Field(
        default="error", description="What to do with a prompt longer than the context."
    )
    tags: list[str] = Field(default_factory=list)
