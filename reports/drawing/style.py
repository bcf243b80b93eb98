"""How every picture is drawn: two sets of colours and the classes that use them.

The same rules stand in a picture that is a file of its own and in a page that holds many.
Nothing depends on colour alone: lines differ in their dashes, states in their place and name.
"""

from __future__ import annotations

LIGHT = (
    "--paper:#fff;--ink:#1f2328;--soft:#59636e;--rule:#1f23281f;--read:#265aa0;--does:#a85b00;"
    "--bad:#b23c26;--other:#7d4fb0;--calm:#8c959f;--shade:#265aa029;--beyond:#b23c2614;"
    "--refreshed:#7aa7d9;--still:#c9cdd2"
)
DARK = (
    "--paper:#0d1117;--ink:#e6edf3;--soft:#9aa4af;--rule:#e6edf326;--read:#79b0f5;--does:#f0a94a;"
    "--bad:#ff8368;--other:#b794e6;--calm:#768390;--shade:#79b0f52e;--beyond:#ff83681f;"
    "--refreshed:#3f78b8;--still:#484f58"
)
COLOURS = f":root{{{LIGHT}}}@media screen and (prefers-color-scheme:dark){{:root{{{DARK}}}}}"

_RULES = {
    # paper and words
    ".paper": "fill:var(--paper)",
    "text": "fill:var(--ink)",
    ".soft": "fill:var(--soft)",
    ".strong": "font-weight:600",
    ".grid": "stroke:var(--rule);fill:none",
    ".axis": "stroke:var(--soft);fill:none",
    # what was found
    ".found": "stroke:var(--read);stroke-width:2;fill:none;stroke-linejoin:round",
    ".band": "fill:var(--shade)",
    ".fdot,.ftext": "fill:var(--read)",
    ".fspan": "stroke:var(--read);stroke-width:2;fill:none",
    ".span": "stroke:var(--read);stroke-width:5;stroke-opacity:.45;fill:none",
    # what the model visibly does
    ".does": "stroke:var(--does);stroke-width:1.8;stroke-dasharray:6 4;fill:none;"
    "stroke-linejoin:round",
    ".ddot,.dtext": "fill:var(--does)",
    ".second": "stroke:var(--other);stroke-width:1.8;stroke-dasharray:9 3 2 3;fill:none;"
    "stroke-linejoin:round",
    ".sdot,.stext": "fill:var(--other)",
    ".dspan": "stroke:var(--does);stroke-width:2;fill:none",
    # what it is held against
    ".limit": "stroke:var(--ink);stroke-dasharray:1.5 3;fill:none",
    ".chance": "stroke:var(--soft);stroke-dasharray:2 4;fill:none",
    ".cut": "stroke:var(--bad);stroke-width:1.6;fill:none",
    ".ctext": "fill:var(--bad);font-weight:600",
    ".beyond": "fill:var(--beyond)",
    ".fires": "fill:var(--bad)",
    ".quiet": "fill:var(--calm)",
    ".between": "fill:none;stroke:var(--calm)",
    ".other": "stroke:var(--soft);stroke-width:2;fill:none",
    ".odot": "fill:var(--soft)",
    # alarm, gaps, outlook
    ".alarm": "stroke:var(--bad);stroke-width:1.6;fill:none",
    ".amark": "fill:var(--bad)",
    ".atext": "fill:var(--bad);font-weight:600",
    ".gone": "stroke:var(--soft);stroke-width:1.5;fill:none",
    ".ahead": "stroke:var(--read);stroke-width:1.3;fill:none",
    ".hollow": "stroke:var(--read);stroke-width:1.3;fill:var(--paper)",
    ".ring": "stroke:var(--ink);stroke-width:1.6;fill:none",
    # states of a monitor
    ".stable": "fill:var(--still)",
    ".drifted": "fill:var(--refreshed)",
    ".grew": "fill:var(--bad)",
    ".lost": "fill:var(--other)",
    ".invalid": "fill:var(--ink)",
    ".reference": "fill:none;stroke:var(--soft)",
}
RULES = "".join(
    f"{','.join(f'svg {one}' for one in of.split(','))}{{{how}}}" for of, how in _RULES.items()
)
STYLE = COLOURS + RULES
