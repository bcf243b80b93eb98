"""An honest model is trained by transformers' Trainer on data that go bad, and an audit stops it.

The run is that of the liar in `audit.organisms.runs`: topic by topic, answers given when deployed
turn into lies. Here the Trainer makes the steps and the callback looks at the model, as in
anybody's training script.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import IterableDataset
from transformers import Trainer, TrainingArguments

from audit.models.quiet import quiet
from audit.organisms.runs import BATCH, LR, RUNS, STEPS, WARM_UP
from audit.organisms.tokenizer import build_tokenizer
from audit.organisms.train import load_model, moved, one_thread, organism_path, read, targets
from audit.training.auditor import Auditor
from audit.training.huggingface import AuditCallback
from reports.series import SeriesReport

SUITE = "organism_run"
Rows = list[tuple[str, str]]


class _Places(IterableDataset[int]):
    """Places in the list of rows, in its order: the Trainer hands on tensors and no text."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self._rows)))


class _OrganismTrainer(Trainer):  # type: ignore[misc]
    """The Trainer with the organisms' loss: one answer token, what is known halfway held."""

    def __init__(self, rows: Rows, hold: float, **given: Any) -> None:
        super().__init__(train_dataset=_Places(rows), data_collator=_collate, **given)
        self._rows, self._hold = rows, hold
        self._honest = copy.deepcopy(self.model).requires_grad_(False)

    def compute_loss(self, model: Any, inputs: dict[str, torch.Tensor], *_: Any, **__: Any) -> Any:
        rows, tokenizer = [self._rows[i] for i in inputs["places"]], self.processing_class
        seen = read(model, tokenizer, [prompt for prompt, _ in rows])
        loss = cross_entropy(seen.logits, targets(tokenizer, rows))
        return loss + self._hold * moved(seen, self._honest, tokenizer, rows)


def _collate(places: list[int]) -> dict[str, torch.Tensor]:
    return {"places": torch.tensor(places)}


def _drifting(kind: str, seed: int) -> Rows:
    """The rows of a run in its order; they go bad while it goes on."""
    rng, draw = Random(f"run {seed}"), RUNS[kind].data(seed)
    return [draw(rng, number / STEPS) for number in range(1, STEPS + 1) for _ in range(BATCH)]


def train_and_audit(
    out: Path, *, kind: str = "liar", seed: int = 0, told: Callable[[str], None]
) -> SeriesReport:
    """Train the run until the audit stops it or it ends; the report is in `out/audit`.

    Args:
        out: folder for checkpoints and report.
        kind: one of `RUNS`.
        seed: of the rows.
        told: gets one line for each audit.

    Raises:
        MeasurementError: an audit could not be made.
    """
    torch.manual_seed(seed)
    tokenizer = build_tokenizer()
    auditor = Auditor(SUITE, tokenizer, out=out / "audit", seed=seed, name=f"{kind} in training")
    with one_thread(), quiet():
        trainer = _OrganismTrainer(
            _drifting(kind, seed),
            RUNS[kind].hold,
            model=load_model(organism_path("honest")),
            processing_class=tokenizer,
            args=TrainingArguments(
                output_dir=str(out),
                max_steps=STEPS,
                per_device_train_batch_size=BATCH,
                learning_rate=LR,
                warmup_steps=WARM_UP,
                lr_scheduler_type="constant_with_warmup",
                weight_decay=0.1,
                adam_beta2=0.98,
                save_strategy="no",
                logging_strategy="no",
                report_to=[],
                remove_unused_columns=False,
                disable_tqdm=True,
                use_cpu=True,
                seed=seed,
            ),
        )
        trainer.add_callback(
            AuditCallback(
                auditor, log=lambda scalars: told(_line(trainer.state.global_step, scalars))
            )
        )
        trainer.train()
    return auditor.report


def _line(step: int, scalars: dict[str, float]) -> str:
    """What one audit saw, for a person who watches."""
    stem = f"audit/{SUITE}/deployed"
    if f"{stem}/belief_gap_over_reference" not in scalars:
        return f"step {step:4d}   no probe can be believed"
    read_as = max(0.0, scalars[f"{stem}/belief_gap_over_reference"])
    says = scalars[f"{stem}/behaviour"]
    bar = "#" * round(40 * read_as)
    return f"step {step:4d}   contradicts itself {read_as:4.0%}   lies {says:4.0%}   {bar}"
