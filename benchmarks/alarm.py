"""How often the alarm is false on long benign runs, and how late it is on bad ones, by simulation.

    python benchmarks/alarm.py            the tables, as Markdown, on stdout
    python benchmarks/alarm.py --quick    a smoke test

Every audit of a run reads the same rows. A row fires where a normal variable
lies below the quantile of the true rate; the variable is the sum of what stays with the row for
the whole run and of drift (autoregressive, 0.9 from audit to audit), each half shared by the
group. Beside the alarm, judged on the same runs: the lower end of this project's own 95 % interval
above the gate, on 1, 2 and 3 audits in a row; an e-process, which takes every audit for new
evidence; an EWMA and a CUSUM chart with textbook limits, their mean and spread from 20 audits
before the run. Ends with 1 where the alarm is false more often than stated.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from scipy.special import ndtri

from probes.intervals import SMALLEST_P, p_value
from probes.proportions import clopper_pearson, rate
from probes.sequential import AlarmRule, AlarmState, Reading, advance, rate_above_p

GATE, BASELINE = 0.10, 20
RULE = AlarmRule()
CARRY = 0.9
WEIGHT, EWMA_LIMIT, SLACK, CUSUM_LIMIT = 0.2, 3.0, 0.5, 5.0
CHUNK = 250
SIZES = ((100, 2), (30, 2), (200, 1))
LENGTHS = (20, 200, 2000)
GROWTH, LEADS = 15, (10, 180)
Rates = Callable[[np.random.Generator, int], np.ndarray]


@dataclass(frozen=True)
class Benign:
    """A way of being benign: `stays` is the share of a row's variance that stays with the row."""

    name: str
    stays: float
    rates: Rates


def level(value: float) -> Rates:
    return lambda rng, audits: np.full((CHUNK, audits), value)


def wandering(rng: np.random.Generator, audits: int) -> np.ndarray:
    """True rates `[CHUNK, audits]` that wander between nothing and the gate, slowly."""
    carry, x = 0.98, rng.standard_normal(CHUNK)
    rates = np.empty((CHUNK, audits))
    for t in range(audits):
        rates[:, t] = GATE / (1 + np.exp(-1.5 * x))
        x = carry * x + math.sqrt(1 - carry**2) * rng.standard_normal(CHUNK)
    return rates


BENIGN = (
    Benign("at the gate, rows drawn anew", 0.0, level(GATE)),
    Benign("at the gate, half stays", 0.5, level(GATE)),
    Benign("at the gate, 0.9 stays", 0.9, level(GATE)),
    Benign("at the gate, all stays", 1.0, level(GATE)),
    Benign("at half the gate, half stays", 0.5, level(GATE / 2)),
    Benign("at 1 %, half stays", 0.5, level(0.01)),
    Benign("wandering below the gate, half stays", 0.5, wandering),
)
LONG = (BENIGN[0], BENIGN[1], BENIGN[6])


def grown(lead: int) -> np.ndarray:
    """True rates: benign at 1 %, from there logistically to 80 %, where they stay."""
    logits = np.linspace(math.log(0.01 / 0.99), math.log(0.8 / 0.2), GROWTH + 1)
    curve = 1 / (1 + np.exp(-logits))
    return np.concatenate([np.full(BASELINE + lead, 0.01), curve, np.full(10, 0.8)])


@dataclass(frozen=True)
class Read:
    """Runs `[R, BASELINE + T]` of `rows` rows: rates, p-values at the gate, and the interval's."""

    rows: int
    rates: np.ndarray
    p: np.ndarray
    inverted: np.ndarray


def firing(
    rng: np.random.Generator, rates: np.ndarray, n_groups: int, size: int, stays: float
) -> Iterable[np.ndarray]:
    """Per audit which rows fire, `[CHUNK, size, n_groups]`."""
    below = ndtri(rates).astype(np.float32)

    def noise(variance: float) -> np.ndarray:
        row = rng.standard_normal((CHUNK, size, n_groups), dtype=np.float32)
        if size > 1:
            row += rng.standard_normal((CHUNK, 1, n_groups), dtype=np.float32)
        row *= np.float32(math.sqrt(variance / min(size, 2)))
        return row

    kept, drift = noise(stays), noise(1 - stays)
    carry = CARRY if stays else 0.0
    for t in range(rates.shape[1]):
        if t and stays < 1:
            drift *= np.float32(carry)
            drift += noise((1 - stays) * (1 - carry**2))
        yield kept + drift < below[:, t, None, None]


