"""A probe on disk: tensors as safetensors, all else as JSON, never a pickle.

Knows files and one dataclass; knows no model. What it cannot vouch for it refuses, with what
it expected and what it found.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from probes.base import ProbeError
from probes.linear import LinearProbe

SCHEMA_VERSION = 2
_TENSORS = ("coef_", "mean_", "scale_")


@dataclass(frozen=True)
class SavedFeatures:
    """The features of an SAE that a saved monitor reads.

    Attributes:
        sae: path or hub id, as the suite wrote it.
        sae_format: a name in the table of formats.
        sae_digest: of its files: features of another SAE are other features.
        features: their numbers, in the order of the probe's weights.
        combine: `max`, `sum` or `probe`.
    """

    sae: str
    sae_format: str
    sae_digest: str
    features: tuple[int, ...]
    combine: str


@dataclass(frozen=True, eq=False)
class SavedProbe:
    """A probe with everything needed to read a model with it again.

    Attributes:
        probe: the fitted probe.
        hook_name: where its activations come from: `blocks.8.hook_resid_post`.
        layer: counted from 0; None for a place outside the blocks.
        tokens: which tokens it reads: `last`, `response`, `last 4`.
        pooling: name in the table of poolings.
        window: tokens in a window of `max_rolling_mean`.
        threshold: a row fires strictly above it.
        lower: below it the probe reads that the concept is absent; None where not set.
        stated_fpr: false-positive rate on controls that set the threshold.
        model_name: for people.
        model_digest: of the weights that the probe was fitted on.
        controls_digest: of the control rows that set the threshold.
        concept: what it looks for.
        suite: where it was defined.
        features: what the probe's weights are of, where it reads features of an SAE and not
            activations; with `max` and `sum` the weights are ones.
        schema_version: of this format.
    """

    probe: LinearProbe
    hook_name: str
    layer: int | None
    tokens: str
    pooling: str
    window: int
    threshold: float
    lower: float | None
    stated_fpr: float
    model_name: str
    model_digest: str
    controls_digest: str
    concept: str
    suite: str
    features: SavedFeatures | None = None
    schema_version: int = SCHEMA_VERSION


# What each field of the JSON must be. `tensors` ties it to the safetensors file beside it.
_FIELDS: dict[str, tuple[type, ...]] = {
    "schema_version": (int,),
    "hook_name": (str,),
    "layer": (int, type(None)),
    "tokens": (str,),
    "pooling": (str,),
    "window": (int,),
    "threshold": (float, int),
    "lower": (float, int, type(None)),
    "stated_fpr": (float, int),
    "model_name": (str,),
    "model_digest": (str,),
    "controls_digest": (str,),
    "concept": (str,),
    "suite": (str,),
    "features": (dict, type(None)),
    "kind": (str,),
    "penalty": (float, int, type(None)),
    "intercept": (float, int),
    "d_model": (int,),
    "tensors_sha256": (str,),
}


def save_probe(path_stem: str | Path, saved: SavedProbe) -> Path:
    """Write `<stem>.safetensors`, then `<stem>.json`, each atomically.

    Returns:
        The path of the JSON file.

    Raises:
        ProbeError: if a number is not finite.
        OSError: if the folder cannot be written.
    """
    from safetensors.numpy import save

    probe = saved.probe
    tensors = {name: np.ascontiguousarray(getattr(probe, name)) for name in _TENSORS}
    content = save(tensors)
    fields: dict[str, Any] = {
        name: value for name, value in asdict(saved).items() if name != "probe"
    }
    fields |= {
        "kind": probe.kind,
        "penalty": probe.penalty,
        "intercept": probe.intercept_,
        "d_model": probe.d_model,
        "tensors_sha256": hashlib.sha256(content).hexdigest(),
    }
    try:
        text = json.dumps(fields, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    except ValueError:
        bad = [k for k, v in fields.items() if isinstance(v, float) and not math.isfinite(v)]
        raise ProbeError(f"a saved probe holds finite numbers; not so: {', '.join(bad)}") from None
    _write(_beside(path_stem, ".safetensors"), content)
    target = _beside(path_stem, ".json")
    _write(target, (text + "\n").encode())
    return target


def load_probe(
    path: str | Path, *, d_model: int | None = None, model_digest: str | None = None
) -> SavedProbe:
    """Read a probe, and refuse one that does not belong to the model at hand.

    Args:
        path: the stem, or either of the two files.
        d_model: width of the model at hand, where the probe must fit it.
        model_digest: digest of its weights, where it must be the very same model.

    Raises:
        ProbeError: if a file is missing, truncated or not what it should be, or if width or
            digest differ. Names the file, what was expected and what was found.
    """
    file = _beside(_stem(path), ".json")
    fields = _read_fields(file)
    of_features = fields["features"] is not None
    if d_model is not None and not of_features and fields["d_model"] != d_model:
        raise ProbeError(f"{file}: expected d_model {d_model}, found {fields['d_model']}")
    if model_digest is not None and fields["model_digest"] != model_digest:
        raise ProbeError(
            f"{file}: expected a probe of the model {model_digest}, "
            f"found one of {fields['model_digest']} ({fields['model_name']})"
        )
    tensors = _read_tensors(_beside(_stem(path), ".safetensors"), fields)
    probe = LinearProbe(
        **tensors, intercept_=fields["intercept"], kind=fields["kind"], penalty=fields["penalty"]
    )
    rest = ("kind", "penalty", "intercept", "d_model", "tensors_sha256", "features")
    return SavedProbe(
        probe=probe,
        features=_features(file, fields),
        **{k: v for k, v in fields.items() if k not in rest},
    )


def _features(file: Path, fields: dict[str, Any]) -> SavedFeatures | None:
    given = fields["features"]
    if given is None:
        return None
    texts = ("sae", "sae_format", "sae_digest", "combine")
    numbers = given.get("features")
    if set(given) != {*texts, "features"} or not all(isinstance(given[n], str) for n in texts):
        raise ProbeError(f"{file}: expected features as {texts} and a list, found {given!r}")
    if not isinstance(numbers, list) or len(numbers) != fields["d_model"]:
        raise ProbeError(
            f"{file}: expected {fields['d_model']} numbers of features, found {numbers!r}"
        )
    return SavedFeatures(**{n: given[n] for n in texts}, features=tuple(map(int, numbers)))


def _stem(path: str | Path) -> Path:
    given = Path(path)
    return given.with_suffix("") if given.suffix in (".json", ".safetensors") else given


def _beside(stem: str | Path, ending: str) -> Path:
    # with_suffix would cut a stem like `blocks.8.hook_resid_post`.
    return Path(f"{stem}{ending}")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise ProbeError(f"{file}: expected a saved probe, found no such file") from None


def _read_fields(file: Path) -> dict[str, Any]:
    content = _read(file)
    try:
        fields = json.loads(content, parse_constant=_refuse_constant)
    except ValueError as error:  # not UTF-8, not JSON, or a NaN
        raise ProbeError(
            f"{file}: expected JSON, found {len(content)} bytes that are not: {error}"
        ) from None
    if not isinstance(fields, dict):
        raise ProbeError(f"{file}: expected a JSON object, found a {type(fields).__name__}")
    if fields.get("schema_version") == 1:  # written before probes could read features
        fields = {**fields, "schema_version": SCHEMA_VERSION, "features": None}
    if fields.get("schema_version") != SCHEMA_VERSION:
        raise ProbeError(
            f"{file}: expected schema_version {SCHEMA_VERSION}, "
            f"found {fields.get('schema_version')!r}"
        )
    if set(fields) != set(_FIELDS):
        odd = sorted(set(fields) ^ set(_FIELDS))
        raise ProbeError(f"{file}: expected the fields of a saved probe, found otherwise: {odd}")
    for name, kinds in _FIELDS.items():
        if not isinstance(fields[name], kinds) or isinstance(fields[name], bool):
            wanted = " or ".join("null" if k is type(None) else k.__name__ for k in kinds)
            raise ProbeError(f"{file}: expected {name} to be {wanted}, found {fields[name]!r}")
    return fields


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _read_tensors(file: Path, fields: dict[str, Any]) -> dict[str, Any]:
    from safetensors.numpy import load

    content = _read(file)
    found = hashlib.sha256(content).hexdigest()
    if found != fields["tensors_sha256"]:
        raise ProbeError(
            f"{file}: expected sha256 {fields['tensors_sha256']}, found {found} "
            f"({len(content)} bytes): truncated, changed, or of another probe"
        )
    tensors: dict[str, Any] = load(content)
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    wanted = dict.fromkeys(_TENSORS, (fields["d_model"],))
    if shapes != wanted:
        raise ProbeError(f"{file}: expected tensors {wanted}, found {shapes}")
    return tensors


def _write(file: Path, content: bytes) -> None:
    """Temporary file, fsync, rename: a crash leaves the old file or the new one."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
