"""Tensors on disk: safetensors, npz and torch's pickles, read whole or by their names alone.

Knows the three containers and how each looks when it is cut short. What the tensors must be is
asked in `files.py`.
"""

from __future__ import annotations

import io
import pickletools
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from probes.sae.sae import SAEError


def read_tensors(file: Path) -> dict[str, Any]:
    """All that a weight file holds, as stored, on the CPU; a pickle with `weights_only=True`.

    Raises:
        SAEError: the file is cut short or not what its ending says.
    """
    if file.suffix == ".safetensors":
        return _read_safetensors(file)
    return _read_npz(file) if file.suffix == ".npz" else _read_pickle(file)


def keys(file: Path) -> frozenset[str]:
    """Names of a weight file's tensors, without reading them and without running a pickle.

    A pickle also names other things (classes, storages), so for those it is a superset.

    Raises:
        SAEError: the file is cut short or not what its ending says.
    """
    if file.suffix == ".safetensors":
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(file, framework="numpy") as opened:
                return frozenset(opened.keys())
        except (SafetensorError, OSError) as error:
            raise _broken(file, "safetensors", error) from None
    if file.suffix == ".npz":
        try:
            with zipfile.ZipFile(file) as archive:
                return frozenset(name.removesuffix(".npy") for name in archive.namelist())
        except (zipfile.BadZipFile, OSError) as error:
            raise _broken(file, "npz", error) from None
    return _names_in_pickle(file)


def stored_shape(file: Path, name: str) -> tuple[int, ...]:
    """Shape of a tensor in a safetensors file, from its header alone."""
    from safetensors import safe_open

    with safe_open(file, framework="numpy") as opened:
        return tuple(opened.get_slice(name).get_shape())


def _broken(file: Path, kind: str, error: Exception) -> SAEError:
    size = file.stat().st_size if file.is_file() else 0
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return SAEError(
        f"{file}: expected a whole {kind} file, found {size} bytes that are cut short or something "
        f"else ({first})"
    )


def _read_safetensors(file: Path) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(file))
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise _broken(file, "safetensors", error) from None


def _read_npz(file: Path) -> dict[str, Any]:
    import zlib

    import numpy as np
    import torch

    try:
        # Opened here: numpy leaves the file open where it is no archive.
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            return {name: torch.from_numpy(np.asarray(archive[name])) for name in archive.files}
    except (zipfile.BadZipFile, zlib.error, ValueError, OSError, EOFError, TypeError) as error:
        raise _broken(file, "npz", error) from None


def _read_pickle(file: Path) -> dict[str, Any]:
    import pickle

    import torch

    try:
        found = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        first = (str(error).strip().splitlines() or ["unknown"])[0]
        raise SAEError(
            f"{file}: expected tensors alone, found a pickle with something else in it, or one cut "
            f"short ({first}); nothing of it was run"
        ) from None
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise _broken(file, "torch", error) from None
    if not isinstance(found, dict):
        raise SAEError(f"{file}: expected a dict of tensors, found {type(found).__name__}")
    return dict(found)


def _names_in_pickle(file: Path) -> frozenset[str]:
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                inner = [n for n in archive.namelist() if n.endswith("/data.pkl")]
                streams: Sequence[bytes] = [archive.read(name) for name in inner]
        else:
            with file.open("rb") as stream:
                streams = [stream.read(1 << 20)]  # the older layout: pickles first, tensors last
    except (zipfile.BadZipFile, OSError) as error:
        raise _broken(file, "torch", error) from None
    return frozenset(name for content in streams for name in _strings(content))


def _strings(content: bytes) -> Iterable[str]:
    """Every text constant in pickles that lie one behind the other, up to what is none."""
    stream = io.BytesIO(content)
    try:
        while stream.tell() < len(content):
            for _, argument, _ in pickletools.genops(stream):
                if isinstance(argument, str):
                    yield argument
    except ValueError:  # the raw tensors after the last pickle, or a file cut short
        return
