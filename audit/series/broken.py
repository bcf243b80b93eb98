"""Why a checkpoint cannot be audited, in one sentence and before it is loaded.

Looks at folders alone: whether all is there, whether an adapter's base is, and whether the
model is of the reference's shape and reads with its tokenizer. Weights that are no numbers
and names on the hub show only once they are loaded.
"""

from __future__ import annotations

from pathlib import Path

from audit.errors import UsageError
from audit.series.adapters import base_of
from audit.series.checkpoints import Checkpoint
from audit.series.completeness import is_complete
from audit.series.identity import Identity, differences, identity


def why_broken(checkpoint: Checkpoint, reference: Identity | None = None) -> str | None:
    """One sentence on why a checkpoint cannot be audited; None where nothing is known against it.

    Args:
        checkpoint: of any kind; one on the hub is known only once it has been fetched.
        reference: what the others of its series are compared with.
    """
    folder = checkpoint.folder
    if folder is None:
        return None
    try:
        return _against(checkpoint, folder, reference)
    except FileNotFoundError as error:
        return f"{folder} lost {error.filename} while it was looked at"


def _against(checkpoint: Checkpoint, folder: Path, reference: Identity | None) -> str | None:
    look = is_complete(folder)
    if not look.complete:
        return str(look)
    compared = [(str(folder), identity(folder))]
    if checkpoint.kind == "adapter":
        try:
            base = base_of(folder, base=checkpoint.base)
        except UsageError as error:
            return str(error)
        if base is not None and (under := Path(base).expanduser()).is_dir():
            below = is_complete(under)
            if below.missing:
                return f"the base of {folder}: {below}"
            compared.append((f"{under}, the base of {folder}", _under(folder, under)))
    if reference is None:
        return None
    for place, found in compared:
        if grave := [one for one in differences(reference, found) if one.grave]:
            return f"{place} is not like the reference: {'; '.join(map(str, grave))}"
    return None


def _under(folder: Path, base: Path) -> Identity:
    """A base's identity; its tokenizer does not count where the adapter has its own."""
    own, below = identity(folder), identity(base)
    if own.vocabulary is None:
        return below
    return Identity(below.architecture, below.d_model, below.n_layers)
