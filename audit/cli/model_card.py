"""`--model-card DIR`: what a model's own page says of an audit, in the folder of its repository."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from audit.cli.writing import write_into

if TYPE_CHECKING:
    from reports.read import Record

CARD = "README.md"
RESULTS = ".eval_results/alignment-audit.yaml"


def write_model_card(record: Record, folder: Path) -> None:
    """Put the section into the card, in the place of an earlier one, and the results beside it.

    Raises:
        UsageError: the record is of a series, or the card cannot be read.
        ReportError: the card holds half of an earlier section.
        OSError: a file could not be written.
    """
    from audit.errors import UsageError
    from reports.markdown.model_card import eval_results, model_card, replace_section
    from reports.series import SeriesReport

    if isinstance(record, SeriesReport):
        raise UsageError(
            "--model-card is of one model, and the record is of a series: give the folder of one "
            "of its checkpoints"
        )
    file = folder / CARD
    try:
        # Line breaks as they are: the card is somebody else's.
        card = file.read_bytes().decode("utf-8") if file.exists() else ""
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8 at byte {error.start}: mend it first") from None
    section, results = replace_section(card, model_card(record)), eval_results(record)
    write_into(folder, {CARD: section, RESULTS: results})
