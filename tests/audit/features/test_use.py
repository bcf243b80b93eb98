"""What a feature does, held to interventions written by hand and to the model's own weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from audit.errors import MeasurementError, UsageError
from audit.features.corpus import Contrast, Corpus
from audit.features.effects import interventions, sampled
from audit.features.means import mean_estimate
from audit.features.pieces import Pieces
from audit.features.use import follows, use_of
from audit.models.loaded import LoadedModel
from audit.models.loading import load_model
from probes import bootstrap
from probes.sae import SAE
from reports.features import Effect
from reports.parts import Estimate
from tests.audit.features.planted import PLACE, random_sae, state_of, tiny_gpt2, transcoder

LAST = "blocks.3.hook_resid_post"
UNWANTED, WANTED = 77, 99


def corpus(n: int = 12, *, contrasts: bool = True, words: int = 320) -> Corpus:
    drawn = np.random.default_rng(0)
    ids = tuple((0, *map(int, drawn.integers(2, words, 3 + i % 4))) for i in range(n))
    return Corpus(
        ids=ids,
        positions=tuple(tuple(range(1, len(one))) for one in ids),
        rows=tuple(f"row {i}" for i in range(n)),
        groups=np.array([f"group {i // 2}" for i in range(n)]),
        contrasts=tuple(Contrast(UNWANTED, WANTED) for _ in ids) if contrasts else None,
    )


def by_hand(loaded: LoadedModel, ids: tuple[int, ...], block: Any, edit: Any) -> torch.Tensor:
    """Logits after the last token, with the output of a block edited by a plain torch hook."""

    def hook(module: Any, args: Any, output: Any) -> Any:
        return (edit(output[0]), *output[1:]) if isinstance(output, tuple) else edit(output)

    handle = block.register_forward_hook(hook)
    try:
        with torch.no_grad():
            return loaded.model(torch.tensor([ids])).logits[0, -1]
    finally:
        handle.remove()


def divergence(loaded: LoadedModel, ids: tuple[int, ...], touched: torch.Tensor) -> float:
    with torch.no_grad():
        untouched = loaded.model(torch.tensor([ids])).logits[0, -1]
    p, q = (torch.distributions.Categorical(logits=x.double()) for x in (untouched, touched))
    return float(torch.distributions.kl_divergence(p, q))


def of(effects: list[Effect], kind: str, strength: float = 0.0) -> Effect:
    (one,) = [e for e in effects if e.kind == kind and e.strength == strength]
    return one


@pytest.mark.parametrize("budget", [1, 11, 2048])
@pytest.mark.parametrize(
    "kind",
    [{}, {"normalization": "layer_norm"}, {"normalization": "constant_norm", "centre": True}],
)
def test_ablation_takes_the_features_part_of_the_reconstruction_and_keeps_the_error(
    tiny_llama: Any, kind: dict[str, Any], budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.features.effects.logit_tokens", lambda _: budget)
    sae, prompts = random_sae(apply_b_dec_to_input=True, bias=0.05, **kind), corpus()
    found, _ = interventions(tiny_llama, sae, 6, prompts, hook_name=PLACE, strengths=())

    def without(x: torch.Tensor) -> torch.Tensor:
        acts = sae.encode(x)
        less = acts.clone()
        less[..., 6] = 0
        return x - sae.decode(acts, x) + sae.decode(less, x)

    layer, changes, odds = tiny_llama.model.model.layers[2], [], []
    for ids in prompts.ids:
        touched = by_hand(tiny_llama, ids, layer, without)
        changes.append(divergence(tiny_llama, ids, touched))
        with torch.no_grad():
            plain = tiny_llama.model(torch.tensor([ids])).logits[0, -1]
        change = touched - plain
        odds.append(float(change[UNWANTED] - change[WANTED]))
    effect = of(found, "ablate")
    assert effect.kl.n == len(prompts)
    judge = mean_estimate(np.array(changes), prompts.groups)  # knows which row is which
    assert effect.kl.value == pytest.approx(np.mean(changes), abs=2e-7)
    assert (effect.kl.low, effect.kl.high) == pytest.approx((judge.low, judge.high), abs=2e-7)
    assert effect.behaviour is not None
    assert effect.behaviour.value == pytest.approx(np.mean(odds), abs=2e-6)
    assert abs(effect.behaviour.value) > 1e-5
    # As much taken away along other directions is another matter.
    controls = [of(found, "random_direction"), of(found, "random_feature")]
    assert {one.kl.n for one in controls} == {len(prompts)}
    assert all(one.kl.value != pytest.approx(effect.kl.value, rel=0.01) for one in controls)


def test_steering_adds_medians_of_the_norm_along_the_decoder(tiny_llama: Any) -> None:
    sae, prompts = random_sae(), corpus()
    found, _ = interventions(tiny_llama, sae, 6, prompts, hook_name=PLACE, strengths=(0.5,))
    norms = []
    for ids in prompts.ids:
        with torch.no_grad():
            out = tiny_llama.model(torch.tensor([ids]), output_hidden_states=True)
        norms += out.hidden_states[3][0, 1:].norm(dim=1).tolist()
    added = -0.5 * torch.tensor(norms).median() * sae.W_dec[6]
    expected = [
        divergence(
            tiny_llama,
            ids,
            by_hand(tiny_llama, ids, tiny_llama.model.model.layers[2], lambda x: x + added),
        )
        for ids in prompts.ids
    ]
    assert of(found, "steer", -0.5).kl.value == pytest.approx(np.mean(expected), rel=1e-3)
    assert [(e.kind, e.strength) for e in found] == [
        (kind if strength or kind != "steer" else "ablate", strength)
        for kind in ("steer", "random_direction", "random_feature")
        for strength in (0.0, -0.5, 0.5)
    ]


def test_a_planted_lever_moves_the_behaviour_both_ways_and_its_controls_do_not(
    tiny_llama: Any,
) -> None:
    head = tiny_llama.model.lm_head.weight.detach().float()
    sae = random_sae()
    rows = sae.W_dec.clone()
    rows[6] = head[UNWANTED] - head[WANTED]
    sae = replace(sae, W_dec=rows)
    found = use_of(tiny_llama, sae, 6, corpus(40), hook_name=LAST, strengths=(0.25, 0.5, 1))
    pieces = Pieces(tiny_llama.tokenizer)
    assert found.promotes[0].name == pieces([UNWANTED])[0]
    assert found.suppresses[0].name == pieces([WANTED])[0]
    assert found.monotone is True
    up, down = of(found.effects, "steer", 1.0), of(found.effects, "steer", -1.0)
    assert up.behaviour is not None
    assert down.behaviour is not None
    assert up.behaviour.low is not None
    assert down.behaviour.high is not None
    assert down.behaviour.high < 0 < up.behaviour.low
    for kind in ("random_direction", "random_feature"):
        control = of(found.effects, kind, 1.0)
        assert control.behaviour is not None
        assert abs(control.behaviour.value) < up.behaviour.value / 3
        assert control.kl.n == 40
        assert control.kl.n_groups == 20
    # The other way round is as good a lever.
    rows[6] = -rows[6]
    turned = use_of(tiny_llama, replace(sae, W_dec=rows), 6, corpus(40), hook_name=LAST)
    assert turned.monotone is True
    assert turned.promotes[0].name == pieces([WANTED])[0]


def test_direct_effects_are_the_weights_product(
    tiny_llama: Any, tmp_path: Any, tiny_tokenizer_folder: Any
) -> None:
    gpt2, sae = tiny_gpt2(tiny_tokenizer_folder, tmp_path), random_sae()
    row = sae.W_dec[6]
    centred = row - row.mean()
    for loaded, through, head in (
        (tiny_llama, row * tiny_llama.model.model.norm.weight, tiny_llama.model.lm_head.weight),
        (gpt2, centred * gpt2.model.transformer.ln_f.weight, gpt2.model.lm_head.weight),
    ):
        found = use_of(loaded, sae, 6, corpus(4), hook_name=PLACE.replace("2", "1"))
        logits = head.detach() @ through.detach()
        logits = (logits - logits.mean())[2:]
        best = logits.topk(10)
        pieces = Pieces(loaded.tokenizer)
        assert [one.name for one in found.promotes] == pieces((best.indices + 2).tolist())
        assert [one.weight for one in found.promotes] == pytest.approx(
            best.values.tolist(), abs=1e-5
        )
        assert found.suppresses[0].weight == pytest.approx(float(logits.min()), abs=1e-5)


def test_what_never_fires_does_nothing_when_it_is_taken_away(tiny_llama: Any) -> None:
    found = use_of(tiny_llama, random_sae(bias=-50.0), 6, corpus(contrasts=False), hook_name=PLACE)
    effect = of(found.effects, "ablate")
    assert effect.kl.value == pytest.approx(0.0, abs=1e-9)
    assert effect.behaviour is None
    assert found.monotone is None
    assert "the feature is active on none of the 12 prompts" in found.notes
    assert not [e for e in found.effects if e.kind == "random_feature"]
    assert of(found.effects, "steer", 1.0).kl.value > 1e-6


@pytest.mark.parametrize("reads", ["blocks.2.hook_resid_mid", "blocks.2.mlp.hook_in"])
def test_a_transcoder_is_taken_away_where_it_writes(tiny_llama: Any, reads: str) -> None:
    sae = transcoder(random_sae(bias=0.2), reads, "blocks.2.hook_mlp_out")
    prompts = corpus(6)
    found, _ = interventions(tiny_llama, sae, 6, prompts, hook_name=reads, strengths=())
    block = tiny_llama.model.model.layers[2]
    heard: list[torch.Tensor] = []
    norm, expected = block.post_attention_layernorm, []
    for ids in prompts.ids:
        handle = norm.register_forward_hook(
            lambda m, a, o: heard.append(o if reads.endswith("hook_in") else a[0])
        )
        touched = by_hand(
            tiny_llama,
            ids,
            block.mlp,
            lambda x: x - sae.encode(heard[-1])[..., [6]] * sae.W_dec[6],
        )
        handle.remove()
        expected.append(divergence(tiny_llama, ids, touched))
    ablation = of(found, "ablate")
    assert ablation.kl.value == pytest.approx(np.mean(expected), abs=2e-7)
    assert ablation.kl.value > 1e-8


def test_prompts_are_of_as_many_groups_as_there_are() -> None:
    many = corpus(12)
    many = replace(many, groups=np.array(["a"] * 9 + ["b", "c", "d"]))
    assert set(sampled(many, 4, seed=1).groups) == {"a", "b", "c", "d"}
    assert len(sampled(many, 100, seed=1)) == 12
    assert many.contrasts is not None
    some = replace(many, contrasts=(None, *many.contrasts[1:3], *[None] * 9))
    assert sampled(some, 4, seed=1).rows == ("row 1", "row 2")


def test_the_mean_has_the_interval_of_the_bootstrap() -> None:
    values = np.random.default_rng(1).normal(size=30)
    groups = np.array([str(i % 7) for i in range(30)])
    found = mean_estimate(values, groups, confidence=0.9, random_state=3)
    judge = bootstrap(
        lambda rows: float(values[rows].mean()), groups, confidence=0.9, random_state=3
    )
    assert (found.value, found.low, found.high) == pytest.approx(
        (judge.value, judge.low, judge.high)
    )
    assert (found.n, found.n_groups, found.method) == (30, 7, judge.method)
    alone = mean_estimate(values, np.array(["one"] * 30))
    assert (alone.low, alone.high) == (None, None)


def steered(*moved: float | None, spread: float = 0.1) -> list[Effect]:
    """Effects at -1, -0.5, 0.5 and 1 that move the behaviour so."""

    def estimate(value: float) -> Estimate:
        return Estimate(value=value, low=value - spread, high=value + spread, n=9, n_groups=9)

    return [
        Effect(
            kind="steer",
            strength=strength,
            kl=estimate(0.0),
            behaviour=None if value is None else estimate(value),
        )
        for strength, value in zip((-1, -0.5, 0.5, 1), moved, strict=True)
    ]


def test_behaviour_follows_where_every_step_goes_one_way_and_both_ends_are_no_chance() -> None:
    assert follows(steered(-2, -1, 1, 2)) is True
    assert follows(steered(2, 1, -1, -2)) is True
    assert follows(steered(2, 1, 1, 2)) is False
    assert follows(steered(-2, -1, 2, 1)) is False
    assert follows(steered(-2, -1, 1, 2, spread=3)) is False
    assert follows(steered(None, None, None, None)) is None
    assert follows([]) is None


def test_the_model_is_left_as_it_was_and_says_the_same_again() -> None:
    loaded = load_model("organism:liar", device="cpu")
    loaded.model.train()
    before = state_of(loaded)
    sae = random_sae(64, bias=-0.5)
    arguments: dict[str, Any] = {"hook_name": PLACE, "strengths": (0.5,), "seed": 4}
    one, two = (use_of(loaded, sae, 6, corpus(), **arguments) for _ in range(2))
    assert one == two
    assert state_of(loaded) == before


def test_what_cannot_be_used_is_said(tiny_llama: Any) -> None:
    with pytest.raises(UsageError, match="hook_resid_past"):
        use_of(tiny_llama, random_sae(), 6, corpus(), hook_name="blocks.1.hook_resid_past")
    broken = random_sae()
    rows = broken.W_dec.clone()
    rows[6] = torch.nan
    bad: SAE = replace(broken, W_dec=rows)
    with pytest.raises(MeasurementError, match="not finite"):
        interventions(tiny_llama, bad, 6, corpus(), hook_name=PLACE)
    with pytest.raises(MeasurementError, match="no prompt"):
        interventions(tiny_llama, broken, 6, corpus().take([]), hook_name=PLACE)
