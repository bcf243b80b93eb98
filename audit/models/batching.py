"""Work in batches: sorted by length, as many tokens as fit, smaller when memory runs out.

Knows lengths and memory; not what is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from audit.errors import MeasurementError

BATCH_TOKENS = {"cpu": 2048, "mps": 8192, "cuda": 32768}
_WIDE = 512


def batch_tokens(device: str, d_model: int) -> int:
    """Most tokens in a batch, padding included, on a device for a model of this width.

    On a CPU half as many of a wide model: the activations of more leave its caches, and more is
    padded. Of a narrow one each batch costs more in calls than in numbers.
    """
    kind = device.partition(":")[0]
    tokens = BATCH_TOKENS.get(kind, 4096)
    return tokens // 2 if kind == "cpu" and d_model >= _WIDE else tokens


def run_in_batches(
    order: Sequence[int],
    lengths: Sequence[int],
    run: Callable[[int, int], None],
    *,
    max_batch_tokens: int,
    max_items: int | None = None,
    on_event: Callable[[str], None] | None = None,
    done: Callable[[int], None] | None = None,
) -> None:
    """Call `run(start, stop)` for consecutive parts of `order` until all is done.

    Args:
        order: indices into `lengths`, longest first: padding is then small, and a model
            that does not fit fails in the first batch and not in the last.
        lengths: tokens of each item.
        run: works on `order[start:stop]`; may be called again for the same items.
        max_batch_tokens: most tokens in a batch, padding included; at least one item runs.
        max_items: most items in a batch, None for no such limit.
        on_event: told in a sentence when memory ran out and the batch is halved.
        done: told the tokens of each batch that was finished, without padding.

    Raises:
        MeasurementError: a single item does not fit into memory.
    """
    start = 0
    while start < len(order):
        longest = max(1, lengths[order[start]])
        stop = _end(order, lengths, start, max_batch_tokens, max_items)
        if not _fits(run, start, stop):
            if stop - start == 1:
                raise MeasurementError(
                    f"out of memory on a single prompt of {longest} tokens; use a device with "
                    "more memory, a smaller dtype, or shorter prompts"
                )
            max_batch_tokens = longest * ((stop - start) // 2)
            if on_event is not None:
                on_event(
                    f"out of memory with {stop - start} prompts of up to {longest} tokens; "
                    f"going on with batches of {max_batch_tokens} tokens"
                )
            continue
        if done is not None:
            done(sum(lengths[index] for index in order[start:stop]))
        start = stop


def batches(
    order: Sequence[int], lengths: Sequence[int], max_batch_tokens: int
) -> Iterator[tuple[int, int]]:
    """The parts of `order` that `run_in_batches` runs, where memory is enough.

    How many items a batch holds is told by its longest, its first, alone.
    """
    start = 0
    while start < len(order):
        stop = _end(order, lengths, start, max_batch_tokens, None)
        yield start, stop
        start = stop


def _end(
    order: Sequence[int],
    lengths: Sequence[int],
    start: int,
    max_batch_tokens: int,
    max_items: int | None,
) -> int:
    longest = max(1, lengths[order[start]])
    items = max(1, min(max_batch_tokens // longest, max_items or len(order)))
    return min(len(order), start + items)


def longest_first(lengths: Sequence[int], items: Sequence[int]) -> list[int]:
    """The items by falling length; equal lengths keep their order."""
    return sorted(items, key=lambda index: -lengths[index])


def _fits(run: Callable[[int, int], None], start: int, stop: int) -> bool:
    """Run one batch; whether memory was enough. Other errors pass."""
    import torch

    try:
        run(start, stop)
    except RuntimeError as error:  # torch.OutOfMemoryError is one
        if not is_out_of_memory(error):
            raise
    else:
        return True
    # Outside the handler: the error holds the frames, and they hold the tensors.
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return False


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch says that memory ran out, on any device."""
    import torch

    words = str(error).lower()
    return (
        isinstance(error, torch.OutOfMemoryError)
        or "out of memory" in words
        or "can't allocate memory" in words
    )
