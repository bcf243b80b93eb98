"""Sentences of the views as markup: what stands in backticks is set as code, all of it inert."""

from __future__ import annotations

from markupsafe import Markup

from reports.text import safe_text


def coded(sentence: str) -> Markup:
    """The sentence, escaped; an odd backtick stays what it is."""
    parts = safe_text(sentence).split("`")
    if len(parts) % 2 == 0:
        parts[-2:] = ["`".join(parts[-2:])]
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else Markup.escape(part)
        for place, part in enumerate(parts)
    )
