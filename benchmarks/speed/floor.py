"""The pass that nobody can avoid: the bare model, cut at the deepest layer that is wanted.

It reads the batches that capture makes, with nothing listening and nothing kept.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from audit.models.batching import batch_tokens, longest_first, run_in_batches
from audit.models.capture import Read, Selection, TokenSequence
from audit.models.hook_names import HookPoints, layer_at
from audit.models.loaded import LoadedModel
from audit.models.padding import Batch, make_batch
from benchmarks.speed.prompts import prompts

FINAL_NORMS = ("ln_f", "norm", "pooler")


def place(layer: int) -> str:
    """The residual stream after a block."""
    return f"blocks.{layer}.hook_resid_post"


def layer_of(read: Read) -> int:
    """The block whose end a read hears."""
    return int(read.hook_name.split(".")[1])


def half_depth(loaded: LoadedModel) -> list[Read]:
    """The last token and the mean at half depth."""
    name = place(layer_at(0.5, loaded.n_layers))
    return [Read(name, "last"), Read(name, "mean")]


def all_layers(loaded: LoadedModel) -> list[Read]:
    """The mean after every block."""
    return [Read(place(layer), "mean") for layer in range(loaded.n_layers)]


def sequences(loaded: LoadedModel, reads: Sequence[Read], n: int) -> list[TokenSequence]:
    """`n` prompts as this model's tokens, all of which every read wants."""
    texts = [prompt.text for prompt in prompts(loaded.tokenizer, n)]
    wanted = tuple(range(len(reads)))
    return [
        TokenSequence(tuple(ids), (Selection(tuple(range(len(ids))), wanted),))
        for ids in loaded.tokenizer(texts)["input_ids"]
    ]


def cut_at(loaded: LoadedModel, layer: int) -> Any:
    """A copy of the base model without the blocks after `layer` and without its final norm."""
    import torch

    base = copy.deepcopy(loaded.model.base_model)
    path = HookPoints(base).resolve(place(layer)).module_path
    *parents, blocks, _ = path.split(".")
    parent = base.get_submodule(".".join(parents))
    setattr(parent, blocks, getattr(parent, blocks)[: layer + 1])
    for name in FINAL_NORMS:
        if getattr(base, name, None) is not None:
            setattr(base, name, None if name == "pooler" else torch.nn.Identity())
    return base.eval()


def own_batches(
    loaded: LoadedModel, sequences: Sequence[TokenSequence], n_reads: int
) -> list[Batch]:
    """The batches that capture makes of these on a CPU."""
    import torch

    sizes = [len(sequence.ids) for sequence in sequences]
    order = longest_first(sizes, range(len(sizes)))
    made: list[Batch] = []

    def run(start: int, stop: int) -> None:
        reads = frozenset(range(n_reads))
        made.append(make_batch(sequences, order[start:stop], reads, "right", torch.device("cpu")))

    run_in_batches(order, sizes, run, max_batch_tokens=batch_tokens("cpu", loaded.d_model))
    return made


def forward(model: Any, batches: Sequence[Batch]) -> None:
    """Every batch through the model; what comes out is thrown away."""
    import torch

    with torch.inference_mode():
        for batch in batches:
            model(input_ids=batch.input_ids, attention_mask=batch.attention_mask, **_quiet(model))


def _quiet(model: Any) -> dict[str, bool]:
    return {} if type(model).__name__.startswith("Bert") else {"use_cache": False}
