"""Random states as they were, whatever is done in between.

An audit draws nothing at random from the generators that training draws from; what it calls
might. Knows Python's, numpy's and torch's generators, on the CPU and on the model's devices.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


@contextmanager
def unchanged(model: Any) -> Iterator[None]:
    """Put every random state back at the end, as far as training could see a difference."""
    import torch

    cuda = sorted({p.device.index or 0 for p in model.parameters() if p.device.type == "cuda"})
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=cuda):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
