"""What a suite may say about a dataset: where its rows are and which column means what.

Pure data: `sources.py` opens files, `columns.py` gives columns to fields.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from suites.spec import Label, NonEmpty, OpenRate, Pattern, Spec, Where
from suites.words import Role

ColumnName = NonEmpty | None
ChatRole = Literal["system", "developer", "user", "assistant", "tool"]


class Columns(Spec):
    """Which column of the source holds which field of a row.

    A value is the name of a column or, where it holds braces, a template over columns:
    `"{context} {question}"`. Columns that no field claims become attributes of the row
    under their own names. `null` says that the source has no such column, even where one
    has the field's name.
    """

    id: ColumnName = Field(
        default="id",
        description="Stable name of the row; without it a short sha256 of its content.",
    )
    text: ColumnName = Field(
        default="text", description="The whole text, where a row has no question."
    )
    question: ColumnName = Field(default="question", description="What the model is asked.")
    answer: ColumnName = Field(
        default="answer",
        description="What follows the question; empty where the model is to answer.",
    )
    messages: ColumnName = Field(default="messages", description="A list of `{role, content}`.")
    label: ColumnName = Field(default="label", description="1 = shows the concept, 0 = does not.")
    group: ColumnName = Field(
        default="group",
        description="What rows share that may not be parted: a question, a scenario, a template.",
    )
    behaviour: ColumnName = Field(
        default="behaviour", description="Whether the recorded response visibly misbehaves."
    )
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
    """Rows of text, question and answer, or chat messages: inline, from a file, or transcripts."""

    path: NonEmpty | None = Field(
        default=None,
        description="A file relative to the suite, or a folder or hub id for `format: datasets`.",
    )
    rows: list[str | dict[str, Any]] | None = Field(default=None, description="Inline rows.")
    transcripts: NonEmpty | None = Field(
        default=None,
        description="What a model said elsewhere: Inspect logs (.eval, .json) and chats (.jsonl), "
        "as a file, a folder or a pattern relative to the suite.",
    )
    roles: dict[ChatRole, ChatRole] = Field(
        default_factory=dict,
        description="Of transcripts: roles shown as others, `{tool: user}`, for a chat template "
        "that lacks them; turns of one role in a row become one turn.",
    )
    reasoning: bool = Field(
        default=True,
        description="Of transcripts: whether what the assistant thought before it spoke is kept, "
        "between `<think>` and `</think>`.",
    )
    format: Literal["jsonl", "csv", "tsv", "parquet", "datasets"] | None = Field(
        default=None, description="Read from the file's ending where it is not given."
    )
    revision: str | None = Field(default=None, description="Pinned commit of a hub dataset.")
    config: str | None = Field(default=None, description="Configuration name of a hub dataset.")
    hub_split: str = Field(default="train", description="Split of a `datasets` path.")
    columns: Columns = Field(default=Columns(), description="Which column holds which field.")
    labels: dict[str, Label] = Field(
        default_factory=dict, description="Values of the label column that mean 0 or 1."
    )
    behaviours: dict[str, Label] = Field(
        default_factory=dict,
        description="Values of the behaviour column that mean misbehaviour (1) or none (0); here "
        "and in `labels` a key may compare numbers: `'>= 0.5'`.",
    )
    extract: dict[str, Pattern] = Field(
        default_factory=dict,
        description="Column -> regular expression; its named groups become columns.",
    )
    pairs: Pairs | None = Field(
        default=None, description="Each record gives two rows that differ in their answer."
    )
    where: Where = Field(default_factory=dict, description="Keep rows whose columns match.")
    split: dict[Role, OpenRate] = Field(
        default_factory=dict,
        description="Share of the groups that each role gets, by hash of the group.",
    )
    description: str = Field(default="", description="Where the rows come from.")

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
        given = [n for n in ("path", "rows", "transcripts") if getattr(self, n) is not None]
        if len(given) != 1:
            raise ValueError("a dataset has one of `path`, `rows` and `transcripts`")
        if self.format is not None and self.path is None:
            raise ValueError(f"`format` belongs to a `path`, not to `{given[0]}`")
        if self.transcripts is None and (self.roles or not self.reasoning):
            raise ValueError(f"`roles` and `reasoning` belong to `transcripts`, not `{given[0]}`")
        if self.transcripts is not None and self.pairs is not None:
            raise ValueError("`pairs` are made of questions, and transcripts are chats")
        if "assistant" in self.roles:
            raise ValueError("the assistant's turns are what is scored: `roles` leaves them alone")
        if self.pairs and {"answer", "label"} & self.columns.model_fields_set:
            raise ValueError("`pairs` gives answer and label; `columns` may not map them as well")
        if self.split and sum(self.split.values()) > 1 + 1e-9:
            raise ValueError(f"the shares in `split` add up to {sum(self.split.values()):g} > 1")
        return self
