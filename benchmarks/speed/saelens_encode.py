"""sae-lens' own encode, timed by whoever writes a line to its input.

    python saelens_encode.py GIVEN FOUND

Runs in an environment that has sae-lens, and knows nothing of this project. GIVEN holds `x` and
the weights; FOUND gets the features. It says `ready`, and then the process's seconds of an encode
for every line that it reads.
"""

from __future__ import annotations

import sys
import time

import torch
from safetensors.torch import load_file, save_file


def main(given: str, found: str) -> None:
    from sae_lens import JumpReLUSAE, JumpReLUSAEConfig

    torch.set_num_threads(1)
    tensors = load_file(given)
    x, W = tensors["x"], tensors["W_enc"]
    config = JumpReLUSAEConfig(
        d_in=W.shape[0],
        d_sae=W.shape[1],
        dtype="float32",
        device="cpu",
        apply_b_dec_to_input=False,
        normalize_activations="none",
    )
    sae = JumpReLUSAE(config)
    with torch.no_grad():
        sae.W_enc.copy_(W)
        sae.W_dec.copy_(W.T)
        for name in ("b_enc", "b_dec", "threshold"):
            getattr(sae, name).copy_(tensors[name])
        sae.eval()
        save_file({"features": sae.encode(x).contiguous()}, found)
        print("ready", flush=True)
        for _ in sys.stdin:
            begin = time.process_time()
            sae.encode(x)
            print(time.process_time() - begin, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
