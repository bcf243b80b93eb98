"""Every format encodes and decodes as its own library does, to 1e-5.

The goldens are tiny random SAEs as each library saves them, with what it made of them
(`tests/judge/make_goldens.py`; `make judge-sae` makes them anew). Where no library reads a
layout, the published formula is written out here.
"""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from probes import load_sae
from probes.sae import SAE_FORMATS, JumpReLU

GOLDEN = Path(__file__).parent / "golden"
EXPECTED = load_file(GOLDEN / "expected.safetensors")
CASES = sorted({name.rpartition(":")[0] for name in EXPECTED})


def expected(case: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    x, acts, decoded = (EXPECTED[f"{case}:{part}"] for part in ("x", "acts", "decoded"))
    return x, acts, decoded


@pytest.mark.parametrize("case", CASES)
def test_it_is_what_its_own_library_makes_of_it(case: str):
    x, acts, decoded = expected(case)
    sae = load_sae(GOLDEN / case, allow_pickle=True)
    found = sae.encode(x)
    assert torch.equal(found > 0, acts > 0)
    torch.testing.assert_close(found, acts, atol=1e-5, rtol=0)
    torch.testing.assert_close(sae.decode(acts, x), decoded, atol=1e-5, rtol=0)


@pytest.mark.parametrize("case", CASES)
def test_a_golden_could_fail(case: str):
    """Features fire and rest, so that a wrong threshold, bias or k would show."""
    _, acts, decoded = expected(case)
    assert 0 < (acts > 0).float().mean() < 1
    assert decoded.std() > 0.1


def test_every_format_has_a_golden_or_its_formula_below():
    judged = {load_sae(GOLDEN / case, allow_pickle=True).origin.format for case in CASES}
    assert judged | {"openai_gpt2"} == set(SAE_FORMATS)


@pytest.mark.parametrize("case", CASES)
def test_its_own_recogniser_alone_knows_it(case: str):
    from probes.sae.files import Source

    source = Source(case, GOLDEN / case)
    assert sum(f.recognise(source) is not None for f in SAE_FORMATS.values()) == 1


@pytest.mark.parametrize("case", CASES)
def test_the_origin_says_where_it_came_from(case: str):
    origin = load_sae(GOLDEN / case, allow_pickle=True).origin
    assert origin.path == str(GOLDEN / case)
    assert origin.digest.startswith("sha256:")
    assert origin.hook_name is not None
    assert not any("\n" in note for note in origin.notes)


PLACES = {
    "saelens-transcoder": ("blocks.1.hook_resid_post", "blocks.1.hook_mlp_out"),
    "saelens-hook_z": ("blocks.1.attn.hook_z", None),
    "dictionary_learning-BatchTopKSAE": ("blocks.1.hook_resid_post", None),
    "sparsify-topk/layers.1.mlp": ("blocks.1.hook_mlp_out", None),
    "sparsify-transcoder/layers.1.mlp": ("blocks.1.mlp.hook_in", "blocks.1.hook_mlp_out"),
    "gemma_scope-res/gemma-scope-2b-pt-res/layer_1/width_16k/average_l0_7": (
        "blocks.1.hook_resid_post",
        None,
    ),
    "gemma_scope-transcoder/gemma-scope-2b-pt-transcoders/layer_3/width_16k/average_l0_9": (
        "blocks.3.ln2.hook_normalized",
        "blocks.3.hook_mlp_out",
    ),
    "gemma_scope-embedding/gemma-scope-2b-pt-res/embedding/width_4k/average_l0_6": (
        "hook_embed",
        None,
    ),
    "gemma_scope_2-attn_out/gemma-scope-2-270m-pt/attn_out/layer_1_width_16k_l0_small": (
        "blocks.1.attn.hook_z",
        None,
    ),
    "llama_scope-A/Llama3_1-8B-Base-L1A-8x": ("blocks.1.hook_attn_out", None),
    "goodfire": ("blocks.19.hook_resid_post", None),
    "qresearch": ("blocks.19.hook_resid_post", None),
    "circuit_tracer": ("blocks.1.mlp.hook_in", "blocks.1.hook_mlp_out"),
    "qwen_scope/SAE-Res-Qwen3-1.7B-Base-W32K-L0_5": ("blocks.1.hook_resid_post", None),
}


@pytest.mark.parametrize(("case", "places"), PLACES.items())
def test_places_are_hook_names(case: str, places: tuple[str, str | None]):
    origin = load_sae(GOLDEN / case, allow_pickle=True).origin
    assert (origin.hook_name, origin.hook_name_out) == places


PROMISES = {
    "saelens-topk-none-pre_bias": 3,
    "saelens-batchtopk-plain-raw": 3,
    "saelens_flat-hidden_topk": 4,
    "saelens-standard-none-pre_bias": None,
    "dictionary_learning-AutoEncoderTopK": 3,
    "sparsify-groupmax/layers.1.mlp": 4,
    "gemma_scope-res/gemma-scope-2b-pt-res/layer_1/width_16k/average_l0_7": 7,
    "gemma_scope_2-resid_post/gemma-scope-2-270m-pt/resid_post/layer_1_width_16k_l0_small": 20,
    "llama_scope-R/Llama3_1-8B-Base-L1R-8x": 5,
    "qwen_scope/SAE-Res-Qwen3-1.7B-Base-W32K-L0_5": 5,
}


@pytest.mark.parametrize(("case", "l0"), PROMISES.items())
def test_promised_l0(case: str, l0: float | None):
    assert load_sae(GOLDEN / case, allow_pickle=True).origin.promised_l0 == l0


# -- formulas that no library at hand computes ---------------------------------------------------


def random(seed: int, **shapes: tuple[int, ...]) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=draw) for name, shape in shapes.items()}


