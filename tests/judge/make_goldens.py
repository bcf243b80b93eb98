"""Tiny random SAEs in their own formats, and what their own libraries make of them.

Runs in the judge's environment, never in ours: it needs sae-lens, dictionary_learning and
eai-sparsify. It writes to the folder given, one folder per case, the files as each library
saves them; and `expected.safetensors` with x, activations and decoding of every case.

    python make_goldens.py FOLDER
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

D, M, OUT, N = 6, 16, 5, 12


def noisy(module: torch.nn.Module, seed: int) -> None:
    """Random weights everywhere: a bias of zero would hide where it is added."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            size = 0.3 if parameter.ndim == 1 else 0.6
            parameter.copy_(torch.randn(parameter.shape, generator=draw) * size)
            if "threshold" in name:
                parameter.abs_()


def inputs(seed: int, width: int = D) -> Tensor:
    draw = torch.Generator().manual_seed(1000 + seed)
    return torch.randn(N, width, generator=draw) * 2 + torch.randn(width, generator=draw)


EXPECTED: dict[Path, dict[str, Tensor]] = {}


def expect(folder: Path, x: Tensor, acts: Tensor, decoded: Tensor) -> None:
    # Copies: two cases may share one tensor, which safetensors does not store twice.
    given = {"x": x, "acts": acts, "decoded": decoded}
    EXPECTED[folder] = {name: t.detach().float().clone() for name, t in given.items()}


# -- SAELens -------------------------------------------------------------------------------------


