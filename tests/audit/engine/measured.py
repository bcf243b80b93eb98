"""An audit with the measurements that its record was made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from audit.engine.assembly import Options
from audit.engine.measure import Measurement
from audit.engine.measuring import Talk, measure_model
from audit.engine.opening import open_suites, select_checks
from audit.engine.plan import make_plan
from audit.engine.results import Measured
from audit.engine.run import run_audit
from audit.engine.watching import open_watches
from audit.models.loading import LoadedModel
from reports.record import AuditReport


@dataclass(frozen=True, eq=False)
class Audit:
    """The record, and what was measured for it, check by check."""

    report: AuditReport
    measurements: tuple[Measurement, ...]


def audit_with_measurements(suite: Path, model: LoadedModel) -> Audit:
    """Audit a model, and carry out the same plan once more for what the record leaves out."""
    options = Options()
    selected = select_checks(open_suites([suite], seed=options.seed), seed=options.seed)
    plan = make_plan(selected, model, open_watches(selected, model, seed=options.seed))
    outcomes = list(measure_model(plan, selected, model, seed=options.seed, talk=Talk()))
    measurements = tuple(one.measurement for one in outcomes if isinstance(one, Measured))
    return Audit(run_audit(suite, model, options=options), measurements)
