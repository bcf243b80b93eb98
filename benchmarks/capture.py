"""What capture costs beside the forward pass that it cannot avoid, all in one process.

    python benchmarks/capture.py [--prompts 400] [--repeats 7]

A GPT-2 shape (6 layers, d_model 384) with random weights reads prompts of 8 to 64 tokens;
the last token and the mean at half depth are wanted. Compared on the same batches:

    cut      the bare model, its later layers and final norm taken away, nothing kept
    capture  this project: the whole model, hooks, early stop, pooling
    full     the bare whole model with its vocabulary projection, nothing kept
    cache    TransformerBridge.run_with_cache, stopped after the same layer, then pooled

Medians over interleaved repeats, as ratios to `cut`; on a CPU the time is that of the
process, so that other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import copy
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from audit.models.batching import batch_tokens, longest_first
from audit.models.bridge import bridge_of
from audit.models.capture import Read, Selection, TokenSequence, capture
from audit.models.hook_names import layer_at
from audit.models.loaded import LoadedModel
from audit.models.padding import Batch, make_batch
from probes.pooling import pooling

VOCABULARY = 50257
LAYERS = 6
LAYER = layer_at(0.5, LAYERS)
HOOK_NAME = f"blocks.{LAYER}.hook_resid_post"
READS = [Read(HOOK_NAME, "last"), Read(HOOK_NAME, "mean")]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--prompts", type=int, default=400)
    arguments.add_argument("--repeats", type=int, default=7)
    options = arguments.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = GPT2LMHeadModel(
        GPT2Config(n_layer=LAYERS, n_head=6, n_embd=384, vocab_size=VOCABULARY)
    ).to(device)
    loaded = _loaded(model.eval())
    sequences = _sequences(options.prompts)
    batches = _batches(sequences, device)
    cut, bridge = _cut(model), bridge_of(model)
    ways: dict[str, Callable[[], Any]] = {
        "cut": lambda: _bare(cut, batches),
        "capture": lambda: capture(loaded, sequences, READS),
        "full": lambda: _bare(model, batches),
        "cache": lambda: _cached(bridge, batches),
    }
    seconds = _interleaved(ways, options.repeats)
    tokens = sum(len(sequence.ids) for sequence in sequences)
    print(f"{options.prompts} prompts, {tokens} tokens, {len(batches)} batches, {device}")
    for name, times in seconds.items():
        median = statistics.median(times)
        ratio = statistics.median(
            ours / bare for ours, bare in zip(times, seconds["cut"], strict=True)
        )
        print(f"{name:8} {median:7.3f} s  {tokens / median:9.0f} tokens/s  {ratio:5.2f} x cut")


def _interleaved(ways: dict[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    for run in ways.values():
        run()  # warm-up
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, run in ways.items():
            start = clock()
            run()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            seconds[name].append(clock() - start)
    return seconds


def _sequences(n: int) -> list[TokenSequence]:
    rng = random.Random(0)
    sequences = []
    for _ in range(n):
        ids = tuple(rng.randrange(VOCABULARY) for _ in range(rng.randint(8, 64)))
        last = Selection((len(ids) - 1,), (0,))
        sequences.append(TokenSequence(ids, (last, Selection(tuple(range(len(ids))), (1,)))))
    return sequences


def _batches(sequences: list[TokenSequence], device: torch.device) -> list[Batch]:
    """The batches that capture makes, by the same rule."""
    lengths = [len(sequence.ids) for sequence in sequences]
    order = longest_first(lengths, range(len(sequences)))
    budget = batch_tokens(device.type, 384)
    batches, start = [], 0
    while start < len(order):
        stop = start + max(1, budget // lengths[order[start]])
        reads = frozenset(range(len(READS)))
        batches.append(make_batch(sequences, order[start:stop], reads, "right", device))
        start = stop
    return batches


def _cut(model: Any) -> Any:
    """The base model without the layers after `LAYER` and without its final norm."""
    base = copy.deepcopy(model.transformer)
    base.h = base.h[: LAYER + 1]
    base.ln_f = torch.nn.Identity()
    return base


def _bare(model: Any, batches: list[Batch]) -> None:
    with torch.inference_mode():
        for batch in batches:
            model(batch.input_ids, attention_mask=batch.attention_mask, use_cache=False)


def _cached(bridge: Any, batches: list[Batch]) -> None:
    with torch.inference_mode():
        for batch in batches:
            mask = batch.attention_mask
            kwargs = {} if mask is None else {"attention_mask": mask}
            _, cache = bridge.run_with_cache(
                batch.input_ids, names_filter=HOOK_NAME, stop_at_layer=LAYER + 1, **kwargs
            )
            for index, read in enumerate(READS):
                gather = batch.gathers[index]
                x = cache[HOOK_NAME][gather.rows, gather.positions]
                pooling(read.pooling)(x, gather.mask, read.window).cpu()


def _loaded(model: Any) -> LoadedModel:
    return LoadedModel(
        name="benchmark",
        model=model,
        tokenizer=None,
        architecture=type(model).__name__,
        n_layers=LAYERS,
        d_model=384,
        n_parameters=0,
        dtype="float32",
        device=str(model.device),
        weights_digest="",
        tokenizer_digest="",
        context_length=1024,
        path=None,
    )


if __name__ == "__main__":
    main()
