"""One small SAE per format, in a folder of its own, to be spoilt by tests."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

GOLDEN = Path(__file__).parent / "golden"
CASES = {
    "saelens": "saelens-standard-none-pre_bias",
    "dictionary_learning": "dictionary_learning-BatchTopKSAE",
    "sparsify": "sparsify-topk/layers.1.mlp",
    "gemma_scope": "gemma_scope-res/gemma-scope-2b-pt-res/layer_1/width_16k/average_l0_7",
    "gemma_scope_2": (
        "gemma_scope_2-resid_post/gemma-scope-2-270m-pt/resid_post/layer_1_width_16k_l0_small"
    ),
    "llama_scope": "llama_scope-R/Llama3_1-8B-Base-L1R-8x",
    "goodfire": "goodfire",
    "qwen_scope": "qwen_scope/SAE-Res-Qwen3-1.7B-Base-W32K-L0_5",
    "qresearch": "qresearch",
    "circuit_tracer": "circuit_tracer",
}
WEIGHTS = (".safetensors", ".npz", ".pt", ".pth")


def sample(name: str, root: Path) -> Path:
    """A copy of a format's sample, below folders with the names that it needs."""
    if name == "openai_gpt2":
        return _openai(root)
    target = root / CASES.get(name, name)
    shutil.copytree(GOLDEN / CASES.get(name, name), target)
    return target


def weights_of(folder: Path) -> Path:
    (file,) = (path for path in folder.rglob("*") if path.suffix in WEIGHTS)
    return file


def rewrite(file: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Change what a weight file holds."""
    if file.suffix == ".safetensors":
        changed = change(load_file(file))
        save_file({name: tensor.contiguous() for name, tensor in changed.items()}, file)
    elif file.suffix == ".npz":
        with np.load(file) as archive:
            found = {name: torch.from_numpy(archive[name]) for name in archive.files}
        np.savez(file, **{name: tensor.numpy() for name, tensor in change(found).items()})
    else:
        torch.save(change(torch.load(file, weights_only=True)), file)


def matrices(found: dict[str, Any]) -> list[str]:
    """Names of the matrices among tensors."""
    return [name for name, t in found.items() if isinstance(t, torch.Tensor) and t.ndim == 2]


def reconfigure(file: Path, **changes: Any) -> None:
    """Set keys of a JSON configuration; `...` takes one away, and a dot goes one level down."""
    whole = json.loads(file.read_text())
    for name, value in changes.items():
        *path, last = name.split("__")
        part = whole
        for step in path:
            part = part[step]
        if value is ...:
            del part[last]
        else:
            part[last] = value
    file.write_text(json.dumps(whole))


def _openai(root: Path) -> Path:
    draw = torch.Generator().manual_seed(0)
    folder = root / "resid_post_mlp_v5_32k" / "autoencoders"
    folder.mkdir(parents=True)
    state: dict[str, Any] = {
        name: torch.randn(shape, generator=draw)
        for name, shape in {
            "pre_bias": (6,),
            "encoder.weight": (16, 6),
            "latent_bias": (16,),
            "decoder.weight": (6, 16),
        }.items()
    }
    state |= {"activation": "TopK", "activation_state_dict": {"k": 3, "postact_fn": "ReLU"}}
    torch.save(state, folder / "8.pt")
    return folder
