"""What an audit costs inside a training loop: beside the forward pass, and beside the training.

    python benchmarks/training_cost.py [--repeats 5] [--steps 1000]

First one audit of 512 short prompts at half depth, by a check without a behaviour, on three
Llama shapes with the organisms' tokenizer. In one process, on the same batches:

    cut        the bare model, its later layers taken away, nothing kept
    capture    this project's forward pass: hooks, early stop, pooling
    audit      `Auditor.audit`: capture, the three probes read, states, p-values, the row
    full       the bare whole model with its vocabulary projection, nothing kept

Then a small training run (the benign run of the organisms) of so many steps, bare and with an
audit every 200 steps: three checks with behaviours (`organism_run`) or the one without. The
reference is read once, at the beginning; it is counted and also told by itself. Process time,
one thread; ratios of medians over interleaved repeats.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from audit.engine.measuring import Talk, capture_plan
from audit.models.batching import batch_tokens, longest_first
from audit.models.loaded import wrap_model
from audit.models.padding import Batch, make_batch
from audit.organisms.runs import begin
from audit.organisms.tokenizer import build_tokenizer
from audit.training import Auditor

SHAPES = {"64 x 4": (64, 4, 4), "384 x 6": (384, 6, 6), "768 x 12": (768, 12, 12)}
SUITE = """\
name: cost
concepts: {true_claim: The model represents the claim as true.}
datasets:
  claims:
    path: DATA
    split: {train: 0.25, validation: 0.25, control: 0.25, audit: 0.25}
checks:
  half_depth:
    concept: true_claim
    monitor: {kind: probe, depth: 0.5}
    roles: {train: claims, validation: claims, control: claims, audit: claims}
    fpr: 0.05
    gates: [{kind: firing_rate, max: 0.9}]
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--steps", type=int, default=1000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        suite = _suite(Path(folder))
        print("one audit, 512 prompts at half depth; times the bare model cut there\n")
        print("| shape | prompts | tokens | cut | capture | audit | full |")
        print("|---|---|---|---|---|---|---|")
        for name, shape in SHAPES.items():
            _one_audit(name, shape, suite, options.repeats)
        print(
            f"\na training run of {options.steps} steps, an audit every 200; times the bare run\n"
        )
        print("| audited by | run | audits | of which the reference |")
        print("|---|---|---|---|")
        for label, of in (("one check, no behaviour", suite), ("organism_run", "organism_run")):
            _whole_run(label, of, options.steps)


def _suite(folder: Path) -> Path:
    data = Path(__file__).parents[1] / "suites" / "data" / "organism_lying.jsonl"
    rows = data.read_text().splitlines()[:512]
    (folder / "rows.jsonl").write_text("\n".join(rows) + "\n")
    path = folder / "cost.yaml"
    path.write_text(SUITE.replace("DATA", "rows.jsonl"))
    return path


def _one_audit(name: str, shape: tuple[int, int, int], suite: Path, repeats: int) -> None:
    tokenizer = build_tokenizer()
    torch.manual_seed(0)
    width, layers, heads = shape
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=width,
            intermediate_size=3 * width,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.eos_token_id,
        )
    ).eval()
    auditor = Auditor(suite, tokenizer)
    auditor.begin(model)
    plan = auditor._reference.plan
    live = wrap_model(model, tokenizer, digest=False)
    lengths = [len(sequence.ids) for sequence in plan.sequences]
    order = longest_first(lengths, range(len(lengths)))
    batches = _batches(plan.sequences, order, lengths, batch_tokens("cpu", live.d_model))
    cut = copy.deepcopy(model.model)
    cut.layers = cut.layers[: plan.deepest.layer + 1]
    cut.norm = torch.nn.Identity()
    step = iter(range(1, 10_000))
    ways: dict[str, Callable[[], Any]] = {
        "cut": lambda: _forward(cut, batches),
        "capture": lambda: capture_plan(plan, live, Talk()),
        "audit": lambda: auditor.audit(model, next(step)),
        "full": lambda: _forward(model, batches),
    }
    found: dict[str, list[float]] = {way: [] for way in ways}
    for way in ways.values():
        way()
    for _ in range(repeats):
        for way, run in ways.items():
            found[way].append(_timed(run))
    bare = statistics.median(found["cut"])
    ratios = " | ".join(f"{statistics.median(times) / bare:.2f}" for times in found.values())
    print(f"| {name} | {len(lengths)} | {plan.tokens} | {ratios} |", flush=True)


def _batches(sequences: Any, order: list[int], lengths: list[int], budget: int) -> list[Batch]:
    batches, start = [], 0
    while start < len(order):
        stop = start + max(1, budget // lengths[order[start]])
        chosen = order[start:stop]
        batches.append(
            make_batch(sequences, chosen, frozenset(), "right", torch.device("cpu"), predict=False)
        )
        start = stop
    return batches


def _forward(model: Any, batches: list[Batch]) -> None:
    with torch.inference_mode():
        for batch in batches:
            model(batch.input_ids, attention_mask=batch.attention_mask, use_cache=False)


def _whole_run(label: str, suite: str | Path, steps: int) -> None:
    bare, audited, spent, first = [], [], 0.0, 0.0
    for _ in range(2):
        bare.append(_timed(lambda: [None for _ in begin("honest", steps=steps).steps]))

        def with_audits() -> None:
            nonlocal spent, first
            spent = 0.0
            run = begin("honest", steps=steps)
            auditor = Auditor(suite, run.tokenizer, every=200)
            for step in run.steps:
                before = time.process_time()
                if step.number == 0:
                    auditor.begin(step.model)
                    first = time.process_time() - before
                else:
                    auditor.step(step.model, step.number)
                spent += time.process_time() - before

        audited.append(_timed(with_audits))
    base = min(bare)
    print(f"| {label} | {min(audited) / base:.3f} | {1 + spent / base:.3f} | {first / base:.3f} |",
          flush=True)  # fmt: skip


def _timed(run: Callable[[], Any]) -> float:
    before = time.process_time()
    run()
    return time.process_time() - before


if __name__ == "__main__":
    main()
