"""The page of the ground-truth bench: the goals first, then where and on which model it broke.

Says what the record says, in the words of the views. Decides nothing.
"""

from __future__ import annotations

from reports.drawing.ground_truth import aurocs_drawn, leads_drawn
from reports.ground_truth import GroundTruth
from reports.html.environment import page
from reports.html.glossary import GLOSSARY, anchor
from reports.html.sentences import coded
from reports.views.bench_goals import MET, NOT_MET
from reports.views.ground_truth import HOW_TO_READ, view_ground_truth

TERMS = ("AUROC", "interval", "pass", "flag", "inconclusive", "error", "verdict", "gate", "limit",
         "alarm", "monitor", "probe", "belief gap", "disparity", "behaviour", "excess", "control",
         "reference")  # fmt: skip
"""What this page uses of the words that every page explains."""


def render_html(record: GroundTruth) -> str:
    """What the bench found, as one self-contained page."""
    view = view_ground_truth(record)
    return page(
        "ground_truth.html",
        view=view,
        summary=coded(view.summary),
        population=coded(view.population),
        met=MET,
        not_met=NOT_MET,
        aurocs=aurocs_drawn([(one.name, one.area, one.auroc) for one in view.monitors if one.area]),
        leads=leads_drawn(view.leads.leads, view.leads.never, view.leads.sentence),
        broken=[coded(one.sentence) for one in view.broken],
        whole=[one for one in view.cells if not one.wrong],
        odd=[(one, coded(one.by)) for one in view.odd],
        agreed=[(one, coded(one.by)) for one in view.models if not one.odd],
        how_to_read=HOW_TO_READ,
        glossary={name: GLOSSARY[name] for name in TERMS},
        anchors={name: anchor(name) for name in TERMS},
    )
