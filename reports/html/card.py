"""An evidence card on a page: controls first, then the seven arguments, each with its picture.

Lists are cut to their strongest, so that a card stays light; the whole one lies beside the run.
Tokens are shaded by their activation, all by the feature's maximum in the data. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports.drawing.features import (
    bars,
    beside_controls,
    effects,
    histogram,
    path_figure,
    rule_figures,
    writer_bars,
)
from reports.drawing.strips import shown_token
from reports.features import Context, FeatureCard, Maximiser, PathStep, SyntheticExamples, Writer
from reports.html.sentences import coded
from reports.html.tokens import Token, shade, shown
from reports.parts import Estimate
from reports.record import CheckResult
from reports.views import arguments as words
from reports.views.features import (
    ARGUMENTS,
    CONTEXTS,
    feature_name,
    label_words,
    left_out,
    refuse_without_controls,
    sae_sentence,
    seed_sentence,
)
from reports.views.wording import estimate_words, figure, percent

TOKENS, BAND_TOKENS, BAND_CONTEXTS = 40, 16, 2
STRONGEST = 8
WRITERS = 5


@dataclass(frozen=True)
class Strip:
    """Tokens around a peak, shaded, and how many stand outside."""

    words: str
    tokens: tuple[Token, ...]
    before: int
    after: int


@dataclass(frozen=True)
class Figures:
    """The pictures of a card, where there is something to draw."""

    controls: str
    histogram: str | None
    edits: str | None
    path: str | None
    places: str | None
    tokens: str | None
    logits: str | None
    behaviour: str | None
    divergence: str | None
    rule: str | None


@dataclass(frozen=True)
class CardPage:
    """A card with all that is drawn of it."""

    card: FeatureCard
    anchor: str
    name: str
    of: str
    headline: str
    label: str
    sae: Markup | None
    seed: Markup
    statistics: tuple[tuple[str, str, str], ...]
    figures: Figures
    titles: dict[str, str]
    top: tuple[Strip, ...]
    bands: tuple[tuple[str, tuple[Strip, ...]], ...]
    base: Strip | None
    needed: tuple[str, ...]
    maximisers: tuple[tuple[str, tuple[str, ...], str, str], ...]
    path: tuple[tuple[str, tuple[str, ...]], ...]
    effects_rest: str
    missing: tuple[Markup, ...]
    words: dict[str, str]


def card_pages(check: CheckResult, name: str) -> list[CardPage]:
    """The cards of a check; `name` is its anchor, which no other anchor goes on with a colon.

    Raises:
        ReportError: a card has no controls.
    """
    return [_page(card, check, f"{name}:{place}") for place, card in enumerate(check.cards, 1)]


def _page(card: FeatureCard, check: CheckResult, anchor: str) -> CardPage:
    refuse_without_controls(card)
    data, made = card.dataset, card.synthetic
    return CardPage(
        card=card,
        anchor=anchor,
        name=feature_name(card.feature, card.label),
        of=f"feature {card.feature} of {check.suite}/{check.id}",
        headline=_headline(card),
        label=label_words(card.label),
        sae=None if card.sae == check.sae else coded(sae_sentence(card.sae)),
        seed=coded(seed_sentence(card.controls.other_seed, card.controls.other_seed_lacks)),
        statistics=tuple(_statistics(card)),
        figures=_figures(card),
        titles=ARGUMENTS,
        top=tuple(_strip(each, data.maximum, TOKENS) for each in data.top[:CONTEXTS]),
        bands=tuple(
            (
                f"from {figure(band.low)} to {figure(band.high)}",
                tuple(
                    _strip(each, data.maximum, BAND_TOKENS)
                    for each in band.contexts[:BAND_CONTEXTS]
                ),
            )
            for band in data.bands
        ),
        base=_strip(made.base, data.maximum, TOKENS) if made else None,
        needed=tuple(map(shown_token, made.needed[:TOKENS])) if made else (),
        maximisers=tuple(_maximisers(card)),
        path=tuple(_path(card.joint.path, str(card.feature))) if card.joint else (),
        effects_rest=words.rests_on(_supports(card)),
        missing=tuple(map(coded, _missing(card))),
        words=_said(card),
    )


def _headline(card: FeatureCard) -> str:
    """Its first statistic beside the controls, for the line that is seen while it is folded."""
    first = card.controls.figures[0]
    beside = [("random SAE", first.random_sae), ("plain probe", first.probe)]
    said = "".join(f"; {who} {estimate_words(found)}" for who, found in beside if found)
    return f"{first.name} {estimate_words(first.feature)}{said}"


def _statistics(card: FeatureCard) -> Iterator[tuple[str, str, str]]:
    for each in card.controls.figures:
        found = [each.feature, each.random_sae, each.probe]
        yield each.name, each.note, words.rests_on([one for one in found if one is not None])


def _said(card: FeatureCard) -> dict[str, str]:
    said = {
        "controls": words.CONTROLS,
        "dataset": words.density_sentence(card.dataset),
        "joint": words.FAMILY,
        "implementation": words.WRITES,
        "use": words.DOES,
    }
    if card.visualisation:
        said["visualisation"] = words.sought_sentence(card.visualisation)
    follows = card.use.monotone if card.use else None
    said["monotone"] = "" if follows is None else words.monotone_sentence(follows)
    if card.rule:
        said["rule"] = words.rests_on([found for _, _, found in words.rule_scores(card.rule)])
    return said


def _figures(card: FeatureCard) -> Figures:
    wrote, use = card.implementation, card.use
    rest = [Writer(name="left unexplained", weight=wrote.residual)] if wrote else []
    places = sorted(wrote.places, key=lambda each: -abs(each.weight))[:STRONGEST] if wrote else []
    tokens = [*wrote.tokens[:WRITERS], *wrote.against[:WRITERS]] if wrote else []
    logits = [*use.promotes[:WRITERS], *use.suppresses[:WRITERS]] if use else []
    strengths = tuple(words.effect_rows(use.effects)) if use else ()
    return Figures(
        controls=beside_controls(card.controls.figures),
        histogram=histogram(card.dataset.histogram),
        edits=_edits(card.synthetic) if card.synthetic else None,
        path=path_figure(card.joint, card.feature) if card.joint else None,
        places=writer_bars("What earlier places add", [*places, *rest]),
        tokens=writer_bars("What embeddings write", tokens),
        logits=writer_bars("What it does to logits", logits),
        behaviour=effects(strengths, "Change of behaviour, log-odds", of_behaviour=True),
        divergence=effects(strengths, "Divergence, nats", of_behaviour=False),
        rule=rule_figures(card.rule) if card.rule else None,
    )


def _edits(tried: SyntheticExamples) -> str | None:
    """What is left after the edits that leave least."""
    strongest = sorted(tried.edits, key=lambda edit: edit.activation)[:STRONGEST]
    base = tried.base.value
    rows = [
        (
            words.edit_words(edit),
            edit.activation,
            percent(edit.activation / base) if base > 1e-9 else figure(edit.activation),
        )
        for edit in strongest
    ]
    return bars("What is left of the activation", rows) if rows else None


def _strip(context: Context, maximum: float, most: int) -> Strip:
    """The window of at most `most` tokens that has the peak three quarters along."""
    tokens, peak = context.tokens, context.peak
    start = max(0, min(peak - most * 3 // 4, len(tokens) - most))
    window = tokens[start : start + most]
    return Strip(
        words.peak_words(context),
        tuple(
            Token(
                shown(shown_token(each.token)),
                figure(each.value),
                shade(each.value, 0.0, maximum, read=start + place == peak),
            )
            for place, each in enumerate(window)
        ),
        before=start,
        after=len(tokens) - start - len(window),
    )


def _maximisers(card: FeatureCard) -> Iterator[tuple[str, tuple[str, ...], str, str]]:
    found = card.visualisation
    kinds: list[tuple[str, Sequence[Maximiser]]] = (
        [("token", found.tokens), ("sequence", found.sequences)] if found else []
    )
    for kind, each in ((kind, each) for kind, some in kinds for each in some[:WRITERS]):
        tokens = tuple(map(shown_token, each.tokens[:TOKENS]))
        yield kind, tokens, figure(each.activation), percent(each.relative)


def _path(path: Sequence[PathStep], feature: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    names = words.active_features(path, feature)
    for step in path[:BAND_TOKENS]:
        told = [
            f"feature {name} {figure(step.activations[name])}"
            for name in names[:CONTEXTS]
            if step.activations.get(name)
        ]
        tokens = tuple(map(shown_token, step.tokens[:TOKENS]))
        yield ", ".join(told) or "none is active", tokens


def _supports(card: FeatureCard) -> list[Estimate]:
    every = card.use.effects if card.use else []
    return [found for each in every for found in (each.kl, each.behaviour) if found is not None]


def _missing(card: FeatureCard) -> list[str]:
    absent = left_out(card)
    reasons = card.not_measured or (["no reason was recorded"] if absent else [])
    return [*([f"Left out: {'; '.join(absent)}"] if absent else []), *reasons]
