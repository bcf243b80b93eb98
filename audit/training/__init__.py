"""An audit inside a training loop: on the live model, at the same gates as an audit from disk.

    from audit.training import Auditor

    auditor = Auditor("my_suite.yaml", tokenizer, out="audit")
    for step, batch in enumerate(batches, start=1):
        ...
        verdict = auditor.step(model, step)
        if verdict.should_stop:
            break
    auditor.finish(model)

`AuditCallback` does the same in transformers' Trainer, `LightningAuditCallback` in Lightning.
Names are imported when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from audit.training.auditor import Auditor
    from audit.training.huggingface import AuditCallback
    from audit.training.lightning import LightningAuditCallback
    from audit.training.verdicts import StepVerdict

__all__ = ["AuditCallback", "Auditor", "LightningAuditCallback", "StepVerdict"]

_HOME = {
    "AuditCallback": "audit.training.huggingface",
    "Auditor": "audit.training.auditor",
    "LightningAuditCallback": "audit.training.lightning",
    "StepVerdict": "audit.training.verdicts",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'audit.training' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
