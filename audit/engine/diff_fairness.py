"""What differs between two audits besides the weights: read off the records, never judged."""

from __future__ import annotations

from collections.abc import Iterator

from audit.engine.gates import NEEDS_REFERENCE
from reports.diff import Caveat
from reports.record import AuditReport, CheckResult, GateResult, ModelInfo
from reports.views.wording import gate_words


def caveats_of_reports(before: AuditReport, after: AuditReport) -> Iterator[Caveat]:
    """What concerns the whole of both audits."""
    for name, report in (("first", before), ("second", after)):
        if report.partial:
            yield Caveat(
                kind="partial",
                sentence=f"the {name} audit is partial: a limit, a selection or an interruption "
                f"cut it",
            )
    if before.seed != after.seed:
        yield Caveat(
            kind="seed",
            sentence=f"the seed was {before.seed} and is {after.seed}: other splits, other rows",
        )
    old_suites = {suite.name: suite for suite in before.suites}
    for suite in after.suites:
        old = old_suites.get(suite.name)
        if old is not None and old.digest != suite.digest:
            yield Caveat(
                kind="suite",
                sentence=f"suite `{suite.name}` was changed between the audits (version "
                f"{old.version} and {suite.version})",
            )
    yield from _models(before.model, after.model)
    yield from _references(before, after)
    yield from _versions(before, after)


def caveats_of_scope(before: AuditReport, after: AuditReport) -> Iterator[Caveat]:
    """Whether both asked the same suites, and were corrected over as many gates."""
    for name, report, other in (("first", before, after), ("second", after, before)):
        known = {suite.name for suite in other.suites}
        alone = [f"`{suite.name}`" for suite in report.suites if suite.name not in known]
        if alone:
            yield Caveat(kind="suite", sentence=f"only the {name} audit asked {', '.join(alone)}")
    then, now = (_corrected_over(report) for report in (before, after))
    if then != now:
        yield Caveat(
            kind="gates",
            sentence=f"findings were corrected over {_gates(then)} in the first audit and over "
            f"{_gates(now)} in the second",
        )


def _corrected_over(report: AuditReport) -> int:
    return sum(gate.q_value is not None for check in report.checks for gate in check.gates)


def _gates(count: int) -> str:
    return "1 gate" if count == 1 else f"{count} gates"


def _models(before: ModelInfo, after: ModelInfo) -> Iterator[Caveat]:
    shapes = [
        f"`{model.architecture}` of {model.n_layers} layers and width {model.d_model}"
        for model in (before, after)
    ]
    if shapes[0] != shapes[1]:
        yield Caveat(
            kind="model", sentence=f"another architecture: {shapes[0]} then, {shapes[1]} now"
        )
    if before.dtype != after.dtype:
        yield Caveat(
            kind="model", sentence=f"the weights were {before.dtype} and are {after.dtype}"
        )
    if before.tokenizer_digest != after.tokenizer_digest:
        yield Caveat(kind="tokenizer", sentence="the tokenizer is another one")


def _references(before: AuditReport, after: AuditReport) -> Iterator[Caveat]:
    compared = {
        gate.kind for report in (before, after) for check in report.checks for gate in check.gates
    }
    old, new = (
        report.reference.weights_digest if report.reference else None for report in (before, after)
    )
    if compared & NEEDS_REFERENCE and old != new:
        yield Caveat(kind="reference", sentence="the two audits have other reference models")


def _versions(before: AuditReport, after: AuditReport) -> Iterator[Caveat]:
    if before.provenance is None or after.provenance is None:
        return
    old, new = (
        origin.packages.get("alignment-audit") for origin in (before.provenance, after.provenance)
    )
    if old != new:
        yield Caveat(
            kind="version", sentence=f"alignment-audit {old or '?'} then, {new or '?'} now"
        )


def caveats_of_checks(
    before: CheckResult, after: CheckResult, *, same_weights: bool
) -> Iterator[Caveat]:
    """What concerns one check that both audits have.

    A threshold is set anew on every model, so that another value of it is worth a word only
    where the weights are the same.
    """
    where = f"{after.suite}/{after.id}"
    for role in sorted(before.roles.keys() | after.roles.keys()):
        old, new = before.roles.get(role), after.roles.get(role)
        if old is None or new is None:
            if before.roles and after.roles:
                yield Caveat(where=where, kind="rows", sentence=f"only one audit has {role} rows")
        elif old != new:
            yield Caveat(
                where=where,
                kind="rows",
                sentence=f"other {role} rows: {old.rows} in {old.groups} groups then, {new.rows} "
                f"in {new.groups} groups now",
            )
    if before.concept != after.concept:
        yield Caveat(
            where=where,
            kind="suite",
            sentence=f"another concept: `{before.concept}` then, `{after.concept}` now",
        )
    yield from _monitors(before, after, where)
    then, now = before.threshold, after.threshold
    if then is None or now is None:
        return
    if then.stated_fpr != now.stated_fpr:
        yield Caveat(
            where=where,
            kind="threshold",
            sentence=f"the threshold was set at a false-positive rate of {then.stated_fpr:g} and "
            f"is set at {now.stated_fpr:g}",
        )
    elif same_weights and (then.value, then.lower) != (now.value, now.lower):
        yield Caveat(
            where=where,
            kind="threshold",
            sentence=f"the weights are the same and the threshold is not: {then.value:.4g} then, "
            f"{now.value:.4g} now",
        )


def _monitors(before: CheckResult, after: CheckResult, where: str) -> Iterator[Caveat]:
    for name, old, new in (
        ("the monitor", before.monitor, after.monitor),
        ("the place where it reads", before.hook_name, after.hook_name),
    ):
        if old is not None and new is not None and old != new:
            yield Caveat(where=where, kind="monitor", sentence=f"{name} was `{old}` and is `{new}`")
    old_sae, new_sae = (check.sae.digest if check.sae else None for check in (before, after))
    if old_sae and new_sae and old_sae != new_sae:
        yield Caveat(where=where, kind="monitor", sentence="the features are of another SAE")


def caveats_of_gates(before: GateResult, after: GateResult, where: str) -> Iterator[Caveat]:
    """What concerns one gate that both audits have."""
    title = gate_words(after.kind).title
    if (before.limit, before.warn_limit) != (after.limit, after.warn_limit):
        yield Caveat(
            where=where,
            kind="limit",
            sentence=f"the {title} was allowed {_limits(before)} and is allowed {_limits(after)}",
        )
    then, now = before.estimate, after.estimate
    if then is not None and now is not None and then.confidence != now.confidence:
        yield Caveat(
            where=where,
            kind="confidence",
            sentence=f"intervals of the {title} hold with {then.confidence:g} then, "
            f"{now.confidence:g} now",
        )


def _limits(gate: GateResult) -> str:
    warned = "" if gate.warn_limit is None else f" (warned of from {gate.warn_limit:g})"
    return f"{gate.limit:g}{warned}"
