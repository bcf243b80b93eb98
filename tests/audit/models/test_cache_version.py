"""Whoever changes what `capture` gives raises `CAPTURE_VERSION`: these numbers were kept under it.

`python -m tests.audit.models.test_cache_version` writes them anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from audit.models.cache.keys import CAPTURE_VERSION
from audit.models.capture import Read, Selection, TokenSequence, capture
from audit.models.generation import continuations
from audit.models.loading import load_model
from probes.pooling import POOLINGS

GOLDEN = Path(__file__).parent / "golden_capture.json"
PLACES = ("hook_embed", "blocks.1.hook_resid_mid", "blocks.2.hook_mlp_out", "blocks.3.attn.hook_z")
LENGTHS = (3, 17, 40, 9)


def numbers() -> dict[str, Any]:
    """What a model whose weights never change answers to prompts that never change."""
    model = load_model("organism:liar", device="cpu", dtype="float32")
    prompts = [tuple((31 * i * i + 7 * n) % 600 for i in range(n)) for n in LENGTHS]
    reads = [Read(place, pooling, 4) for place in PLACES for pooling in POOLINGS]
    every = tuple(range(len(reads)))
    sequences = [
        TokenSequence(ids, (Selection(tuple(range(n // 3, n)), every),), ((n - 1, 5), (0, ids[1])))
        for ids, n in zip(prompts, LENGTHS, strict=True)
    ]
    found = capture(model, sequences, reads)
    keys = [(index, 0) for index in range(len(sequences))]
    return {
        # Every eighth number of each vector: enough to see a change, little enough to keep.
        "pooled": [found.matrix(read, keys)[:, ::8].round(6).tolist() for read in every],
        "log_probs": [list(map(float, of)) for of in found.log_probs],
        "texts": continuations(model, prompts, 6),
    }


def test_these_numbers_belong_to_this_version() -> None:
    golden, found = json.loads(GOLDEN.read_text("utf-8")), numbers()
    why = "what is kept of models no longer is what they give: raise CAPTURE_VERSION in keys.py"
    for part in ("pooled", "log_probs"):
        same = np.allclose(np.array(found[part]), np.array(golden[part]), rtol=0, atol=1e-4)
        assert same, why
    assert found["texts"] == golden["texts"], why
    assert golden["version"] == CAPTURE_VERSION, "write the numbers of this version, see above"


if __name__ == "__main__":
    text = json.dumps({"version": CAPTURE_VERSION, **numbers()}, indent=None)
    GOLDEN.write_text(text + "\n", "utf-8")
