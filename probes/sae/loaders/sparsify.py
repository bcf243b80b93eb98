"""EleutherAI sparsify: `cfg.json` beside `sae.safetensors`, one folder per place.

The folder's name is the module it reads. Formulas: `SparseCoder.encode` and `decode` of
eai-sparsify 1.3. `W_dec` is stored `[num_latents, d_in]` already, unlike the encoder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from probes.sae.activations import Activation, GroupMax, TopK
from probes.sae.configuration import BOOL, INT, TEXT, Key, read_json, settle
from probes.sae.files import Shape, Source, digest
from probes.sae.loaders.places import hook_name
from probes.sae.sae import SAE, Origin, SAEError

WEIGHTS = "sae.safetensors"
_KEYS = {
    "d_in": Key(INT),
    "k": Key(INT),
    "expansion_factor": Key(INT, 32),
    "num_latents": Key(INT, 0),
    "activation": Key(TEXT, "topk", allowed=("topk", "groupmax")),
    "skip_connection": Key(BOOL, False),
    "transcode": Key((bool,), None),
    "signed": Key(BOOL, False, allowed=(False,)),
}
_TRAINING = {"normalize_decoder", "multi_topk"}


def recognise(source: Source) -> str | None:
    """`sae.safetensors` beside a `cfg.json`."""
    if source.weights(WEIGHTS) and source.beside("cfg.json"):
        return f"cfg.json and {WEIGHTS}"
    return None


def load(source: Source) -> SAE:
    """Read it.

    Raises:
        SAEError: the files are not what they should be.
    """
    file, cfg = source.only(WEIGHTS), source.folder / "cfg.json"
    if not cfg.is_file():
        raise SAEError(f"{source.folder}: expected cfg.json, found {source.listing()}")
    said = settle(cfg, read_json(cfg), _KEYS, _TRAINING)
    run = _run(source)
    transcode = _transcode(cfg, said, run)
    d_in = said["d_in"]
    d_sae = said["num_latents"] or d_in * said["expansion_factor"]
    wanted: dict[str, Shape] = {
        "encoder.weight": ("d_sae", "d_in"),
        "encoder.bias": ("d_sae",),
        "W_dec": ("d_sae", "d_in"),
        "b_dec": ("d_in",),
    }
    if said["skip_connection"]:
        wanted["W_skip"] = ("d_in", "d_in")
    sizes = {"d_in": d_in, "d_sae": d_sae}
    weights = source.checked(file, source.tensors(file), wanted, sizes)
    return SAE(
        weights["encoder.weight"].T,
        weights["encoder.bias"],
        weights["W_dec"],
        weights["b_dec"],
        _activation(cfg, said, d_sae),
        apply_b_dec_to_input=not transcode,
        W_skip=weights["W_skip"].T if said["skip_connection"] else None,
        origin=_origin(source, said, run, transcode, [cfg, file]),
    )


def _run(source: Source) -> dict[str, Any]:
    """What the configuration of the whole run says, one folder up, if it is there."""
    file = source.folder.parent / "config.json"
    return read_json(file) if file.is_file() else {}


def _transcode(cfg: Path, said: dict[str, Any], run: dict[str, Any]) -> bool:
    if said["transcode"] is not None:
        return bool(said["transcode"])
    stated = run.get("transcode")
    if isinstance(stated, bool):
        return stated
    if said["skip_connection"]:
        raise SAEError(
            f"{cfg}: expected the key transcode beside skip_connection true, found none; add "
            '"transcode": true if it predicts what a module puts out from what it takes in (then '
            "b_dec is not taken from the input), false if it reconstructs its input"
        )
    return False


def _activation(cfg: Path, said: dict[str, Any], d_sae: int) -> Activation:
    k = said["k"]
    if not 1 <= k <= d_sae or (said["activation"] == "groupmax" and d_sae % k):
        raise SAEError(
            f"{cfg}: expected k from 1 to {d_sae}"
            + (" that divides it" if said["activation"] == "groupmax" else "")
            + f", found {k}"
        )
    return GroupMax(k) if said["activation"] == "groupmax" else TopK(k)


def _origin(
    source: Source, said: dict[str, Any], run: dict[str, Any], transcode: bool, used: list[Path]
) -> Origin:
    module = source.folder.absolute().name
    model = run.get("model") if isinstance(run.get("model"), str) else None
    context = run.get("ctx_len") if isinstance(run.get("ctx_len"), int) else None
    out = hook_name(module, "output", model)
    reads = hook_name(module, "input", model) if transcode else out
    notes = [f"its place is read from the folder's name, {module}"]
    if reads is None or (transcode and out is None):
        notes.append(f"the module {module} has no plain hook name")
    if module.endswith("mlp") and model is None:
        notes.append("the files name no model; in Gemma 2 and 3 hook_mlp_out is another place")
    return Origin(
        format="sparsify",
        path=source.given,
        digest=digest(used),
        model_name=model,
        hook_name=reads,
        hook_name_out=out if transcode else None,
        context_size=context,
        promised_l0=float(said["k"]),
        notes=tuple(notes),
    )
