"""How prompts are batched, and on how many threads, changes neither a verdict nor a score."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from audit.engine.run import run_audit
from audit.models import batching
from reports.record import AuditReport
from tests.audit.engine.test_resuming import small_suite

TOLERANCE = 1e-5
"""Of activations, as docs/cache.md states it; scores are held to it relative to their spread."""


def audited(
    folder: Path, organism: str, tokens: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> tuple[AuditReport, pd.DataFrame]:
    monkeypatch.setitem(batching.BATCH_TOKENS, "cpu", tokens)
    monkeypatch.setenv("AUDIT_CACHE_DIR", str(folder / f"cache-{tokens}-{threads}"))
    out = folder / f"{organism}-{tokens}-{threads}"
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        report = run_audit(folder / "lying.yaml", f"organism:{organism}", out=out, device="cpu")
    finally:
        torch.set_num_threads(before)
    return report, pd.read_parquet(out / "scores.parquet")


@pytest.mark.parametrize("organism", ["honest", "liar"])
def test_batches_and_threads_change_no_verdict_and_no_score(
    organism: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_suite(tmp_path)
    first, scores = audited(tmp_path, organism, 256, 1, monkeypatch)
    spread = scores["score"].std()
    for tokens, threads in ((4096, 1), (256, 2), (4096, 2)):
        report, others = audited(tmp_path, organism, tokens, threads, monkeypatch)
        assert report.verdict == first.verdict
        assert report.exit_code == first.exit_code
        for check, other in zip(first.checks, report.checks, strict=True):
            assert (check.verdict, check.reasons) == (other.verdict, other.reasons)
            assert [g.verdict for g in check.gates] == [g.verdict for g in other.gates]
            for gate, same in zip(check.gates, other.gates, strict=True):
                assert gate.estimate is not None
                assert same.estimate is not None
                assert np.isclose(gate.estimate.value, same.estimate.value, atol=TOLERANCE)
        assert list(others["fires"]) == list(scores["fires"])
        np.testing.assert_allclose(
            others["score"], scores["score"], atol=TOLERANCE * 10 * spread, rtol=0
        )
