"""`audit report --model-card DIR`: a section of a card that is somebody else's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from reports.markdown.model_card import BEGIN, END
from tests.audit.cli.conftest import Done
from tests.reports.factory import make_report
from tests.reports.series_factory import make_series

Audit = Callable[..., Done]
CARD = "---\r\nlicense: mit\r\n---\r\n\r\n# My model\r\n"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "report.json").write_text(make_report().to_json(), encoding="utf-8")
    return tmp_path / "report.json"


def test_the_section_is_put_in_once_and_the_rest_left_as_it_was(
    audit: Audit, run: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "README.md").write_bytes(CARD.encode())
    done = audit("report", run, "--model-card", model)
    assert (done.code, done.out) == (0, "")
    first = (model / "README.md").read_bytes()
    assert first.startswith(CARD.encode())
    assert first.count(BEGIN.encode()) == first.count(END.encode()) == 1
    assert audit("report", run, "--model-card", model).code == 0
    assert (model / "README.md").read_bytes() == first
    results = yaml.safe_load((model / ".eval_results/alignment-audit.yaml").read_text("utf-8"))
    assert results[0]["value"] == 0.31


def test_a_card_that_is_not_there_is_made(audit: Audit, run: Path, tmp_path: Path) -> None:
    assert audit("report", run, "--model-card", tmp_path / "new").code == 0
    assert (tmp_path / "new" / "README.md").read_text("utf-8").startswith(BEGIN)


def test_a_card_that_cannot_take_it_is_left_alone(audit: Audit, run: Path, tmp_path: Path) -> None:
    for number, content in enumerate((BEGIN.encode(), b"\xff")):
        model = tmp_path / str(number)
        model.mkdir()
        (model / "README.md").write_bytes(content)
        assert audit("report", run, "--model-card", model).code == 4
        assert (model / "README.md").read_bytes() == content
        assert not (model / ".eval_results").exists()
    (tmp_path / "report.json").write_text(make_series().to_json(), encoding="utf-8")
    done = audit("report", run, "--model-card", tmp_path / "series")
    assert done.code == 4
    assert "of one of its checkpoints" in " ".join(done.err.split())
