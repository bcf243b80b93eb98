"""What it costs to read some features of an SAE, beside reading them all.

    python benchmarks/features.py

Full encode and column slice, interleaved, medians of rounds; only the ratio counts. Equality is
that of the numbers: how many of them are the same bit for bit, and how far the others are off.
"""

from __future__ import annotations

from statistics import median
from time import perf_counter

import torch

from probes.sae import SAE, JumpReLU, TopK

TOKENS, D_IN, D_SAE, FEATURES, ROUNDS = 2048, 2304, 16_384, 64, 7


def main() -> None:
    rng = torch.Generator().manual_seed(0)
    W = torch.randn(D_SAE, D_IN, generator=rng) / D_IN**0.5
    x = torch.randn(TOKENS, D_IN, generator=rng)
    threshold = torch.full((D_SAE,), 2.5)
    chosen = torch.randperm(D_SAE, generator=rng)[:FEATURES].tolist()
    zeros = torch.zeros(D_SAE)
    print(f"{TOKENS} tokens, d_in {D_IN}, {FEATURES} of {D_SAE:,} features, medians of {ROUNDS}\n")
    print("| activation | full encode | wanted features | ratio | same bits | largest difference |")
    print("|---|---|---|---|---|---|")
    for activation in (JumpReLU(threshold), TopK(64)):
        sae = SAE(W.T, zeros, W, torch.zeros(D_IN), activation)
        reader = sae.reader(chosen)
        times: dict[str, list[float]] = {"full": [], "slice": []}
        for _ in range(ROUNDS):
            begin = perf_counter()
            full = sae.encode(x)
            middle = perf_counter()
            part = reader(x)
            times["full"].append(middle - begin)
            times["slice"].append(perf_counter() - middle)
        wanted = full[:, chosen]
        off = (wanted - part).abs()
        print(
            f"| {activation.name} | {1e3 * median(times['full']):.0f} ms "
            f"| {1e3 * median(times['slice']):.1f} ms "
            f"| {median(times['full']) / median(times['slice']):.1f} "
            f"| {float((off == 0).float().mean()):.4f} | {float(off.max()):.1e} |"
        )


if __name__ == "__main__":
    main()
