"""What a check read with a sparse autoencoder, as a part of its section on the page.

The SAE and what is wrong with it, watched features, discovery, cards. Adds pictures to the words
of the views. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports.drawing.features import bars, discovered_rates, watched_auroc, watched_rates
from reports.features import DiscoveredFeature, Discovery, FeatureLabel, Fidelity, WatchedFeature
from reports.html.card import card_pages
from reports.html.environment import environment
from reports.html.sentences import coded
from reports.parts import Estimate
from reports.record import CheckResult
from reports.views.arguments import WATCHED, counted
from reports.views.features import discovery_sentence, label_words, sae_sentence
from reports.views.wording import estimate_words, figure, percent, probability

LISTED = 20
"""Features in one table of the page; the record holds the rest."""


@dataclass(frozen=True)
class Tile:
    """One figure of fidelity, by the term that explains it."""

    name: str
    term: str
    figure: str
    note: str = ""


@dataclass(frozen=True)
class Column:
    """A column of estimates, with what it rests on where that is the same for all."""

    name: str
    term: str
    rests: str
    cells: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Listed:
    """Features down, estimates across."""

    features: tuple[tuple[int, str], ...]
    columns: tuple[Column, ...]
    more: int

    @property
    def labelled(self) -> bool:
        """Whether anybody has named any of them."""
        return any(label for _, label in self.features)


@dataclass(frozen=True)
class DiscoveryPage:
    """What was found, in words, in a picture and in a table."""

    found: Discovery
    sentence: Markup
    drawn: str | None
    by_chance: str | None
    listed: Listed


def features_section(check: CheckResult, name: str) -> Markup:
    """All that a check holds about features; `name` is the anchor of the check."""
    if not (check.sae or check.fidelity or check.watched or check.discovery or check.cards):
        return Markup("")
    made = (
        environment()
        .get_template("features.html")
        .render(
            check=check,
            coded=coded,
            sae=coded(sae_sentence(check.sae)) if check.sae else None,
            tiles=_tiles(check.fidelity) if check.fidelity else (),
            rates=watched_rates(check.watched),
            alone=watched_auroc(check.watched),
            watched=_watched(check.watched),
            how_watched=WATCHED,
            discovery=_discovery(check.discovery) if check.discovery else None,
            cards=card_pages(check, name),
        )
    )
    return Markup(made)


def _tiles(found: Fidelity) -> tuple[Tile, ...]:
    promised = found.promised_l0
    promise = "none promised" if promised is None else f"promised {_tenths(promised)}"
    return (
        Tile("features per token", "L0", _tenths(found.l0), promise),
        Tile("explained variance", "explained variance", figure(found.explained_variance)),
        Tile("cosine", "cosine", figure(found.cosine)),
        Tile("relative bias", "relative bias", figure(found.relative_bias)),
        Tile("dead", "dead", percent(found.dead_share)),
        Tile("outliers", "outliers", percent(found.outlier_rate)),
    )


def _tenths(value: float) -> str:
    return figure(value, digits=1)


def _watched(watched: Sequence[WatchedFeature]) -> Listed:
    return Listed(
        features=_named([(each.feature, each.label) for each in watched]),
        columns=(
            _column("AUROC alone", "AUROC", [each.auroc for each in watched]),
            _column("active on audit rows", "audit", [each.audit_rate for each in watched]),
            _column("active on controls", "control", [each.control_rate for each in watched]),
        ),
        more=max(len(watched) - LISTED, 0),
    )


def _discovery(found: Discovery) -> DiscoveryPage:
    random = found.random_sae_found
    same_steps = [("this SAE", float(found.significant), str(found.significant))]
    same_steps += [] if random is None else [("a random SAE", float(random), str(random))]
    return DiscoveryPage(
        found=found,
        sentence=coded(discovery_sentence(found)),
        drawn=discovered_rates(found.found),
        by_chance=bars("Found by the same steps", same_steps) if random is not None else None,
        listed=_found(found.found),
    )


def _found(found: Sequence[DiscoveredFeature]) -> Listed:
    return Listed(
        features=_named([(each.feature, each.label) for each in found]),
        columns=(
            _column("lift", "lift", [each.lift for each in found], signed=True),
            _column("rate with", "lift", [each.rate_with for each in found]),
            _column("rate without", "lift", [each.rate_without for each in found]),
            _column("AUROC", "AUROC", [each.auroc for each in found]),
            _plain("q", "q", found, lambda each: probability(each.q_value)),
            _plain("fires above", "fires", found, lambda each: figure(each.cut)),
            _plain("rank when chosen", "rank", found, lambda each: str(each.rank)),
        ),
        more=max(len(found) - LISTED, 0),
    )


def _named(features: Sequence[tuple[int, FeatureLabel | None]]) -> tuple[tuple[int, str], ...]:
    return tuple(
        (feature, label_words(label) if label else "") for feature, label in features[:LISTED]
    )


def _column(
    name: str, term: str, found: Sequence[Estimate | None], *, signed: bool = False
) -> Column:
    shown = found[:LISTED]
    supports = [counted(each) if each else "" for each in shown]
    shared = {support for support in supports if support}
    one = shared.pop() if len(shared) == 1 else ""
    return Column(
        name,
        term,
        one,
        tuple(
            (estimate_words(each, signed=signed), "" if one else support)
            for each, support in zip(shown, supports, strict=True)
        ),
    )


def _plain(
    name: str,
    term: str,
    found: Sequence[DiscoveredFeature],
    say: Callable[[DiscoveredFeature], str],
) -> Column:
    return Column(name, term, "", tuple((say(each), "") for each in found[:LISTED]))
