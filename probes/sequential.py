"""An alarm over a series of audits that keeps its error rate however long the series is.

Knows p-values, steps and what was spent; knows no model, no probe and no gate by name.

The rule is alpha spending. Audit t has its own level, an alarm needs p-values at or below their
levels, and the levels add up to alpha, so by the union bound a run in which every rate stays
below its gate raises an alarm with probability at most alpha, at any length. The union bound
asks nothing of how p-values hang together. It has to: every audit reads the same rows, so a draw
of rows that is unlucky once is unlucky each time, and an e-process or a group-sequential
boundary, which multiply up evidence as if it were new, would not be valid. (Sums of weighted
e-values would be; with the e-value `1[p <= level] / level` they are this rule, and other
calibrators pay a factor to add up what the same rows say again.)

Patience is not only caution, it buys levels. Of `patience` consecutive audits exactly one has
a number divisible by `patience`, so a run of exceedances always contains one of those: the
levels of every `patience`-th audit alone must add up to alpha.

The second signal only takes alarms away. The bound holds whatever it is; how much lower the true
rate is depends on how independent it is, and nothing is claimed of that.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np

from probes.base import Array, Floats, ProbeError

Phase = Literal[
    "warming up", "quiet", "waiting for patience", "waiting for a second signal", "alarm"
]
_BETS = 48


@dataclass(frozen=True)
class AlarmRule:
    """When a series of audits raises an alarm.

    Args:
        alpha: most that a false alarm in the whole run may have as probability.
        patience: consecutive audits that must exceed.
        warmup: first audits, which are not tested and spend nothing.
        horizon: audits expected; about half of alpha is spent by then, and nearly evenly.
        series: series watched side by side under the one alpha, which each shares evenly.
        second_alpha: level of the second signal at one audit; None where no second signal is
            asked for.

    Raises:
        ProbeError: on values that make no rule.
    """

    alpha: float = 0.01
    patience: int = 2
    warmup: int = 0
    horizon: int = 100
    series: int = 1
    second_alpha: float | None = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise ProbeError(f"alpha is between 0 and 1, not {self.alpha}")
        if self.second_alpha is not None and not 0 < self.second_alpha < 1:
            raise ProbeError(f"second_alpha is between 0 and 1, not {self.second_alpha}")
        for name, least in (("patience", 1), ("warmup", 0), ("horizon", 1), ("series", 1)):
            if getattr(self, name) < least:
                raise ProbeError(f"{name} is {least} or more, not {getattr(self, name)}")

    def level(self, audit: int) -> float:
        """Level of an audit, counted from 1; 0 during warm-up.

        Block m of `patience` audits has `alpha * h / ((m + h - 1) (m + h))`, h the horizon in
        blocks. The sum over all m telescopes to alpha, and the first M blocks have M / (M + h).
        """
        tested = audit - self.warmup
        if tested < 1:
            return 0.0
        block = math.ceil(tested / self.patience)
        h = self.horizon / self.patience
        return self.alpha / self.series * h / ((block + h - 1) * (block + h))


@dataclass(frozen=True)
class Reading:
    """What one audit says.

    Args:
        step: training step; readings come in increasing order of it.
        p: p-value of "the rate is no more than the gate".
        second: p-value of a second signal, None where this audit has none.
    """

    step: int
    p: float
    second: float | None = None


@dataclass(frozen=True)
class AlarmState:
    """Where a series stands: all that the next decision depends on.

    Args:
        rule: the rule, which cannot change during a run.
        audits: how many there were.
        last_step: training step of the last, None before the first.
        exceeded: consecutive audits up to the last that exceeded.
        first_exceeded: step of the first of these.
        confirmed: number of the last audit at which the second signal was there, counted from 1.
        alarm_step: step of the alarm, which stands once raised.
    """

    rule: AlarmRule
    audits: int = 0
    last_step: int | None = None
    exceeded: int = 0
    first_exceeded: int | None = None
    confirmed: int | None = None
    alarm_step: int | None = None

    @property
    def alarm(self) -> bool:
        """Whether an alarm has been raised."""
        return self.alarm_step is not None

    @property
    def phase(self) -> Phase:
        """What the series waits for, in words."""
        if self.alarm:
            return "alarm"
        if self.audits <= self.rule.warmup:
            return "warming up"
        if not self.exceeded:
            return "quiet"
        if self.exceeded < self.rule.patience:
            return "waiting for patience"
        return "waiting for a second signal"

    def to_json(self) -> str:
        """One line of JSON, from which `from_json` makes an equal state."""
        return json.dumps(asdict(self), sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str, rule: AlarmRule | None = None) -> AlarmState:
        """The state that `to_json` wrote.

        Args:
            text: the line.
            rule: the rule that the caller means to go on with, where it wants this checked.

        Raises:
            ProbeError: if the text holds no state, or one begun under another rule: levels
                already spent cannot be spent again.
        """
        try:
            held = json.loads(text)
            state = cls(**{**held, "rule": AlarmRule(**held["rule"])})
        except (ValueError, TypeError, KeyError) as error:
            raise ProbeError(f"no alarm state in {text[:60]!r}: {error}") from error
        if rule is not None and rule != state.rule:
            raise ProbeError(
                f"the alarm was begun under {state.rule} and cannot go on under {rule}; "
                "keep the rule, or begin a new series"
            )
        return state


def advance(state: AlarmState, reading: Reading) -> AlarmState:
    """The state after one more audit.

    An audit exceeds if its p-value is at or below its level, that is, if the lower end of the
    matching interval lies above the gate. The alarm comes when the last `patience` audits
    exceeded and the second signal was there at one of them.

    Raises:
        ProbeError: if the reading is not a number (a check that cannot be measured must not
            pass for a quiet one), or its step not after the last.
    """
    rule = state.rule
    for name, p in (("p", reading.p), ("second", reading.second)):
        if p is not None and not 0 <= p <= 1:
            raise ProbeError(f"step {reading.step}: {name} is a p-value in 0..1, not {p}")
    if state.last_step is not None and reading.step <= state.last_step:
        raise ProbeError(
            f"step {reading.step} comes after step {state.last_step} was audited; go on from the "
            "state saved with the checkpoint that training resumed from"
        )
    audit = state.audits + 1
    exceeds = reading.p <= rule.level(audit) and audit > rule.warmup
    there = (
        rule.second_alpha is not None
        and reading.second is not None
        and reading.second <= rule.second_alpha
    )
    exceeded = state.exceeded + 1 if exceeds else 0
    first = (state.first_exceeded if state.exceeded else reading.step) if exceeds else None
    confirmed = audit if there else state.confirmed
    seconded = rule.second_alpha is None or (
        confirmed is not None and confirmed > audit - rule.patience
    )
    alarms = exceeded >= rule.patience and seconded
    return replace(
        state,
        audits=audit,
        last_step=reading.step,
        exceeded=exceeded,
        first_exceeded=first,
        confirmed=confirmed,
        alarm_step=reading.step if alarms and not state.alarm else state.alarm_step,
    )


def any_of(p_values: Array) -> float:
    """P-value of "none of these signals is there", for `[m]` p-values however dependent.

    Bonferroni: m times the smallest, so that several second signals can stand for one.

    Raises:
        ProbeError: if there are none, or one is not in 0..1.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not len(p) or not ((p >= 0) & (p <= 1)).all():
        raise ProbeError("p-values are [m], at least one, each in 0..1")
    return min(1.0, float(len(p) * p.min()))