@pytest.mark.parametrize("activation", ["TopK", "ReLU"])
def test_openai_as_published(tmp_path: Path, activation: str):
    """sparse_autoencoder/model.py of Gao et al. 2024: LN, minus pre_bias, and all of it back."""
    d, m, k = 6, 16, 4
    state = random(
        0,
        **{
            "pre_bias": (d,),
            "encoder.weight": (m, d),
            "latent_bias": (m,),
            "decoder.weight": (d, m),
        },
    )
    x = random(1, x=(9, d))["x"] * 3 + 1
    folder = tmp_path / "resid_post_mlp_v5_32k" / "autoencoders"
    folder.mkdir(parents=True)
    more: dict[str, object] = {"stats_last_nonzero": torch.zeros(m), "activation": activation}
    more["activation_state_dict"] = {"k": k, "postact_fn": "ReLU"} if activation == "TopK" else {}
    torch.save(state | more, folder / "8.pt")
    sae = load_sae(folder / "8.pt", allow_pickle=True)
    mu = x.mean(dim=-1, keepdim=True)
    std = (x - mu).std(dim=-1, keepdim=True)
    normed = (x - mu) / (std + 1e-5) if activation == "TopK" else x
    pre = (normed - state["pre_bias"]) @ state["encoder.weight"].T + state["latent_bias"]
    if activation == "TopK":
        top = torch.topk(pre, k, dim=-1)
        latents = torch.zeros_like(pre).scatter(-1, top.indices, torch.relu(top.values))
    else:
        latents = torch.relu(pre)
    out = latents @ state["decoder.weight"].T + state["pre_bias"]
    out = out * std + mu if activation == "TopK" else out
    torch.testing.assert_close(sae.encode(x), latents, atol=1e-5, rtol=0)
    scale = float(out.abs().max())
    torch.testing.assert_close(sae.decode(latents, x), out, atol=1e-5 * scale, rtol=0)
    assert sae.origin.hook_name == "blocks.8.hook_resid_post"
    assert sae.origin.promised_l0 == (k if activation == "TopK" else None)


