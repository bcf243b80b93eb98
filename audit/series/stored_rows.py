"""The row of one checkpoint on disk, so that nothing is audited twice.

    OUT/checkpoints/NAME/row.json

Kept with a digest of what it was made of and with the key of its series, so that it is found
again both while the checkpoint is there and after it was deleted. Audits nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from audit.engine.assembly import Options
from audit.engine.plugged import of_plugins
from audit.engine.request import Request, has_identity
from audit.engine.selected import Selected
from audit.engine.watching import Watches
from audit.series.checkpoints import Checkpoint
from reports.read import REPORT_FILE
from reports.render import write_text_atomic
from reports.series import CheckpointRow
from suites.load import LoadedSuite
from suites.splits import rows_digest

ROW_FILE = "row.json"
ROW_VERSION = 1


def folder_name(name: str) -> str:
    """A checkpoint's name as that of a folder; one that had to be changed keeps a digest."""
    plain = re.sub(r"[^A-Za-z0-9._=-]+", "-", name).strip(".-") or "checkpoint"
    same = plain == name and len(name) <= 80
    return plain if same else f"{plain[-60:]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def keep_row(folder: Path, row: CheckpointRow, *, made_of: str, key: str) -> None:
    """Write a row with what it was made of and the key of its series."""
    kept = {"made_of": made_of, "series": key, "row": row.model_dump(mode="json")}
    write_text_atomic(folder / ROW_FILE, json.dumps(kept, allow_nan=False) + "\n")


def stored_row(folder: Path, checkpoint: Checkpoint, *, made_of: str) -> CheckpointRow | None:
    """The row that is there, if it was made of the same; a row of another shape is made anew."""
    return _read(folder, checkpoint, "made_of", made_of)


def kept_row(folder: Path, checkpoint: Checkpoint, *, key: str) -> CheckpointRow | None:
    """The row that is there, if it is of this series, whatever became of the checkpoint since."""
    return _read(folder, checkpoint, "series", key)


def left_out(parent: Path, names: Sequence[str], *, key: str) -> list[str]:
    """Checkpoints of this series that were audited before and are not among those named."""
    found = []
    for file in sorted(parent.glob(f"*/{ROW_FILE}")):
        try:
            kept = json.loads(file.read_text("utf-8"))
            name = str(kept["row"]["name"])
            if kept["series"] == key and name not in names:
                found.append(name)
        except (OSError, ValueError, KeyError, TypeError):  # no row of ours
            continue
    return found


def _read(folder: Path, checkpoint: Checkpoint, by: str, expected: str) -> CheckpointRow | None:
    try:
        kept = json.loads((folder / ROW_FILE).read_text("utf-8"))
        if kept[by] != expected:
            return None
        row = CheckpointRow.model_validate(kept["row"])
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        return None
    here = {"name": checkpoint.name, "step": checkpoint.step, "source": checkpoint.source}
    if not (folder / REPORT_FILE).is_file():
        here["run"] = None  # nothing is there to lead to
    return row.model_copy(update=here)


def series_key(
    opened: Sequence[LoadedSuite],
    selected: Sequence[Selected],
    options: Options,
    reference: Request,
    watches: Watches,
) -> str:
    """What every row rests on beside its own checkpoint: also the SAEs that lie beside weights.

    Args:
        opened: the suites.
        selected: the checks.
        options: of the series.
        reference: what a request says of it (`of_model`).
        watches: its SAEs.
    """
    from importlib.metadata import PackageNotFoundError, version

    try:
        installed = version("alignment-audit")
    except PackageNotFoundError:
        installed = "unknown"
    rows: Mapping[str, dict[str, str]] = {
        "/".join(one.key): {role: rows_digest(of) for role, of in one.rows.items()}
        for one in selected
    }
    plugins = of_plugins(selected)
    facts = {
        "row_version": ROW_VERSION,
        "version": installed,
        "suites": {suite.suite.name: suite.digest for suite in opened},
        "rows": rows,
        "seed": options.seed,
        "dtype": options.dtype,
        "reference": dict(reference),
        "saes": {"/".join(key): one.info.digest for key, one in watches.opened.items()},
        "plugins": plugins,
    }
    if not has_identity(plugins):
        facts["attempt"] = secrets.token_hex(8)  # no row of an earlier one answers this
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
