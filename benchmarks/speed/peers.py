"""One layer at half depth beside the tools that people use for it.

Each is used as its documentation shows: prompts in file order, 32 to a batch, padded to the longest
of it; one place named; the wanted tokens pooled afterwards. What they find is compared with ours
before anything is timed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from audit.models.bridge import bridge_of
from audit.models.capture import Read, TokenSequence, capture
from audit.models.loaded import LoadedModel
from benchmarks.speed.figures import CannotRunError, Figure, figure_of
from benchmarks.speed.floor import half_depth, layer_of
from benchmarks.speed.portions import Portion, portions, told
from benchmarks.speed.subjects import subject
from benchmarks.speed.timing import interleaved, ratios
from benchmarks.speed.work import Work

BATCH = 32
APART = 2e-3
Way = Callable[[Portion], Any]


def bridge_rows(work: Work) -> Iterator[Figure]:
    """TransformerLens, as it is and told to stop."""
    goals = {"run_with_cache, names_filter": 4, "run_with_cache, stop_at_layer": 1.5}
    yield from _rows(work, ("GPT-2 small", "Llama, grouped", "stories260k"), goals, _bridges)


def nnsight_rows(work: Work) -> Iterator[Figure]:
    """nnsight's trace, as it is and told to stop."""
    goals = {"nnsight trace": 1.5, "nnsight trace, tracer.stop()": 1.5}
    yield from _rows(work, ("GPT-2 small", "stories260k"), goals, _traces)


def _rows(
    work: Work,
    models: Sequence[str],
    goals: dict[str, float],
    made: Callable[[LoadedModel, list[Read]], list[Way]],
) -> Iterator[Figure]:
    for model in models:
        about = {"model": model, "least": True}
        try:
            loaded = subject(model, work)
            reads = half_depth(loaded)
            ways = dict(zip(goals, made(loaded, reads), strict=True))
        except CannotRunError as error:
            for peer, goal in goals.items():
                yield Figure(f"{peer} / ours", None, goal, peer=peer, note=str(error), **about)
            continue
        parts = portions(loaded, reads, work)
        ways["ours"] = lambda part, loaded=loaded, reads=reads: capture(loaded, part, reads)
        _must_agree(ways, parts[0][: BATCH // 4], reads)
        times = interleaved(ways, parts, warm=parts[0][: BATCH // 4])
        for peer, goal in goals.items():
            yield figure_of(
                ratios(times, peer, "ours"),
                f"{peer} / ours",
                goal=goal,
                peer=peer,
                work=told(parts),
                **about,
            )


def _bridges(loaded: LoadedModel, reads: list[Read]) -> list[Way]:
    bridge, name = bridge_of(loaded.model), reads[0].hook_name

    def run(part: Portion, **stop: int) -> list[Any]:
        def of(ids: Any, mask: Any) -> Any:
            _, cache = bridge.run_with_cache(ids, attention_mask=mask, names_filter=name, **stop)
            return cache[name]

        return _in_file_order(part, of)

    return [run, lambda part: run(part, stop_at_layer=layer_of(reads[0]) + 1)]


def _traces(loaded: LoadedModel, reads: list[Read]) -> list[Way]:
    if importlib.util.find_spec("nnsight") is None:
        raise CannotRunError("nnsight is not installed (pip install -e '.[bench]')")
    from nnsight import NNsight

    from audit.models.hook_names import HookPoints

    model = NNsight(loaded.model)
    path = HookPoints(loaded.model).resolve(reads[0].hook_name).module_path

    def block() -> Any:
        found: Any = model
        for part in path.split("."):
            found = found[int(part)] if part.isdigit() else getattr(found, part)
        return found

    def whole(ids: Any, mask: Any) -> Any:
        place = block()
        with model.trace(input_ids=ids, attention_mask=mask):
            found = place.output.save()
        return found  # noqa: RET504 - nnsight runs the body of `with` by itself

    def stopped(ids: Any, mask: Any) -> Any:
        place = block()
        with model.trace(input_ids=ids, attention_mask=mask) as tracer:
            found = place.output.save()
            tracer.stop()
        return found

    return [lambda part: _in_file_order(part, whole), lambda part: _in_file_order(part, stopped)]


def _in_file_order(part: Sequence[TokenSequence], run: Callable[[Any, Any], Any]) -> list[Any]:
    """Last token and mean of every prompt, `[2, batch, width]` a batch."""
    import torch

    pooled = []
    with torch.no_grad():
        for start in range(0, len(part), BATCH):
            rows = [torch.tensor(one.ids) for one in part[start : start + BATCH]]
            ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
            counts = torch.tensor([len(row) for row in rows])
            mask = (torch.arange(ids.shape[1]) < counts[:, None]).long()
            found = run(ids, mask)
            found = found[0] if isinstance(found, tuple) else found
            last = found[torch.arange(len(rows)), counts - 1]
            mean = (found * mask[..., None]).sum(dim=1) / counts[:, None]
            pooled.append(torch.stack([last, mean]).numpy())
    return pooled


def _must_agree(ways: dict[str, Any], part: Portion, reads: list[Read]) -> None:
    """Refuse to time what does not find the same numbers."""
    import numpy as np

    ours = ways["ours"](part)
    keys = [(index, 0) for index in range(len(part))]
    wanted = np.stack([ours.matrix(read, keys) for read in range(len(reads))])
    for name, way in ways.items():
        if name != "ours":
            found = np.concatenate(way(part), axis=1)
            apart = float(np.abs(found - wanted).max() / np.abs(wanted).max())
            if apart > APART:
                raise AssertionError(f"{name} finds other numbers than capture: {apart:.1e} apart")
