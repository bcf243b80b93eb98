"""Sparse autoencoders: load any public one, check it, read it, find and explain its features.

A library of its own, like the room it lies in: activations come in as tensors, and no model,
suite or report is known here. torch is imported by what runs, not by importing this.
"""

from probes.sae.activations import Activation, Gated, GroupMax, JumpReLU, ReLU, TopK
from probes.sae.export import save_sae
from probes.sae.formats import SAE_FORMATS, SAEFormat, load_sae, sae_format, sae_format_names
from probes.sae.sae import SAE, Origin, SAEError

__all__ = [
    "SAE",
    "SAE_FORMATS",
    "Activation",
    "Gated",
    "GroupMax",
    "JumpReLU",
    "Origin",
    "ReLU",
    "SAEError",
    "SAEFormat",
    "TopK",
    "load_sae",
    "sae_format",
    "sae_format_names",
    "save_sae",
]
