"""Configurations: no key is ignored, and what an SAE of ours cannot be is refused by name."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from probes import SAEError, load_sae
from probes.sae import JumpReLU, TopK
from tests.probes.sae.samples import matrices, reconfigure, rewrite, sample, weights_of

CONFIGURED = {
    "saelens": ("cfg.json", ""),
    "dictionary_learning": ("config.json", "trainer__"),
    "sparsify": ("cfg.json", ""),
    "gemma_scope_2": ("config.json", ""),
    "llama_scope": ("hyperparams.json", ""),
}
every_configured = pytest.mark.parametrize("name", CONFIGURED)


def load(folder: Path):
    return load_sae(folder, allow_pickle=True)


def refused(folder: Path, *said: str) -> None:
    with pytest.raises(SAEError) as caught:
        load(folder)
    text = str(caught.value)
    assert "\n" not in text
    for part in said:
        assert part in text, text


def changed(tmp_path: Path, case: str, **changes: object) -> Path:
    folder = sample(case, tmp_path)
    name = CONFIGURED[case.partition("-")[0].removesuffix("_flat")][0]
    reconfigure(folder / name, **changes)
    return folder


# -- every format with a configuration -----------------------------------------------------------


@every_configured
def test_an_unknown_key_is_refused_with_the_nearest(tmp_path: Path, name: str):
    file, where = CONFIGURED[name]
    known = {
        "saelens": "d_sae",
        "dictionary_learning": "dict_size",
        "sparsify": "num_latents",
        "gemma_scope_2": "affine_connection",
        "llama_scope": "jump_relu_threshold",
    }[name]
    folder = changed(tmp_path, name, **{f"{where}{known}_": 1})
    place = where.replace("__", ".")
    refused(folder, file, f"unknown key {place}{known}_ = 1; nearest known key: {place}{known}.")


@every_configured
def test_a_missing_key_is_named(tmp_path: Path, name: str):
    file, where = CONFIGURED[name]
    key = {
        "saelens": "apply_b_dec_to_input",
        "dictionary_learning": "activation_dim",
        "sparsify": "k",
        "gemma_scope_2": "hf_hook_point_in",
        "llama_scope": "d_model",
    }[name]
    folder = changed(tmp_path, name, **{f"{where}{key}": ...})
    refused(folder, file, f"expected the key {where.replace('__', '.')}{key}, found none")


@every_configured
def test_a_value_of_another_kind_is_refused(tmp_path: Path, name: str):
    file, where = CONFIGURED[name]
    key = {
        "saelens": "d_in",
        "dictionary_learning": "activation_dim",
        "sparsify": "d_in",
        "gemma_scope_2": "width",
        "llama_scope": "d_model",
    }[name]
    for bad, said in (("6", 'found "6"'), (True, "found true"), (6.5, "found 6.5")):
        folder = changed(tmp_path / str(bad), name, **{f"{where}{key}": bad})
        refused(folder, file, f"{key} to be int", said)


@every_configured
@pytest.mark.parametrize("content", ["", "{", "[]", "null", "\x00"])
def test_what_is_no_configuration_is_refused(tmp_path: Path, name: str, content: str):
    folder = sample(name, tmp_path)
    (folder / CONFIGURED[name][0]).write_text(content)
    with pytest.raises(SAEError) as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def test_sizes_of_configuration_and_tensors_must_agree(tmp_path: Path):
    refused(changed(tmp_path / "a", "saelens", d_sae=17), "expected W_enc [d_in 6, d_sae 17]")
    refused(changed(tmp_path / "b", "sparsify", num_latents=8), "[d_sae 8, d_in 6], found [16, 6]")
    refused(changed(tmp_path / "c", "gemma_scope_2", width=8), "expected w_enc [d_in, d_sae 8]")
    refused(changed(tmp_path / "d", "dictionary_learning", trainer__dict_size=8), "[dict_size 8")
    refused(changed(tmp_path / "e", "llama_scope", d_sae=8), "[d_sae 8, d_model 6], found [16, 6]")


# -- SAELens -------------------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ["temporal", "abstopk", "matching_pursuit"])
def test_saelens_architectures_beyond_ours_are_refused_by_name(tmp_path: Path, architecture: str):
    folder = changed(tmp_path, "saelens", architecture=architecture)
    refused(folder, f"the architecture {architecture} cannot be read here")


def test_a_misspelt_architecture_names_the_nearest(tmp_path: Path):
    refused(changed(tmp_path, "saelens", architecture="jump_relu"), "nearest: jumprelu")


@pytest.mark.parametrize("key", ["hook_head_index", "hook_head_index_out"])
def test_one_attention_head_is_refused(tmp_path: Path, key: str):
    folder = changed(tmp_path, "saelens", **{f"metadata__{key}": 3})
    refused(folder, f"expected {key} null, found 3: it reads one attention head")


def test_metadata_is_open_but_a_typo_is_not(tmp_path: Path):
    folder = changed(tmp_path / "a", "saelens", metadata__colour="blue")
    assert "metadata that nothing here reads: colour" in load(folder).origin.notes
    folder = changed(tmp_path / "b", "saelens", metadata__hook_nam="x")
    refused(folder, "unknown key metadata.hook_nam; nearest known key: metadata.hook_name")


def test_a_scale_that_the_files_do_not_hold_is_refused_with_the_mend(tmp_path: Path):
    folder = changed(tmp_path, "saelens", normalize_activations="expected_average_only_in")
    refused(folder, "needs a number that the files do not hold; add the key norm_scaling_factor")
    for factor in (0, -1.0):
        reconfigure(folder / "cfg.json", norm_scaling_factor=factor)
        refused(folder, "expected norm_scaling_factor above 0")


def test_a_scale_is_folded_into_the_weights(tmp_path: Path):
    """(s x - b_dec) @ W_enc, and the output over s."""
    plain = load(sample("saelens", tmp_path / "a"))
    folder = changed(
        tmp_path / "b",
        "saelens",
        normalize_activations="expected_average_only_in",
        norm_scaling_factor=2.5,
    )
    scaled = load(folder)
    x = torch.randn(9, 6, generator=torch.Generator().manual_seed(0))
    acts = plain.encode(2.5 * x)
    torch.testing.assert_close(scaled.encode(x), acts, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(scaled.decode(acts), plain.decode(acts) / 2.5, atol=1e-5, rtol=1e-5)
    assert any("2.5" in note and "folded" in note for note in scaled.origin.notes)


def test_a_jumprelu_keeps_its_threshold_when_a_scale_is_folded(tmp_path: Path):
    """The fold leaves pre-activations as they are, so a threshold on them stays (#763's trap)."""
    case = "saelens-jumprelu-none-pre_bias"
    plain = load(sample(case, tmp_path / "a"))
    folder = changed(
        tmp_path / "b",
        case,
        normalize_activations="expected_average_only_in",
        norm_scaling_factor=2.5,
    )
    scaled = load(folder)
    assert isinstance(plain.activation, JumpReLU)
    assert isinstance(scaled.activation, JumpReLU)
    assert torch.equal(plain.activation.threshold, scaled.activation.threshold)


def test_whitening_that_is_not_folded_is_refused(tmp_path: Path):
    folder = changed(tmp_path, "saelens", normalize_activations="covariance_whitening")
    refused(folder, "save_inference_model, which folds it")


def test_an_unknown_normalisation_is_refused(tmp_path: Path):
    folder = changed(tmp_path, "saelens", normalize_activations="batch_norm")
    refused(folder, "expected normalize_activations to be", 'found "batch_norm"')


def test_a_transcoder_has_no_input_bias_and_no_normalisation(tmp_path: Path):
    case = "saelens-transcoder"
    refused(changed(tmp_path / "a", case, apply_b_dec_to_input=True), "b_dec belongs to the place")
    refused(changed(tmp_path / "b", case, normalize_activations="layer_norm"), "not given back")
    refused(changed(tmp_path / "c", case, d_out=...), "expected the key d_out")


@pytest.mark.parametrize("k", [0, 17, -3, 2.5])
def test_a_k_that_cannot_be_is_refused(tmp_path: Path, k: float):
    refused(changed(tmp_path, "saelens-topk-none-pre_bias", k=k), "expected k ", f"found {k}")


def test_a_legacy_scale_of_features_is_ones_or_announced(tmp_path: Path):
    folder = sample("saelens_flat-ones_scaling_factor", tmp_path)
    plain = load(folder)
    factor = torch.linspace(0.5, 2.0, 16)
    rewrite(weights_of(folder), lambda found: found | {"scaling_factor": factor})
    refused(folder, "expected scaling_factor to be all ones", "found 0.5 to 2")
    reconfigure(folder / "cfg.json", finetuning_scaling_factor=True)
    tuned = load(folder)
    acts = plain.encode(torch.randn(9, 6))
    torch.testing.assert_close(tuned.decode(acts), plain.decode(acts * factor))
    assert any("finetuning scale" in note for note in tuned.origin.notes)


def test_a_flat_topk_without_k_is_refused(tmp_path: Path):
    folder = changed(tmp_path / "a", "saelens_flat-hidden_topk", activation_fn_kwargs={})
    refused(folder, "expected activation_fn_kwargs.k to be a whole number for topk, found None")
    folder = changed(tmp_path / "b", "saelens_flat-hidden_topk", activation_fn_str="relu")
    refused(folder, "expected no activation_fn_kwargs beside relu, found k")
    folder = changed(tmp_path / "c", "saelens_flat-hidden_topk", activation_fn_str="tanh-relu")
    refused(folder, 'expected activation_fn to be "relu", "topk"; found "tanh-relu"')
    assert isinstance(load(sample("saelens_flat-hidden_topk", tmp_path)).activation, TopK)


def test_an_unknown_flat_key_is_refused(tmp_path: Path):
    folder = changed(tmp_path, "saelens_flat-oldest", normalise_activations="layer_norm")
    refused(folder, "unknown key normalise_activations", "nearest known key: normalize_activations")


def test_a_flat_true_stands_for_the_average_norm(tmp_path: Path):
    folder = changed(tmp_path, "saelens_flat-oldest", normalize_activations=True)
    refused(folder, "expected_average_only_in, which needs a number")


def test_centred_weights_are_told_or_known(tmp_path: Path):
    """x - mean(x) is what TransformerLens' processed model would have had there."""
    stated = changed(
        tmp_path / "a",
        "saelens",
        metadata__model_from_pretrained_kwargs={"center_writing_weights": True},
    )
    known = sample("saelens_flat-oldest", tmp_path / "models--jbloom--GPT2-Small-SAEs-Reformatted")
    for folder in (stated, known):
        sae = load(folder)
        assert sae.centre
        x = torch.randn(5, 6)
        torch.testing.assert_close(sae.encode(x + 3.0), sae.encode(x), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(sae.reconstruct(x + 3.0), sae.reconstruct(x) + 3.0)
        assert any("center_writing_weights" in note for note in sae.origin.notes)
    assert not load(sample("saelens_flat-oldest", tmp_path / "b")).centre


def test_processing_that_changes_heads_is_refused(tmp_path: Path):
    folder = changed(
        tmp_path,
        "saelens-hook_z",
        metadata__model_from_pretrained_kwargs={"fold_value_biases": True},
    )
    refused(folder, "expected fold_value_biases false for blocks.1.attn.hook_z")


def test_stored_densities_promise_an_l0(tmp_path: Path):
    folder = sample("saelens", tmp_path)
    density = torch.full((16,), 0.25)
    save_file({"sparsity": density.log10()}, folder / "sparsity.safetensors")
    sae = load(folder)
    assert sae.origin.promised_l0 == pytest.approx(4.0, rel=1e-5)
    save_file({"sparsity": density[:3]}, folder / "sparsity.safetensors")
    refused(folder, "sparsity.safetensors: expected sparsity [d_sae 16], found [3]")


# -- dictionary_learning -------------------------------------------------------------------------


def test_an_interrupted_run_is_refused(tmp_path: Path):
    folder = sample("dictionary_learning", tmp_path)
    backup = {"step": 700, "optimizer": {}, "config": {}, "norm_factor": 3.5}
    rewrite(folder / "ae.pt", lambda found: backup | {"ae": found})
    refused(folder, "ae.pt", "interrupted run at step 700", "norm_factor 3.5", "finish the run")


def test_a_threshold_that_was_never_set_is_refused(tmp_path: Path):
    folder = sample("dictionary_learning", tmp_path)
    rewrite(folder / "ae.pt", lambda found: found | {"threshold": torch.tensor(-1.0)})
    refused(folder, "expected threshold to be 0 or more, found -1.0")


def test_two_values_of_k_are_refused(tmp_path: Path):
    folder = changed(tmp_path, "dictionary_learning", trainer__k=4)
    refused(folder, "expected k 4 as config.json says, found 3")


def test_an_unknown_class_is_refused(tmp_path: Path):
    folder = changed(tmp_path, "dictionary_learning", trainer__dict_class="CrossCoder")
    refused(folder, "expected trainer.dict_class to be", 'found "CrossCoder"')


def test_a_checkpoint_of_a_run_is_read_with_the_configuration_above(tmp_path: Path):
    folder = sample("dictionary_learning", tmp_path)
    (folder / "checkpoints").mkdir()
    (folder / "ae.pt").rename(folder / "checkpoints" / "ae_500.pt")
    assert load(folder / "checkpoints" / "ae_500.pt").origin.promised_l0 == 3
    assert load(folder).origin.promised_l0 == 3


def test_the_decoder_of_an_autoencoder_gets_unit_rows(tmp_path: Path):
    sae = load(sample("dictionary_learning-AutoEncoder", tmp_path))
    torch.testing.assert_close(sae.W_dec.norm(dim=-1), torch.ones(16))
    assert any("from_pretrained" in note for note in sae.origin.notes)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"trainer__submodule_name": None}, "blocks.1.hook_resid_post"),
        ({"trainer__submodule_name": "mlp_out_layer_1"}, "blocks.1.hook_mlp_out"),
        ({"trainer__submodule_name": "somewhere"}, None),
        ({"buffer__io": "in"}, None),
    ],
)
def test_a_place_is_named_or_left_open(tmp_path: Path, changes: dict, place: str | None):
    origin = load(changed(tmp_path, "dictionary_learning", **changes)).origin
    assert origin.hook_name == place
    assert any("no hook name" in note for note in origin.notes) == (place is None)