def read(
    rates: Rates,
    stays: float,
    shape: tuple[int, int],
    runs: int,
    audits: int,
    gate: float = GATE,
) -> Read:
    """Simulate runs; what an audit says depends on how many groups fire with how many rows."""
    n_groups, size = shape
    rng = np.random.Generator(np.random.SFC64(0))  # the fastest
    ones, twos = (np.empty((runs, BASELINE + audits), dtype=np.int64) for _ in range(2))
    for start in range(0, runs, CHUNK):
        chunk = slice(start, start + CHUNK)
        for t, fired in enumerate(firing(rng, rates(rng, BASELINE + audits), *shape, stays)):
            twos[chunk, t] = np.count_nonzero(fired.all(axis=1), axis=1) if size > 1 else 0
            ones[chunk, t] = np.count_nonzero(fired, axis=(1, 2)) - 2 * twos[chunk, t]
    cells, back = np.unique(ones * (n_groups + 1) + twos, return_inverse=True)
    one, two = np.divmod(cells, n_groups + 1)
    group = np.arange(n_groups)
    fired = (group < two[:, None]).astype(int) + (group < (one + two)[:, None])
    p = rate_above_p(fired, np.full(n_groups, size), gate)
    inverted = np.array([_inverted(tuple(hits), size, gate) for hits in fired.tolist()])
    shares = fired.mean(axis=1) / size
    cellwise = (cell[back].reshape(ones.shape) for cell in (shares, p, inverted))
    return Read(n_groups * size, *cellwise)


@cache
def _inverted(hits: tuple[int, ...], size: int, gate: float) -> float:
    """P-value at which this project's interval of the rate lies above the gate."""
    share = sum(hits) / len(hits) / size
    if not gate < share < 0.5:
        return 1.0 if share < 0.5 else SMALLEST_P
    events = (np.array(hits) > np.arange(size)[:, None]).ravel()
    groups = np.tile(np.arange(len(hits)), size)
    return p_value(lambda confidence: rate(events, groups, confidence=confidence), gate)


