"""How far the places of the unmodified model are from TransformerLens' own, per architecture.

    PYTHONPATH=. python benchmarks/parity.py

Random weights, float32, eager attention; the largest absolute error over layers and tokens.
A site that an architecture does not have is left blank.
"""

from __future__ import annotations

import re

from audit.models.hook_names import SITES
from tests.audit.models.shapes import MORE, SHAPES, parity, random_model


def main() -> None:
    sites = ["embed", *SITES]
    print("architecture".ljust(24), *(site.rjust(11) for site in sites))
    for shape in SHAPES | MORE:
        worst: dict[str, float] = {}
        for name, error in parity(random_model(shape)).items():
            site = re.sub(r"^(blocks\.\d+\.)?hook_", "", name)
            worst[site] = max(worst.get(site, 0.0), error)
        cells = (f"{worst[site]:.1e}" if site in worst else "" for site in sites)
        print(shape.ljust(24), *(cell.rjust(11) for cell in cells))


if __name__ == "__main__":
    main()
