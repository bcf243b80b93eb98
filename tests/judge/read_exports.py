"""Our exports, read back by sae-lens itself: the same activations and the same decoding.

    python read_exports.py EXPORTS

Runs in the judge's environment. Ends with 1 where a difference is above 1e-5.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import torch
from safetensors.torch import load_file


def main() -> int:
    from sae_lens import SAE

    warnings.simplefilter("ignore")
    exports = Path(sys.argv[1])
    expected = load_file(exports / "expected.safetensors")
    cases = sorted({name.rpartition(":")[0] for name in expected})
    encode = decode = relative = 0.0
    for case in cases:
        x, acts, decoded = (expected[f"{case}:{part}"] for part in ("x", "acts", "decoded"))
        said = json.loads((exports / case / "cfg.json").read_text())
        with torch.no_grad():
            sae = SAE.load_from_disk(exports / case)
            heads = said["reshape_activations"] == "hook_z"
            given = x.reshape(*x.shape[:-1], 2, -1) if heads else x
            if said["metadata"].get("model_from_pretrained_kwargs"):
                given = given - given.mean(-1, keepdim=True)
            found = sae.encode(given)
            out = sae(given) if "transcoder" in said["architecture"] else sae.decode(found)
            out = out.reshape(decoded.shape)
            if said["metadata"].get("model_from_pretrained_kwargs"):
                out = out + x.mean(-1, keepdim=True)
        encode = max(encode, float((found - acts).abs().max()))
        off = float((out - decoded).abs().max())
        decode = max(decode, off)
        relative = max(relative, off / max(1.0, float(decoded.abs().max())))
    print(
        f"sae-lens reads {len(cases)} exports back; largest difference: encode {encode:.1e}, "
        f"decode {decode:.1e} ({relative:.1e} of the largest value)"
    )
    return int(encode > 1e-5 or relative > 1e-5)


if __name__ == "__main__":
    sys.exit(main())
