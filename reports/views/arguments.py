"""The seven arguments of an evidence card in words, computed once for every renderer.

Strings may hold text from outside: whoever shows them escapes them. Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reports.features import (
    Context,
    DatasetExamples,
    Effect,
    PathStep,
    Rule,
    TokenEdit,
    Visualisation,
)
from reports.parts import Estimate
from reports.text import safe_text
from reports.views.features import EFFECTS, rate_words
from reports.views.wording import figure, support_words

CONTROLS = (
    "What anybody could have got: the best feature of a random SAE of the same shape, found by "
    "the same steps, and a plain probe on the raw activations with the same pooling. The feature "
    "is worth what it has above these."
)
WATCHED = "AUROC on the validation rows; beside it the share of rows on which it is active."
FAMILY = (
    "Features whose decoder direction lies near, and how activation passes between them as a "
    "context is edited, step by step, from where this one fires to where a neighbour does."
)
WRITES = (
    "Tokens whose embedding writes for it and against it, and what earlier attention and MLP "
    "outputs add to its pre-activation on its top tokens, in the feature's units."
)
DOES = (
    "What its direction does to the next token's logits, and what becomes of the model when it "
    "is taken away or added. Strengths are in medians of the activation norm, the divergence in "
    "nats, the behaviour in log-odds; all as means over prompts with what the SAE does not "
    "explain left in place."
)


@dataclass(frozen=True)
class EffectRow:
    """One strength, and what each intervention does at it, by whose direction it is."""

    strength: str
    effects: tuple[tuple[str, Effect], ...]


def density_sentence(found: DatasetExamples) -> str:
    """On how many tokens it is active, and how strongly at most."""
    return (
        f"Active on {rate_words(found.density)} of {found.n_tokens:,} tokens, "
        f"{figure(found.maximum)} at most."
    )


def sought_sentence(found: Visualisation) -> str:
    """What was tried to drive it far."""
    return (
        "Single tokens of the vocabulary, and sequences found by search among "
        f"{found.searched:,} that were run; beside the activation its share of the maximum in the "
        "data."
    )


def monotone_sentence(monotone: bool) -> str:
    """Whether behaviour follows the strength."""
    follows = "follows" if monotone else "does not follow"
    return f"Over both signs, behaviour {follows} the strength."


def peak_words(context: Context) -> str:
    """`4.81 at "spain"; also "?" 1.20 | row claim-003`."""
    values = [each.value for each in context.tokens]
    at = ""
    if 0 <= context.peak < len(values):
        at = f" at {_quoted(context.tokens[context.peak].token)}"
    others = sorted(
        (each for i, each in enumerate(context.tokens) if i != context.peak and each.value > 0),
        key=lambda each: -each.value,
    )
    also = ", ".join(f"{_quoted(each.token)} {figure(each.value)}" for each in others[:3])
    row = f" | row {safe_text(context.row, 60)}" if context.row else ""
    return f"{figure(context.value)}{at}{f'; also {also}' if also else ''}{row}"


def active_features(path: Sequence[PathStep], feature: str) -> list[str]:
    """Features that are active somewhere on the way, this one first."""
    active = {name for step in path for name, value in step.activations.items() if value > 0}
    return sorted(active | {feature}, key=lambda name: (name != feature, len(name), name))


def effect_titles(effects: Sequence[Effect]) -> list[str]:
    """Whose directions were tried, this feature first."""
    kinds = {effect.kind for effect in effects}
    return list(dict.fromkeys(title for kind, title in EFFECTS.items() if kind in kinds))


def effect_rows(effects: Sequence[Effect]) -> Iterator[EffectRow]:
    """Strengths in order, taken away first; within one, the feature before its controls."""
    titles = effect_titles(effects)
    for ablated, strength in sorted({_order(effect) for effect in effects}):
        here = [effect for effect in effects if _order(effect) == (ablated, strength)]
        yield EffectRow(
            strength="taken away" if ablated == 0 else figure(strength, signed=True),
            effects=tuple(
                (title, effect)
                for title in titles
                for effect in here
                if EFFECTS[effect.kind] == title
            ),
        )


def rule_scores(rule: Rule) -> list[tuple[str, str, Estimate]]:
    """Each score of the rule: in a word or two, in words, and its figure."""
    scores = [
        ("detection", "contexts where it fires from others", rule.detection),
        ("hard negatives", "against silent contexts that hold one of its tokens", rule.hard),
        ("fuzzing", "its tokens from others of the same contexts", rule.fuzzing),
    ]
    return [(name, words, found) for name, words, found in scores if found is not None]


def rests_on(found: Sequence[Estimate]) -> str:
    """What numbers rest on, each way once; of more than three ways the first."""
    said = list(dict.fromkeys(map(support_words, found)))
    more = f"; and {len(said) - 3} more" if len(said) > 3 else ""
    return "; ".join(said[:3]) + more


def counted(found: Estimate) -> str:
    """`n = 60 in 30 groups`."""
    groups = "" if found.n_groups == found.n else f" in {found.n_groups} groups"
    return f"n = {found.n}{groups}"


def edit_words(edit: TokenEdit) -> str:
    """`" Spain" becomes " Peru"`, or that it is dropped."""
    became = "dropped" if edit.after is None else f"becomes {_quoted(edit.after)}"
    return f"{_quoted(edit.before)} {became}"


def _quoted(token: str) -> str:
    return f'"{safe_text(token, 24)}"'


def _order(effect: Effect) -> tuple[int, float]:
    """Taken away first: by the kind, or by a control's strength of 0."""
    return (0, 0.0) if effect.kind == "ablate" or effect.strength == 0 else (1, effect.strength)
