"""What a SAELens `cfg.json` says, in either of its two shapes.

Since version 6 what the SAE computes stands at the top and where it was trained under
`metadata`. Before, one flat object held the whole training run. Both end as one `Said`.
Knows keys; knows no tensors.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from probes.sae.configuration import (
    BOOL,
    INT,
    MAYBE_BOOL,
    MAYBE_INT,
    MAYBE_TEXT,
    NONE,
    NUMBER,
    TEXT,
    Key,
    read_json,
    settle,
    words,
)
from probes.sae.loaders.saelens_training_keys import NESTED_TRAINING, TRAINING
from probes.sae.sae import SAEError


@dataclass(frozen=True)
class Architecture:
    """One of SAELens' architectures: which activation function, and what it reads and writes."""

    activation: str
    transcoder: bool = False
    skip: bool = False


ARCHITECTURES = {
    "standard": Architecture("relu"),
    "gated": Architecture("gated"),
    "jumprelu": Architecture("jumprelu"),
    "topk": Architecture("topk"),
    "batchtopk": Architecture("batchtopk"),
    "matryoshka_batchtopk": Architecture("batchtopk"),
    "transcoder": Architecture("relu", transcoder=True),
    "skip_transcoder": Architecture("relu", transcoder=True, skip=True),
    "jumprelu_transcoder": Architecture("jumprelu", transcoder=True),
    "jumprelu_skip_transcoder": Architecture("jumprelu", transcoder=True, skip=True),
}
_BEYOND = {
    "temporal": "its attention layers read other tokens too",
    "abstopk": "its activations are signed",
    "matching_pursuit": "its encoder is a search, not one matrix",
}
NORMALISATIONS = (
    "none",
    "constant_norm_rescale",
    "layer_norm",
    "expected_average_only_in",
    "covariance_whitening",
)


@dataclass(frozen=True)
class Said:
    """What a configuration says, whichever shape it had."""

    architecture: str
    sizes: dict[str, int]
    apply_b_dec_to_input: bool
    normalize_activations: str
    reshape_activations: str
    k: float | None
    rescale_acts_by_decoder_norm: bool
    norm_scaling_factor: float | None
    finetuning_scaling_factor: bool
    metadata: dict[str, Any]
    notes: tuple[str, ...] = field(default=())

    @property
    def kind(self) -> Architecture:
        """The architecture's row of the table."""
        return ARCHITECTURES[self.architecture]


_METADATA = {
    "model_name": Key(MAYBE_TEXT, None),
    "hook_name": Key(MAYBE_TEXT, None),
    "hook_name_out": Key(MAYBE_TEXT, None),
    "hook_head_index": Key(MAYBE_INT, None),
    "hook_head_index_out": Key(MAYBE_INT, None),
    "context_size": Key(MAYBE_INT, None),
    "prepend_bos": Key(MAYBE_BOOL, None),
    "neuronpedia_id": Key(MAYBE_TEXT, None),
    "model_from_pretrained_kwargs": Key((dict, NONE), None),
    "sae_lens_version": Key(MAYBE_TEXT, None),
    "training_architecture": Key(MAYBE_TEXT, None),
    "training_architecture_details": Key((dict, NONE), None),
    "promised_l0": Key((float, int, NONE), None),
    "sae_weights_sha256": Key(MAYBE_TEXT, None),
}
_PROVENANCE = words(
    "sae_lens_training_version dataset_path dataset_trust_remote_code seqpos_slice "
    "exclude_special_tokens sequence_separator_token disable_concat_sequences hf_hook_name "
    "hf_hook_name_out model_class_name origin_format origin_path origin_digest notes"
)
_COMPUTES = {
    "d_in": Key(INT),
    "d_sae": Key(INT),
    "d_out": Key(INT, None),
    "k": Key(NUMBER, None),
    "rescale_acts_by_decoder_norm": Key(BOOL, None),
    "norm_scaling_factor": Key((float, int, NONE), None),
    "finetuning_scaling_factor": Key(MAYBE_BOOL, None),
    "dtype": Key(TEXT, "float32"),
}


