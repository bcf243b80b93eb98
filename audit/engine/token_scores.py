"""What a monitor gives each token of the rows that a person reads first.

Made after the verdicts are given, and with no say in them. The rows of all checks run once more,
each distinct one once, as deep as the deepest place that is read and not on to the vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from audit.engine.evidence import event_of, top_indices
from audit.engine.measure import Measurement
from audit.engine.token_window import token_window
from audit.errors import AuditError
from audit.features.pieces import Pieces
from audit.models.cache.recalled_tokens import recalled_stream
from audit.models.loading import LoadedModel
from audit.models.streaming import TokenActivations
from audit.models.tokens import select_tokens
from probes.base import ProbeError
from reports.curves import TokenScores
from reports.record import CheckResult

if TYPE_CHECKING:
    from torch import Tensor

Floats = NDArray[np.float64]


@dataclass(eq=False)
class _Reading:
    """The top rows of one check, and what their tokens scored so far.

    Attributes:
        measured: the check.
        rows: index of each among the audit rows.
        sequences: index of each among all sequences that run.
        shown: by row, what came of it; None where a token has no finite score.
        failure: why there are none, in words.
    """

    measured: Measurement
    rows: tuple[int, ...]
    sequences: tuple[int, ...]
    shown: dict[int, TokenScores | None] = field(default_factory=dict)
    failure: str | None = None


def with_token_scores(
    results: Sequence[CheckResult],
    measurements: Sequence[Measurement | None],
    model: LoadedModel,
) -> list[CheckResult]:
    """The results with the scores of the tokens of their top rows.

    Args:
        results: one a check, verdicts given.
        measurements: what each rests on; None where it could not be measured.
        model: the model that was judged.

    What cannot be made is a note of the check: its verdict stands without it.
    """
    index: dict[tuple[int, ...], int] = {}
    readings = [None if found is None else _reading(found, index) for found in measurements]
    asked = [reading for reading in readings if reading is not None]
    try:
        _read(asked, list(index), model, Pieces(model.tokenizer))
    except Exception as error:  # noqa: BLE001 - it is told, and no given verdict is lost over it
        for reading in asked:
            reading.failure = _said(error)
    return [
        result if reading is None else _told(result, reading)
        for result, reading in zip(results, readings, strict=True)
    ]


def _reading(measured: Measurement, index: dict[tuple[int, ...], int]) -> _Reading:
    rows = tuple(top_indices(measured, event_of(measured)))
    encoded = measured.work.roles["audit"].encoded
    return _Reading(
        measured, rows, tuple(index.setdefault(encoded[row].ids, len(index)) for row in rows)
    )


def _read(
    readings: Sequence[_Reading],
    sequences: list[tuple[int, ...]],
    model: LoadedModel,
    pieces: Pieces,
) -> None:
    """Run the sequences and score their tokens for every check that wants them."""
    places = list(dict.fromkeys(reading.measured.point.name for reading in readings))
    if not places:
        return
    for batch in recalled_stream(model, sequences, places):
        for reading in readings:
            if reading.failure is not None:
                continue
            try:
                reading.shown.update(_shown(reading, batch, pieces))
            except Exception as error:  # noqa: BLE001 - it is told, and the other checks go on
                reading.failure = _said(error)


def _shown(
    reading: _Reading, batch: TokenActivations, pieces: Pieces
) -> Iterator[tuple[int, TokenScores | None]]:
    """The check's rows in a batch, by their index among the audit rows."""
    owner = batch.sequence.numpy()
    mine = np.flatnonzero(np.isin(owner, reading.sequences))
    if not len(mine):
        return
    work = reading.measured.work
    audit, tokens = work.roles["audit"], work.check.monitor.tokens
    scores = token_scores(reading.measured, batch.x[reading.measured.point.name][mine.tolist()])
    for row, sequence in zip(reading.rows, reading.sequences, strict=True):
        values = scores[owner[mine] == sequence]
        if len(values):
            encoded = audit.encoded[row]
            read = select_tokens(encoded, tokens, audit.rows[row].span)
            finite = np.isfinite(values).all()
            yield row, token_window(encoded, values, read, pieces) if finite else None


def token_scores(measured: Measurement, x: Tensor) -> Floats:
    """The monitor on single tokens: activations `x [n, d_model]` to scores `[n]`.

    Raises:
        ProbeError: the monitor does not read such activations.
    """
    watch = measured.work.watch
    acts = x if watch is None else watch.reader(x)
    return np.asarray(measured.probe.decision_function(acts.cpu().numpy()), dtype=np.float64)


def _told(result: CheckResult, reading: _Reading) -> CheckResult:
    """The result with its rows' token scores, or with the reason why it has none."""
    if reading.failure is not None:
        return _noted(result, f"no scores of single tokens could be made: {reading.failure}")
    rows = [
        line.model_copy(update={"tokens": reading.shown[row]})
        for line, row in zip(result.top_rows, reading.rows, strict=True)
    ]
    result = result.model_copy(update={"top_rows": rows})
    without = sum(line.tokens is None for line in rows)
    if without:
        return _noted(
            result, f"on {without} of the {len(rows)} rows shown a token has no finite score"
        )
    return result


def _noted(result: CheckResult, note: str) -> CheckResult:
    return result.model_copy(update={"notes": [*result.notes, note]})


def _said(error: Exception) -> str:
    known = isinstance(error, AuditError | ProbeError)
    return str(error) if known else f"{type(error).__name__}: {error}"
