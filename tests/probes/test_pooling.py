"""Pooling reads the selected tokens and nothing else."""
# ruff: noqa: F722 -- jaxtyping writes shapes as strings

from importlib.metadata import EntryPoint, EntryPoints

import numpy as np
import pytest
import torch
from beartype import beartype
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import Bool, Float, Float32, jaxtyped
from torch import Tensor

from probes import POOLINGS, ProbeError, pooling_names
from probes.pooling import pooling

every_pooling = pytest.mark.parametrize("name", sorted(POOLINGS))


def run(name: str, x: Tensor, mask: Tensor, window: int = 4) -> Tensor:
    """The pooling, with the shapes and types of its contract checked on every call."""

    @jaxtyped(typechecker=beartype)
    def checked(
        x: Float[Tensor, "batch tokens d_model"], mask: Bool[Tensor, "batch tokens"], window: int
    ) -> Float32[Tensor, "batch d_model"]:
        return POOLINGS[name](x, mask, window)

    return checked(x, mask, window)


def one_row(name: str, tokens: np.ndarray, window: int) -> np.ndarray:
    """The definition, on the selected tokens `[t, d]` of one row, in float64."""
    if name == "mean" or (name == "max_rolling_mean" and len(tokens) < window):
        return tokens.mean(axis=0)
    if name == "last":
        return tokens[-1]
    if name == "max":
        return tokens.max(axis=0)
    starts = range(len(tokens) - window + 1)
    return np.max([tokens[s : s + window].mean(axis=0) for s in starts], axis=0)


def loop(name: str, x: Tensor, mask: Tensor, window: int) -> np.ndarray:
    rows = zip(x.double().numpy(), mask.numpy(), strict=True)
    return np.stack([one_row(name, row[chosen], window) for row, chosen in rows])


def batch(seed: int, shape=(5, 12, 3)) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, generator=generator)
    mask = torch.rand(shape[:2], generator=generator) < 0.6
    mask[:, shape[1] // 2] = True
    return x, mask


@every_pooling
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(1, 15), st.integers(1, 6))
def test_equals_the_plain_loop(name: str, seed: int, window: int, tokens: int, rows: int):
    x, mask = batch(seed, (rows, tokens, 3))
    np.testing.assert_allclose(
        run(name, x, mask, window), loop(name, x, mask, window), atol=1e-5, rtol=1e-5
    )


@every_pooling
@pytest.mark.parametrize("rubbish", [0.0, 1e30, float("nan"), float("inf"), -float("inf")])
def test_what_is_not_selected_has_no_influence(name: str, rubbish: float):
    x, mask = batch(0)
    spoilt = x.masked_fill(~mask[..., None], rubbish)
    assert torch.equal(run(name, x, mask), run(name, spoilt, mask))


@every_pooling
def test_the_side_of_the_padding_does_not_matter(name: str):
    rows = [torch.randn(n, 3, generator=torch.Generator().manual_seed(n)) for n in (1, 3, 7, 10)]
    left, right = torch.zeros(4, 10, 3), torch.zeros(4, 10, 3)
    left_mask, right_mask = torch.zeros(4, 10, dtype=bool), torch.zeros(4, 10, dtype=bool)
    for i, row in enumerate(rows):
        left[i, 10 - len(row) :], left_mask[i, 10 - len(row) :] = row, True
        right[i, : len(row)], right_mask[i, : len(row)] = row, True
    alone = torch.cat([run(name, r[None], torch.ones(1, len(r), dtype=bool)) for r in rows])
    torch.testing.assert_close(run(name, left, left_mask), alone, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(run(name, right, right_mask), alone, atol=1e-6, rtol=1e-6)


@every_pooling
def test_other_rows_do_not_matter(name: str):
    x, mask = batch(0)
    changed = x.clone()
    changed[1:] = 1e6
    assert torch.equal(run(name, x, mask)[0], run(name, changed, mask)[0])


@every_pooling
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_sums_are_in_float32_whatever_comes_in(name: str, dtype: torch.dtype):
    """A thousand tokens of about one: a running sum in bfloat16 would stop at 256."""
    x = (1 + 0.1 * torch.randn(1, 1000, 2, generator=torch.Generator().manual_seed(0))).to(dtype)
    mask = torch.ones(1, 1000, dtype=torch.bool)
    pooled = run(name, x, mask, 600)
    np.testing.assert_allclose(pooled, loop(name, x, mask, 600), rtol=1e-5)
    assert pooled.dtype == torch.float32


@every_pooling
def test_a_massive_activation_does_not_blur_the_others(name: str):
    x, mask = batch(0, (2, 40, 2))
    x[:, 0] += 1e6
    np.testing.assert_allclose(run(name, x, mask), loop(name, x, mask, 4), rtol=1e-6, atol=1e-3)
    tail = mask.clone()
    tail[:, 0] = False
    np.testing.assert_allclose(run(name, x, tail), loop(name, x, tail, 4), rtol=1e-5, atol=1e-6)


@every_pooling
def test_a_nan_among_the_selected_is_passed_on(name: str):
    x, mask = batch(0)
    mask[:], x[2, -1, 1] = True, float("nan")
    pooled = run(name, x, mask, 3)
    assert pooled[2, 1].isnan()
    assert pooled.isnan().sum() == 1


@every_pooling
def test_the_input_is_left_alone(name: str):
    x, mask = batch(0)
    before = x.clone(), mask.clone()
    run(name, x, mask)
    assert torch.equal(x, before[0])
    assert torch.equal(mask, before[1])


@every_pooling
def test_a_row_without_a_token_is_named(name: str):
    x, mask = batch(0)
    mask[[1, 3]] = False
    with pytest.raises(ProbeError, match="row 1, 3 of the batch"):
        POOLINGS[name](x, mask, 4)
    with pytest.raises(ProbeError, match="row 0"):
        POOLINGS[name](x[:1, :0], mask[:1, :0], 4)


@every_pooling
def test_shapes_that_do_not_fit(name: str):
    x, mask = batch(0)
    with pytest.raises(ProbeError, match=r"\(5, 12, 3\) and \(5, 11\)"):
        POOLINGS[name](x, mask[:, 1:], 4)
    with pytest.raises(ProbeError, match="takes x"):
        POOLINGS[name](x[0], mask, 4)


def test_a_window_holds_a_token():
    x, mask = batch(0)
    with pytest.raises(ProbeError, match="at least one token, not 0"):
        POOLINGS["max_rolling_mean"](x, mask, 0)


def test_a_short_burst_is_seen_by_windows_and_lost_in_the_mean():
    x = torch.zeros(1, 200, 1)
    x[0, 120:124] = 1.0
    mask = torch.ones(1, 200, dtype=torch.bool)
    assert run("max_rolling_mean", x, mask).item() == pytest.approx(1.0)
    assert run("mean", x, mask).item() == pytest.approx(0.02)


def test_names_and_plugins(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ProbeError, match="did you mean 'max_rolling_mean'"):
        pooling("max_rolling")
    entries = EntryPoints(
        [EntryPoint("first", "probes.pooling:pool_last", "alignment_audit.poolings")]
    )
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **by: entries.select(**by))
    assert pooling("first") is POOLINGS["last"]
    assert pooling_names() == (*POOLINGS, "first")
