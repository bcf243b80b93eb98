"""Ideas that might make a capture cheaper: what was expected of each, and what it gave.

    python benchmarks/experiments.py [--prompts 120] [--repeats 7] [--only NAME]

GPT-2 small's shape with random weights; the last token and the mean after the sixth of twelve
blocks, of prompts whose lengths are log-normal from 8 to 256 tokens. Each idea is a way of doing
the same work, beside the way that it would replace; ratios of interleaved runs on one thread, by
process time. Expectations were written down before anything was run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from audit.models.batching import batch_tokens, batches, longest_first
from audit.models.cache.answers import Answers
from audit.models.capture import capture
from audit.models.forward import evaluating
from audit.models.padding import make_batch
from audit.models.sequences import Captured, Read, Selection, TokenSequence
from benchmarks.speed.prompts import lengths, prompts
from benchmarks.speed.subjects import subject
from benchmarks.speed.work import FULL

Way = Callable[[], Any]
HOOK_NAME = "blocks.5.hook_resid_post"
READS = [Read(HOOK_NAME, "last"), Read(HOOK_NAME, "mean")]
DEPTH = 6


@dataclass(frozen=True)
class Idea:
    """One idea.

    Attributes:
        expected: ratio of the new way to the old one, written before it was measured.
        why: the reason for it.
        ways: makes the old and the new way, and gives the largest difference between what both
            find, relative to its spread; NaN where they do not find the same thing.
    """

    expected: str
    why: str
    ways: Callable[[int], tuple[Way, Way, Callable[[], float]]]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--prompts", type=int, default=120)
    arguments.add_argument("--repeats", type=int, default=7)
    arguments.add_argument("--only", choices=sorted(IDEAS), action="append")
    options = arguments.parse_args()
    torch.set_num_threads(1)
    print("| idea | expected | measured | quartiles | numbers apart | why it was expected |")
    print("|---|---|---|---|---|---|")
    for name in options.only or IDEAS:
        idea = IDEAS[name]
        old, new, apart = idea.ways(options.prompts)
        far = apart()  # and warm
        ratios = _interleaved(old, new, options.repeats)
        low, median, high = np.quantile(ratios, (0.25, 0.5, 0.75))
        print(
            f"| {name} | {idea.expected} | {median:.2f} | {low:.2f} to {high:.2f} | {far:.1e} | "
            f"{idea.why} |",
            flush=True,
        )


def _interleaved(old: Way, new: Way, repeats: int) -> list[float]:
    ratios = []
    for number in range(repeats):
        first, second = (old, new) if number % 2 else (new, old)
        begin = time.process_time()
        first()
        middle = time.process_time()
        second()
        taken = (middle - begin, time.process_time() - middle)
        ratios.append(taken[0] / taken[1] if first is new else taken[1] / taken[0])
    return ratios


def _asked(ids: tuple[int, ...]) -> TokenSequence:
    whole = Selection(tuple(range(len(ids))), (1,))
    return TokenSequence(ids, (Selection((len(ids) - 1,), (0,)), whole))


def _sequences(n: int) -> list[TokenSequence]:
    rng = np.random.default_rng(2)
    return [_asked(tuple(rng.integers(50257, size=length).tolist())) for length in lengths(n)]


def _apart(old: Captured, new: Captured) -> float:
    """Largest difference over all that was captured, in standard deviations of it."""
    far = 0.0
    for read, rows in enumerate(old.rows):
        a, b = old.matrix(read, list(rows)), new.matrix(read, list(rows))
        far = max(far, float(np.abs(a - b).max() / a.std()))
    return far


def _budget(tokens: int) -> Callable[[int], tuple[Way, Way, Callable[[], float]]]:
    def ways(n: int) -> tuple[Way, Way, Callable[[], float]]:
        model, asked = subject("GPT-2 small", FULL), _sequences(4 * n)

        def run(budget: int) -> Captured:
            return capture(model, asked, READS, max_batch_tokens=budget)

        usual = 2048
        return (
            lambda: run(usual),
            lambda: run(tokens),
            lambda: _apart(run(usual), run(tokens)),
        )

    return ways


def _file_order(n: int) -> tuple[Way, Way, Callable[[], float]]:
    """The old way here is batches of 32 as the file has them."""
    model, asked = subject("GPT-2 small", FULL), _sequences(n)

    def in_order() -> None:
        for start in range(0, len(asked), 32):
            capture(model, asked[start : start + 32], READS, max_batch_tokens=10**9)

    return in_order, lambda: capture(model, asked, READS), lambda: float("nan")


def _pairs(n: int) -> list[tuple[TokenSequence, TokenSequence]]:
    """Minimal pairs: two prompts that part after 60 % of their tokens."""
    rng = np.random.default_rng(3)
    pairs = []
    for length in lengths(n // 2):
        same = rng.integers(50257, size=max(1, int(0.6 * length)))
        ends = rng.integers(50257, size=(2, max(1, length - len(same))))
        both = [_asked((*same.tolist(), *end.tolist())) for end in ends]
        pairs.append((both[0], both[1]))
    return pairs


def _shared_prefixes(n: int) -> tuple[Way, Way, Callable[[], float]]:
    """The prefix of each pair runs once, its keys and values are kept, then both ends run."""
    model, pairs = subject("GPT-2 small", FULL), _pairs(n)
    asked = [one for pair in pairs for one in pair]
    base = _cut_model(model)

    def old() -> Captured:
        return capture(model, asked, READS)

    def new() -> list[torch.Tensor]:
        found: list[torch.Tensor] = []
        with evaluating(model.model):
            same = [_common(a.ids, b.ids) for a, b in pairs]
            order = longest_first(same, range(len(pairs)))
            for start, stop in batches(order, same, batch_tokens("cpu", 768)):
                found += _prefix_batch(base, [pairs[index] for index in order[start:stop]])
        return found

    def apart() -> float:
        before = old()
        lasts = before.matrix(0, [(index, 0) for index in range(len(asked))])
        order = longest_first([_common(a.ids, b.ids) for a, b in pairs], range(len(pairs)))
        where = [2 * index + side for index in order for side in (0, 1)]
        found = torch.stack(new()).numpy()
        return float(np.abs(found - lasts[where]).max() / lasts.std())

    return old, new, apart


def _prefix_batch(
    base: Any, pairs: list[tuple[TokenSequence, TokenSequence]]
) -> list[torch.Tensor]:
    """The last token's vector of each end, prefixes padded on the left, ends on the right."""
    from transformers import DynamicCache

    same = [_common(a.ids, b.ids) for a, b in pairs]
    width = max(same)
    ids = torch.zeros(len(pairs), width, dtype=torch.long)
    mask = torch.zeros(len(pairs), width, dtype=torch.long)
    for row, ((a, _), length) in enumerate(zip(pairs, same, strict=True)):
        ids[row, width - length :] = torch.tensor(a.ids[:length])
        mask[row, width - length :] = 1
    kept = DynamicCache()
    places = (mask.cumsum(1) - 1).clamp(min=0)
    base(ids, attention_mask=mask, position_ids=places, past_key_values=kept, use_cache=True)
    kept.batch_repeat_interleave(2)
    ends = [one.ids[length:] for pair, length in zip(pairs, same, strict=True) for one in pair]
    longest = max(map(len, ends))
    tail = torch.zeros(len(ends), longest, dtype=torch.long)
    seen = torch.zeros(len(ends), longest, dtype=torch.long)
    for row, end in enumerate(ends):
        tail[row, : len(end)] = torch.tensor(end)
        seen[row, : len(end)] = 1
    starts = torch.tensor(same).repeat_interleave(2)[:, None]
    output = base(
        tail,
        attention_mask=torch.cat([mask.repeat_interleave(2, 0), seen], 1),
        position_ids=(starts + torch.arange(longest)).clamp(max=1023),
        past_key_values=kept,
        use_cache=True,
    )[0]
    return [output[row, len(end) - 1] for row, end in enumerate(ends)]


