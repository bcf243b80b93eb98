"""What was asked of a folder, told apart from anything else that could be asked of it.

A request is a table from what is asked to a value, digests for what is large; two requests are
the same where their tables are. Whatever can change a record but for its provenance belongs in
here, and nothing else: not the names of files, not how many cores there are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from audit.models.loaded import LIVE
from reports.record import SCHEMA_VERSION

if TYPE_CHECKING:
    from audit.engine.assembly import Options
    from audit.engine.selected import Selected
    from audit.engine.watching import Watches
    from audit.models.loaded import LoadedModel
    from reports.record import AuditReport
    from suites.load import LoadedSuite

Request = Mapping[str, str | int | bool | None]

_OPTIONS = ("seed", "expression", "limit", "allow_half")
_GATING = ("fail_on", "strict", "exit_zero")
_FITTED_WITH = ("numpy", "scipy", "scikit-learn")
HANDED_OVER = ", handed over"
"""Ends an entry that says so of a model: where it came from is nothing that differs."""


def request_of(
    kind: str,
    opened: Sequence[LoadedSuite],
    selected: Sequence[Selected],
    options: Options,
    baseline: AuditReport | None = None,
) -> dict[str, str | int | bool | None]:
    """All of a request that is known before a model is.

    Args:
        kind: what a folder is of: one `run`, a `series`, a `training`.
        opened: the suites.
        selected: the checks, with their rows.
        options: of the run.
        baseline: what is known from before.
    """
    from audit.engine.plugged import of_plugins
    from audit.models.cache.keys import surroundings
    from suites.splits import rows_digest

    said: dict[str, str | int | bool | None] = {"kind": kind}
    said["suites"] = ", ".join(one.suite.name for one in opened)
    said |= {f"suite {one.suite.name}": one.digest for one in opened}
    said["checks"] = _digest(sorted("/".join(one.key) for one in selected))
    for one in selected:
        name = "/".join(one.key)
        said |= {f"data {name}, {role}": rows_digest(rows) for role, rows in one.rows.items()}
    # A series is gated anew each time, from rows in which no number depends on how.
    which = (*_OPTIONS, *_GATING) if kind == "run" else _OPTIONS
    said |= {f"option {name}": getattr(options, name) for name in which}
    said["baseline"] = None if baseline is None else baseline.digest()
    said["version alignment-audit"] = _installed("alignment-audit")
    said["version record"] = SCHEMA_VERSION
    said |= {f"version {name}": version for name, version in surroundings().items()}
    said |= {f"version {name}": _installed(name) for name in _FITTED_WITH}
    return said | of_plugins(selected)


def of_model(
    role: str, model: LoadedModel | None, *, handed_over: bool = False
) -> dict[str, str | int | bool | None]:
    """What is asked of, or held against: the part of a request that one model makes.

    Args:
        role: `model` or `reference`.
        model: None where there is none of this role.
        handed_over: whether somebody outside holds it too, and may have changed it since its
            digest was taken: a record of it answers nothing later.
    """
    from audit.models.configuration import configuration_digest

    if model is None:
        return {f"{role} weights": None}
    said: dict[str, str | int | bool | None] = {
        f"{role} weights": model.weights_digest,
        f"{role} tokenizer": model.tokenizer_digest,
        f"{role} configuration": configuration_digest(model),
        f"{role} dtype": model.dtype,
        f"{role} device": model.device.partition(":")[0],
    }
    return {**said, f"{role}{HANDED_OVER}": LIVE} if handed_over else said


def of_watches(watches: Watches) -> dict[str, str | int | bool | None]:
    """The SAEs that a request reads."""
    return {f"sae {'/'.join(key)}": one.info.digest for key, one in watches.opened.items()}


def has_identity(request: Request) -> bool:
    """Whether what was asked can be told from anything else, so that its record may answer it.

    It cannot where a model has no digest or was handed over, nor where a plug-in has no version.
    """
    return LIVE not in request.values()


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _installed(name: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
