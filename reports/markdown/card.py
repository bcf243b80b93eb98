"""An evidence card as Markdown: who the feature is, its controls, then seven arguments.

The controls come first, because a card is worth what it has above them; without them there is
no card. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from reports.features import Controls, FeatureCard
from reports.markdown.arguments import argument_paragraphs
from reports.markdown.text import code, heading, html_code, prose, table
from reports.views.arguments import CONTROLS
from reports.views.features import (
    ARGUMENTS,
    label_words,
    left_out,
    refuse_without_controls,
    sae_sentence,
    seed_sentence,
)
from reports.views.wording import estimate_words

HEADER = ("Statistic", ">This feature", ">Random SAE", ">Plain probe", "Note")


def card_markdown(card: FeatureCard, *, level: int = 2) -> str:
    """One card, whole; `level` is that of its title.

    Raises:
        ReportError: the card has no controls.
    """
    return "\n\n".join(_paragraphs(card, level)) + "\n"


def card_summary(card: FeatureCard) -> str:
    """The card's name, for the line that is seen while it is folded."""
    label = f" {html_code(card.label.text)}" if card.label else ""
    return f"Evidence on feature {card.feature}{label}"


def _paragraphs(card: FeatureCard, level: int) -> Iterator[str]:
    refuse_without_controls(card)
    label = f" {prose(chr(34) + card.label.text + chr(34), 120)}" if card.label else ""
    yield heading(level, f"Feature {card.feature}{label}")
    yield "\n".join(
        [
            f"- Label: {prose(label_words(card.label))}",
            f"- Why it is here: {prose(card.why)}",
            f"- SAE: {prose(sae_sentence(card.sae))}; digest {code(card.sae.digest)}",
            *(f"- Note on the SAE: {prose(note)}" for note in card.sae.notes),
        ]
    )
    yield heading(level + 1, "Beside its controls")
    yield _controls(card.controls)
    for name, title in ARGUMENTS.items():
        argument = getattr(card, name)
        if argument is not None:
            yield heading(level + 1, title)
            yield from argument_paragraphs(argument, card)
    if missing := _not_measured(card):
        yield heading(level + 1, "Not measured")
        yield "\n".join(missing)


def _controls(controls: Controls) -> str:
    rows = [
        (
            prose(each.name),
            estimate_words(each.feature),
            estimate_words(each.random_sae),
            estimate_words(each.probe),
            prose(each.note),
        )
        for each in controls.figures
    ]
    seed = seed_sentence(controls.other_seed, controls.other_seed_lacks)
    return f"{CONTROLS}\n\n{table(HEADER, rows)}\n\n- An SAE of another seed: {prose(seed)}"


def _not_measured(card: FeatureCard) -> list[str]:
    absent = left_out(card)
    reasons = card.not_measured or (["no reason was recorded"] if absent else [])
    named = [f"- Left out: {'; '.join(absent)}"] if absent else []
    return [*named, *(f"- {prose(reason)}" for reason in reasons)]