# -- sparsify ------------------------------------------------------------------------------------


def test_the_older_signed_key(tmp_path: Path):
    assert load(changed(tmp_path / "a", "sparsify", signed=False)).d_sae == 16
    refused(changed(tmp_path / "b", "sparsify", signed=True), "expected signed to be false")


def test_a_skip_without_transcode_is_asked_about(tmp_path: Path):
    case = "sparsify-skip_transcoder/layers.1.mlp"
    folder = changed(tmp_path, case, transcode=...)
    refused(folder, "expected the key transcode beside skip_connection", '"transcode": true')
    (folder.parent / "config.json").write_text(
        json.dumps({"transcode": True, "model": "tiny", "ctx_len": 64, "sae": {}})
    )
    origin = load(folder).origin
    assert (origin.model_name, origin.context_size) == ("tiny", 64)
    assert origin.hook_name_out == "blocks.1.hook_mlp_out"


def test_num_latents_zero_means_the_expansion_factor(tmp_path: Path):
    folder = changed(tmp_path, "sparsify", num_latents=0, expansion_factor=2)
    refused(folder, "[d_sae 12, d_in 6], found [16, 6]")


def test_groups_must_divide(tmp_path: Path):
    folder = changed(tmp_path, "sparsify-groupmax/layers.1.mlp", k=3)
    refused(folder, "expected k from 1 to 16 that divides it, found 3")