def said_by(file: Path) -> Said:
    """What the `cfg.json` says.

    Raises:
        SAEError: a key is unknown, missing or not what it must be, or the architecture is one
            that an SAE of ours cannot be.
    """
    found = read_json(file)
    said = _nested(file, found) if isinstance(found.get("metadata"), dict) else _flat(file, found)
    for key in ("hook_head_index", "hook_head_index_out"):
        if said.metadata[key] is not None:
            raise SAEError(
                f"{file}: expected {key} null, found {said.metadata[key]}: it reads one attention "
                "head, and no hook name here stands for one head"
            )
    if said.kind.transcoder and said.apply_b_dec_to_input:
        raise SAEError(
            f"{file}: expected apply_b_dec_to_input false for a {said.architecture}, found true: "
            "b_dec belongs to the place it writes to"
        )
    if said.kind.transcoder and said.normalize_activations != "none":
        raise SAEError(
            f"{file}: expected normalize_activations none for a {said.architecture}, found "
            f"{said.normalize_activations}: what was taken from its input is not given back to its "
            "output"
        )
    return said


def _nested(file: Path, found: dict[str, Any]) -> Said:
    top = dict(found)
    metadata = _metadata(file, top.pop("metadata"))
    architecture = _architecture(file, top.pop("architecture", None))
    keys = _COMPUTES | {
        "apply_b_dec_to_input": Key(BOOL),
        "normalize_activations": Key(TEXT, allowed=NORMALISATIONS),
        "reshape_activations": Key(TEXT, "none", allowed=("none", "hook_z")),
    }
    values = settle(file, top, keys, training={"device", *NESTED_TRAINING})
    if values["rescale_acts_by_decoder_norm"] is None:
        # Configurations for training default to true, those for reading to false.
        values["rescale_acts_by_decoder_norm"] = architecture in _BATCH
    values["finetuning_scaling_factor"] = bool(values["finetuning_scaling_factor"])
    return _said(file, architecture, values, metadata[0], metadata[1])


_BATCH = ("batchtopk", "matryoshka_batchtopk")


def _flat(file: Path, found: dict[str, Any]) -> Said:
    names = {
        "hook_point": "hook_name",
        "hook_point_head_index": "hook_head_index",
        "activation_fn_str": "activation_fn",
    }
    flat = {names.get(name, name): value for name, value in found.items()}
    keys = _COMPUTES | {key: _METADATA[key] for key in _METADATA if key != "prepend_bos"}
    keys |= {
        "prepend_bos": Key(MAYBE_BOOL, True),
        "architecture": Key(TEXT, "standard"),
        "activation_fn": Key(TEXT, "relu", allowed=("relu", "topk")),
        "activation_fn_kwargs": Key((dict, NONE), None),
        "apply_b_dec_to_input": Key(BOOL, True),
        "normalize_activations": Key((str, bool, NONE), "none", (*NORMALISATIONS, *_BOOLEAN)),
        "reshape_activations": Key(MAYBE_TEXT, None, allowed=("none", "hook_z", None)),
    }
    values = settle(file, flat, keys, training={"device", *_PROVENANCE, *TRAINING})
    architecture, values["k"] = _flat_activation(file, values)
    normalised = values["normalize_activations"]
    values["normalize_activations"] = _BOOLEAN.get(normalised, normalised)
    if values["reshape_activations"] is None:
        heads = "hook_z" in (values["hook_name"] or "")
        values["reshape_activations"] = "hook_z" if heads else "none"
    values["rescale_acts_by_decoder_norm"] = bool(values["rescale_acts_by_decoder_norm"])
    values["finetuning_scaling_factor"] = bool(values["finetuning_scaling_factor"])
    metadata = {key: values[key] for key in _METADATA}
    note = "its configuration has the shape from before SAELens 6"
    return _said(file, _architecture(file, architecture), values, metadata, (note,))


