"""Two-weight scoring: what a checkpoint writes, read by the reference and by itself.

A checkpoint that writes its own text changes both the text and the reading of it. Read under
the reference's weights, only the text can have changed; what the checkpoint's weights add to
that is the reading.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audit.engine.candidates import groups_of
from audit.engine.estimates import recorded
from audit.engine.measure import Measurement
from audit.models.cache.recalling import recalled_capture
from audit.models.capture import Read, Selection, TokenSequence
from audit.models.loading import LoadedModel
from audit.models.prompts import encode_prompts
from audit.models.tokenizing import tokenize
from audit.series.standing import Standing
from probes.intervals import rate
from probes.sae.sae import FeatureReader
from probes.two_weights import two_weight_scores
from reports.series import TwoWeights
from suites.schema import Check, RegexBehaviour

Matrix = NDArray[np.float32]


def writes(check: Check) -> bool:
    """Whether the check lets the model write."""
    return isinstance(check.behaviour, RegexBehaviour)


def own_text(
    standing: Standing, before: Measurement, model: LoadedModel, reference: LoadedModel
) -> TwoWeights | None:
    """Score the text of a checkpoint under both weights; None where it wrote nothing.

    The frozen probe reads under the reference's weights. Under the checkpoint's the realigned
    one does, where it can be had, so that the difference is free of the drift that control
    rows show. The tokens written are pooled as the check pools those that it reads, and
    held against its threshold.
    """
    found = standing.readers.frozen.measurement
    here = _sequences(found, model)
    rows = np.array([index for index, sequence in enumerate(here) if sequence is not None])
    if not len(rows):
        return None
    written = [sequence for sequence in here if sequence is not None]
    monitor = found.work.check.monitor
    read = Read(before.point.name, monitor.pooling, monitor.window, _reader(found))
    x_ref, x_new = _read(reference, written, read), _read(model, written, read)
    moved = standing.readers.realigned
    scores = two_weight_scores(
        before.probe,
        x_ref,
        x_new,
        probe_new=None if moved is None else moved.measurement.probe,
    )
    groups, confidence = groups_of(found.work.roles["audit"]), found.work.check.confidence
    at = before.threshold.value
    own = None
    theirs = _sequences(before, reference)
    spoke = np.array([sequence is not None for sequence in theirs])
    if spoke.any():
        text = [sequence for sequence in theirs if sequence is not None]
        fires = np.asarray(before.probe.decision_function(_read(reference, text, read))) > at
        own = recorded(rate(fires, groups[spoke], confidence=confidence))
    return TwoWeights(
        in_text=recorded(rate(scores.fires_in_text(at), groups[rows], confidence=confidence)),
        in_weights=recorded(
            rate(scores.fires_in_weights_alone(at), groups[rows], confidence=confidence)
        ),
        reference_text=own,
        score=float(scores.scores_ref.mean()),
        delta=float(scores.delta.mean()),
    )


def _reader(found: Measurement) -> FeatureReader | None:
    return None if found.work.watch is None else found.work.watch.reader


def _sequences(found: Measurement, model: LoadedModel) -> list[TokenSequence | None]:
    """Each audit row's prompt with what the model wrote, which alone is read."""
    work = found.work.behaviour
    assert work is not None, "a check that writes has a behaviour"
    questions = work.questions
    prompts = encode_prompts(
        questions.encoded,
        model.tokenizer,
        context_length=model.context_length,
        room=questions.spec.max_new_tokens,
        truncation=questions.truncation,
    )
    texts = [behaviour.says or "" for behaviour in found.behaviours]
    continued = tokenize(texts, model.tokenizer, chat=True)
    return [
        TokenSequence(
            prompt + tuple(ids),
            (Selection(tuple(range(len(prompt), len(prompt) + len(ids))), (0,)),),
        )
        if ids
        else None
        for prompt, ids in zip(prompts, continued, strict=True)
    ]


def _read(model: LoadedModel, sequences: list[TokenSequence], read: Read) -> Matrix:
    """Pooled activations `[n, width]` of the text that was written."""
    distinct = list(dict.fromkeys(sequences))
    captured = recalled_capture(model, distinct, [read])
    at = {sequence: index for index, sequence in enumerate(distinct)}
    return captured.matrix(0, [(at[sequence], 0) for sequence in sequences])
