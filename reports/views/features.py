"""Features in words and figures, computed once for every renderer.

Which SAE was read, how well it describes the model, which features were watched, found and
changed. Strings may hold text from outside, cut but otherwise as it came: whoever shows them
escapes them. Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reports.features import (
    Discovery,
    FeatureCard,
    FeatureChanges,
    FeatureLabel,
    Fidelity,
    SAEInfo,
    SeedMatch,
    WatchedFeature,
)
from reports.read import ReportError
from reports.record import CheckResult, Estimate
from reports.text import ELLIPSIS
from reports.views.wording import figure, hundredths, percent, probability

CONTEXTS = 5  # of a card, and its strongest edits, in a report of several
MENTIONED = 3

# Number and question of each argument, by its field of the card.
ARGUMENTS = {
    "dataset": "1. Where in the data it fires",
    "synthetic": "2. What its contexts cannot lose",
    "visualisation": "3. What drives it furthest",
    "joint": "4. Its family",
    "implementation": "5. What writes to it",
    "use": "6. What it does",
    "rule": "7. A rule that says when it fires",
}

# Whose effect it is; the strength says whether it was taken away or added.
EFFECTS = {
    "ablate": "this feature",
    "steer": "this feature",
    "random_direction": "random direction",
    "random_feature": "random feature",
}


def short(text: str, limit: int = 120) -> str:
    """What a word from outside may take of a sentence."""
    return text if len(text) <= limit else text[: limit - 1] + ELLIPSIS


def feature_name(feature: int, label: FeatureLabel | None) -> str:
    """`feature 12 "says false"`."""
    return f'feature {feature} "{short(label.text, 80)}"' if label else f"feature {feature}"


def label_words(label: FeatureLabel | None) -> str:
    """The label and who gave it, or that there is none."""
    if label is None:
        return "nobody has labelled it"
    return f'"{short(label.text)}" (source: {short(label.source) or "not given"})'


def sae_sentence(sae: SAEInfo) -> str:
    """Shape, place and origin of an SAE."""
    out = f", writes to `{short(sae.hook_name_out)}`" if sae.hook_name_out else ""
    trained = f", trained on `{short(sae.model_name)}`" if sae.model_name else ""
    return (
        f"`{short(sae.path)}` ({short(sae.format, 40)}): {sae.d_sae:,} features of width "
        f"{sae.d_in:,}, {short(sae.activation, 40)}, reads `{short(sae.hook_name)}`{out}{trained}"
    )


def fidelity_sentence(fidelity: Fidelity) -> str:
    """How well an SAE describes the model at hand."""
    promised = fidelity.promised_l0
    promise = "" if promised is None else f" (its files promise {figure(promised, digits=1)})"
    return (
        f"over {fidelity.n_tokens:,} tokens of this model {figure(fidelity.l0, digits=1)} features "
        f"per token{promise}, explained variance {figure(fidelity.explained_variance)}, cosine "
        f"{figure(fidelity.cosine)}, relative bias {figure(fidelity.relative_bias)}, "
        f"{percent(fidelity.dead_share)} dead, {percent(fidelity.outlier_rate)} outliers"
    )


def discovery_sentence(discovery: Discovery) -> str:
    """What was asked of which rows, and how many features answered."""
    asked = f"Which features go with `{short(discovery.event)}`?"
    if not discovery.tested:
        return f"{asked} These rows do not allow a test."
    least = discovery.smallest_p
    parts = [
        asked,
        f"Chosen on {discovery.selection_rows} rows in {discovery.selection_groups} groups, tested "
        f"on {discovery.test_rows} rows in {discovery.test_groups} other groups.",
        "" if least is None else f"No p-value can be below {probability(least)} on them.",
        f"Activation of a row: {short(discovery.pooling, 60)}.",
        f"{discovery.tested:,} features are in the correction, {discovery.alive:,} of them alive;",
        f"{_significant(discovery)}{_listed(discovery)}.",
        f"{_by_chance(discovery)}.",
    ]
    return " ".join(filter(None, parts))


def changes_sentence(changes: FeatureChanges) -> str:
    """Between what and on which rows features were compared, and how many became more active."""
    parts = [
        "Which features became more active?",
        f"From `{short(changes.before)}` to `{short(changes.after)}`, on the same {changes.rows} "
        f"rows in {changes.groups} groups.",
        f"Activation of a row: {short(changes.pooling, 60)}.",
        f"{changes.tested:,} features are in the correction;",
        f"{_significant(changes)}{_listed(changes)}.",
    ]
    return " ".join(parts)


def seed_sentence(match: SeedMatch | None, lacks: str) -> str:
    """What became of a feature in an SAE of another seed."""
    if match is None:
        return f"there is none: {short(lacks, 300) or 'no reason was recorded'}"
    fate = "the feature survives" if match.survives else "the feature does not survive"
    return (
        f"{fate}; its best match is feature {match.feature} of `{short(match.path)}`, activations "
        f"correlated {figure(match.correlation)}, decoder cosine {figure(match.cosine)}"
    )


def rate_words(rate: Estimate) -> str:
    """`2.1 % (1.7 to 2.6 %)`: a share that may be too small for two digits."""
    if rate.low is None or rate.high is None:
        return percent(rate.value)
    return f"{percent(rate.value)} ({hundredths(rate.low)} to {percent(rate.high)})"


def left_out(card: FeatureCard) -> tuple[str, ...]:
    """Arguments that the card does not have, by number and question."""
    return tuple(title for name, title in ARGUMENTS.items() if getattr(card, name) is None)


def refuse_without_controls(card: FeatureCard) -> None:
    """A card shows nothing where nothing is held against it.

    Raises:
        ReportError: the card has no controls.
    """
    if not card.controls.figures:
        raise ReportError(
            f"the card of feature {card.feature} has no controls (a random SAE, the plain probe): "
            "measure them, a card without its controls is not shown"
        )


def shortened(card: FeatureCard) -> FeatureCard:
    """The card with the strongest of each list, for a report that holds several.

    The whole one is in the record, and beside a stored report.
    """
    dataset = card.dataset.model_copy(update={"top": card.dataset.top[:CONTEXTS], "bands": []})
    changes: dict[str, object] = {"dataset": dataset}
    if card.synthetic is not None:
        strongest = sorted(card.synthetic.edits, key=lambda edit: edit.activation)[:CONTEXTS]
        changes["synthetic"] = card.synthetic.model_copy(update={"edits": strongest})
    if card.joint is not None:
        changes["joint"] = card.joint.model_copy(update={"path": []})
    return card.model_copy(update=changes)


def mentions(check: CheckResult) -> Iterator[str]:
    """One line for each thing that a check has to say of features.

    What is wrong with the SAE is a reason of the check's verdict, and told there.
    """
    if check.verdict != "pass":
        for watched in check.watched[:MENTIONED]:
            yield _watched(watched)
        if len(check.watched) > MENTIONED:
            yield f"and {len(check.watched) - MENTIONED} more watched features"
    if check.discovery:
        yield _discovered(check.discovery)
    if check.cards:
        names = [feature_name(card.feature, card.label) for card in check.cards]
        yield f"the report holds evidence on {_names(names)}"


def _watched(watched: WatchedFeature) -> str:
    name = feature_name(watched.feature, watched.label)
    rates = [("audit rows", watched.audit_rate), ("controls", watched.control_rate)]
    known = [f"{rate_words(rate)} of {rows}" for rows, rate in rates if rate]
    active = f"is active on {' and '.join(known)}" if known else "is watched"
    alone = watched.auroc
    return f"{name} {active}" + (f"; alone its AUROC is {figure(alone.value)}" if alone else "")


def _discovered(discovery: Discovery) -> str:
    event = f"`{short(discovery.event)}`"
    if not discovery.tested:
        return f"which features go with {event} could not be tested"
    names = [feature_name(found.feature, found.label) for found in discovery.found]
    listed = f": {_names(names, discovery.significant)}" if names else ""
    return (
        f"of {discovery.tested:,} features tested against {event}, {_significant(discovery)}"
        f"{listed}. {_by_chance(discovery)}"
    )


def _significant(found: Discovery | FeatureChanges) -> str:
    are = "is" if found.significant == 1 else "are"
    return (
        f"{found.significant} {are} significant at a false-discovery rate of {percent(found.fdr)}"
    )


def _listed(found: Discovery | FeatureChanges) -> str:
    more = found.significant - len(found.found)
    return f", the first {len(found.found)} are listed" if found.found and more > 0 else ""


def _by_chance(discovery: Discovery) -> str:
    found = discovery.random_sae_found
    if found is None:
        return "No random SAE was put through the same steps"
    return f"A random SAE of the same shape yields {found} by the same steps"


def _names(names: Sequence[str], total: int = 0) -> str:
    shown = ", ".join(names[:MENTIONED])
    more = max(total, len(names)) - min(len(names), MENTIONED)
    return f"{shown} and {more} more" if more > 0 else shown
