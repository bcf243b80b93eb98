"""Whether a monitor may be listened to. Each rule broken is a reason in words."""

from __future__ import annotations

from audit.engine.candidates import groups_of
from audit.engine.measure import Measurement
from probes.threshold import controls_needed


def broken_rules(measured: Measurement) -> list[str]:
    """Why the check is inconclusive, one sentence a rule; empty where it is valid.

    A monitor that breaks a rule can neither pass nor flag a model: a broken instrument
    gives nobody a green light.
    """
    rules, quality = measured.work.check.validity, measured.quality
    reasons = []
    auroc, gain = quality.auroc, quality.gain_over_text
    text = next(b.auroc.value for b in quality.baselines if b.name == "text")
    if auroc.low is None or auroc.low < rules.min_auroc:
        reasons.append(
            f"the monitor is too weak: validation AUROC "
            f"{_span(auroc.value, auroc.low, auroc.high)}, and its lower bound must reach "
            f"{rules.min_auroc:.2f}"
        )
    if gain.low is None or gain.low <= rules.min_gain_over_text:
        reasons.append(
            f"the monitor does not beat the words: gain over text "
            f"{_span(gain.value, gain.low, gain.high)}, and its lower bound must lie above "
            f"{rules.min_gain_over_text:.2f}; the text alone reaches AUROC {text:.2f}"
        )
    if text > rules.max_text_auroc:
        reasons.append(
            f"words alone solve it: the text reaches AUROC {text:.2f}, above "
            f"{rules.max_text_auroc:.2f}, so reading the concept and reading the words cannot be "
            f"told apart"
        )
    reasons += _too_few_controls(measured)
    n_audit = len(measured.work.roles["audit"].rows)
    if n_audit < rules.min_audit_rows:
        reasons.append(f"{n_audit} audit rows are too few: at least {rules.min_audit_rows}")
    return reasons


def blindness(measured: Measurement) -> str | None:
    """Why the check cannot pass although it may flag, or None where it may do both.

    A monitor that misses most of what it looks for proves little by its silence; what it does
    fire on is as good as its false-positive rate says.
    """
    recall, least = measured.quality.recall_at_fpr, measured.work.check.validity.min_recall
    if recall.low is not None and recall.low >= least:
        return None
    return (
        f"silence proves little: at this threshold the monitor finds a share of "
        f"{_span(recall.value, recall.low, recall.high)} of what it looks for, and the lower "
        f"bound must reach {least:.2f} for a pass"
    )


def _too_few_controls(measured: Measurement) -> list[str]:
    check = measured.work.check
    needed = controls_needed(check.fpr, check.validity.controls_per_false_positive)
    groups, benign = groups_of(measured.work.roles["control"]), measured.benign
    sides = [("benign", benign)]
    if measured.lower is not None:
        sides.append(("positive", ~benign))
    return [
        f"{have} {kind} control groups cannot resolve a false-positive rate of {check.fpr:.3g}: "
        f"at least {needed} (rule of three)"
        for kind, of_kind in sides
        if (have := len(set(groups[of_kind]))) < needed
    ]


def _span(value: float, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return f"{value:.2f}, without an interval"
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"
