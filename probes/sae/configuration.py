"""Configurations of SAEs: every key known, every value of its kind, or one sentence that says no.

A key that nobody reads is how an SAE comes to encode wrongly without an error. So each format
lists the keys it acts on and those it knows to speak of training only; any other is refused.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from probes.sae.sae import SAEError

REQUIRED = object()


@dataclass(frozen=True)
class Key:
    """What a key of a configuration must be.

    Attributes:
        kinds: Python types its value may have; a bool is no int, an int is a float.
        default: what an absent key means; `REQUIRED` where it must be there.
        allowed: the values that we can act on, where not all are.
    """

    kinds: tuple[type, ...]
    default: Any = REQUIRED
    allowed: Collection[Any] | None = None


NONE = type(None)
INT, TEXT, BOOL, NUMBER = (int,), (str,), (bool,), (float, int)
MAYBE_TEXT, MAYBE_INT, MAYBE_BOOL = (str, NONE), (int, NONE), (bool, NONE)


def words(text: str) -> frozenset[str]:
    """Keys, written one behind the other."""
    return frozenset(text.split())


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        SAEError: it is not one.
    """
    try:
        found = json.loads(file.read_bytes())
    except ValueError as error:
        raise SAEError(f"{file}: expected JSON, found something else: {error}") from None
    return _mapping(file, found)


def read_yaml(file: Path) -> dict[str, Any]:
    """A YAML mapping.

    Raises:
        SAEError: it is not one.
    """
    import yaml

    try:
        found = yaml.safe_load(file.read_bytes())
    except (yaml.YAMLError, ValueError) as error:
        first = str(error).splitlines()[0]
        raise SAEError(f"{file}: expected YAML, found something else: {first}") from None
    return _mapping(file, found)


def settle(
    file: Path,
    found: Mapping[str, Any],
    keys: Mapping[str, Key],
    training: Collection[str] = (),
    where: str = "",
) -> dict[str, Any]:
    """The value of every key, with defaults for those that may be absent.

    Args:
        file: for messages.
        found: the configuration, or a part of it.
        keys: those we act on.
        training: those known to say nothing about what the SAE computes.
        where: which part, with a dot at the end: `metadata.`.

    Raises:
        SAEError: a key is unknown or missing, or its value is not what it must be.
    """
    for name in found:
        if name not in keys and name not in training:
            near = get_close_matches(name, [*keys, *training], n=1, cutoff=0.0)
            raise SAEError(
                f"{file}: unknown key {where}{name} = {_short(found[name])}; nearest known key: "
                f"{where}{near[0]}. A key that is not understood could change what the SAE computes"
            )
    return {name: _settled(file, found, name, key, where) for name, key in keys.items()}


def _settled(file: Path, found: Mapping[str, Any], name: str, key: Key, where: str) -> Any:
    if name not in found:
        if key.default is REQUIRED:
            raise SAEError(f"{file}: expected the key {where}{name}, found none")
        return key.default
    value = found[name]
    fits = isinstance(value, key.kinds) and (not isinstance(value, bool) or bool in key.kinds)
    if not fits:
        kinds = " or ".join("null" if kind is NONE else kind.__name__ for kind in key.kinds)
        raise SAEError(f"{file}: expected {where}{name} to be {kinds}, found {_short(value)}")
    if key.allowed is not None and value not in key.allowed:
        wanted = ", ".join(_short(one) for one in key.allowed)
        raise SAEError(f"{file}: expected {where}{name} to be {wanted}; found {_short(value)}")
    return value


def _mapping(file: Path, found: Any) -> dict[str, Any]:
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise SAEError(f"{file}: expected named values, found a {type(found).__name__}")
    return found


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
