"""A capture on disk comes back equal to the last bit, or is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import UsageError
from audit.models.captured_files import load_captured, save_captured
from audit.models.sequences import Captured


def drawn(seed: int, reads: int, n: int) -> Captured:
    draw = np.random.default_rng(seed)
    return Captured(
        vectors=tuple(draw.normal(size=(n, 3 + r)).astype(np.float32) for r in range(reads)),
        rows=tuple({(i, r): n - 1 - i for i in range(n)} for r in range(reads)),
        log_probs=tuple(tuple(draw.normal(size=k % 3).tolist()) for k in range(n)),
        non_finite=tuple(range(reads)),
    )


def assert_equal(a: Captured, b: Captured) -> None:
    assert [v.dtype for v in a.vectors] == [v.dtype for v in b.vectors]
    assert all(v.tobytes() == w.tobytes() for v, w in zip(a.vectors, b.vectors, strict=True))
    assert [v.shape for v in a.vectors] == [v.shape for v in b.vectors]
    assert (a.rows, a.log_probs, a.non_finite) == (b.rows, b.log_probs, b.non_finite)


@given(st.integers(0, 99), st.integers(0, 3), st.integers(0, 4))
def test_a_capture_comes_back(seed: int, reads: int, n: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file, captured = Path(folder) / "c.safetensors", drawn(seed, reads, n)
        save_captured(file, captured, {"name": "späť", "empty": ""})
        found, words = load_captured(file)
        assert_equal(found, captured)
        assert words == {"name": "späť", "empty": ""}
        assert [path.name for path in Path(folder).iterdir()] == ["c.safetensors"]


def test_numbers_that_are_none_and_views_come_back(tmp_path: Path) -> None:
    odd = np.array([[np.nan, np.inf], [-np.inf, -0.0], [5e-324, 1.0]], dtype=np.float32)
    captured = Captured(
        vectors=(odd[::-1], odd.T.copy().T),
        rows=({(0, 0): 0, (1, 0): 1, (2, 0): 2},) * 2,
        log_probs=((-0.0, float("-inf")),),
        non_finite=(2, 2),
    )
    save_captured(tmp_path / "c.safetensors", captured, {})
    assert_equal(load_captured(tmp_path / "c.safetensors")[0], captured)


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    file, captured = tmp_path / "c.safetensors", drawn(0, 1, 2)
    save_captured(file, captured, {})
    with pytest.raises(TypeError):
        save_captured(file, captured, {"name": 3})  # type: ignore[dict-item]
    assert_equal(load_captured(file)[0], captured)
    assert [path.name for path in tmp_path.iterdir()] == ["c.safetensors"]


@pytest.mark.parametrize("what", ["missing", "empty", "torn", "other", "folder"])
def test_what_is_no_capture_is_refused_by_its_name(what: str, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    file = tmp_path / "reference.safetensors"
    if what == "empty":
        file.write_bytes(b"")
    elif what == "torn":
        save_captured(file, drawn(0, 2, 3), {})
        file.write_bytes(file.read_bytes()[:-5])
    elif what == "other":
        save_file({"weight": np.zeros(3)}, file)
    elif what == "folder":
        file.mkdir()
    with pytest.raises(UsageError, match=r"reference\.safetensors does not hold"):
        load_captured(file)
