"""A picture of a report as a file of its own, with its style and its paper."""

from __future__ import annotations

from reports.drawing.style import STYLE


def alone(drawn: str) -> str:
    """An `<svg>` of `reports.drawing` as the text of a file."""
    begin = drawn.index(">") + 1
    paper = '<rect class="paper" width="100%" height="100%"/>'
    whole = f"{drawn[:begin]}<style>{STYLE}</style>{paper}{drawn[begin:]}\n"
    return whole.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