def _common(a: tuple[int, ...], b: tuple[int, ...]) -> int:
    """Tokens that both begin with; at least one is left to each."""
    most = min(len(a), len(b)) - 1
    return next((place for place in range(most) if a[place] != b[place]), most)


def _preamble(n: int) -> tuple[Way, Way, Callable[[], float]]:
    """Every prompt begins with the same 40 tokens, as chats with a system prompt do."""
    model = subject("GPT-2 small", FULL)
    rng = np.random.default_rng(4)
    preamble = tuple(rng.integers(50257, size=40).tolist())
    asked = [_asked((*preamble, *one.ids[:60])) for one in _sequences(n)]
    base = _cut_model(model)

    def old() -> Captured:
        return capture(model, asked, READS)

    def new() -> list[torch.Tensor]:
        from transformers import DynamicCache

        found: dict[int, torch.Tensor] = {}
        ends = [one.ids[40:] for one in asked]
        order = longest_first([len(end) for end in ends], range(len(ends)))
        with evaluating(model.model):
            kept = DynamicCache()
            base(torch.tensor([preamble]), past_key_values=kept, use_cache=True)
            states = [(layer.keys, layer.values) for layer in kept.layers]
            for start, stop in batches(order, [len(end) for end in ends], batch_tokens("cpu", 768)):
                chosen = order[start:stop]
                here = DynamicCache()
                for layer, (keys, values) in enumerate(states):
                    shape = (len(chosen), -1, -1, -1)
                    here.update(keys.expand(shape), values.expand(shape), layer)
                longest = len(ends[chosen[0]])
                tail = torch.zeros(len(chosen), longest, dtype=torch.long)
                seen = torch.ones(len(chosen), 40 + longest, dtype=torch.long)
                for row, index in enumerate(chosen):
                    tail[row, : len(ends[index])] = torch.tensor(ends[index])
                    seen[row, 40 + len(ends[index]) :] = 0
                output = base(tail, attention_mask=seen, past_key_values=here, use_cache=True)[0]
                for row, index in enumerate(chosen):
                    found[index] = output[row, len(ends[index]) - 1]
        return [found[index] for index in range(len(ends))]

    def apart() -> float:
        lasts = old().matrix(0, [(index, 0) for index in range(len(asked))])
        return float(np.abs(torch.stack(new()).numpy() - lasts).max() / lasts.std())

    return old, new, apart


