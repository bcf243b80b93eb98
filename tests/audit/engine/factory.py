"""Measurements made by hand, for the gates and rules that stand on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from audit.engine.measure import Measurement
from audit.engine.plan import CheckWork, RoleWork
from audit.models.behaviours import Behaviour
from audit.models.hook_names import HookPoint
from audit.models.rendering import render
from audit.models.tokens import Encoded
from probes.linear import LinearProbe
from probes.threshold import threshold_at_fpr
from reports.record import Baseline, Estimate, Quality
from suites.rows import Row
from suites.schema import Check

POINT = HookPoint("blocks.0.hook_resid_post", 0, "model.layers.0", "output", 5)


def rows(n: int, prefix: str, **fields: Sequence[Any]) -> list[Row]:
    """Rows with ids and groups of their own, and the given fields one by one."""
    names = [f"{prefix}{i}" for i in range(n)]
    return [
        Row(**{"id": name, "group": name, "text": name} | {k: v[i] for k, v in fields.items()})
        for i, name in enumerate(names)
    ]


def encoded(row: Row) -> Encoded:
    """A row as one token."""
    rendered = render(row, None)
    return Encoded((0,), rendered.text, None, None, ((0, 1),), (False,), False, rendered, row.id)


def measurement(
    *,
    gates: Sequence[dict[str, Any]],
    audit_scores: Sequence[float],
    audit_rows: Sequence[Row] | None = None,
    behaviours: Sequence[Behaviour] = (),
    control_scores: Sequence[float] | None = None,
    control_labels: Sequence[int] | None = None,
    lower: float | None = None,
    threshold: float | None = None,
    validation: Sequence[float] | None = None,
    quality: Any = None,
    **check: Any,
) -> Measurement:
    """A measurement whose threshold comes from its controls, unless one is given."""
    controls = np.linspace(-1, 0, 400) if control_scores is None else np.asarray(control_scores)
    labels = control_labels or [0] * len(controls)
    of_role = {
        "train": rows(4, "t", label=[0, 1, 0, 1]),
        "validation": rows(40, "v", label=[0, 1] * 20),
        "control": rows(len(controls), "c", label=labels),
        "audit": list(audit_rows or rows(len(audit_scores), "a")),
    }
    spec = Check.model_validate(
        {"concept": "k", "roles": dict.fromkeys(of_role, "d"), "gates": list(gates)} | check
    )
    work = CheckWork(
        suite=None,  # type: ignore[arg-type]
        id="check",
        check=spec,
        candidates=(POINT,),
        reads=(0,),
        embedding_read=1,
        roles={
            role: RoleWork(tuple(found), tuple(map(encoded, found)), ())  # type: ignore[misc]
            for role, found in of_role.items()
        },
        behaviour=None,
    )
    benign = np.asarray(labels) != 1
    upper = threshold_at_fpr(controls[benign], spec.fpr, np.arange(benign.sum()))
    if threshold is not None:
        upper = type(upper)(threshold, upper.stated_fpr, upper.observed)
    below = None if lower is None else type(upper)(lower, upper.stated_fpr, upper.observed)
    zero = np.zeros(2, dtype=np.float32)
    return Measurement(
        work=work,
        probe=LinearProbe(coef_=zero, intercept_=0.0, mean_=zero, scale_=zero + 1, kind="logistic"),
        point=POINT,
        scores={
            "train": np.zeros(4),
            "validation": np.asarray([-2.0, 2.0] * 20 if validation is None else validation),
            "control": controls,
            "audit": np.asarray(audit_scores, dtype=float),
        },
        threshold=upper,
        lower=below,
        quality=quality,
        behaviours=tuple(behaviours),
    )


def near(value: float, spread: float = 0.02) -> Estimate:
    return Estimate(
        value=value, low=value - spread, high=min(1.0, value + spread), n=200, n_groups=200
    )


def quality(*, auroc: float = 0.9, text: float = 0.5, recall: float = 0.8) -> Quality:
    return Quality(
        auroc=near(auroc),
        recall_at_fpr=near(recall),
        balanced_accuracy=near(0.8),
        calibration_error=near(0.1),
        gain_over_text=near(auroc - max(text, 0.5)),
        baselines=[Baseline(name="text", auroc=near(text))],
        layers=[],
    )
