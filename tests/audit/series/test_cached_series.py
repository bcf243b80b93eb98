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
    ran: list[int] = []

    def counting(*args: Any, **kwargs: Any) -> Any:
        ran.append(len(args[1]))
        return capture(*args, **kwargs)

    monkeypatch.setattr("audit.models.cache.recalling.capture", counting)
    found = find_checkpoints(["organism:honest", "organism:liar"])
    options = Options(device="cpu", limit=60)
    reports = [
        audit_series(["organism_lying"], found, tmp_path / name, options=options)
        for name in ("cold", "warm")
    ]
    assert len(ran) == 2
    cold, warm = ([row.checks for row in report.checkpoints] for report in reports)
    assert cold == warm