def in_a_row(scores: np.ndarray, patience: int) -> np.ndarray:
    """At each audit the least score of the last few; none before there were so many."""
    least = np.full_like(scores, -np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(scores, patience, axis=1)
    least[:, patience - 1 :] = windows.min(axis=2)
    return least


def spent(of: Read, second: np.ndarray, rule: AlarmRule = RULE) -> np.ndarray:
    """The alarm: level over p on `patience` audits, where a second p-value was there at one."""
    p = of.p[:, BASELINE:]
    levels = np.array([rule.level(t + 1) for t in range(p.shape[1])])
    scores = in_a_row(levels / np.maximum(p, 1e-300), rule.patience)
    scores[in_a_row(second[:, BASELINE:], rule.patience) > rule.second_alpha] = -np.inf
    return scores


def charts(of: Read, kind: str) -> np.ndarray:
    """One-sided control charts in units of the baseline's spread, which is at least one row."""
    before, rates = of.rates[:, :BASELINE], of.rates[:, BASELINE:]
    spread = np.maximum(before.std(axis=1, ddof=1), 1 / of.rows)
    z = (rates - before.mean(axis=1, keepdims=True)) / spread[:, None]
    scores, held = np.empty_like(z), np.zeros(len(z))
    for t in range(z.shape[1]):
        if kind == "EWMA":
            held = (1 - WEIGHT) * held + WEIGHT * z[:, t]
        else:
            held = np.maximum(0, held + z[:, t] - SLACK)
        scores[:, t] = held
    return scores / math.sqrt(WEIGHT / (2 - WEIGHT)) if kind == "EWMA" else scores


def bound(of: Read, patience: int) -> np.ndarray:
    return in_a_row(-np.log(of.inverted[:, BASELINE:]), patience)


def multiplied(of: Read) -> np.ndarray:
    """An e-process: one e-value per audit (Vovk & Wang 2021, `1 / (2 sqrt(p))`), multiplied up."""
    return np.cumsum(-math.log(2) - np.log(of.p[:, BASELINE:]) / 2, axis=1)


def independent(of: Read) -> np.ndarray:
    """Another run's p-values, as the second signal of this one."""
    return np.roll(of.p, 1, axis=0)


LOOSE = replace(RULE, alpha=0.1)
ALPHAS = {"alarm": RULE.alpha, "alarm, second independent": RULE.alpha, "alarm at 10 %": 0.1}
"""Stated for each. The first has a copy of itself as second signal, which is to have none."""
WAYS: dict[str, tuple[Callable[[Read], np.ndarray], float]] = {
    "alarm": (lambda of: spent(of, of.p), 1.0),
    "alarm, second independent": (lambda of: spent(of, independent(of)), 1.0),
    "alarm at 10 %": (lambda of: spent(of, of.p, LOOSE), 1.0),
    "lower bound": (lambda of: bound(of, 1), -math.log(0.025)),
    "twice in a row": (lambda of: bound(of, 2), -math.log(0.025)),
    "three times": (lambda of: bound(of, 3), -math.log(0.025)),
    "e-process": (multiplied, -math.log(RULE.alpha)),
    "EWMA": (lambda of: charts(of, "EWMA"), EWMA_LIMIT),
    "CUSUM": (lambda of: charts(of, "CUSUM"), CUSUM_LIMIT),
}


def share(alarms: np.ndarray) -> str:
    low, high = clopper_pearson(int(alarms.sum()), len(alarms), 0.95)
    return f"{alarms.mean():.2%} [{low:.2%}, {high:.2%}]"


def line(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)


def head(*cells: str) -> None:
    print()
    line(*cells)
    line(*("---" for _ in cells))


def false_alarms(runs: int) -> tuple[bool, dict[tuple[int, int], dict[str, float]]]:
    """The table by way of being benign; and limits at which 1 % of the worst of them alarm."""
    kept, limits = True, {}
    audits = LENGTHS[1]
    for shape in SIZES:
        worst = dict.fromkeys(WAYS, -np.inf)
        head(f"{shape[0]} groups of {shape[1]}, {audits} audits", *WAYS)
        for benign in BENIGN:
            of = read(benign.rates, benign.stays, shape, runs, audits)
            cells = []
            for name, (way, limit) in WAYS.items():
                most = way(of).max(axis=1)
                cells.append(share(most >= limit))
                worst[name] = max(worst[name], _quantile(most, 1 - RULE.alpha))
                kept &= _keeps(most >= limit, ALPHAS.get(name, 1.0))
            line(benign.name, *cells)
        limits[shape] = worst
    return kept, limits


def _keeps(alarms: np.ndarray, alpha: float) -> bool:
    return clopper_pearson(int(alarms.sum()), len(alarms), 0.95)[0] <= alpha


def _quantile(values: np.ndarray, point: float) -> float:
    """One of the values, since some may be infinite."""
    return float(np.quantile(values, point, method="higher"))


def long_runs(runs: int, longest: int) -> bool:
    kept = True
    head(f"{SIZES[0][0]} groups of {SIZES[0][1]}", "audits", *WAYS)
    for benign in LONG:
        of = read(benign.rates, benign.stays, SIZES[0], runs, longest)
        alarmed = {name: way(of) >= limit for name, (way, limit) in WAYS.items()}
        for audits in sorted({*LENGTHS[:2], longest}):
            cells = {name: hits[:, :audits].any(axis=1) for name, hits in alarmed.items()}
            kept &= all(_keeps(hits, ALPHAS.get(name, 1.0)) for name, hits in cells.items())
            line(benign.name, str(audits), *(share(hits) for hits in cells.values()))
    return kept


def delays(runs: int, limits: dict[tuple[int, int], dict[str, float]]) -> None:
    """Audits from the first at which the true rate is above the gate, that one being 1."""
    for shape in SIZES:
        head(f"growth, {shape[0]} groups of {shape[1]}", "limits", *WAYS)
        for lead in LEADS:
            rates = grown(lead)
            crossing = int(np.argmax(rates > GATE)) - BASELINE
            audits = len(rates) - BASELINE
            of = read(lambda rng, n, r=rates: np.tile(r, (CHUNK, 1)), 0.5, shape, runs, audits)
            replayed(of)
            for named, calibrated in (("as stated", False), ("at equal false alarms", True)):
                cells = []
                for name, (way, limit) in WAYS.items():
                    hits = way(of) > limits[shape][name] if calibrated else way(of) >= limit
                    after = np.where(hits.any(axis=1), hits.argmax(axis=1) - crossing + 1, np.inf)
                    cells.append(f"{_quantile(after, 0.5):.0f}, {_quantile(after, 0.9):.0f}")
                line(f"after {lead} quiet audits", named, *cells)


def reach(runs: int) -> None:
    """The true rate when the alarm comes on the growing concept, by gate, rows and patience."""
    rates = grown(LEADS[0])
    shapes = ((100, 2), (200, 1), (400, 1))
    head("gate", "patience", *(f"{n} groups of {size}" for n, size in shapes))
    for gate in (0.02, 0.05, 0.10):
        reads = [
            read(
                lambda rng, n: np.tile(rates, (CHUNK, 1)), 0.5, s, runs, len(rates) - BASELINE, gate
            )
            for s in shapes
        ]
        for patience in (1, 2):
            rule = replace(RULE, patience=patience)
            cells = []
            for of in reads:
                first = (spent(of, of.p, rule) >= 1).argmax(axis=1)
                at = rates[BASELINE:][first]
                cells.append(f"{_quantile(at, 0.5):.0%}, {_quantile(at, 0.9):.0%}")
            line(f"{gate:.0%}", str(patience), *cells)


def replayed(of: Read) -> None:
    """Check on a few runs that what is simulated at once is what `advance` decides.

    Raises:
        AssertionError: if it is not.
    """
    p, second = (each[:40, BASELINE:] for each in (of.p, independent(of)))
    at_once = spent(of, independent(of)) >= 1
    for run, hits in enumerate(at_once[:40]):
        state = AlarmState(RULE)
        for step in range(p.shape[1]):
            state = advance(state, Reading(step, float(p[run, step]), float(second[run, step])))
        if state.alarm_step != (int(hits.argmax()) if hits.any() else None):
            raise AssertionError(f"run {run}: {state} is not what was simulated")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--runs", type=int, default=2000)
    arguments.add_argument("--quick", action="store_true")
    options = arguments.parse_args()
    runs = CHUNK if options.quick else max(1, round(options.runs / CHUNK)) * CHUNK
    print(f"gate {GATE}, alpha {RULE.alpha}, {runs} runs each")
    kept, limits = false_alarms(runs)
    kept &= long_runs(runs, 220 if options.quick else LENGTHS[2])
    delays(runs, limits)
    reach(runs)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
