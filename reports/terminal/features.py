"""Features on a terminal: an SAE's fidelity, what was discovered or changed, an evidence card.

Readable without colour. Data is `Text`, never markup, and holds no control character. Our own
words are ASCII: under a token stands a digit, ninths of the feature's maximum in the data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.drawing.strips import DIGITS, joined, sparkline, strip
from reports.features import (
    Context,
    Discovery,
    FeatureCard,
    FeatureChanges,
    FeatureLabel,
    Fidelity,
    SAEInfo,
    Use,
    Writer,
)
from reports.terminal.words import inert
from reports.views.features import (
    ARGUMENTS,
    EFFECTS,
    changes_sentence,
    discovery_sentence,
    feature_name,
    fidelity_sentence,
    label_words,
    left_out,
    rate_words,
    refuse_without_controls,
    sae_sentence,
    seed_sentence,
)
from reports.views.wording import estimate_words, figure, percent, probability

LONGEST = 2000
SHOWN = 5


def print_fidelity(fidelity: Fidelity, console: Console, sae: SAEInfo | None = None) -> None:
    """Print which SAE was read, how well it describes the model, and why not if so."""
    if sae:
        _say(console, sae_sentence(sae))
        _notes(console, sae.notes)
    _say(console, fidelity_sentence(fidelity))
    for fault in fidelity.faults:
        console.print(_plain(f"nothing may be concluded from it: {fault}", "magenta"))


def print_discovery(discovery: Discovery, console: Console) -> None:
    """Print how features were tested, and a line for each that was found."""
    _say(console, discovery_sentence(discovery))
    rows = [
        (
            _who(found.feature, found.label),
            figure(found.rate_with.value),
            figure(found.rate_without.value),
            estimate_words(found.lift, signed=True),
            figure(found.auroc.value),
            probability(found.q_value),
        )
        for found in discovery.found
    ]
    if rows or discovery.tested:
        _print_table(console, ("feature", ">with", ">without", ">lift", ">AUROC", ">q"), rows)
    _notes(console, discovery.notes)


def print_changes(changes: FeatureChanges, console: Console) -> None:
    """Print between what features were compared, and a line for each that changed."""
    _say(console, changes_sentence(changes))
    rows = [
        (
            _who(changed.feature, changed.label),
            figure(changed.before.value),
            figure(changed.after.value),
            estimate_words(changed.change, signed=True),
            probability(changed.q_value),
        )
        for changed in changes.found
    ]
    _print_table(console, ("feature", ">before", ">after", ">change", ">q"), rows)
    _notes(console, changes.notes)


def print_card(card: FeatureCard, console: Console) -> None:
    """Print a card: its controls first, then the strongest of what each argument shows.

    Raises:
        ReportError: the card has no controls.
    """
    refuse_without_controls(card)
    console.print(_plain(feature_name(card.feature, card.label), "bold"))
    _say(console, f"{label_words(card.label)}; {card.why}")
    _say(console, sae_sentence(card.sae))
    figures = [
        (
            each.name,
            estimate_words(each.feature),
            estimate_words(each.random_sae),
            estimate_words(each.probe),
        )
        for each in card.controls.figures
    ]
    console.print()
    _print_table(console, ("", ">this feature", ">random SAE", ">plain probe"), figures)
    seed = seed_sentence(card.controls.other_seed, card.controls.other_seed_lacks)
    _say(console, f"an SAE of another seed: {seed}")
    for name, lines in _arguments(card, console.width):
        console.print()
        console.print(Text(ARGUMENTS[name], "bold"))
        for line in lines:
            console.print(line)
        _notes(console, getattr(getattr(card, name), "notes", ()))
    missing = [*(f"{title}: left out" for title in left_out(card)), *card.not_measured]
    if missing:
        console.print()
        console.print(Text("Not measured", "bold"))
        _notes(console, missing)


def _arguments(card: FeatureCard, width: int) -> Iterator[tuple[str, Iterable[Text]]]:
    yield "dataset", _dataset(card, width)
    if card.synthetic:
        needed = ", ".join(map(_quoted, card.synthetic.needed)) or "none"
        yield (
            "synthetic",
            [_plain(f"needed: {needed}; an edit leaves {percent(card.synthetic.graded)}")],
        )
    if card.visualisation:
        found = [*card.visualisation.tokens[:SHOWN], *card.visualisation.sequences[:SHOWN]]
        yield (
            "visualisation",
            [_plain(f"{figure(each.activation)}  {joined(each.tokens, DIGITS)}") for each in found],
        )
    if card.joint:
        near = ", ".join(
            f"feature {each.feature} (cosine {figure(each.cosine)})"
            for each in card.joint.neighbours[:SHOWN]
        )
        yield "joint", [_plain(f"near it: {near or 'none'}")]
    if card.implementation:
        made = card.implementation
        writers = [("for it", made.tokens), ("against it", made.against), ("places", made.places)]
        yield "implementation", _weights(writers)
    if card.use:
        weights = [("promotes", card.use.promotes), ("suppresses", card.use.suppresses)]
        yield "use", [*_weights(weights), *_effects(card.use)]
    if card.rule:
        detection, fuzzing = map(estimate_words, (card.rule.detection, card.rule.fuzzing))
        scores = f"detection {detection}, fuzzing {fuzzing}"
        yield "rule", [_plain(card.rule.description), _plain(scores)]


def _dataset(card: FeatureCard, width: int) -> Iterator[Text]:
    found = card.dataset
    yield _plain(f"active on {rate_words(found.density)} of {found.n_tokens:,} tokens")
    if found.histogram.counts:
        yield _plain(f"histogram |{sparkline(found.histogram.counts, DIGITS)}|")
    for context in found.top[:SHOWN]:
        yield _plain(f"{figure(context.value)} {inert(context.row, 60)}".rstrip())
        yield from _strip(context, found.maximum, width)


def _strip(context: Context, maximum: float, width: int) -> Iterator[Text]:
    for above, below in strip(context.tokens, maximum, DIGITS, max(width - 5, 1)):
        yield Text(f"  | {above}")
        if below:
            yield Text(f"  | {below}", "dim")


def _weights(lists: Sequence[tuple[str, Sequence[Writer]]]) -> Iterator[Text]:
    for title, writers in lists:
        told = ", ".join(
            f"{_quoted(each.name)} {figure(each.weight, signed=True)}" for each in writers[:SHOWN]
        )
        yield _plain(f"{title}: {told or 'none'}")


def _effects(use: Use) -> Iterator[Text]:
    for each in use.effects:
        what = EFFECTS[each.kind]
        behaviour = ""
        if each.behaviour:
            behaviour = f", behaviour {estimate_words(each.behaviour, signed=True)}"
        how = f"at {figure(each.strength, signed=True)}" if each.strength else "taken away"
        yield _plain(f"{what} {how}: divergence {estimate_words(each.kl)}{behaviour}")
    if use.monotone is not None:
        yield Text(f"behaviour {'follows' if use.monotone else 'does not follow'} the strength")


def _print_table(console: Console, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table of plain cells; `>` before a title aligns it to the right."""
    if not rows:
        console.print(Text("none was found"))
        return
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for title in header:
        if title.startswith(">"):
            table.add_column(title.removeprefix(">"), justify="right", overflow="fold")
        else:
            table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(Text(inert(cell, 120)) for cell in row))
    console.print(table)


def _who(feature: int, label: FeatureLabel | None) -> str:
    return f"{feature} {label.text}" if label else str(feature)


def _quoted(token: str) -> str:
    return f'"{inert(token, 40)}"'


def _plain(text: str, style: str = "") -> Text:
    return Text(inert(text, LONGEST), style)


def _say(console: Console, sentence: str) -> None:
    console.print(_plain(sentence))


def _notes(console: Console, notes: Sequence[str]) -> None:
    for note in notes:
        console.print(_plain(f"- {note}"))