def _cut_model(model: Any) -> Any:
    """The blocks up to the sixth, as a module list of their own, without the final norm."""
    import copy

    base = copy.copy(model.model.transformer)
    base._modules = dict(base._modules)
    base.h = base.h[:DEPTH]
    base.ln_f = torch.nn.Identity()
    return base


def _truncated(n: int) -> tuple[Way, Way, Callable[[], float]]:
    """The old way ends the pass by raising in the hook of the sixth block."""
    model, asked = subject("GPT-2 small", FULL), _sequences(n)
    base = _cut_model(model)

    def new() -> None:
        sizes = [len(one.ids) for one in asked]
        order = longest_first(sizes, range(len(asked)))
        with evaluating(model.model):
            for start, stop in batches(order, sizes, batch_tokens("cpu", 768)):
                batch = make_batch(
                    asked, order[start:stop], frozenset({0, 1}), "right", model.model.device
                )
                x = base(batch.input_ids, attention_mask=batch.attention_mask, use_cache=False)[0]
                for gather in batch.gathers.values():
                    picked = x[gather.rows, gather.positions] * gather.mask[..., None]
                    (picked.sum(1) / gather.mask.sum(1)[:, None]).cpu()

    return lambda: capture(model, asked, READS), new, lambda: float("nan")


def _segment_sums(n: int) -> tuple[Way, Way, Callable[[], float]]:
    """Means of all tokens of a batch: a product with the mask, or sums over segments."""
    rng = np.random.default_rng(5)
    sizes = sorted(lengths(8 * n), reverse=True)
    made = []
    for start, stop in batches(range(len(sizes)), sizes, batch_tokens("cpu", 768)):
        x = torch.from_numpy(
            rng.standard_normal((stop - start, sizes[start], 768)).astype(np.float32)
        )
        mask = torch.arange(sizes[start]) < torch.tensor(sizes[start:stop])[:, None]
        made.append((x, mask))

    def old() -> list[torch.Tensor]:
        return [(x * m[..., None]).sum(1) / m.sum(1)[:, None] for x, m in made]

    def new() -> list[torch.Tensor]:
        found = []
        for x, mask in made:
            counts = mask.sum(1)
            owner = torch.repeat_interleave(torch.arange(len(counts)), counts)
            sums = torch.zeros(len(counts), 768).index_add_(0, owner, x[mask])
            found.append(sums / counts[:, None])
        return found

    def apart() -> float:
        pairs = zip(old(), new(), strict=True)
        return max(float((a - b).abs().max() / a.std()) for a, b in pairs)

    return old, new, apart