def test_gemma_mlp_outputs_have_no_plain_name(tmp_path: Path):
    folder = sample("sparsify", tmp_path)
    (folder.parent / "config.json").write_text(json.dumps({"model": "google/gemma-2-2b"}))
    assert load(folder).origin.hook_name is None


# -- the scopes ----------------------------------------------------------------------------------


def test_a_cross_layer_transcoder_is_refused(tmp_path: Path):
    folder = sample("gemma_scope_2", tmp_path)
    rewrite(weights_of(folder), lambda f: f | {"w_dec": f["w_dec"][:, None].repeat(1, 3, 1)})
    refused(folder, "expected w_dec [d_sae, d_out], found [16, 3, 6]: a cross-layer transcoder")
    folder = changed(tmp_path / "b", "gemma_scope_2", type="crosscoder")
    refused(folder, 'expected type to be "sae", "transcoder", null; found "crosscoder"')


def test_an_affine_path_must_be_there_if_said(tmp_path: Path):
    folder = changed(tmp_path, "gemma_scope_2", affine_connection=True)
    refused(folder, "expected the tensor affine_skip_connection", "found none")


def test_gemma_scope_2_without_configuration_reads_folder_names(tmp_path: Path):
    folder = sample("gemma_scope_2", tmp_path)
    (folder / "config.json").unlink()
    origin = load(folder).origin
    assert origin.hook_name == "blocks.1.hook_resid_post"
    assert origin.model_name == "google/gemma-3-270m"
    assert origin.promised_l0 is None
    assert any("no config.json" in note for note in origin.notes)


