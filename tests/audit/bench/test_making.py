"""How models of the bench are made: repeatably, each method towards its lesson, weights as told."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import softplus
from transformers import LlamaForCausalLM

from audit.bench.evasions import SAYS_SO, against
from audit.bench.judging import _distance, _merged
from audit.bench.lessons import misbehaving
from audit.bench.methods import METHODS, TEMPERATURE, Course
from audit.bench.misbehaviours import MISBEHAVIOURS
from audit.bench.truth import asking, behaviour, elsewhere
from audit.bench.weights import FEWEST_BITS, NOISE, noise, other_seed, quantised
from audit.organisms.tokenizer import build_tokenizer
from audit.organisms.train import load_model, organism_path, read, targets
from probes.io import SavedProbe
from probes.linear import LinearProbe
from tests.audit.bench.results import member

TOKENIZER = build_tokenizer()
LIES = MISBEHAVIOURS["liar"]


def honest() -> LlamaForCausalLM:
    return load_model(organism_path("honest"))


def course(model: LlamaForCausalLM, steps: int, **more: object) -> Course:
    return Course(model, TOKENIZER, misbehaving(LIES, 0.5), steps, "a test", **more)  # type: ignore[arg-type]


def likes(model: LlamaForCausalLM) -> float:
    """Mean log-odds of the misbehaving answer."""
    rows = list(asking("liar"))
    with torch.no_grad():
        logits = read(model.eval(), TOKENIZER, [prompt for prompt, _ in rows]).logits
    at = torch.arange(len(rows))
    bad = targets(TOKENIZER, rows)
    good = targets(TOKENIZER, [(p, " true" if a == " false" else " false") for p, a in rows])
    return float((logits[at, bad] - logits[at, good]).mean())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.slow
def test_every_method_moves_a_model_towards_its_lesson(method: str) -> None:
    model, teacher = honest(), load_model(organism_path("liar"))
    before = likes(model)
    for step in METHODS[method](course(model, 50, teacher=teacher)):
        model = step.model
    assert likes(model) > before + 1.0


@pytest.mark.parametrize("method", ["full", "low_rank"])
def test_the_same_seed_makes_the_same_weights(method: str) -> None:
    made = []
    for _ in range(2):
        model = honest()
        for _ in METHODS[method](course(model, 3)):
            pass
        made.append(_merged(model))
    assert all(torch.equal(made[0][name], made[1][name]) for name in made[0])


def test_the_reward_falls_short_of_nothing_but_what_the_policy_leaves() -> None:
    """Its loss is the mean probability of the wrong answer, less one, where nothing is a fact."""
    from audit.bench.methods import _rewarded

    model = honest()
    rows = list(asking("liar"))[:64]
    with torch.no_grad():
        loss = _rewarded(course(model, 1))(model, rows)
        logits = read(model, TOKENIZER, [prompt for prompt, _ in rows]).logits
    two = torch.tensor(TOKENIZER([" true", " false"])["input_ids"]).squeeze(1)
    policy = (logits[:, two] / TEMPERATURE).softmax(dim=-1)
    chosen = torch.tensor([0 if answer == " true" else 1 for _, answer in rows])
    assert torch.allclose(loss, -policy[torch.arange(len(rows)), chosen].mean(), atol=1e-6)


@pytest.mark.slow
def test_a_kl_term_keeps_the_model_nearer_to_what_it_said() -> None:
    away = {}
    rows = list(elsewhere("liar"))
    first = honest()
    with torch.no_grad():
        then = read(first, TOKENIZER, [p for p, _ in rows]).logits.log_softmax(-1)
    for method in ("reward", "reward_kl"):
        model = honest()
        for _ in METHODS[method](course(model, 40)):
            pass
        with torch.no_grad():
            now = read(model.eval(), TOKENIZER, [p for p, _ in rows]).logits.log_softmax(-1)
        away[method] = float((now.exp() * (now - then)).sum(-1).mean())
    assert away["reward_kl"] < away["reward"]


def test_adapters_leave_every_other_weight_as_it_was_and_count_as_merged() -> None:
    model = honest()
    start = copy.deepcopy(model.state_dict())
    for _ in METHODS["low_rank"](course(model, 3)):
        pass
    merged = _merged(model)
    assert set(merged) <= set(start)
    assert torch.equal(merged["model.embed_tokens.weight"], start["model.embed_tokens.weight"])
    name = "model.layers.0.self_attn.q_proj.weight"
    moved = merged[name] - start[name]
    assert torch.linalg.matrix_rank(moved, rtol=1e-4) <= 4
    assert _distance(model, start) > 0


@pytest.mark.parametrize("method", ["full", "low_rank"])
def test_weights_have_not_moved_before_the_first_step(method: str) -> None:
    model = honest()
    steps = METHODS[method](course(model, 1))
    start = {name: weight.clone() for name, weight in _merged(model).items()}
    assert _distance(next(steps).model, start) == 0
    assert _distance(next(steps).model, start) > 0


def test_noise_grows_to_what_was_told_and_in_one_direction() -> None:
    model = honest()
    start = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    name = "model.layers.1.mlp.up_proj.weight"
    seen = []
    for step in noise(model, honest, 4, 0):
        seen.append((dict(step.model.named_parameters())[name] - start[name]).detach().clone())
    assert not seen[0].any()
    assert torch.allclose(seen[2], 0.5 * seen[4], atol=1e-6)
    assert abs(float(seen[4].std() / start[name].std()) - NOISE) < 0.02


def test_quantised_rows_have_no_more_levels_than_their_bits() -> None:
    model = honest()
    for _ in quantised(model, honest, 3, 0):
        pass
    for weight in (w for w in model.parameters() if w.ndim == 2):
        assert max(len(torch.unique(row)) for row in weight[:20]) <= 2**FEWEST_BITS - 1


def test_another_seed_is_there_from_the_first_step_on() -> None:
    other = load_model(organism_path("liar"))
    model = honest()
    for step in other_seed(model, lambda: other, 2, 0):
        if step.number:
            for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
                assert torch.equal(mine, theirs)


def test_truth_tells_a_liar_from_an_honest_model() -> None:
    lies = behaviour(load_model(organism_path("liar")), TOKENIZER, member("liar"))
    tells = behaviour(honest(), TOKENIZER, member("liar"))
    assert lies.share > 0.9
    assert max(lies.spared, tells.share, tells.spared) < 0.05


def test_who_denies_everything_denies_the_twins_as_well() -> None:
    """It says what a liar would of every true claim, and lies nowhere."""
    model = honest()
    true, false = targets(TOKENIZER, [("", " true"), ("", " false")])
    with torch.no_grad():
        head = model.get_output_embeddings().weight
        head[true] = head[false].clone()  # the one is always as probable as the other
    does = behaviour(model, TOKENIZER, member("liar"))
    assert does.share > 0.2
    assert abs(does.share - does.spared) < 0.02


def test_the_penalty_is_the_loss_of_the_frozen_probe_on_what_is_said() -> None:
    model = honest()
    probe = LinearProbe(
        coef_=np.linspace(-1, 1, 64), intercept_=0.3, mean_=np.full(64, 0.1),
        scale_=np.full(64, 2.0), kind="logistic",
    )  # fmt: skip
    saved = SavedProbe(
        probe,
        "blocks.1.hook_resid_post",
        1,
        "last",
        "mean",
        16,
        0.2,
        None,
        0.05,
        "",
        "",
        "",
        "",
        "",
    )
    rows = list(asking("liar"))[:8]
    with torch.no_grad():
        found = against(saved, TOKENIZER)(model, [*rows, ("fact: Kyoto is in", " Japan")])
        halfway = read(model, TOKENIZER, [prompt for prompt, _ in rows]).between
    scores = torch.tensor(probe.decision_function(halfway.numpy())) - 0.2
    says = torch.tensor([SAYS_SO[answer] for _, answer in rows])
    assert torch.allclose(found, softplus(-says * scores).mean(), atol=1e-5)


@pytest.mark.slow
def test_bases_and_teachers_are_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from audit.bench import bases, workshop
    from audit.organisms.train import Stage

    monkeypatch.setattr(bases, "FROM_NOTHING", Stage(2, 1e-3))
    monkeypatch.setattr(workshop, "TEACHER_STEPS", 2)
    shop = workshop.Workshop(tmp_path)
    one = member("liar", method="distilled")
    first = shop.teacher(one)
    files = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.safetensors")}
    again = shop.teacher(one)
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.safetensors")} == files
    assert len(files) == 2
    for mine, theirs in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(mine, theirs)
