"""The hall: models, engine, organisms and the command line. It imports every room.

    from audit import run_audit
    report = run_audit("organism_lying", "organism:liar")

Names are imported when they are first used, so that `import audit` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from audit.engine.assembly import Options
    from audit.engine.run import run_audit
    from audit.errors import AuditError, MeasurementError, UsageError
    from audit.exit_codes import ExitCode
    from audit.models.loaded import LoadedModel, wrap_model
    from audit.models.loading import load_model

__all__ = [
    "AuditError",
    "ExitCode",
    "LoadedModel",
    "MeasurementError",
    "Options",
    "UsageError",
    "load_model",
    "run_audit",
    "wrap_model",
]

_HOME = {
    "AuditError": "audit.errors",
    "ExitCode": "audit.exit_codes",
    "LoadedModel": "audit.models.loaded",
    "MeasurementError": "audit.errors",
    "Options": "audit.engine.assembly",
    "UsageError": "audit.errors",
    "load_model": "audit.models.loading",
    "run_audit": "audit.engine.run",
    "wrap_model": "audit.models.loaded",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'audit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
