"""Our loaders against freshly made goldens; then our export of each, for sae-lens to read.

    python compare.py GOLDENS EXPORTS CHECKED_IN

Runs in our environment. Prints the largest difference per family as a Markdown table, writes
the exports with what they should give, and ends with 1 where a difference is above 1e-5.
"""

from __future__ import annotations

import sys
from pathlib import Path

from safetensors.torch import load_file, save_file

from probes import SAEError, load_sae
from probes.sae import save_sae

TOLERANCE = 1e-5


def main() -> int:
    goldens, exports, checked_in = (Path(argument) for argument in sys.argv[1:])
    found = load_file(goldens / "expected.safetensors")
    cases = sorted({name.rpartition(":")[0] for name in found})
    worst: dict[str, tuple[int, float, float, float]] = {}
    refused, expected = [], {}
    for number, case in enumerate(cases):
        x, acts, decoded = (found[f"{case}:{part}"] for part in ("x", "acts", "decoded"))
        sae = load_sae(goldens / case, allow_pickle=True)
        family = ": ".join([*case.split("/")[0].split("-"), "as released"][:2])
        encode = float((sae.encode(x) - acts).abs().max())
        difference = (sae.decode(acts, x) - decoded).abs()
        relative = float(difference.max() / decoded.abs().max().clamp(min=1.0))
        n, *before = worst.get(family, (0, 0.0, 0.0, 0.0))
        now = (encode, float(difference.max()), relative)
        worst[family] = (n + 1, *(max(pair) for pair in zip(before, now, strict=True)))
        try:
            save_sae(sae, exports / f"{number:03d}")
        except SAEError as error:
            refused.append(f"{case}: {error}")
            continue
        own = sae.encode(x)
        tensors = {"x": x, "acts": own, "decoded": sae.decode(own, x)}
        expected |= {f"{number:03d}:{name}": t.contiguous() for name, t in tensors.items()}
    save_file(expected, exports / "expected.safetensors")
    print("| format: kind | cases | encode | decode | decode, relative |\n|---|---|---|---|---|")
    for family, (n, encode, decode, relative) in worst.items():
        print(f"| {family} | {n} | {encode:.1e} | {decode:.1e} | {relative:.1e} |")
    top = [max(values[i] for values in worst.values()) for i in (1, 2, 3)]
    print(f"| all | {len(cases)} | {top[0]:.1e} | {top[1]:.1e} | {top[2]:.1e} |")
    print(f"\n{len(cases) - len(refused)} exported, {len(refused)} refused:")
    print("\n".join(f"  {line}" for line in refused))
    before = load_file(checked_in / "expected.safetensors")
    changed = before.keys() ^ found.keys()
    apart = max(float((before[name] - found[name]).abs().max()) for name in before.keys() & found)
    print(f"\nthe goldens checked in: {len(changed)} cases differ, numbers by at most {apart:.1e}")
    wrong = bool(changed) or apart > TOLERANCE
    return int(wrong or top[0] > TOLERANCE or top[2] > TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())
