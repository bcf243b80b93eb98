"""Capture against a plain forward pass, which is the judge: one row at a time, nothing stopped."""

from __future__ import annotations

import random

import numpy as np
import torch

from audit.models.capture import Captured, Read, Selection, TokenSequence, capture
from audit.models.loading import LoadedModel

READS = [
    Read("blocks.1.hook_resid_post", "mean"),
    Read("blocks.0.hook_attn_out", "last"),
    Read("hook_embed", "max"),
    Read("blocks.2.hook_resid_mid", "max_rolling_mean", 2),
]


def random_sequences(n: int, *, seed: int = 0, next_tokens: bool = False) -> list[TokenSequence]:
    rng = random.Random(seed)
    sequences = []
    for _ in range(n):
        length = rng.randint(3, 20)
        ids = tuple(rng.randrange(2, 320) for _ in range(length))
        tail = Selection(tuple(range(length // 2, length)), (0, 1, 3))
        some = Selection(tuple(sorted(rng.sample(range(length), 2))), (2, 0))
        wanted = ((length - 1, rng.randrange(320)), (0, 7)) if next_tokens else ()
        sequences.append(TokenSequence(ids, (tail, some), wanted))
    return sequences


def assert_same(a: Captured, b: Captured, tolerance: float) -> None:
    for read, rows in enumerate(a.rows):
        keys = list(rows)
        assert sorted(keys) == sorted(b.rows[read])
        np.testing.assert_allclose(a.matrix(read, keys), b.matrix(read, keys), atol=tolerance)
    for left, right in zip(a.log_probs, b.log_probs, strict=True):
        np.testing.assert_allclose(left, right, atol=tolerance)


def test_pooled_vectors_are_those_of_a_plain_forward_pass(tiny_llama: LoadedModel) -> None:
    sequences = random_sequences(9)
    captured = capture(tiny_llama, sequences, READS, max_batch_tokens=64)
    for index, sequence in enumerate(sequences):
        with torch.no_grad():
            states = tiny_llama.model(
                torch.tensor([sequence.ids]), output_hidden_states=True
            ).hidden_states
        for number, selection in enumerate(sequence.selections):
            if 0 in selection.reads:
                expected = states[2][0, list(selection.positions)].mean(0)
                found = captured.pooled(index, number, 0)
                np.testing.assert_allclose(found, expected, atol=1e-5)
            if 2 in selection.reads:
                expected = states[0][0, list(selection.positions)].amax(0)
                np.testing.assert_allclose(captured.pooled(index, number, 2), expected, atol=1e-5)
    assert captured.non_finite == (0, 0, 0, 0)


def test_log_probs_are_those_of_a_plain_forward_pass(tiny_llama: LoadedModel) -> None:
    sequences = random_sequences(9, next_tokens=True)
    captured = capture(tiny_llama, sequences, READS, max_batch_tokens=64)
    for sequence, found in zip(sequences, captured.log_probs, strict=True):
        with torch.no_grad():
            logits = tiny_llama.model(torch.tensor([sequence.ids])).logits[0]
        expected = [float(logits.log_softmax(-1)[p, t]) for p, t in sequence.next_tokens]
        np.testing.assert_allclose(found, expected, atol=1e-5)
