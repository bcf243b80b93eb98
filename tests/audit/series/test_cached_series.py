"""A series reads its checkpoints' answers from the cache, whatever became of its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from audit.engine.assembly import Options
from audit.models.capture import capture
from audit.series.checkpoints import find_checkpoints
from audit.series.following import audit_series


def test_a_series_in_another_folder_runs_no_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran: list[str] = []

    def counting(*args: Any, **kwargs: Any) -> Any:
        ran.append(args[0].name)
        return capture(*args, **kwargs)

    monkeypatch.setattr("audit.models.cache.recalling.capture", counting)
    found = find_checkpoints(["organism:honest", "organism:liar"])
    options = Options(device="cpu", limit=60)
    cold = audit_series(["organism_lying"], found, tmp_path / "cold", options=options)
    assert {*ran} == {one.name for one in found}
    ran.clear()
    warm = audit_series(["organism_lying"], found, tmp_path / "warm", options=options)
    assert not ran
    assert [row.checks for row in cold.checkpoints] == [row.checks for row in warm.checkpoints]
