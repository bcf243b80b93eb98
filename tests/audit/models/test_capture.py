"""Capture against a plain forward pass, which is the judge: one row at a time, nothing stopped."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch

from audit.errors import MeasurementError, UsageError
from audit.models.bridge import bridge_of
from audit.models.capture import (
    Captured,
    Read,
    Selection,
    TokenSequence,
    capture,
    captured_bytes,
)
from audit.models.hook_names import HookPoints
from audit.models.loading import LoadedModel
from tests.audit.models.shapes import MORE, SHAPES, VOCABULARY, loaded, random_model

READS = [
    Read("blocks.1.hook_resid_post", "mean"),
    Read("blocks.0.hook_attn_out", "last"),
    Read("hook_embed", "max"),
    Read("blocks.2.hook_resid_pre", "max_rolling_mean", 2),
]


def random_sequences(
    n: int, *, seed: int = 0, next_tokens: bool = False, vocabulary: int = VOCABULARY
) -> list[TokenSequence]:
    rng = random.Random(seed)
    sequences = []
    for _ in range(n):
        length = rng.randint(3, 20)
        ids = tuple(rng.randrange(2, vocabulary) for _ in range(length))
        tail = Selection(tuple(range(length // 2, length)), (0, 1, 3))
        some = Selection(tuple(sorted(rng.sample(range(length), 2))), (2, 0))
        wanted = ((length - 1, rng.randrange(vocabulary)), (0, 7)) if next_tokens else ()
        sequences.append(TokenSequence(ids, (tail, some), wanted))
    return sequences


def assert_same(a: Captured, b: Captured, tolerance: float = 1e-5) -> None:
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
            at = list(selection.positions)
            if 0 in selection.reads:
                expected = states[2][0, at].mean(0)
                np.testing.assert_allclose(captured.pooled(index, number, 0), expected, atol=1e-5)
            if 2 in selection.reads:
                expected = states[0][0, at].amax(0)
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


@pytest.mark.parametrize(
    ("shape", "attention"),
    [
        *((shape, "eager") for shape in SHAPES | MORE),
        *((shape, "sdpa") for shape in SHAPES if shape != "gemma-2"),
    ],
)
def test_padding_and_batching_change_nothing(shape: str, attention: str) -> None:
    model = random_model(shape)
    model.model.set_attn_implementation(attention)
    reads = READS if "blocks.0.hook_attn_out" in HookPoints(model.model).names() else READS[:1] * 4
    # One sequence is much shorter than the others, so that padding would show.
    sequences = [
        *random_sequences(5, next_tokens=True),
        *random_sequences(3, seed=1),
        TokenSequence((5,), (Selection((0,), (0, 1, 2, 3)),), ((0, 3),)),
    ]
    alone = capture(model, sequences, reads, max_batch_tokens=1)
    assert_same(alone, capture(model, sequences, reads, max_batch_tokens=10**6))
    left = capture(model, sequences, reads, max_batch_tokens=10**6, padding_side="left")
    assert_same(alone, left)


def test_soft_capped_logits_are_capped() -> None:
    model = random_model("gemma-2")
    model.model.config.final_logit_softcapping = 0.5
    sequence = TokenSequence((3, 4, 5), (), tuple((2, token) for token in range(VOCABULARY)))
    found = np.array(capture(model, [sequence], []).log_probs[0])
    with torch.no_grad():
        logits = model.model(torch.tensor([[3, 4, 5]])).logits[0, 2]
    assert float(logits.abs().max()) <= 0.5
    np.testing.assert_allclose(found, logits.log_softmax(-1), atol=1e-5)


@contextmanager
def counted_calls(model: Any) -> Iterator[dict[str, int]]:
    calls: dict[str, int] = {}
    handles = []
    for name, module in model.named_modules():
        calls[name] = 0

        def count(_: Any, __: Any, name: str = name) -> None:
            calls[name] += 1

        handles.append(module.register_forward_pre_hook(count))
    yield calls
    for handle in handles:
        handle.remove()


def test_no_layer_runs_beyond_the_deepest_place(tiny_llama: LoadedModel) -> None:
    sequences = random_sequences(6)
    with counted_calls(tiny_llama.model) as calls:
        capture(tiny_llama, sequences, READS, max_batch_tokens=10**6)
    assert calls["model.layers.1"] == 1
    assert calls["model.layers.2.self_attn"] == 0  # its input was wanted, it was not
    assert calls["model.layers.3"] == calls["model.norm"] == calls["lm_head"] == 0
    with counted_calls(tiny_llama.model) as calls:
        capture(tiny_llama, random_sequences(6, next_tokens=True), READS, max_batch_tokens=10**6)
    assert calls["model.layers.3"] == calls["model.norm"] == calls["lm_head"] == 1


def test_a_batch_stops_at_what_its_own_sequences_want(tiny_llama: LoadedModel) -> None:
    shallow = TokenSequence((2, 3, 4), (Selection((1,), (2,)),))
    with counted_calls(tiny_llama.model) as calls:
        capture(tiny_llama, [shallow], READS)
    assert calls["model.embed_tokens"] == 1
    assert calls["model.layers.0"] == 0


def test_what_nobody_wants_does_not_run(tiny_llama: LoadedModel) -> None:
    with counted_calls(tiny_llama.model) as calls:
        captured = capture(tiny_llama, [TokenSequence((2, 3))], READS)
    assert sum(calls.values()) == 0
    assert captured.vectors[0].shape == (0, 32)
    assert captured.log_probs == ((),)


def test_the_vocabulary_is_computed_at_the_wanted_positions_only(tiny_llama: LoadedModel) -> None:
    shapes = []
    handle = tiny_llama.model.lm_head.register_forward_hook(
        lambda module, args, output: shapes.append(tuple(output.shape))
    )
    sequences = [
        TokenSequence((2, 3, 4, 5, 6), (), ((4, 1), (4, 2), (4, 3))),
        TokenSequence((7, 8, 9), (), ((0, 1), (2, 2))),
    ]
    capture(tiny_llama, sequences, [])
    handle.remove()
    assert shapes == [(1, 3, 320)]  # three distinct positions, of eight


def test_few_rows_at_once_where_the_vocabulary_is_large(
    tiny_llama: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.models.capture.MOST_LOGITS", 2 * 2 * 320)
    sequences = random_sequences(7, next_tokens=True)
    with counted_calls(tiny_llama.model) as calls:
        capture(tiny_llama, sequences, [*READS], max_batch_tokens=10**6)
    assert calls["lm_head"] == 4  # two rows with two positions each


def hooks_of(model: Any) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


@pytest.mark.parametrize("error", [ValueError("broken"), KeyboardInterrupt()])
def test_the_model_is_as_before_whatever_happens(
    tiny_llama: LoadedModel, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    model = tiny_llama.model
    capture(tiny_llama, random_sequences(2, next_tokens=True), READS)
    before = hooks_of(model)
    model.train()
    model.model.layers[2].eval()  # a part that a training loop keeps still

    def fail(*args: Any, **kwargs: Any) -> None:
        raise error

    try:
        with monkeypatch.context() as patch:
            patch.setattr(model.model.layers[1], "forward", fail)
            with pytest.raises(type(error)):
                capture(tiny_llama, random_sequences(2, next_tokens=True), READS)
        assert hooks_of(model) == before
        capture(tiny_llama, random_sequences(2), READS)  # a pass that stops early
        assert hooks_of(model) == before
        assert model.training
        assert model.model.layers[1].self_attn.training
        assert not model.model.layers[2].training
        assert not model.model.layers[2].self_attn.training
        assert all(parameter.grad is None for parameter in model.parameters())
    finally:
        model.eval()


def test_dropout_is_off_while_capturing() -> None:
    model = random_model("gpt2")
    sequences = random_sequences(3)
    expected = capture(model, sequences, READS)
    model.model.train()  # GPT-2 drops a tenth
    state = torch.get_rng_state()
    assert_same(capture(model, sequences, READS), expected, 1e-7)
    assert torch.equal(torch.get_rng_state(), state)


def test_training_goes_on_after_a_capture() -> None:
    model = random_model("llama (grouped-query)")
    model.model.train()
    capture(model, random_sequences(3, next_tokens=True), READS)
    model.model(torch.tensor([[3, 4, 5]]), labels=torch.tensor([[3, 4, 5]])).loss.backward()
    assert all(parameter.grad is not None for parameter in model.model.parameters())


def test_a_config_that_wants_everything_changes_nothing() -> None:
    model = random_model("llama (grouped-query)")
    sequences = random_sequences(4, next_tokens=True)
    expected = capture(model, sequences, READS)
    for name, value in {"use_cache": True, "output_hidden_states": True}.items():
        setattr(model.model.config, name, value)
    assert_same(capture(model, sequences, READS), expected, 1e-7)


def test_vectors_are_float32_whatever_the_model_computes_in() -> None:
    model = random_model("llama (grouped-query)")
    sequences = random_sequences(4, next_tokens=True)
    exact = capture(model, sequences, READS)
    model.model.to(torch.bfloat16)
    found = capture(model, sequences, READS)
    assert all(matrix.dtype == np.float32 for matrix in found.vectors)
    assert_same(found, exact, 0.3)


class Memory:
    """Raises out of memory when a batch has more tokens than fit."""

    def __init__(self, fits: int) -> None:
        self.fits = fits
        self.seen: list[int] = []

    def __call__(self, module: Any, args: tuple[Any, ...]) -> None:
        self.seen.append(args[0].numel())
        if args[0].numel() > self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate much.")


@pytest.mark.parametrize("next_tokens", [False, True])
def test_out_of_memory_halves_the_batch_and_says_so(
    tiny_llama: LoadedModel, next_tokens: bool
) -> None:
    sequences = random_sequences(12, next_tokens=next_tokens)
    expected = capture(tiny_llama, sequences, READS)
    events: list[str] = []
    done: list[int] = []
    memory = Memory(70)
    handle = tiny_llama.model.model.embed_tokens.register_forward_pre_hook(memory)
    try:
        captured = capture(
            tiny_llama,
            sequences,
            READS,
            max_batch_tokens=10**6,
            on_event=events.append,
            progress=done.append,
        )
    finally:
        handle.remove()
    assert_same(captured, expected)
    assert events[0].startswith("out of memory with 12 prompts")
    assert max(memory.seen[len(events) :]) <= 70
    assert done[-1] == sum(len(sequence.ids) for sequence in sequences)


def test_a_single_prompt_that_does_not_fit_is_an_error(tiny_llama: LoadedModel) -> None:
    handle = tiny_llama.model.model.embed_tokens.register_forward_pre_hook(Memory(2))
    try:
        with pytest.raises(MeasurementError, match="a single prompt of"):
            capture(tiny_llama, random_sequences(4), READS)
    finally:
        handle.remove()


def test_what_is_not_a_number_is_kept_and_counted() -> None:
    model = random_model("llama (grouped-query)")
    with torch.no_grad():
        model.model.get_input_embeddings().weight[7] = float("nan")
        model.model.get_input_embeddings().weight[8, 0] = float("inf")
    whole = Selection((0, 1), (0,))
    sequences = [TokenSequence(ids, (whole,)) for ids in ((2, 3), (4, 7), (5, 6), (8, 2))]
    captured = capture(model, sequences, [Read("hook_embed", "mean")])
    assert captured.non_finite == (2,)
    assert np.isfinite(captured.pooled(2, 0, 0)).all()
    assert np.isnan(captured.pooled(1, 0, 0)).all()


def test_what_stands_in_the_padding_has_no_influence() -> None:
    model = random_model("llama (grouped-query)")
    sequences = random_sequences(4, next_tokens=True)
    expected = capture(model, sequences, READS)
    with torch.no_grad():
        model.model.get_input_embeddings().weight[0] = 1e4  # the padding, never a prompt's token
    assert_same(capture(model, sequences, READS), expected)


def test_places_that_only_the_bridge_knows(tiny_llama: LoadedModel) -> None:
    reads = [
        Read("blocks.1.attn.hook_z", "last"),
        Read("blocks.1.hook_resid_post", "last"),
        Read("blocks.0.mlp.hook_post", "mean"),
    ]
    ids = [(2, 3, 4, 5), (6, 7, 8, 9)]
    every = tuple(Selection((at,), (0, 1, 2)) for at in range(4))
    weights = {name: value.clone() for name, value in tiny_llama.model.state_dict().items()}
    implementation = tiny_llama.model.config._attn_implementation
    before = [type(module) for module in tiny_llama.model.modules()]
    wanted = (((3, 7),), ())  # one of the two goes on to the vocabulary as well
    sequences = [TokenSequence(*item) for item in zip(ids, (every, every), wanted, strict=True)]
    captured = capture(tiny_llama, sequences, reads)
    assert list(map(len, captured.log_probs)) == [1, 0]
    with torch.inference_mode():
        _, cache = bridge_of(tiny_llama.model).run_with_cache(torch.tensor(ids))
    keys = [(row, at) for row in range(2) for at in range(4)]
    for read, name in enumerate(read.hook_name for read in reads):
        expected = cache[name].flatten(2).flatten(0, 1).numpy()
        np.testing.assert_allclose(captured.matrix(read, keys), expected, atol=1e-5)
    assert captured.vectors[0].shape == (8, 32)
    assert captured.vectors[2].shape == (8, 48)
    # The audited model is not the one that the bridge was built around.
    assert [type(module) for module in tiny_llama.model.modules()] == before
    assert tiny_llama.model.config._attn_implementation == implementation
    assert all(torch.equal(weights[k], v) for k, v in tiny_llama.model.state_dict().items())


def test_a_position_beyond_the_end_is_our_own_mistake() -> None:
    with pytest.raises(AssertionError):
        TokenSequence((2, 3), (Selection((1, 2), (0,)),))
    with pytest.raises(AssertionError):
        TokenSequence((2, 3), (), ((2, 5),))


def test_a_place_without_a_vector_per_token_is_refused(tiny_llama: LoadedModel) -> None:
    one = TokenSequence((2, 3, 4), (Selection((0,), (0,)),))
    with pytest.raises(UsageError, match="not one vector for each token"):
        capture(tiny_llama, [one], [Read("blocks.0.attn.hook_rot_q", "last")])


def test_an_unknown_pooling_names_the_nearest(tiny_llama: LoadedModel) -> None:
    with pytest.raises(UsageError, match="mean"):
        capture(tiny_llama, [], [Read("hook_embed", "maen")])


def test_an_encoder_is_captured_but_makes_no_choices() -> None:
    from transformers import BertConfig, BertModel

    from tests.audit.models.shapes import PLAIN

    model = loaded(BertModel(BertConfig(**PLAIN)).eval())
    reads = [Read("blocks.2.hook_resid_post", "mean")]
    sequences = [
        TokenSequence(s.ids, (Selection(s.selections[0].positions, (0,)),))
        for s in random_sequences(5)
    ]
    alone = capture(model, sequences, reads, max_batch_tokens=1)
    assert_same(alone, capture(model, sequences, reads))
    with pytest.raises(UsageError, match="no vocabulary head"):
        capture(model, [TokenSequence((2, 3), (), ((1, 4),))], [])


def test_the_memory_of_a_capture_is_known_before(tiny_llama: LoadedModel) -> None:
    sequences = random_sequences(8)
    captured = capture(tiny_llama, sequences, READS)
    assert captured_bytes(sequences, READS, 32) == sum(matrix.nbytes for matrix in captured.vectors)


def test_a_pretrained_model(shared_models: Any) -> None:
    from audit.models.loading import load_model

    model = load_model(str(shared_models / "stories260k"), device="cpu")
    sequences = random_sequences(20, next_tokens=True, vocabulary=512)
    expected = capture(model, sequences, READS, max_batch_tokens=1)
    assert_same(expected, capture(model, sequences, READS), 1e-4)  # log-probabilities near -30
    assert model.n_parameters == 260_032
