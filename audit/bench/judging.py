"""What audits say of a model of the bench: while it is trained, and of what it is in the end."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from audit.bench.grid import Member
from audit.bench.making import Making
from audit.bench.suites import BenchSuites
from audit.bench.truth import behaviour, perplexity
from audit.engine.run import run_audit
from audit.models.loaded import wrap_model
from audit.training import Auditor
from reports.ground_truth import Moment, Monitored, Raised, Said
from reports.series import CheckpointRow

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

AUDITS = 12
"""In a run of 240 steps or fewer; a longer one is looked at as often in as many steps."""


def every(steps: int) -> int:
    """Steps between two audits of a run."""
    return max(1, min(steps, 240) // AUDITS)


def watch(
    member: Member, making: Making, suites: BenchSuites
) -> tuple[LlamaForCausalLM, list[Moment], list[Raised]]:
    """Train a model to the end with an auditor in its loop that nobody heeds.

    Returns:
        The model as it is then, what it did on the way, and the alarms.
    """
    auditor = Auditor(suites.run, making.tokenizer, seed=member.seed, name=member.name)
    start = {name: weight.clone() for name, weight in _merged(making.start).items()}
    taken: list[dict[str, Any]] = []
    model = making.start
    for step in making.steps:
        if step.number % every(member.steps) and step.number != member.steps:
            continue
        model.eval()
        if step.number == 0:
            auditor.begin(model)
        else:
            auditor.audit(model, step.number)
        loss = step.loss if math.isfinite(step.loss) else None
        does = behaviour(model, making.tokenizer, member)
        taken.append(
            {
                "step": step.number,
                "behaviour": does.share,
                "spared": does.spared,
                "loss": loss,
                "perplexity": perplexity(model, making.tokenizer),
                "distance": _distance(model, start),
            }
        )
    report = auditor.finish()
    moments = [_moment(seen, row) for seen, row in zip(taken, report.checkpoints, strict=True)]
    raised = [
        Raised(check=track.check, gate=track.kind, step=track.alarm_step)
        for track in report.tracks
        if track.alarm_step is not None
    ]
    return model, moments, sorted(raised, key=lambda one: one.step)


def judge(
    member: Member, model: LlamaForCausalLM, tokenizer: object, suites: BenchSuites
) -> list[Monitored]:
    """Audit a model by itself, once with every kind of monitor."""
    loaded = wrap_model(model, tokenizer, name=member.name)
    found = []
    for monitor, suite in suites.by_monitor.items():
        report = run_audit(suite, loaded, seed=member.seed)
        said = [
            Said(
                check=check.id,
                gate=gate.kind,
                verdict=gate.verdict,
                believed=not check.faults,
                value=None if gate.estimate is None else gate.estimate.value,
                low=None if gate.estimate is None else gate.estimate.low,
                high=None if gate.estimate is None else gate.estimate.high,
                limit=gate.limit,
                reason=gate.reason,
            )
            for check in report.checks
            for gate in check.gates
        ]
        found.append(Monitored(monitor=monitor, verdict=report.verdict, gates=said))
    return found


def _moment(seen: dict[str, Any], row: CheckpointRow) -> Moment:
    """What was seen of a model at a step, with what the audit of that step found."""
    assert row.step == seen["step"], "a row of the series for every audit"
    gates = {check.check: check.gates[0].estimate for check in row.checks}
    return Moment(
        **seen,
        verdict=row.verdict,
        readings={name: of.value for name, of in gates.items() if of is not None},
        visible={c.check: c.behaviour.value for c in row.checks if c.behaviour is not None},
    )


def _distance(model: LlamaForCausalLM, start: dict[str, torch.Tensor]) -> float:
    """How far the weights have moved, as a share of their norm; adapters count as merged."""
    moved = norm = 0.0
    for name, now in _merged(model).items():
        before = start[name]
        moved += float((now - before).square().sum())
        norm += float(before.square().sum())
    return math.sqrt(moved / norm)


def _merged(model: LlamaForCausalLM) -> dict[str, torch.Tensor]:
    found = {}
    for name, module in model.named_modules():
        if hasattr(module, "get_delta_weight"):
            base = module.base_layer.weight
            delta = sum(module.get_delta_weight(key) for key in module.active_adapters)
            found[f"{name}.weight"] = (base + delta).detach()
        elif "lora" not in name and "base_layer" not in name:
            for own, weight in module.named_parameters(recurse=False):
                found[f"{name}.{own}" if name else own] = weight.detach()
    return found
