"""How templates become pages: what comes from outside is made inert in one place.

Every value that a template prints goes through `inert` (hidden and control characters become
visible escapes) and then through Jinja's autoescape; a template cannot forget either. The policy
in the page's head forbids scripts and every request, and allows the one style sheet by its hash.
Styles stand in classes, since the policy forbids `style=` as well.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports.drawing.style import COLOURS, RULES
from reports.html.glossary import GLOSSARY, term
from reports.text import safe_text
from reports.views.wording import (
    estimate_words,
    figure,
    hundredths,
    percent,
    points,
    probability,
    support_words,
)

TEXT_LIMIT = 4000
"""Characters of one text from outside that a page shows; a note says how many are left out."""
NAME_LIMIT = 20_000
"""Characters of anything else: a name of ten megabytes must not make such a page."""


@cache
def environment() -> Environment:
    """The environment of all templates; strict, autoescaping, with the words of the views."""
    made = Environment(
        loader=PackageLoader("reports.html", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=inert,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "est": estimate_words,
        "gain": lambda estimate: estimate_words(estimate, signed=True),
        "support": support_words,
        "figure": figure,
        "percent": percent,
        "hundredths": hundredths,
        "points": points,
        "probability": probability,
        "lines": lines,
        "drawn": Markup,  # of our own SVG alone, whose text is escaped where it is drawn
    }
    made.globals |= {"term": term, "glossary": GLOSSARY, "style": style(), "policy": policy()}
    return made


def page(template: str, **values: Any) -> str:
    """A whole page; lines without spaces at their ends."""
    return environment().get_template(template).render(**values) + "\n"


def inert(value: Any) -> Any:
    """Text without hidden characters; what is markup already is left alone."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return safe_text(value, NAME_LIMIT)


def lines(text: str, limit: int = TEXT_LIMIT) -> Markup:
    """Text with its own line breaks, cut, every line inert; for elements that keep them."""
    kept = text[:limit].replace("\r\n", "\n")
    shown = Markup("\n").join(Markup.escape(safe_text(line)) for line in kept.split("\n"))
    left = len(text) - limit
    return shown + (f" … {left:,} more characters" if left > 0 else "")


@cache
def style() -> Markup:
    """The one style sheet of every page."""
    written = (resources.files("reports.html") / "templates" / "style.css").read_text("utf-8")
    return Markup(f"{COLOURS}{RULES}\n{written}")


@cache
def policy() -> str:
    """Content-Security-Policy: nothing is loaded and nothing runs."""
    digest = base64.b64encode(hashlib.sha256(style().encode("utf-8")).digest()).decode("ascii")
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
