"""Markdown that fits where it goes: parts in their places, of which the least important go first.

Knows ranks, limits, and the comment by which a text is found again to be replaced; knows no
record.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Rank = tuple[int, ...]

# The title, the summary and headings; their length has a bound, whatever the record holds.
ALWAYS: Rank = ()

IN_THE_RECORD = "`report.json` holds all of it"

MARKED = "<!-- alignment-audit"
NAMES_LIMIT = 200
_NOT_IN_A_COMMENT = re.compile(r"[^A-Za-z0-9_.]+")


@dataclass(frozen=True)
class Limit:
    """How long a text may be, and what is counted."""

    most: int
    unit: Literal["characters", "bytes"] = "characters"

    def size(self, text: str) -> int:
        """The length of a text in the unit of the limit; bytes are those of UTF-8."""
        return len(text) if self.unit == "characters" else len(text.encode("utf-8"))


# What GitHub takes as a comment, and as the summary of a step.
COMMENT_LIMIT = Limit(65_536)
SUMMARY_LIMIT = Limit(1_048_576, "bytes")


@dataclass(frozen=True)
class Piece:
    """A part of the document, in its place. Parts of equal rank stay or go together.

    `what` is what a reader loses with it, in the singular, for the note that counts it.
    """

    text: str
    rank: Rank = ALWAYS
    what: str = ""


def fitted(pieces: Iterable[Piece], limit: Limit, whole: str = IN_THE_RECORD) -> str:
    """The pieces in their order, and never more than the limit.

    Where they are too long, those of the last ranks are left out, and a note after the first
    piece counts them; `whole` says where they are found. Where not even what always stays has
    room, there is the first piece with the note, then the note alone, then nothing.
    """
    opening, *rest = pieces
    text = "".join(piece.text for piece in (opening, *rest))
    if limit.size(text) <= limit.most:
        return text
    longest = _note(rest, whole)
    kept = _ranks_that_fit(rest, limit, limit.most - limit.size(opening.text + longest))
    note = _note([piece for piece in rest if piece.rank not in kept], whole)
    shown = "".join(piece.text for piece in rest if piece.rank in kept)
    for short in (f"{opening.text}{note}{shown}", f"{opening.text}{longest}", longest):
        if limit.size(short) <= limit.most:
            return short
    return ""


def marker(names: Iterable[str], kind: str = "") -> str:
    """`<!-- alignment-audit: organism_lying,truth -->`: by it one comment is found and updated.

    Names that a comment cannot hold as they are, or that are too many, end in a digest of all.
    """
    told = sorted(set(names))
    as_they_are = ",".join(told)
    shown = ",".join(_NOT_IN_A_COMMENT.sub("-", name).strip("-") for name in told)[:NAMES_LIMIT]
    if shown != as_they_are:
        digest = hashlib.sha256(as_they_are.encode("utf-8", "backslashreplace")).hexdigest()
        shown += f"+{digest[:12]}"
    about = " ".join(part for part in (kind, shown) if part)
    return f"{MARKED}: {about} -->" if about else f"{MARKED} -->"


def by_turns(
    lines: Iterable[str], first: int, what: str, order: Sequence[int] | None = None
) -> list[Piece]:
    """Lines of a table or a list; the later in `order`, or in the list, the sooner left out."""
    return [
        Piece(f"{line}\n", (first, order[index] if order else index), what)
        for index, line in enumerate(lines)
    ]


def _ranks_that_fit(pieces: Sequence[Piece], limit: Limit, room: int) -> set[Rank]:
    """Take parts by rank until the first that does not fit."""
    sizes: Counter[Rank] = Counter()
    for piece in pieces:
        sizes[piece.rank] += limit.size(piece.text)
    kept = {ALWAYS}
    for rank in sorted(sizes):
        room -= sizes[rank]
        if room < 0 and rank != ALWAYS:
            break
        kept.add(rank)
    return kept


def _note(lost: Iterable[Piece], whole: str) -> str:
    counts = Counter(piece.what for piece in lost if piece.what)
    said = ", ".join(f"{n:,} {what}{'' if n == 1 else 's'}" for what, n in counts.items())
    return f"> **Cut to fit.** Left out: {said or 'parts'}; {whole}.\n\n"