def saelens(root: Path) -> None:
    from sae_lens import (
        BatchTopKTrainingSAE,
        BatchTopKTrainingSAEConfig,
        GatedSAE,
        GatedSAEConfig,
        JumpReLUSAE,
        JumpReLUSAEConfig,
        JumpReLUSkipTranscoder,
        JumpReLUSkipTranscoderConfig,
        JumpReLUTranscoder,
        JumpReLUTranscoderConfig,
        MatryoshkaBatchTopKTrainingSAE,
        MatryoshkaBatchTopKTrainingSAEConfig,
        SkipTranscoder,
        SkipTranscoderConfig,
        StandardSAE,
        StandardSAEConfig,
        TopKSAE,
        TopKSAEConfig,
        Transcoder,
        TranscoderConfig,
    )
    from sae_lens.saes.sae import SAEMetadata

    def metadata(**more: object) -> SAEMetadata:
        return SAEMetadata(
            model_name="tiny",
            hook_name="blocks.1.hook_resid_post",
            hook_head_index=None,
            prepend_bos=True,
            context_size=32,
            **more,
        )

    kinds: dict[str, tuple[type, type, dict[str, object]]] = {
        "standard": (StandardSAE, StandardSAEConfig, {}),
        "gated": (GatedSAE, GatedSAEConfig, {}),
        "jumprelu": (JumpReLUSAE, JumpReLUSAEConfig, {}),
        "topk": (TopKSAE, TopKSAEConfig, {"k": 3}),
        "topk_rescaled": (TopKSAE, TopKSAEConfig, {"k": 3, "rescale_acts_by_decoder_norm": True}),
    }
    seed = 0
    for name, (kind, config, more) in kinds.items():
        for norm in ("none", "constant_norm_rescale", "layer_norm"):
            for pre_bias in (True, False):
                seed += 1
                sae = kind(
                    config(
                        d_in=D,
                        d_sae=M,
                        normalize_activations=norm,
                        apply_b_dec_to_input=pre_bias,
                        metadata=metadata(),
                        **more,
                    )
                )
                noisy(sae, seed)
                bias = "pre_bias" if pre_bias else "no_pre_bias"
                folder = root / f"saelens-{name}-{norm}-{bias}"
                sae.save_model(folder)
                x = inputs(seed)
                acts = sae.encode(x)
                expect(folder, x, acts, sae.decode(acts))
    transcoders = {
        "transcoder": (Transcoder, TranscoderConfig),
        "skip_transcoder": (SkipTranscoder, SkipTranscoderConfig),
        "jumprelu_transcoder": (JumpReLUTranscoder, JumpReLUTranscoderConfig),
        "jumprelu_skip_transcoder": (JumpReLUSkipTranscoder, JumpReLUSkipTranscoderConfig),
    }
    for name, (kind, config) in transcoders.items():
        seed += 1
        sae = kind(
            config(
                d_in=D,
                d_sae=M,
                d_out=OUT,
                apply_b_dec_to_input=False,
                metadata=metadata(hook_name_out="blocks.1.hook_mlp_out"),
            )
        )
        noisy(sae, seed)
        folder = root / f"saelens-{name}"
        sae.save_model(folder)
        x = inputs(seed)
        expect(folder, x, sae.encode(x), sae(x))
    for name, kind, config, more in (
        ("batchtopk", BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig, {}),
        (
            "matryoshka",
            MatryoshkaBatchTopKTrainingSAE,
            MatryoshkaBatchTopKTrainingSAEConfig,
            {"matryoshka_widths": [4, M]},
        ),
    ):
        for rescale in (True, False):
            for factor in (None, 1.7):
                seed += 1
                sae = kind(
                    config(
                        d_in=D,
                        d_sae=M,
                        k=3,
                        rescale_acts_by_decoder_norm=rescale,
                        normalize_activations="expected_average_only_in" if factor else "none",
                        metadata=metadata(),
                        **more,
                    )
                )
                noisy(sae, seed)
                sae.topk_threshold = torch.tensor(0.4, dtype=torch.double)
                x = inputs(seed)
                end = f"{'rescaled' if rescale else 'plain'}-{'scaled' if factor else 'raw'}"
                training = root / f"saelens-{name}_checkpoint-{end}"
                sae.save_model(training)
                if factor:
                    (training / "activation_scaler.json").write_text(
                        json.dumps({"scaling_factor": factor})
                    )
                    sae.fold_activation_norm_scaling_factor(factor)
                folder = root / f"saelens-{name}-{end}"
                sae.save_inference_model(folder)
                read = JumpReLUSAE.load_from_disk(folder)
                acts = read.encode(x)
                for each in (folder, training):
                    expect(each, x, acts, read.decode(acts))
    seed += 1
    sae = StandardSAE(
        StandardSAEConfig(
            d_in=D,
            d_sae=M,
            reshape_activations="hook_z",
            metadata=SAEMetadata(model_name="tiny", hook_name="blocks.1.attn.hook_z"),
        )
    )
    noisy(sae, seed)
    folder = root / "saelens-hook_z"
    sae.save_model(folder)
    x = inputs(seed)
    acts = sae.encode(x.reshape(N, 2, D // 2))
    expect(folder, x, acts, sae.decode(acts).reshape(N, D))
    saelens_flat(root, seed)


def saelens_flat(root: Path, seed: int) -> None:
    """The flat configurations from before version 6, as SAELens itself still reads them."""
    from sae_lens import SAE, GatedSAE, GatedSAEConfig, StandardSAE, StandardSAEConfig

    base = {
        "d_in": D,
        "d_sae": M,
        "dtype": "float32",
        "device": "cpu",
        "model_name": "tiny",
        "hook_layer": 1,
        "lr": 0.001,
        "l1_coefficient": 0.1,
        "context_size": 32,
    }
    flat: dict[str, dict[str, object]] = {
        "oldest": {"hook_point": "blocks.1.hook_resid_pre", "hook_point_head_index": None},
        "v5": {
            "architecture": "standard",
            "hook_name": "blocks.1.hook_resid_post",
            "hook_head_index": None,
            "activation_fn_str": "relu",
            "activation_fn_kwargs": {},
            "apply_b_dec_to_input": False,
            "normalize_activations": "layer_norm",
            "finetuning_scaling_factor": False,
            "sae_lens_training_version": "5.1.0",
        },
        "hidden_topk": {
            "architecture": "standard",
            "hook_name": "blocks.1.hook_resid_post",
            "hook_head_index": None,
            "activation_fn_str": "topk",
            "activation_fn_kwargs": {"k": 4},
            "apply_b_dec_to_input": True,
            "normalize_activations": "none",
        },
        "gated": {
            "architecture": "gated",
            "hook_name": "blocks.1.hook_resid_post",
            "hook_head_index": None,
            "normalize_activations": False,
        },
        "ones_scaling_factor": {"hook_name": "blocks.1.hook_mlp_out", "hook_head_index": None},
    }
    for name, keys in flat.items():
        seed += 1
        gated = keys.get("architecture") == "gated"
        kind, config = (GatedSAE, GatedSAEConfig) if gated else (StandardSAE, StandardSAEConfig)
        sae = kind(config(d_in=D, d_sae=M))
        noisy(sae, seed)
        folder = root / f"saelens_flat-{name}"
        folder.mkdir(parents=True)
        weights = {n: t.detach().contiguous() for n, t in sae.state_dict().items()}
        if name == "ones_scaling_factor":
            weights["scaling_factor"] = torch.ones(M)
        save_file(weights, folder / "sae_weights.safetensors")
        (folder / "cfg.json").write_text(json.dumps(base | keys))
        read = SAE.load_from_disk(folder)
        x = inputs(seed)
        acts = read.encode(x)
        expect(folder, x, acts, read.decode(acts))


# -- dictionary_learning -------------------------------------------------------------------------


def dictionary_learning(root: Path) -> None:
    from dictionary_learning.dictionary import (
        AutoEncoder,
        AutoEncoderNew,
        GatedAutoEncoder,
        JumpReluAutoEncoder,
    )
    from dictionary_learning.trainers.batch_top_k import BatchTopKSAE
    from dictionary_learning.trainers.matryoshka_batch_top_k import MatryoshkaBatchTopKSAE
    from dictionary_learning.trainers.top_k import AutoEncoderTopK

    made: dict[str, tuple[torch.nn.Module, Callable[[str], torch.nn.Module]]] = {
        "AutoEncoder": (AutoEncoder(D, M), AutoEncoder.from_pretrained),
        "AutoEncoderNew": (AutoEncoderNew(D, M), AutoEncoderNew.from_pretrained),
        "GatedAutoEncoder": (GatedAutoEncoder(D, M), GatedAutoEncoder.from_pretrained),
        "JumpReluAutoEncoder": (JumpReluAutoEncoder(D, M), JumpReluAutoEncoder.from_pretrained),
        "AutoEncoderTopK": (AutoEncoderTopK(D, M, 3), AutoEncoderTopK.from_pretrained),
        "BatchTopKSAE": (BatchTopKSAE(D, M, 3), BatchTopKSAE.from_pretrained),
        "MatryoshkaBatchTopKSAE": (
            MatryoshkaBatchTopKSAE(D, M, 3, [4, M - 4]),
            MatryoshkaBatchTopKSAE.from_pretrained,
        ),
    }
    torch.manual_seed(0)  # AutoEncoder.from_pretrained checks itself on random inputs
    for seed, (name, (sae, read)) in enumerate(made.items(), start=200):
        noisy(sae, seed)
        trainer: dict[str, object] = {
            "trainer_class": "SomeTrainer",
            "dict_class": name,
            "activation_dim": D,
            "dict_size": M,
            "layer": 1,
            "lm_name": "tiny",
            "lr": 0.001,
            "steps": 10,
            "submodule_name": "resid_post_layer_1",
            "seed": 0,
            "device": "cpu",
        }
        if hasattr(sae, "k"):
            sae.threshold = torch.tensor(0.5)
            trainer["k"] = 3
        folder = root / f"dictionary_learning-{name}"
        folder.mkdir(parents=True)
        torch.save({n: t.cpu() for n, t in sae.state_dict().items()}, folder / "ae.pt")
        (folder / "config.json").write_text(
            json.dumps({"trainer": trainer, "buffer": {"ctx_len": 32, "io": "out"}})
        )
        reference = read(str(folder / "ae.pt"))
        x = inputs(seed)
        acts = reference.encode(x)
        expect(folder, x, acts, reference.decode(acts))


# -- sparsify ------------------------------------------------------------------------------------


def sparsify(root: Path) -> None:
    os.environ["SPARSIFY_DISABLE_TRITON"] = "1"  # its kernels want a GPU
    from sparsify import SparseCoder
    from sparsify.config import SparseCoderConfig

    kinds = {
        "topk": {},
        "topk_not_normalised": {"normalize_decoder": False},
        "groupmax": {"activation": "groupmax", "k": 4},
        "transcoder": {"transcode": True},
        "skip_transcoder": {"transcode": True, "skip_connection": True},
        "groupmax_skip_transcoder": {
            "transcode": True,
            "skip_connection": True,
            "activation": "groupmax",
            "k": 4,
        },
    }
    for seed, (name, more) in enumerate(kinds.items(), start=300):
        coder = SparseCoder(D, SparseCoderConfig(**{"num_latents": M, "k": 3} | more))
        noisy(coder, seed)
        folder = root / f"sparsify-{name}" / "layers.1.mlp"
        coder.save_to_disk(folder)
        read = SparseCoder.load_from_disk(folder)
        x = inputs(seed)
        top = read.encode(x)
        acts = torch.zeros(N, M).scatter(-1, top.top_indices, top.top_acts)
        decoded = read.decode(top.top_acts, top.top_indices)
        if read.W_skip is not None:
            decoded = decoded + x @ read.W_skip.mT
        expect(folder, x, acts, decoded)


# -- families that sae-lens converts -------------------------------------------------------------


def converted(root: Path) -> None:
    """Released layouts with random weights, read by sae-lens' own converters.

    The converters fetch from the hub; here that fetch looks into the folder just written.
    """
    import numpy as np
    import sae_lens.loading.pretrained_sae_loaders as loaders
    from sae_lens import SAE
    from sae_lens.registry import get_sae_class

    where = {"root": root}

    def local(repo_id: str, filename: str, subfolder: str | None = None, **_: object) -> str:
        path = where["root"] / (subfolder or ".") / filename
        if not path.is_file():
            raise loaders.EntryNotFoundError(filename)
        return str(path)

    loaders.hf_hub_download = local
    loaders.get_safetensors_tensor_shapes = lambda repo, name: {
        key: list(tensor.shape)
        for key, tensor in loaders.load_safetensors_weights(where["root"] / name).items()
    }

    def judged(
        case: str, loader: str, repo: str, folder: str, x: Tensor, factor: float | None
    ) -> tuple[Tensor, Tensor]:
        where["root"] = root / case
        read = loaders.NAMED_PRETRAINED_SAE_LOADERS[loader]
        cfg, weights, _ = read(repo, folder, "cpu", False, {"dtype": "float32"})
        cfg = loaders.handle_config_defaulting(cfg)
        kind, config = get_sae_class(cfg["architecture"])
        cfg["d_in"], cfg["d_sae"] = weights["W_enc"].shape
        if "d_out" in cfg:
            cfg["d_out"] = weights["W_dec"].shape[1]
        sae: SAE = kind(config.from_dict(cfg))
        sae.load_state_dict({name: t.float() for name, t in weights.items()})
        if factor is not None:
            sae.fold_activation_norm_scaling_factor(factor)
        acts = sae.encode(x)
        decoded = sae(x) if "transcoder" in cfg["architecture"] else sae.decode(acts)
        return acts, decoded

    def draw(seed: int, **shapes: tuple[int, ...]) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(seed)
        return {
            name: torch.randn(shape, generator=generator) * (0.3 if len(shape) == 1 else 0.6)
            for name, shape in shapes.items()
        }

    jump = {"w_enc": (D, M), "w_dec": (M, D), "b_enc": (M,), "b_dec": (D,), "threshold": (M,)}

    # Gemma Scope
    for seed, (case, repo, folder, upper) in enumerate(
        (
            ("res", "gemma-scope-2b-pt-res", "layer_1/width_16k/average_l0_7", True),
            ("lower", "gemma-scope-9b-it-mlp", "layer_2/width_16k/average_l0_8", False),
            ("embedding", "gemma-scope-2b-pt-res", "embedding/width_4k/average_l0_6", True),
            ("transcoder", "gemma-scope-2b-pt-transcoders", "layer_3/width_16k/average_l0_9", True),
        ),
        start=400,
    ):
        name = f"gemma_scope-{case}/{repo}"
        weights = draw(seed, **jump)
        weights["threshold"] = weights["threshold"].abs()
        target = root / name / folder
        target.mkdir(parents=True)
        np.savez(
            target / "params.npz",
            **{("W_" + k[2:] if upper and k[:2] == "w_" else k): t for k, t in weights.items()},
        )
        x = inputs(seed)
        loader = "gemma_2_transcoder" if case == "transcoder" else "gemma_2"
        if case == "embedding":
            # sae-lens takes sqrt(d) from a table of models; ours has width D.
            stored = {k: t.clone() for k, t in weights.items()}
            pre = x @ (stored["w_enc"] / D**0.5) + stored["b_enc"]
            acts = pre.relu() * (pre > stored["threshold"])
            decoded = acts @ (stored["w_dec"] * D**0.5) + stored["b_dec"]
        else:
            acts, decoded = judged(name, loader, f"google/{repo}", folder, x, None)
        expect(target, x, acts, decoded)

    # Gemma Scope 2
    for seed, (folder, affine, config) in enumerate(
        (
            ("resid_post/layer_1_width_16k_l0_small", False, True),
            ("attn_out/layer_1_width_16k_l0_small", False, False),
            ("transcoder/layer_1_width_16k_l0_big", False, True),
            ("transcoder_all/layer_2_width_16k_l0_big_affine", True, True),
        ),
        start=420,
    ):
        repo = "gemma-scope-2-270m-pt"
        name = f"gemma_scope_2-{folder.split('/')[0]}/{repo}"
        weights = draw(seed, **jump | ({"affine_skip_connection": (D, D)} if affine else {}))
        weights["threshold"] = weights["threshold"].abs()
        target = root / name / folder
        target.mkdir(parents=True)
        save_file(weights, target / "params.safetensors")
        if config:
            layer = folder.split("layer_")[1][0]
            place = (
                [f"model.layers.{layer}.output"] * 2
                if "resid" in folder
                else [
                    f"model.layers.{layer}.pre_feedforward_layernorm.output",
                    f"model.layers.{layer}.post_feedforward_layernorm.output",
                ]
            )
            said = {
                "hf_hook_point_in": place[0],
                "hf_hook_point_out": place[1],
                "width": M,
                "model_name": "google/gemma-3-270m-pt",
                "architecture": "jump_relu",
                "l0": 20,
                "affine_connection": affine,
                "type": "transcoder" if "trans" in folder else "sae",
            }
            (target / "config.json").write_text(json.dumps(said))
        x = inputs(seed)
        expect(target, x, *judged(name, "gemma_3", f"google/{repo}", folder, x, None))

    # Llama Scope and its successor. sae-lens takes decoder rows for unit vectors, as released.
    linear = {
        "encoder.weight": (M, D),
        "encoder.bias": (M,),
        "decoder.weight": (D, M),
        "decoder.bias": (D,),
    }
    norm = 3.0
    factor = D**0.5 / norm
    for seed, (site, hook) in enumerate(
        (("R", "hook_resid_post"), ("A", "hook_attn_out"), ("M", "hook_mlp_out")), start=440
    ):
        weights = draw(seed, **linear)
        weights["decoder.weight"] /= weights["decoder.weight"].norm(dim=0)
        name, folder = f"llama_scope-{site}", f"Llama3_1-8B-Base-L1{site}-8x"
        target = root / name / folder
        (target / "checkpoints").mkdir(parents=True)
        save_file(weights, target / "checkpoints" / "final.safetensors")
        said = {
            "device": "cuda:0",
            "seed": 42,
            "dtype": "torch.bfloat16",
            "hook_point_in": f"blocks.1.{hook}",
            "hook_point_out": f"blocks.1.{hook}",
            "use_decoder_bias": True,
            "apply_decoder_bias_to_pre_encoder": False,
            "expansion_factor": 8,
            "d_model": D,
            "d_sae": M,
            "bias_init_method": "all_zero",
            "act_fn": "jumprelu",
            "jump_relu_threshold": 0.35,
            "norm_activation": "dataset-wise",
            "dataset_average_activation_norm": {"in": norm, "out": norm},
            "decoder_exactly_fixed_norm": False,
            "sparsity_include_decoder_norm": True,
            "use_glu_encoder": False,
            "init_decoder_norm": 0.5,
            "init_encoder_norm": None,
            "init_encoder_with_decoder_transpose": True,
            "lp": 1,
            "l1_coefficient": 8e-05,
            "l1_coefficient_warmup_steps": 78125,
            "top_k": 5,
            "k_warmup_steps": 78125,
            "use_batch_norm_mse": True,
            "use_ghost_grads": False,
            "tp_size": 1,
            "ddp_size": 1,
        }
        (target / "hyperparams.json").write_text(json.dumps(said))
        x = inputs(seed)
        expect(target, x, *judged(name, "llama_scope", "fnlp/x", folder, x, factor))
    weights = draw(450, **linear, log_jumprelu_threshold=(M,))
    weights["decoder.weight"] /= weights["decoder.weight"].norm(dim=0)
    target = root / "llama_scope-r1" / "L1R"
    target.mkdir(parents=True)
    hook = "blocks.1.hook_resid_post"
    save_file(
        weights | {f"dataset_average_activation_norm.{hook}": torch.tensor(norm)},
        target / "sae_weights.safetensors",
    )
    said = {
        "sae_type": "sae",
        "d_model": D,
        "expansion_factor": M / D,
        "hook_point_in": hook,
        "hook_point_out": hook,
        "act_fn": "jumprelu",
        "norm_activation": "dataset-wise",
        "sparsity_include_decoder_norm": True,
        "top_k": 5,
        "jumprelu_threshold_window": 2.0,
    }
    (target / "config.json").write_text(json.dumps(said))
    x = inputs(450)
    expect(target, x, *judged("llama_scope-r1", "llama_scope_r1_distill", "x/y", "L1R", x, factor))

    # Goodfire, DeepSeek R1, Qwen-Scope, circuit-tracer
    weights = draw(460, **{k.replace(".", "_linear."): s for k, s in linear.items()})
    name, file = "goodfire", "Llama-3.1-8B-Instruct-SAE-l19.pth"
    (root / name).mkdir()
    torch.save(weights, root / name / file)
    x = inputs(460)
    repo = "Goodfire/Llama-3.1-8B-Instruct-SAE-l19"
    plain = loaders.get_goodfire_config_from_hf

    def tiny(*arguments: object, **named: object) -> dict[str, object]:
        return plain(*arguments, **named) | {"d_in": D, "d_sae": M}

    loaders.get_goodfire_config_from_hf = tiny
    expect(root / name, x, *judged(name, "goodfire", repo, file, x, None))
    weights = draw(461, **linear)
    name, file = "qresearch", "DeepSeek-R1-Distill-Llama-8B-SAE-l19.pt"
    (root / name).mkdir()
    torch.save(weights, root / name / file)
    x = inputs(461)
    expect(root / name, x, *judged(name, "deepseek_r1", "x/y", file, x, None))
    weights = draw(462, W_enc=(M, D), W_dec=(D, M), b_enc=(M,), b_dec=(D,))
    repo = "Qwen/SAE-Res-Qwen3-1.7B-Base-W32K-L0_5"
    name = f"qwen_scope/{repo.split('/')[1]}"
    (root / name).mkdir(parents=True)
    torch.save(weights, root / name / "layer1.sae.pt")
    x = inputs(462)
    expect(root / name, x, *judged(name, "qwen_scope", repo, "layer1.sae.pt", x, None))
    weights = draw(463, W_enc=(M, D), W_dec=(M, D), b_enc=(M,), b_dec=(D,))
    name, file = "circuit_tracer", "layer_1.safetensors"
    (root / name).mkdir()
    save_file(weights, root / name / file)
    (root / name / "config.yaml").write_text(
        "model_name: tiny\nmodel_kind: transcoder_set\nfeature_input_hook: mlp.hook_in\n"
        "feature_output_hook: hook_mlp_out\n"
    )
    wandb = "d_model: {value: 6}\nd_feature: {value: 16}\nbatch_size: {value: 1}\n"
    (root / name / "wandb-config.yaml").write_text(wandb)
    x = inputs(463)
    expect(root / name, x, *judged(name, "mwhanna_transcoder", "x/y", file, x, None))
    (root / name / "wandb-config.yaml").unlink()


def main() -> None:
    root = Path(sys.argv[1])
    if root.exists() and any(root.iterdir()):
        raise SystemExit(f"{root} is not empty")
    root.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    with torch.no_grad():
        saelens(root)
        dictionary_learning(root)
        sparsify(root)
        converted(root)
    save_file(
        {
            f"{folder.relative_to(root).as_posix()}:{name}": tensor.contiguous()
            for folder, tensors in EXPECTED.items()
            for name, tensor in tensors.items()
        },
        root / "expected.safetensors",
    )


if __name__ == "__main__":
    main()
