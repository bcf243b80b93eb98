"""Where one check stands on one checkpoint: which probe is believed, and whether the concept moved.

Drift is told from change by `probes.drift`; here its figures are made from measurements, and a
p-value for the change beside them. No verdict and no alarm is given.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from audit.engine.candidates import groups_of
from audit.engine.evidence import reading_of
from audit.engine.measure import Measurement
from audit.errors import MeasurementError
from audit.series.readers import ReadBy, Readers
from probes.base import ProbeError
from probes.drift import DriftLimits, DriftState, drift_state
from probes.estimate import Estimate
from probes.intervals import p_value, paired_difference
from suites.schema import Check


@dataclass(frozen=True, eq=False)
class Standing:
    """One check on one checkpoint.

    Attributes:
        check: what the suite says.
        readers: what each probe read.
        before: the check on the reference; None where that is this checkpoint itself.
        state: whether the concept or only its place moved; None on the reference.
        p_change: of no change in the believed reader's events, two-sided; None on the reference
            and where no probe can be believed.
    """

    check: Check
    readers: Readers
    before: Measurement | None = None
    state: DriftState | None = None
    p_change: float | None = None

    @property
    def believed(self) -> ReadBy | None:
        """The probe that was believed: on the reference the frozen one; else the state's reader."""
        if self.state is None:
            return self.readers.frozen
        return next((one for one in self.readers.all if one.name == self.state.reader), None)

    @property
    def refit_reads(self) -> bool:
        """Whether the refit probe reads the concept on this checkpoint's validation rows."""
        low = None if self.readers.refit is None else self.readers.refit.reading.auroc.low
        return low is not None and low >= self.check.validity.min_auroc


def stand(check: Check, readers: Readers, before: Measurement) -> Standing:
    """Tell drift from change.

    Raises:
        MeasurementError: rows too few for any interval.
    """
    try:
        limits = DriftLimits(auroc=check.validity.min_auroc)
        state = drift_state(
            readers.frozen.reading,
            realigned=None if readers.realigned is None else readers.realigned.reading,
            refit=None if readers.refit is None else readers.refit.reading,
            gap=readers.gap,
            representation=readers.representation,
            limits=limits,
        )
    except ProbeError as error:
        raise MeasurementError(str(error)) from error
    standing = Standing(check, readers, before, state)
    believed = standing.believed
    if believed is None:
        return standing
    return replace(standing, p_change=_p_change(believed.measurement, before))


def _p_change(found: Measurement, before: Measurement) -> float:
    now, then = reading_of(found), reading_of(before)
    groups = groups_of(found.work.roles["audit"])

    def rose(confidence: float) -> Estimate:
        return paired_difference(now, then, groups, confidence=confidence)

    def fell(confidence: float) -> Estimate:
        return paired_difference(then, now, groups, confidence=confidence)

    return min(1.0, 2 * min(p_value(rose, 0.0), p_value(fell, 0.0)))
