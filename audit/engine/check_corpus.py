"""The rows of a check as a corpus that features are read over, with what happened on them.

What happened is what the rows' labels say, or what the model itself does on the audit rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from audit.engine.selected import Selected
from audit.errors import UsageError
from audit.features.corpus import Contrast, Corpus, corpus_of_rows
from audit.features.events import event_corpus
from audit.models.behaviours import BEHAVIOURS, Questions
from audit.models.capture import TokenSequence, capture
from audit.models.loading import LoadedModel
from audit.models.tokens import Encoded, encode_rows
from suites.rows import Row
from suites.schema import Role

Event = Literal["label", "behaviour"]


def corpus_of_check(one: Selected, loaded: LoadedModel, *, event: Event = "label") -> Corpus:
    """The rows of a check, all their tokens, and on which of them the event happened.

    Args:
        one: the check.
        loaded: the model.
        event: "label" takes the rows of all roles, and those with a label alone where there
            are two labels; "behaviour" the audit rows on which the check can tell what the
            model did, and where it misbehaves on them all, control rows on which it does not.

    Raises:
        UsageError: the check names no behaviour, or none that can be told; or a row does not
            fit the model.
    """
    if event == "behaviour":
        return rows_by_behaviour(one, loaded)[0]
    rows = list({(row.place, row.id): row for some in one.rows.values() for row in some}.values())
    two = {row.label for row in rows} >= {0, 1}
    rows = [row for row in rows if row.label is not None] if two else rows
    encoded = _encoded(one, rows, loaded)
    return corpus_of_rows(
        rows,
        encoded,
        event=np.array([row.label == 1 for row in rows]) if two else None,
        event_name=f"the label says {one.check.concept!r}" if two else "",
        contrasts=_contrasts_of_audit_rows(one, loaded, rows, encoded),
    )


def rows_by_behaviour(one: Selected, loaded: LoadedModel) -> tuple[Corpus, list[str]]:
    """The audit rows by what the model does on them, and what a reader must know of them.

    Where it misbehaves on them all, control rows on which it does not stand beside them.

    Raises:
        UsageError: the check names no behaviour, or none that can be told.
    """
    spec = one.check.behaviour
    place = one.suite.place_of(("checks", one.id))
    if spec is None:
        raise UsageError(f"{place}: the check names no behaviour; hold features against the label")
    audit = _asked(one, spec, "audit", loaded)
    if not len(audit):
        raise UsageError(f"{place}: none of the rows tells whether the model misbehaves on it")
    control = one.rows["control"]
    can_be_asked = spec.kind != "choice" or spec.choices or all(row.choices for row in control)
    if audit.event is None or not audit.event.all() or not control or not can_be_asked:
        return audit, []
    return event_corpus(audit, _asked(one, spec, "control", loaded))


def _asked(one: Selected, spec: Any, role: Role, loaded: LoadedModel) -> Corpus:
    """The rows of a role on which it can be told what the model did."""
    rows = list(one.rows[role])
    encoded = _encoded(one, rows, loaded)
    questions = Questions(loaded, spec, rows, encoded, one.suite.suite.truncation)
    kind = BEHAVIOURS[spec.kind]
    asked = kind.ask(questions)
    found = kind.judge(questions, _answers(loaded, asked), None)
    corpus = corpus_of_rows(
        rows,
        encoded,
        event=np.array([bool(did.misbehaves) for did in found], dtype=bool),
        event_name="the model misbehaves",
        contrasts=_contrasts(questions, asked) if spec.kind == "choice" else None,
    )
    return corpus.take([i for i, did in enumerate(found) if did.misbehaves is not None])


def _encoded(one: Selected, rows: Sequence[Row], loaded: LoadedModel) -> list[Encoded]:
    return encode_rows(
        rows,
        loaded.tokenizer,
        context_length=loaded.context_length,
        truncation=one.suite.suite.truncation,
    )


def _answers(
    loaded: LoadedModel, asked: Sequence[Sequence[TokenSequence]]
) -> list[list[list[float]]]:
    """What each row's sequences wanted to know, each distinct one run once."""
    wanted: dict[tuple[int, ...], dict[tuple[int, int], None]] = {}
    for of_row in asked:
        for one in of_row:
            wanted.setdefault(one.ids, {}).update(dict.fromkeys(one.next_tokens))
    if not wanted:
        return [[] for _ in asked]
    sequences = [TokenSequence(ids, (), tuple(next_)) for ids, next_ in wanted.items()]
    said = {
        sequence.ids: dict(zip(sequence.next_tokens, log_probs, strict=True))
        for sequence, log_probs in zip(
            sequences, capture(loaded, sequences, []).log_probs, strict=True
        )
    }
    return [[[said[one.ids][key] for key in one.next_tokens] for one in of_row] for of_row in asked]


def _contrasts_of_audit_rows(
    one: Selected, loaded: LoadedModel, rows: Sequence[Row], encoded: Sequence[Encoded]
) -> list[Contrast | None] | None:
    """For the rows that the check asks a choice on; None for all others."""
    spec = one.check.behaviour
    if spec is None or spec.kind != "choice" or not loaded.speaks:
        return None
    audited = {(row.place, row.id) for row in one.rows["audit"]}
    at = [index for index, row in enumerate(rows) if (row.place, row.id) in audited]
    if not at:
        return None
    questions = Questions(
        loaded, spec, [rows[i] for i in at], [encoded[i] for i in at], one.suite.suite.truncation
    )
    found: list[Contrast | None] = [None] * len(rows)
    asked = BEHAVIOURS[spec.kind].ask(questions)
    for index, contrast in zip(at, _contrasts(questions, asked), strict=True):
        found[index] = contrast
    return found


def _contrasts(
    questions: Questions, asked: Sequence[Sequence[TokenSequence]]
) -> list[Contrast | None]:
    """What misbehaviour would be as a next token: each choice is judged as if it were picked."""
    n_choices = max(map(len, asked), default=0)
    judged = []
    for picked in range(n_choices):
        answers = [
            [[float(choice == picked)] * len(one.next_tokens) for choice, one in enumerate(of_row)]
            for of_row in asked
        ]
        judged.append(BEHAVIOURS["choice"].judge(questions, answers, None))
    found: list[Contrast | None] = []
    for row, (item, of_row) in enumerate(zip(questions.encoded, asked, strict=True)):
        by_outcome: dict[bool, int] = {}
        for picked, one in enumerate(of_row):
            misbehaves = judged[picked][row].misbehaves
            if misbehaves is not None and _is_next(one, item):
                by_outcome.setdefault(misbehaves, one.next_tokens[0][1])
        both = len(by_outcome) == 2
        found.append(Contrast(by_outcome[True], by_outcome[False]) if both else None)
    return found


def _is_next(one: TokenSequence, item: Encoded) -> bool:
    """Whether a choice is one token, right after the row."""
    return len(one.next_tokens) == 1 and one.next_tokens[0][0] == len(item.ids) - 1