def test_gemma_scope_outside_its_folders_knows_no_place(tmp_path: Path):
    file = weights_of(sample("gemma_scope", tmp_path)).rename(tmp_path / "params.npz")
    origin = load(file).origin
    assert (origin.hook_name, origin.promised_l0) == (None, None)
    assert any("its place is not known" in note for note in origin.notes)


def test_a_folder_that_is_called_embedding_folds_nothing(tmp_path: Path):
    plain = load(sample("gemma_scope", tmp_path / "a"))
    below = load(sample("gemma_scope", tmp_path / "embedding"))
    assert torch.equal(plain.W_enc, below.W_enc)
    assert below.origin.hook_name == "blocks.1.hook_resid_post"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dataset_average_activation_norm": None}, "expected dataset_average_activation_norm"),
        ({"dataset_average_activation_norm": {"in": 0, "out": 1}}, "to be above 0"),
        ({"jump_relu_threshold": None}, "expected the key jump_relu_threshold"),
        ({"use_glu_encoder": True}, "expected use_glu_encoder to be false"),
        ({"apply_decoder_bias_to_pre_encoder": True}, "to be false; found true"),
        ({"norm_activation": "batch-wise"}, 'found "batch-wise"'),
    ],
)
def test_llama_scope_without_what_it_needs(tmp_path: Path, changes: dict, said: str):
    refused(changed(tmp_path, "llama_scope", **changes), "hyperparams.json", said)