def rate_above_p(fired: Array, sizes: Array, gate: float) -> Floats:
    """P-values of "the rate is no more than the gate", from counts per independent group.

    Valid at any size and at levels as small as spending asks for, where intervals that lean on
    a normal limit are not. With one row per group it is the exact binomial tail. Otherwise the
    share `x` of each group is a bounded number and the p-value is one over the evidence
    `mean over bets of product over groups of (1 + bet (x - gate))`, which is at most one on
    average whatever the rows of a group have in common (Waudby-Smith & Ramdas 2024, with bets
    fixed beforehand; Markov's inequality). The rate is the mean over groups of their shares.

    Args:
        fired: `[..., G]` rows that fired, by group.
        sizes: `[G]` rows, by group.
        gate: between 0 and 1.

    Returns:
        `[...]`.

    Raises:
        ProbeError: on counts that are none, or a gate that is 0, 1 or beyond.
    """
    from scipy.special import betainc

    counts, rows = np.asarray(fired, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    if not 0 < gate < 1:
        raise ProbeError(f"a gate of a rate is between 0 and 1, not {gate}")
    if rows.ndim != 1 or not len(rows) or counts.shape[-1:] != rows.shape or not (rows >= 1).all():
        raise ProbeError("fired is [..., G] and sizes is [G], with a row in every group")
    if not ((counts >= 0) & (counts <= rows)).all():
        raise ProbeError("in a group fire none to all of its rows")
    n = len(rows)
    if (rows == 1).all():
        hits = counts.sum(axis=-1)
        tail = betainc(np.maximum(hits, 1), n - np.maximum(hits, 1) + 1, gate)
        return np.asarray(np.where(hits > 0, tail, 1.0))
    return _bet(counts / rows, gate, 0.0, np.geomspace(0.01, 0.99, _BETS))


def mean_above_p(values: Array, gate: float) -> Floats:
    """P-values of "the mean over groups is no more than the gate", for means in -1..1.

    For differences of two rates by group: a disparity, or an excess over a reference on the same
    rows. The evidence is that of `rate_above_p`, with bets no larger than a value of -1 allows,
    and as valid: the groups are independent, nothing else is assumed, not even that their means
    are alike (the product of `1 + bet (mean - gate)` is largest where they are). It measures
    against the whole range: where differences are all small a t-test, which trusts their spread,
    tells them from the gate much sooner, and this may never.

    Args:
        values: `[..., G]` one bounded number per group.
        gate: above -1 and below 1.

    Returns:
        `[...]`.

    Raises:
        ProbeError: on values that are none, or a gate that leaves nothing below or above it.
    """
    means = np.asarray(values, dtype=np.float64)
    if not -1 < gate < 1:
        raise ProbeError(f"a gate of a mean in -1..1 lies between them, not at {gate}")
    if not means.ndim or not means.shape[-1]:
        raise ProbeError("values are [..., G], with at least one group")
    if not ((means >= -1) & (means <= 1)).all():
        raise ProbeError("a group's mean is a number in -1..1")
    return _bet(means, gate, -1.0, np.linspace(0.01, 0.99, _BETS))


def _bet(values: Floats, gate: float, least: float, shares: Floats) -> Floats:
    """P-values `[...]` of a mean at or below the gate; no value of `[..., G]` is below the least.

    One over the mean over bets of what betting on every group would have made of 1. Shares are
    of the largest bet that cannot lose all: dense near zero where gates are small, since the best
    bet is about the excess over the variance.
    """
    from scipy.special import logsumexp

    bets = shares / (gate - least)
    gains = np.stack([np.log1p(b * (values - gate)).sum(axis=-1) for b in bets])
    evidence = logsumexp(gains, axis=0) - math.log(len(bets))
    return np.asarray(np.exp(-np.maximum(evidence, 0.0)))
