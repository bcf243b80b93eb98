"""What was read with a sparse autoencoder, as Markdown: the SAE, watched, found and changed.

Each function stands alone or within the report; `level` is the heading it begins with. Decides
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reports.features import (
    ChangedFeature,
    DiscoveredFeature,
    Discovery,
    FeatureChanges,
    FeatureLabel,
    Fidelity,
    SAEInfo,
    WatchedFeature,
)
from reports.markdown.text import code, heading, notes_markdown, prose, table
from reports.record import CheckResult
from reports.views.arguments import WATCHED as HOW_WATCHED
from reports.views.features import (
    changes_sentence,
    discovery_sentence,
    fidelity_sentence,
    sae_sentence,
)
from reports.views.wording import UNKNOWN, estimate_words, figure, probability

FOUND = (
    *(">Feature", "Label", ">Fires above", ">Rate with", ">Rate without", ">Lift", ">AUROC"),
    *(">Effect", ">Mean with", ">Mean without", ">p", ">q", ">Rank when chosen"),
)
CHANGED = (">Feature", "Label", ">Before", ">After", ">Change", ">In deviations", ">p", ">q")
WATCHED = (">Feature", "Label", "Label from", ">AUROC alone", ">Audit rows", ">Control rows")


def fidelity_markdown(fidelity: Fidelity, sae: SAEInfo | None = None, *, level: int = 2) -> str:
    """How well an SAE describes the model at hand, and why nothing may be concluded if so."""
    return "\n\n".join([heading(level, "The SAE"), _read_with(sae, fidelity)]) + "\n"


def discovery_markdown(discovery: Discovery, *, level: int = 2) -> str:
    """Which features go with an event: how they were tested, and a table of them."""
    parts = [
        heading(level, "Features that go with it"),
        prose(discovery_sentence(discovery)),
        *_table(FOUND, list(map(_found, discovery.found)), tested=discovery.tested > 0),
        *([notes_markdown(discovery.notes)] if discovery.notes else []),
    ]
    return "\n\n".join(parts) + "\n"


def changes_markdown(changes: FeatureChanges, *, level: int = 2) -> str:
    """Which features changed most between two checkpoints."""
    parts = [
        heading(level, "Features that changed"),
        prose(changes_sentence(changes)),
        *_table(CHANGED, list(map(_changed, changes.found))),
        *([notes_markdown(changes.notes)] if changes.notes else []),
    ]
    return "\n\n".join(parts) + "\n"


def features_of_check(check: CheckResult, *, level: int) -> Iterator[str]:
    """What a check holds about features but its cards, part by part."""
    if check.sae or check.fidelity:
        yield f"{heading(level, 'The SAE')}\n\n{_read_with(check.sae, check.fidelity)}"
    if check.watched:
        yield f"{heading(level, 'Features that are watched')}\n\n{_watched(check.watched)}"
    if check.discovery:
        yield discovery_markdown(check.discovery, level=level).rstrip("\n")


def label_cell(label: FeatureLabel | None) -> str:
    """A label as the cell of a table, without its source."""
    return (prose(label.text, 120) or UNKNOWN) if label else UNKNOWN


def _read_with(sae: SAEInfo | None, fidelity: Fidelity | None) -> str:
    lines = []
    if sae:
        lines += [f"- {prose(sae_sentence(sae))}", f"- Digest: {code(sae.digest)}"]
        lines += [notes_markdown(sae.notes)] if sae.notes else []
    if fidelity:
        lines.append(f"- Fidelity: {prose(fidelity_sentence(fidelity))}")
        lines += [
            f"- **Nothing may be concluded from it**: {prose(fault)}" for fault in fidelity.faults
        ]
    return "\n".join(lines)


def _watched(features: Iterable[WatchedFeature]) -> str:
    rows = [
        (
            str(each.feature),
            label_cell(each.label),
            (prose(each.label.source, 120) or UNKNOWN) if each.label else UNKNOWN,
            estimate_words(each.auroc),
            estimate_words(each.audit_rate),
            estimate_words(each.control_rate),
        )
        for each in features
    ]
    return f"{HOW_WATCHED}\n\n{table(WATCHED, rows)}"


def _found(found: DiscoveredFeature) -> tuple[str, ...]:
    return (
        str(found.feature),
        label_cell(found.label),
        figure(found.cut),
        estimate_words(found.rate_with),
        estimate_words(found.rate_without),
        estimate_words(found.lift, signed=True),
        estimate_words(found.auroc),
        figure(found.effect, signed=True),
        figure(found.mean_with),
        figure(found.mean_without),
        probability(found.p_value),
        probability(found.q_value),
        str(found.rank),
    )


def _changed(changed: ChangedFeature) -> tuple[str, ...]:
    return (
        str(changed.feature),
        label_cell(changed.label),
        estimate_words(changed.before),
        estimate_words(changed.after),
        estimate_words(changed.change, signed=True),
        UNKNOWN if changed.increase is None else figure(changed.increase, signed=True),
        probability(changed.p_value),
        probability(changed.q_value),
    )


def _table(
    header: tuple[str, ...], rows: list[tuple[str, ...]], *, tested: bool = True
) -> list[str]:
    if rows:
        return [table(header, rows)]
    return ["None was found."] if tested else []
