"""The table of formats, and the one way in: `load_sae`.

A format is recognised from the files; exactly one must fit. Another package adds one through
the entry point group `alignment_audit.sae_formats`. What a family's files mean is known in
`probes/sae/loaders/`, not here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from probes.plugins import plugin, plugin_names
from probes.sae.files import PICKLES, Source
from probes.sae.hub import local_path
from probes.sae.loaders import (
    circuit_tracer,
    dictionary_learning,
    gemma_scope,
    gemma_scope_2,
    goodfire,
    llama_scope,
    openai_gpt2,
    qresearch,
    qwen_scope,
    saelens,
    sparsify,
)
from probes.sae.sae import SAE, SAEError

ENTRY_POINTS = "alignment_audit.sae_formats"
_WEIGHTS = (".safetensors", ".npz", *PICKLES)


@dataclass(frozen=True)
class SAEFormat:
    """One family of files.

    Attributes:
        recognise: what in the files speaks for it, in a few words; None where they are not it.
        load: the SAE that the files hold; raises SAEError where they are not what they should
            be.
    """

    recognise: Callable[[Source], str | None]
    load: Callable[[Source], SAE]


SAE_FORMATS: dict[str, SAEFormat] = {
    "saelens": SAEFormat(saelens.recognise, saelens.load),
    "dictionary_learning": SAEFormat(dictionary_learning.recognise, dictionary_learning.load),
    "sparsify": SAEFormat(sparsify.recognise, sparsify.load),
    "gemma_scope": SAEFormat(gemma_scope.recognise, gemma_scope.load),
    "gemma_scope_2": SAEFormat(gemma_scope_2.recognise, gemma_scope_2.load),
    "llama_scope": SAEFormat(llama_scope.recognise, llama_scope.load),
    "openai_gpt2": SAEFormat(openai_gpt2.recognise, openai_gpt2.load),
    "goodfire": SAEFormat(goodfire.recognise, goodfire.load),
    "qwen_scope": SAEFormat(qwen_scope.recognise, qwen_scope.load),
    "qresearch": SAEFormat(qresearch.recognise, qresearch.load),
    "circuit_tracer": SAEFormat(circuit_tracer.recognise, circuit_tracer.load),
}


def sae_format(name: str) -> SAEFormat:
    """Find a format by name, built in or registered by an installed package.

    Raises:
        ProbeError: if there is none; says the nearest name.
    """
    return plugin("SAE format", name, SAE_FORMATS, ENTRY_POINTS)


def sae_format_names() -> tuple[str, ...]:
    """All names that `sae_format` finds."""
    return plugin_names(SAE_FORMATS, ENTRY_POINTS)


def load_sae(
    path_or_id: str | Path,
    *,
    format: str | None = None,
    allow_pickle: bool = False,
    allow_half: bool = False,
    device: str = "cpu",
) -> SAE:
    """Read a sparse autoencoder or transcoder from files, in whichever format they are.

    Args:
        path_or_id: a folder, a weight file, or a hub id `owner/name/folder@revision`.
        format: a name in `SAE_FORMATS`, where the files alone do not say.
        allow_pickle: read torch's pickles, tensors alone (`weights_only=True`).
        allow_half: read float16 and bfloat16 as float32.
        device: where to put it.

    Raises:
        SAEError: the files are not exactly one format, or not what that format says they are.
            Names the file, what was expected and what was found; nothing is loaded.
        ProbeError: no format has that name.
    """
    given = str(path_or_id)
    chosen = None if format is None else sae_format(format)
    path = local_path(given)
    source = Source(
        given,
        path if path.is_dir() else path.parent,
        None if path.is_dir() else path,
        allow_pickle,
        allow_half,
    )
    if chosen is None:
        chosen = sae_format(_recognised(source))
    found = chosen.load(source)
    if source.rounded:
        note = (
            f"its weights are stored in {', '.join(sorted(source.rounded))}: thresholds are rounded"
        )
        origin = replace(found.origin, notes=(*found.origin.notes, note))
        found = replace(found, origin=origin)
    return found.to(device)


def _recognised(source: Source) -> str:
    formats = {name: sae_format(name) for name in sae_format_names()}
    signs = {name: found.recognise(source) for name, found in formats.items()}
    fitting = {name: sign for name, sign in signs.items() if sign is not None}
    if len(fitting) == 1:
        return next(iter(fitting))
    if fitting:
        said = "; ".join(f"{name} ({sign})" for name, sign in fitting.items())
        raise SAEError(
            f"{source.given}: expected the files of one format, found those of {len(fitting)}: "
            f"{said}; say which with format (--sae-format)"
        )
    raise SAEError(
        f"{source.given}: expected the files of an SAE, found {_what_there_is(source)}; name the "
        "folder or file that holds its weights, or its format with format (--sae-format): "
        f"{', '.join(formats)}"
    )


def _what_there_is(source: Source) -> str:
    if source.file is not None:
        return f"{source.file.name} beside {source.listing()}"
    weights = [p for p in sorted(source.folder.iterdir()) if p.suffix in _WEIGHTS]
    return source.listing() + ("" if weights else " (no weight file)")
