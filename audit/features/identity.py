"""Which SAE it is and where it reads, as messages and records name it."""

from __future__ import annotations

from audit.errors import UsageError
from probes.sae import SAE
from reports.features import SAEInfo


def place_of_sae(sae: SAE, hook_name: str | None) -> str:
    """The hook name at which an SAE reads; what the caller says comes first.

    Raises:
        UsageError: neither its files nor the caller say.
    """
    place = hook_name or sae.origin.hook_name
    if place is None:
        raise UsageError(
            f"{sae.origin.path or 'the SAE'}: its files do not say where it reads; give a hook "
            "name such as blocks.8.hook_resid_post"
        )
    return place


def sae_info(sae: SAE, hook_name: str) -> SAEInfo:
    """The SAE as the record keeps it."""
    origin = sae.origin
    return SAEInfo(
        path=origin.path,
        format=origin.format,
        digest=origin.digest,
        d_in=sae.d_in,
        d_sae=sae.d_sae,
        activation=sae.activation.name,
        hook_name=hook_name,
        hook_name_out=origin.hook_name_out,
        model_name=origin.model_name,
        promised_l0=origin.promised_l0,
        notes=list(origin.notes),
    )