def _bfloat16(n: int) -> tuple[Way, Way, Callable[[], float]]:
    import copy
    from dataclasses import replace

    model, asked = subject("GPT-2 small", FULL), _sequences(n)
    half = replace(model, model=copy.deepcopy(model.model).bfloat16(), dtype="bfloat16")

    def apart() -> float:
        return _apart(capture(model, asked, READS), capture(half, asked, READS))

    return lambda: capture(model, asked, READS), lambda: capture(half, asked, READS), apart


def _compiled(n: int) -> tuple[Way, Way, Callable[[], float]]:
    """The blocks alone are compiled, with sizes left open; compiling is not counted."""
    import copy
    from dataclasses import replace

    model, asked = subject("GPT-2 small", FULL), _sequences(n)
    ours = copy.deepcopy(model.model)
    for block in ours.transformer.h[:DEPTH]:
        block.compile(dynamic=True)
    other = replace(model, model=ours)
    begin = time.process_time()
    capture(other, asked, READS)
    taken = time.process_time() - begin
    begin = time.process_time()
    capture(model, asked, READS)
    print(f"<!-- first pass, compiling: {taken / (time.process_time() - begin):.0f} passes -->")

    def apart() -> float:
        return _apart(capture(model, asked, READS), capture(other, asked, READS))

    return lambda: capture(model, asked, READS), lambda: capture(other, asked, READS), apart


def _tokenising(n: int) -> tuple[Way, Way, Callable[[], float]]:
    """The most that overlapping it could save is all of it: its share of a capture."""
    model = subject("GPT-2 small", FULL)
    texts = [prompt.text for prompt in prompts(model.tokenizer, n)]
    ids = [tuple(of) for of in model.tokenizer(texts)["input_ids"]]
    asked = [_asked(of) for of in ids if of]
    return (
        lambda: capture(model, asked, READS),
        lambda: model.tokenizer(texts)["input_ids"],
        lambda: float("nan"),
    )


def _keys(n: int) -> tuple[Way, Way, Callable[[], float]]:
    """What the cache asks of every prompt beside the passes: digests, keys, tables."""
    model, asked = subject("GPT-2 small", FULL), _sequences(n)
    return (
        lambda: capture(model, asked, READS),
        lambda: list(Answers(asked, READS).missing()),
        lambda: float("nan"),
    )


@contextmanager
def threads(number: int) -> Iterator[None]:
    """So many threads inside."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


IDEAS: dict[str, Idea] = {
    "sorted by length, not file order": Idea(
        "0.45", "the longest of 32 prompts is more than twice their mean", _file_order
    ),
    "batches of 1,024 tokens": Idea("0.97", "half of the padding, 5 % of the work", _budget(1024)),
    "batches of 512 tokens": Idea("0.98", "less padding, smaller products", _budget(512)),
    "batches of 8,192 tokens": Idea("1.08", "more padding, larger products", _budget(8192)),
    "prefixes of minimal pairs once": Idea(
        "0.75", "60 % of two prompts run once: 30 % less, and a second pass of small batches",
        _shared_prefixes,
    ),
    "a preamble of 40 tokens once": Idea("0.55", "40 of some 85 tokens a prompt", _preamble),
    "module list cut, not raised": Idea("1.00", "a raise a batch costs microseconds", _truncated),
    "segment sums, no mask product": Idea(
        "0.5", "two passes over memory less; of a pooling that is 1 % of the work", _segment_sums
    ),
    "bfloat16": Idea("0.7", "this processor multiplies it; parity 1e-2, not 1e-5", _bfloat16),
    "torch.compile": Idea("0.95", "products are the cost, and they stay", _compiled),
    "tokenising, all that overlap saves": Idea("0.01", "a fast tokenizer", _tokenising),
    "keys of the cache": Idea("0.005", "one sha256 a prompt and a question", _keys),
}  # fmt: skip

if __name__ == "__main__":
    main()
