"""The seven arguments of an evidence card as Markdown: a sentence each, then its numbers.

Strips show a token's activation by the height of the mark beneath it; all strips of a card
have the same top, the feature's maximum in the data. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from reports.drawing.strips import BLOCKS, joined, sparkline, strip, wrapped
from reports.features import (
    Band,
    Context,
    DatasetExamples,
    Effect,
    FeatureCard,
    Implementation,
    JointTuning,
    Maximiser,
    PathStep,
    Rule,
    SyntheticExamples,
    TokenEdit,
    Use,
    Visualisation,
    Writer,
)
from reports.markdown.text import code, fenced, folded, notes_markdown, prose, table
from reports.text import safe_text
from reports.views.arguments import (
    DOES,
    FAMILY,
    WRITES,
    EffectRow,
    active_features,
    density_sentence,
    effect_rows,
    effect_titles,
    monotone_sentence,
    peak_words,
    sought_sentence,
)
from reports.views.wording import UNKNOWN, estimate_words, figure, percent

Paragraphs = Iterator[str]

WIDTH = 92
SHOWN = 8


def argument_paragraphs(argument: object, card: FeatureCard) -> Paragraphs:
    """What one argument of the card shows, in a sentence, and its numbers."""
    yield from _SAID[type(argument)](argument, card)
    if notes := getattr(argument, "notes", None):
        yield notes_markdown(notes)


def _dataset(found: DatasetExamples, card: FeatureCard) -> Paragraphs:
    yield (
        f"{density_sentence(found)} Beneath each token stands its activation, a full block for "
        f"{figure(found.maximum)}; {found.duplicates} contexts with a text that was there already "
        "are left out."
    )
    edges, counts = found.histogram.edges, found.histogram.counts
    if edges and counts:
        yield (
            f"Positive activations from {figure(min(edges))} to {figure(max(edges))}: "
            f"{code(sparkline(counts, BLOCKS), len(counts))} "
            f"(most in a bin: {max(counts):,})"
        )
    yield fenced(_contexts(found.top, found.maximum)) if found.top else "No context was kept."
    if found.bands:
        lines = [line for band in found.bands for line in _band(band, found.maximum)]
        yield folded("Contexts by quantile of its positive activations", fenced(lines))


def _band(band: Band, maximum: float) -> list[str]:
    between = f"from {figure(band.low)} to {figure(band.high)}"
    return [between, *(_contexts(band.contexts, maximum) or ["     (none)"])]


def _contexts(contexts: Sequence[Context], maximum: float) -> list[str]:
    return [
        line
        for rank, context in enumerate(contexts, 1)
        for line in [f"{rank:>3}. {peak_words(context)}", *_strip(context, maximum)]
    ]


def _strip(context: Context, maximum: float) -> list[str]:
    return [
        line
        for above, below in strip(context.tokens, maximum, BLOCKS, WIDTH)
        for line in [f"     | {above}", *([f"     | {below}"] if below else [])]
    ]


def _synthetic(tried: SyntheticExamples, card: FeatureCard) -> Paragraphs:
    needed = ", ".join(_token(token) for token in tried.needed) or "none"
    yield (
        "One token dropped or swapped at a time, and what becomes of the activation. Without "
        f"these it falls below half: {needed}. On average one edit leaves "
        f"{percent(tried.graded)} of it."
    )
    yield fenced([f"  0. {peak_words(tried.base)}", *_strip(tried.base, card.dataset.maximum)])
    edits = sorted(tried.edits, key=lambda edit: edit.activation)
    header = ("Edit", ">Place", "Token", "Becomes", ">Activation", ">Left")
    rows = [_edit(edit, tried.base.value) for edit in edits]
    if rows:
        yield table(header, rows[:SHOWN])
    if rows[SHOWN:]:
        yield folded(f"{len(rows) - SHOWN} edits that leave more", table(header, rows[SHOWN:]))


def _edit(edit: TokenEdit, base: float) -> tuple[str, ...]:
    becomes = UNKNOWN if edit.after is None else _token(edit.after)
    left = percent(edit.activation / base) if base > 1e-9 else UNKNOWN
    place = str(edit.position)
    return edit.kind, place, _token(edit.before), becomes, figure(edit.activation), left


def _visualisation(found: Visualisation, card: FeatureCard) -> Paragraphs:
    yield sought_sentence(found)
    header = ("What", "Tokens", ">Activation", ">Of the maximum")
    rows = [
        *(_maximiser("token", each) for each in found.tokens),
        *(_maximiser("sequence", each) for each in found.sequences),
    ]
    yield table(header, rows) if rows else "None was kept."


def _maximiser(what: str, found: Maximiser) -> tuple[str, ...]:
    tokens = _token(joined(found.tokens, BLOCKS), 240)
    return what, tokens, figure(found.activation), percent(found.relative)


def _joint(family: JointTuning, card: FeatureCard) -> Paragraphs:
    yield FAMILY
    rows = [
        (
            str(each.feature),
            figure(each.cosine),
            UNKNOWN if each.correlation is None else figure(each.correlation),
        )
        for each in family.neighbours
    ]
    yield (
        table((">Neighbour", ">Decoder cosine", ">Correlation"), rows) if rows else "None is near."
    )
    if family.path:
        yield fenced(_path(family.path, str(card.feature)))


def _path(path: Sequence[PathStep], feature: str) -> list[str]:
    """Features that are active somewhere on the way, this one first; then the way itself."""
    names = active_features(path, feature)
    lines = []
    for name in names:
        values = [step.activations.get(name, 0.0) for step in path]
        ends = f"{figure(values[0])} to {figure(values[-1])}"
        drawn = sparkline(values, BLOCKS)
        lines.append(f"feature {safe_text(name, 12):<6} {drawn}  {ends}")
    for rank, step in enumerate(path, 1):
        told = [
            f"feature {safe_text(name, 12)} {figure(step.activations[name])}"
            for name in names
            if step.activations.get(name)
        ]
        lines.append(f"{rank:>3}. {', '.join(told) or 'none is active'}")
        lines += [f"     | {line}" for line in wrapped(step.tokens, BLOCKS, WIDTH)]
    return lines


def _implementation(found: Implementation, card: FeatureCard) -> Paragraphs:
    yield WRITES
    yield f"- For it: {_weights(found.tokens)}\n- Against it: {_weights(found.against)}"
    rows = [(code(each.name), figure(each.weight, signed=True)) for each in found.places]
    rest = ("left unexplained", figure(found.residual, signed=True))
    yield table(("Place", ">Adds"), [*rows, rest])


def _weights(writers: Sequence[Writer]) -> str:
    told = (f"{_token(each.name)} {figure(each.weight, signed=True)}" for each in writers)
    return ", ".join(told) or "none"


def _token(text: str, limit: int = 40) -> str:
    """A token in a sentence or a table; spaces at its ends, which code would lose, are drawn."""
    inner = text.strip(" ")
    before = len(text) - len(text.lstrip(" ")) if inner else len(text)
    after = len(text) - len(inner) - before
    return code(f"{'␣' * before}{inner}{'␣' * after}", limit)


def _use(use: Use, card: FeatureCard) -> Paragraphs:
    yield DOES
    yield f"- Promotes: {_weights(use.promotes)}\n- Suppresses: {_weights(use.suppresses)}"
    if use.effects:
        yield _effects(use.effects)
    if use.monotone is not None:
        yield monotone_sentence(use.monotone)


def _effects(effects: Sequence[Effect]) -> str:
    """Strengths down, the feature and its controls across."""
    titles = effect_titles(effects)
    told = any(effect.behaviour for effect in effects)
    header = [
        *("Strength", *(f">Divergence: {title}" for title in titles)),
        *(f">Behaviour: {title}" for title in titles if told),
    ]
    rows = []
    for row in effect_rows(effects):
        cells = [_cell(title, row, lambda e: estimate_words(e.kl)) for title in titles]
        if told:
            cells += [
                _cell(title, row, lambda e: estimate_words(e.behaviour, signed=True))
                for title in titles
            ]
        rows.append((row.strength, *cells))
    return table(header, rows)


def _cell(title: str, row: EffectRow, say: Callable[[Effect], str]) -> str:
    return "; ".join(say(each) for name, each in row.effects if name == title) or UNKNOWN


def _rule(rule: Rule, card: FeatureCard) -> Paragraphs:
    among = f", the best of {rule.compared:,} rules" if rule.compared else ""
    by = prose(rule.explainer) or UNKNOWN
    yield (
        f"Rule: {prose(rule.description) or UNKNOWN} (explainer: {by}{among}). "
        f"Scored on contexts of at most {rule.window} tokens that it never saw."
    )
    rows = [
        ("detection: contexts where it fires from others", estimate_words(rule.detection)),
        ("fuzzing: its tokens from others of the same contexts", estimate_words(rule.fuzzing)),
    ]
    if rule.hard:
        hard = "detection against silent contexts that hold one of its tokens"
        rows.insert(1, (hard, estimate_words(rule.hard)))
    yield table(("Told apart (chance is 0.5)", ">Balanced accuracy"), rows)


_SAID: dict[type, Callable[..., Paragraphs]] = {
    DatasetExamples: _dataset,
    SyntheticExamples: _synthetic,
    Visualisation: _visualisation,
    JointTuning: _joint,
    Implementation: _implementation,
    Use: _use,
    Rule: _rule,
}
