"""Random numbers by purpose: the same seed for two things does not make them the same.

Weights that start where planted directions lie, or where a control's directions do, would look
like a discovery.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def generator(purpose: str, *numbers: int) -> torch.Generator:
    """A generator on the host that is its own for each purpose and each list of numbers."""
    import torch

    said = "\0".join([purpose, *map(str, numbers)]).encode()
    return torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(said).digest()[:7], "big"))
