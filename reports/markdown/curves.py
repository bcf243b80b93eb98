"""Scores, the ROC, tokens and rates as lines of characters. Decides nothing.

A line of marks shows a shape; whatever is to be compared stands beside it as a number.
"""

from __future__ import annotations

from collections.abc import Iterator

from reports.curves import Distributions, Roc, RoleScores, TokenScores
from reports.drawing.strips import BLOCKS, UNSEEN, histogram, shown_token, sparkline, thinned
from reports.markdown.text import fenced, prose
from reports.record import CheckResult
from reports.views.series import TrackView
from reports.views.wording import estimate_words, figure, hundredths, support_words

WIDTH = 72
STRONGEST = 5
READ = 3


def scores_paragraphs(check: CheckResult) -> Iterator[str]:
    """How the scores of each role lie about the threshold, and what it catches."""
    if check.distributions:
        yield from _distributions(check.distributions, _cuts(check))
    if check.roc:
        yield prose(operating_words(check.roc))


def operating_words(roc: Roc) -> str:
    """What the threshold catches, and what it catches wrongly, on labelled rows."""
    caught, wrongly = roc.operating_tpr, roc.operating_fpr
    return (
        f"At the threshold the monitor fires on {estimate_words(caught)} of the validation rows "
        f"with the concept ({support_words(caught)}) and on {estimate_words(wrongly)} of those "
        f"without it ({support_words(wrongly)})."
    )


def token_line(scores: TokenScores) -> str:
    """The strongest tokens of a row with their values; those that made its score are marked."""
    read = set(scores.read)
    order = sorted(range(len(scores.tokens)), key=lambda i: (-scores.values[i], i))
    strongest = order[:STRONGEST]
    told = [_token(scores, i, read) for i in strongest]
    weak = [i for i in order[STRONGEST:] if i in read]
    told += [_token(scores, i, read) for i in weak[:READ]]
    more = f", and {len(weak) - READ} more that were read" if weak[READ:] else ""
    return f"strongest tokens: {', '.join(told) or 'none'}{more}"


def track_lines(track: TrackView) -> list[str]:
    """The rate of a gate over the checkpoints and, on the same scale, the visible behaviour."""
    rates, each = thinned([point.value for point in track.points], WIDTH)
    seen, _ = thinned([p.behaviour.value if p.behaviour else None for p in track.points], WIDTH)
    top = max((value for value in [*rates, *seen] if value is not None), default=0.0)
    lines = [_drawn("rate", rates, top, track), _drawn("behaviour", seen, top, track)]
    alarmed = {i // each for i in range(len(track.points)) if track.alarmed(i)}
    if alarmed:
        under = "".join("^" if i in alarmed else " " for i in range(len(rates)))
        lines.append(f"{'alarm':<10}{under.rstrip()}")
    of = "a checkpoint" if each == 1 else f"{each} checkpoints, the largest of them"
    key = f"(a mark is {of}; a full block is {track.words.share(top)}"
    unseen = f"; {UNSEEN} was not measured" if None in [*rates, *seen] else ""
    return [*lines, f"{key}{unseen})"]


def _drawn(name: str, values: list[float | None], top: float, track: TrackView) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return f"{name:<10}not measured"
    between = f"{hundredths(min(known))} to {track.words.share(max(known))}"
    return f"{name:<10}{sparkline(values, BLOCKS, top)}  {between}"


def _distributions(scores: Distributions, cuts: dict[str, float]) -> Iterator[str]:
    told = " and ".join(f"{name} of {cut:.4g}" for name, cut in cuts.items())
    bar = f"; a bar stands at the edge nearest to the {told}" if cuts else ""
    low, high = figure(scores.edges[0]), figure(scores.edges[-1])
    bins = len(scores.edges) - 1
    yield f"Scores from {low} to {high} in {bins} bins, each line as high as its fullest bin{bar}."
    if scores.roles:
        yield fenced([_role(role, scores.edges, list(cuts.values())) for role in scores.roles])


def _cuts(check: CheckResult) -> dict[str, float]:
    """The threshold, and for a belief gap the one below which the concept is read as absent."""
    found = check.threshold
    if found is None:
        return {}
    gap = any(gate.kind.startswith("belief_gap") for gate in check.gates)
    below = {"lower threshold": found.lower} if gap and found.lower is not None else {}
    return {"threshold": found.value, **below}


def _role(role: RoleScores, edges: list[float], cuts: list[float]) -> str:
    label = "" if role.label is None else f", label {role.label}"
    drawn = histogram(role.counts, edges, cuts, BLOCKS)
    return f"{role.role + label:<20} {drawn}  {sum(role.counts):,} rows"


def _token(scores: TokenScores, index: int, read: set[int]) -> str:
    mark = " (read)" if index in read else ""
    return f'"{shown_token(scores.tokens[index])}" {figure(scores.values[index])}{mark}'
