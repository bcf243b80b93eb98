"""What is done with a model once its run has ended: flagged weights kept, hidden suites asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from audit.engine.assembly import Options
from audit.engine.run import run_audit
from audit.models.loaded import unwrapped
from audit.models.loading import LoadedModel
from audit.models.quiet import quiet
from audit.series.flagged import free_place
from suites.load import LoadedSuite


def keep_flagged(model: Any, tokenizer: Any, out: Path) -> str:
    """Save the weights to `out/flagged`, or beside what an earlier alarm left there; says where."""
    folder = str(free_place(out))
    with quiet():
        unwrapped(model).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


def ask_hidden(
    hidden: Sequence[LoadedSuite], live: LoadedModel, out: Path | None, options: Options
) -> list[str]:
    """Audit the model with suites that the run never saw; folders of the records, below `out`."""
    for suite in hidden:
        folder = None if out is None else out / "hidden" / suite.suite.name
        run_audit(suite, live, out=folder, fresh=True, options=options, expression=None)
    return [f"hidden/{suite.suite.name}" for suite in hidden]
