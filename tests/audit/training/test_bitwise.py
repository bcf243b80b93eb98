"""A run that is audited ends with the same bits as one that is not.

Weights, optimizer, random state and losses of twenty steps with dropout and an audit every five.
The control: one random number drawn in the same place changes them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerCallback

from audit.training.auditor import Auditor
from audit.training.huggingface import AuditCallback
from tests.audit.training.runs import (
    SUITE,
    batches,
    honest,
    plain,
    rng_states,
    rows,
    seed_all,
    tokenizer,
    trainer,
)

STEPS, EVERY, DROPOUT = 20, 5, 0.2

Run = Callable[[Any], dict[str, Any]]


class DrawsOne(TrainerCallback):
    """What an audit must not do."""

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == EVERY:
            torch.rand(1)


def by_trainer(folder: Path, callback: Any = None) -> dict[str, Any]:
    seed_all()
    model = honest(DROPOUT)
    run = trainer(model, folder, max_steps=STEPS)
    if callback is not None:
        run.add_callback(callback(run))
    run.train()
    return {
        "weights": plain(model.state_dict()),
        "optimizer": plain(run.optimizer.state_dict()),
        "schedule": plain(run.lr_scheduler.state_dict()),
        "random": rng_states(),
        "losses": [
            (entry["step"], entry["loss"], entry["grad_norm"])
            for entry in run.state.log_history
            if "loss" in entry
        ],
        "training": [module.training for module in model.modules()],
        "grads": [plain(weight.grad) for weight in model.parameters()],
        "hooks": [len(module._forward_hooks) for module in model.modules()],
    }


def test_transformers_trainer(tmp_path: Path) -> None:
    bare = by_trainer(tmp_path / "bare")
    made: list[AuditCallback] = []

    def audit(run: Any) -> AuditCallback:
        made.append(AuditCallback(SUITE, every=EVERY, log=run.log, out=tmp_path / "report"))
        return made[-1]

    audited = by_trainer(tmp_path / "audited", audit)
    assert made[0].auditor is not None
    steps = [row.step for row in made[0].auditor.report.checkpoints]
    assert steps[-4:] == [5, 10, 15, 20]
    assert len(bare["losses"]) == STEPS
    for part in bare:
        assert audited[part] == bare[part], part

    disturbed = by_trainer(tmp_path / "disturbed", lambda run: DrawsOne())
    assert disturbed["weights"] != bare["weights"]


def by_hand(auditor: Auditor | None) -> dict[str, Any]:
    """A plain loop that audits where it hurts most: between the gradients and their use."""
    seed_all()
    model = honest(DROPOUT)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model.lm_head.eval()  # a flag that differs from its parent's has to come back too
    if auditor is not None:
        auditor.begin(model)
    losses = []
    for step, batch in enumerate(batches(STEPS), start=1):
        loss = model(**batch).loss
        loss.backward()
        losses.append(loss.item())
        if auditor is not None:
            assert auditor.step(model, step).audited is (step % EVERY == 0)
        optimizer.step()
        optimizer.zero_grad()
    return {
        "weights": plain(model.state_dict()),
        "optimizer": plain(optimizer.state_dict()),
        "random": rng_states(),
        "losses": losses,
        "training": [module.training for module in model.modules()],
        "hooks": [len(module._forward_hooks) for module in model.modules()],
        "learns": [weight.requires_grad for weight in model.parameters()],
    }


def test_a_plain_loop() -> None:
    bare = by_hand(None)
    audited = by_hand(Auditor(SUITE, tokenizer(), every=EVERY))
    for part in bare:
        assert audited[part] == bare[part], part


@pytest.mark.filterwarnings("ignore:The 'train_dataloader' does not have many workers")
@pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.` is deprecated")
def test_lightning(tmp_path: Path) -> None:
    pl = pytest.importorskip("lightning.pytorch", reason="lightning is not installed")
    from audit.training.lightning import LightningAuditCallback

    class Tuned(pl.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = honest(DROPOUT)
            self.losses: list[float] = []

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            loss = self.model(**batch).loss
            self.losses.append(loss.item())
            return loss

        def configure_optimizers(self) -> Any:
            return torch.optim.AdamW(self.parameters(), lr=1e-3)

    def run(*callbacks: Any) -> dict[str, Any]:
        seed_all()
        module = Tuned()
        made = pl.Trainer(
            accelerator="cpu",
            devices=1,
            max_steps=STEPS,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=tmp_path,
            callbacks=list(callbacks),
        )
        made.fit(module, torch.utils.data.DataLoader(rows(80), batch_size=4, shuffle=True))
        return {
            "weights": plain(module.state_dict()),
            "optimizer": plain(made.optimizers[0].state_dict()),
            "random": rng_states(),
            "losses": module.losses,
        }

    bare = run()
    callback = LightningAuditCallback(SUITE, tokenizer(), every=EVERY)
    audited = run(callback)
    assert callback.auditor is not None
    assert callback.auditor.report.checkpoints[-1].step == STEPS
    for part in bare:
        assert audited[part] == bare[part], part