@pytest.mark.parametrize(("norm_in", "norm_out"), [(3.0, 3.0), (8.0, 0.7)])
def test_llama_scope_as_openmoss_runs_it(tmp_path: Path, norm_in: float, norm_out: float):
    """lm-saes: standardise to the data set's norms, bring the decoder to unit rows, then encode.

    There a feature is compared with the threshold in units of the output; ours keeps it in the
    units of the stored weights, so the two differ by a constant per feature and agree on which
    fire and on what is reconstructed. With norms that differ this is a transcoder.
    """
    d, m, threshold = 6, 16, 0.2
    stored = random(
        2,
        **{
            "encoder.weight": (m, d),
            "encoder.bias": (m,),
            "decoder.weight": (d, m),
            "decoder.bias": (d,),
        },
    )
    x = random(3, x=(64, d))["x"] * norm_in
    out_hook = "blocks.1.hook_mlp_out" if norm_in != norm_out else "blocks.1.ln2.hook_normalized"
    folder = tmp_path / "L1TC-8x"
    (folder / "checkpoints").mkdir(parents=True)
    save_file(stored, folder / "checkpoints" / "final.safetensors")
    (folder / "hyperparams.json").write_text(
        json.dumps(
            {
                "d_model": d,
                "d_sae": m,
                "hook_point_in": "blocks.1.ln2.hook_normalized",
                "hook_point_out": out_hook,
                "act_fn": "jumprelu",
                "jump_relu_threshold": threshold,
                "dataset_average_activation_norm": {"in": norm_in, "out": norm_out},
                "sparsity_include_decoder_norm": True,
                "top_k": 5,
            }
        )
    )
    sae = load_sae(folder)
    s_in, s_out = d**0.5 / norm_in, d**0.5 / norm_out
    bias = stored["encoder.bias"] / s_in
    decoder = stored["decoder.weight"] * s_in / s_out
    norm = decoder.norm(dim=0)
    hidden = (x @ stored["encoder.weight"].T + bias) * norm
    acts = hidden * (hidden > threshold)
    out = acts @ (decoder / norm).T + stored["decoder.bias"] / s_out
    found = sae.encode(x)
    assert torch.equal(found > 0, acts > 0)
    torch.testing.assert_close(sae.decode(found), out, atol=1e-5, rtol=1e-5)
    ratio = (found / acts)[acts > 0]
    assert ratio.min() > 0
    assert sae.is_transcoder == (norm_in != norm_out)


def test_a_threshold_is_strict(tmp_path: Path):
    """A pre-activation at its threshold does not fire, in any of the formats (Gemma Scope)."""
    sae = load_sae(GOLDEN / "saelens-jumprelu-none-no_pre_bias")
    assert isinstance(sae.activation, JumpReLU)
    at = sae.activation.threshold
    assert not sae.activation(at).any()
    assert sae.activation(torch.nextafter(at, torch.tensor(torch.inf)))[at > 0].all()


def test_a_qwen_k_comes_from_the_configuration_too(tmp_path: Path):
    case = "qwen_scope/SAE-Res-Qwen3-1.7B-Base-W32K-L0_5"
    file = tmp_path / "layer1.sae.pt"
    file.write_bytes((GOLDEN / case / "layer1.sae.pt").read_bytes())
    said = {"model_type": "topk_sae", "base_model": "Qwen/Qwen3-1.7B-Base", "k": 5, "d_sae": 16}
    (tmp_path / "config.json").write_text(json.dumps(said))
    x, acts, _ = expected(case)
    sae = load_sae(file, allow_pickle=True)
    torch.testing.assert_close(sae.encode(x), acts, atol=1e-5, rtol=0)
    assert sae.origin.model_name == "Qwen/Qwen3-1.7B-Base"


@pytest.mark.parametrize("activation", ["jumprelu", "topk", "relu"])
@pytest.mark.parametrize("skip", [True, False])
def test_circuit_tracer_as_published(tmp_path: Path, activation: str, skip: bool):
    """circuit-tracer's single-layer transcoder: linear, activation, linear, plus x @ W_skip.T."""
    d, m = 6, 16
    weights = random(4, W_enc=(m, d), W_dec=(m, d), b_enc=(m,), b_dec=(d,), W_skip=(d, d))
    x = random(5, x=(9, d))["x"]
    pre = torch.nn.functional.linear(x, weights["W_enc"], weights["b_enc"])
    threshold = random(6, t=(m,))["t"].abs()
    if activation == "jumprelu":
        weights["activation_function.threshold"] = threshold
        acts = pre * (pre > threshold)
    elif activation == "topk":
        top = pre.relu().topk(3, dim=-1)
        acts = torch.zeros_like(pre).scatter(-1, top.indices, top.values)
    else:
        acts = pre.relu()
    out = acts @ weights["W_dec"] + weights["b_dec"]
    if skip:
        out = out + x @ weights["W_skip"].T
    else:
        del weights["W_skip"]
    save_file(weights, tmp_path / "layer_3.safetensors")
    config = "model_kind: transcoder_set\nfeature_input_hook: blocks.{layer}.hook_resid_pre\n"
    config += "feature_output_hook: blocks.{layer}.hook_mlp_out\n"
    config += "activation: topk\nk: 3\n" if activation == "topk" else ""
    (tmp_path / "config.yaml").write_text(config)
    sae = load_sae(tmp_path)
    torch.testing.assert_close(sae.encode(x), acts, atol=1e-5, rtol=0)
    torch.testing.assert_close(sae.reconstruct(x), out, atol=1e-5, rtol=0)
    assert sae.origin.hook_name == "blocks.3.hook_resid_pre"
