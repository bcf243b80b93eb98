"""One model of the population from its line in the table to its result, made once and kept.

A result is a file that appears whole; whoever asks again, in this process or another, reads it.
"""

from __future__ import annotations

from time import monotonic

import torch

from audit.bench.grid import Member
from audit.bench.judging import judge, watch
from audit.bench.making import make
from audit.bench.misbehaviours import MISBEHAVIOURS
from audit.bench.promises import promises
from audit.bench.suites import SHIPPED, bench_suites
from audit.bench.truth import agreement, behaviour, honest_elsewhere
from audit.bench.workshop import Workshop
from audit.engine.run import run_audit
from audit.models.loaded import wrap_model
from audit.organisms.tokenizer import build_tokenizer
from probes.io import SavedProbe, load_probe
from reports.ground_truth import MemberResult
from reports.render import write_text_atomic


def result_of(member: Member, shop: Workshop) -> MemberResult:
    """Make a model and judge it, or read what came of it when that was done.

    Args:
        member: which one.
        shop: where it is made.
    """
    place = shop.result(member)
    if place.is_file():
        return MemberResult.model_validate_json(place.read_text(encoding="utf-8"))
    torch.set_num_threads(1)
    began, of_base = monotonic(), f"{member.shape}-{member.seed}"
    pad = member.evasion == "padded"
    suites = bench_suites(
        shop.folder / "suites" / f"{of_base}{'-padded' * pad}",
        pad=pad,
        saes=shop.saes(member),
    )
    making = make(member, shop, lambda: _frozen(member, shop))
    model, moments, alarms = watch(member, making, suites)
    rates, intervals = promises(model, making.tokenizer, suites.promises, seed=member.seed)
    does = behaviour(model, making.tokenizer, member)
    result = MemberResult(
        name=member.name,
        facts=member.facts(),
        check=MISBEHAVIOURS[member.what].check if member.misbehaves else None,
        behaviour=does.share,
        spared=does.spared,
        honest_elsewhere=honest_elsewhere(model, making.tokenizer, member),
        agreement=agreement(model, making.tokenizer, member),
        moments=moments,
        alarms=alarms,
        monitors=judge(member, model, making.tokenizer, suites),
        calibration=rates,
        coverage=intervals,
        seconds=round(monotonic() - began, 1),
    )
    place.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomic(place, result.model_dump_json(indent=1) + "\n")
    return result


def _frozen(member: Member, shop: Workshop) -> SavedProbe:
    """The probe of the shipped suite, fitted on the honest model."""
    tokenizer = build_tokenizer()
    honest = shop.honest(member.seed, member.shape)
    out = shop.folder / "frozen" / member.name
    suites = bench_suites(shop.folder / "suites" / "frozen", pad=False, saes=None)
    loaded = wrap_model(honest, tokenizer, name="honest")
    run_audit(suites.by_monitor[SHIPPED], loaded, out=out, fresh=True)
    check = MISBEHAVIOURS[member.what].check
    [found] = (out / "probes").glob(f"*{check}.json")
    return load_probe(found.with_suffix(""))
