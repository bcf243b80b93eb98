"""How work on prompts is cut, so that it can stop anywhere and go on elsewhere.

A *shard* is all prompts whose digests begin with the same bits; how many bits is told by the size
of the whole work alone. A *part* is some whole batches of one shard: it is run at one place, and
kept as one file, all of it or nothing.

Which prompts share a batch decides the last bits of what a model gives. Where some parts are
known already, what is left is cut into the very parts that are not: a batch is as many prompts
as its longest allows, so a part begins anew wherever the one before it ended. Work that was
broken off, or done by others in any order, ends with the numbers of work that was not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from audit.models.batching import batches, longest_first

BATCHES_A_SHARD = 64
"""At least, and less than twice as many. With fewer of them more is padded: 2 % with 64, 4 % with
32, 9 % with 16, of prompts whose lengths are log-normal from 8 to 256 tokens."""

BATCHES_A_PART = 16
"""What is lost at most when a run dies."""

MOST_BITS = 8


@dataclass(frozen=True, slots=True)
class Part:
    """Prompts that run at one place and are kept in one file.

    Attributes:
        shard: the bits that their digests begin with, `0110`; empty where there is one shard.
        items: indices of the prompts, longest first.
    """

    shard: str
    items: tuple[int, ...]


def shard_bits(tokens: int, batch_tokens: int) -> int:
    """By how many bits of a digest a work of so many tokens is cut into shards."""
    shards = tokens // (BATCHES_A_SHARD * batch_tokens)
    return min(MOST_BITS, max(0, shards.bit_length() - 1))


def shard_of(digest: bytes, bits: int) -> str:
    """The shard of a prompt; any key of the prompt will do, they begin alike."""
    return format(digest[0], "08b")[:bits]


def parts_of(
    groups: Sequence[Sequence[int]],
    digests: Sequence[bytes],
    lengths: Sequence[int],
    *,
    bits: int,
    batch_tokens: int,
) -> list[Part]:
    """Cut what is to be run into parts.

    Args:
        groups: indices of prompts; those of one group run alike, and may share a batch.
        digests: of each prompt.
        lengths: tokens of each prompt, those to come included.
        bits: from `shard_bits`, of the whole work.
        batch_tokens: most tokens in a batch, padding included.

    Returns:
        Parts shard by shard; the shard with the longest prompt first, so that what does not fit
        into memory is seen at once.
    """
    alike: dict[tuple[str, int], list[int]] = {}
    longest: dict[str, int] = {}
    for number, group in enumerate(groups):
        for index in group:
            shard = shard_of(digests[index], bits)
            alike.setdefault((shard, number), []).append(index)
            longest[shard] = max(longest.get(shard, 0), lengths[index])
    parts = []
    for shard, number in sorted(alike, key=lambda key: (-longest[key[0]], key)):
        order = longest_first(lengths, alike[shard, number])
        ends = [stop for _, stop in batches(order, lengths, batch_tokens)]
        cuts = [0, *ends[BATCHES_A_PART - 1 : -1 : BATCHES_A_PART], len(order)]
        parts += [Part(shard, tuple(order[start:stop])) for start, stop in pairwise(cuts)]
    return parts