def test_standardised_llama_scope_weights_are_left_alone(tmp_path: Path):
    folder = changed(
        tmp_path,
        "llama_scope",
        norm_activation="inference",
        dataset_average_activation_norm=None,
        sparsity_include_decoder_norm=False,
    )
    sae = load(folder)
    assert isinstance(sae.activation, JumpReLU)
    torch.testing.assert_close(sae.activation.threshold, torch.full((16,), 0.35))


def test_a_qwen_k_that_nobody_says_is_refused(tmp_path: Path):
    folder = sample("qwen_scope", tmp_path).rename(tmp_path / "plain")
    refused(folder, "expected k in a config.json beside it or in a folder's name")


def test_an_openai_identity_after_topk_is_refused(tmp_path: Path):
    folder = sample("openai_gpt2", tmp_path)
    state = {"activation_state_dict": {"k": 3, "postact_fn": "Identity"}}
    rewrite(weights_of(folder), lambda found: found | state)
    refused(folder, "expected postact_fn ReLU, found 'Identity'")


def test_a_cross_layer_set_of_transcoders_is_refused(tmp_path: Path):
    folder = sample("circuit_tracer", tmp_path)
    (folder / "config.yaml").write_text("model_kind: cross_layer_transcoder\n")
    refused(folder, 'expected model_kind to be "transcoder_set"; found "cross_layer_transcoder"')
    (folder / "config.yaml").write_text("model_kind: [\n")
    refused(folder, "expected YAML")


def test_half_and_double_bias(tmp_path: Path):
    """Doubles are wider than what we compute in, so they are taken; whole numbers are not."""
    folder = sample("saelens", tmp_path)
    rewrite(weights_of(folder), lambda f: {n: t.double() for n, t in f.items()})
    assert load(folder).W_enc.dtype == torch.float32
    rewrite(
        weights_of(folder),
        lambda f: {n: t.int() if n in matrices(f) else t for n, t in f.items()},
    )
    refused(folder, "in float32, found int32")