_BOOLEAN = {None: "none", False: "none", True: "expected_average_only_in"}


def _flat_activation(file: Path, values: dict[str, Any]) -> tuple[str, Any]:
    """Architecture and k: before version 6, TopK hid in the activation function's arguments."""
    arguments = values["activation_fn_kwargs"] or {}
    odd = sorted(set(arguments) - {"k"})
    if odd:
        raise SAEError(f"{file}: expected activation_fn_kwargs to hold k alone, found {odd[0]}")
    topk = values["activation_fn"] == "topk" or values["architecture"] == "topk"
    if not topk:
        if arguments:
            raise SAEError(f"{file}: expected no activation_fn_kwargs beside relu, found k")
        return values["architecture"], values["k"]
    if values["architecture"] not in ("standard", "topk"):
        raise SAEError(
            f"{file}: expected activation_fn topk beside the architecture standard or topk, found "
            f"{values['architecture']}"
        )
    k = arguments.get("k", values["k"])
    if not isinstance(k, int) or isinstance(k, bool):
        raise SAEError(
            f"{file}: expected activation_fn_kwargs.k to be a whole number for topk, found {k!r}"
        )
    return "topk", k


def _architecture(file: Path, name: Any) -> str:
    if name in ARCHITECTURES:
        return str(name)
    if name in _BEYOND:
        raise SAEError(f"{file}: the architecture {name} cannot be read here: {_BEYOND[name]}")
    near = get_close_matches(str(name), ARCHITECTURES, n=1, cutoff=0.0)[0]
    raise SAEError(
        f"{file}: expected an architecture ({', '.join(ARCHITECTURES)}), found {name!r}; nearest: "
        f"{near}"
    )


def _metadata(file: Path, found: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Known metadata, and what else stands there.

    Metadata is open to anyone's keys and changes nothing that is computed, so a foreign key is
    told and not refused, unless it is a known one misspelt.
    """
    foreign = []
    for name in found:
        if name in _METADATA or name in _PROVENANCE:
            continue
        near = get_close_matches(name, [*_METADATA, *_PROVENANCE], n=1, cutoff=0.8)
        if near:
            raise SAEError(
                f"{file}: unknown key metadata.{name}; nearest known key: metadata.{near[0]}"
            )
        foreign.append(name)
    kept = {name: value for name, value in found.items() if name not in foreign}
    values = settle(file, kept, _METADATA, training=_PROVENANCE, where="metadata.")
    notes = (f"metadata that nothing here reads: {', '.join(foreign)}",) if foreign else ()
    return values, notes


def _said(
    file: Path,
    architecture: str,
    values: dict[str, Any],
    metadata: dict[str, Any],
    notes: tuple[str, ...],
) -> Said:
    kind = ARCHITECTURES[architecture]
    sizes = {"d_in": values["d_in"], "d_sae": values["d_sae"]}
    sizes["d_out"] = values["d_in"]
    if kind.transcoder:
        if values["d_out"] is None:
            raise SAEError(f"{file}: expected the key d_out for a {architecture}, found none")
        sizes["d_out"] = values["d_out"]
    k = values["k"]
    if kind.activation == "topk" and not (isinstance(k, int) and 1 <= k <= sizes["d_sae"]):
        raise SAEError(
            f"{file}: expected k to be a whole number from 1 to d_sae {sizes['d_sae']}, found {k!r}"
        )
    return Said(
        architecture,
        sizes,
        values["apply_b_dec_to_input"],
        values["normalize_activations"],
        values["reshape_activations"],
        k,
        values["rescale_acts_by_decoder_norm"],
        values["norm_scaling_factor"],
        values["finetuning_scaling_factor"],
        metadata,
        notes,
    )
