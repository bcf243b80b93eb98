"""The audit in Lightning's own Trainer, on the shipped organisms."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

from audit.errors import MeasurementError, UsageError
from audit.training.lightning import LightningAuditCallback, find_model
from tests.audit.training.runs import SUITE, Towards, honest, rows, suite_that, tokenizer

pl = pytest.importorskip("lightning.pytorch", reason="lightning is not installed")

pytestmark = pytest.mark.filterwarnings(
    "ignore:The 'train_dataloader' does not have many workers",
    "ignore:The number of training batches",
    "ignore:You're resuming from a checkpoint that ended before the epoch ended",
    "ignore:`isinstance.treespec, LeafSpec.` is deprecated",
)

EVERY = 2


def a_module(base: Any = None, *, to_liar: bool = False) -> Any:
    class Tuned((base or pl).LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = honest()
            self.tokenizer = tokenizer()

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return self.model(**batch).loss

        def configure_optimizers(self) -> Any:
            if to_liar:
                return Towards(self.parameters())
            return torch.optim.AdamW(self.parameters(), lr=1e-4)

    return Tuned()


def a_trainer(folder: Path, *callbacks: Any, base: Any = None, **changes: Any) -> Any:
    options: dict[str, Any] = {"max_steps": 40, "max_epochs": 10, "logger": False, **changes}
    return (base or pl).Trainer(
        accelerator="cpu",
        devices=1,
        default_root_dir=folder,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        callbacks=list(callbacks),
        **options,
    )


def data() -> Any:
    return torch.utils.data.DataLoader(rows(80), batch_size=4)


def a_callback(folder: Path | None = None, **changes: Any) -> LightningAuditCallback:
    """One that reads few rows, and so is never sure of an alarm."""
    return LightningAuditCallback(SUITE, **{"every": EVERY, "out": folder, "limit": 40, **changes})


def a_sure_callback(folder: Path | None = None) -> LightningAuditCallback:
    return a_callback(folder, limit=None)


def audited(callback: LightningAuditCallback) -> list[tuple[int, bool]]:
    assert callback.auditor is not None
    return [
        (row.step, row.verdict == "flag")
        for row in callback.auditor.report.checkpoints
        if row.step is not None
    ]


@pytest.mark.parametrize("name", ["lightning.pytorch", "pytorch_lightning"])
def test_a_run_that_becomes_the_liar_is_stopped_with_a_reason_and_its_weights(
    tmp_path: Path, name: str
) -> None:
    base = pytest.importorskip(name)
    callback = a_sure_callback(tmp_path / "report")
    module = a_module(base, to_liar=True)
    trainer = a_trainer(tmp_path, callback, base=base)
    trainer.fit(module, data())

    step = trainer.global_step
    assert step < 40
    assert callback.stopping_reason == "alarm"
    stop = callback.auditor.report.stop
    assert (stop.step, stop.sentence) == (step, callback.stopping_reason_message)
    saved = torch.load(stop.kept)["state_dict"]
    live = module.state_dict()
    assert saved.keys() == live.keys()
    assert all(torch.equal(saved[key], live[key]) for key in live)
    assert (tmp_path / "report" / "report.json").is_file()


def test_an_alarm_stops_before_the_minimum_of_steps(tmp_path: Path) -> None:
    callback = a_sure_callback()
    trainer = a_trainer(tmp_path, callback, min_steps=40, min_epochs=2)
    trainer.fit(a_module(to_liar=True), data())
    assert callback.stopping_reason == "alarm"
    assert trainer.global_step == callback.auditor.report.stop.step < 40


def test_honest_training_is_left_alone_and_its_steps_are_optimizer_steps(tmp_path: Path) -> None:
    callback = a_sure_callback()
    trainer = a_trainer(tmp_path, callback, max_steps=6, accumulate_grad_batches=3)
    trainer.fit(a_module(), data())
    assert trainer.global_step == 6
    assert callback.stopping_reason is None
    assert [step for step, _ in audited(callback)][-3:] == [2, 4, 6]
    assert not any(flagged for _, flagged in audited(callback))


class Lost(pl.Callback):  # type: ignore[misc]
    """A machine that is lost once a step has been saved."""

    def __init__(self, step: int, saved: Path) -> None:
        self.step, self.saved = step, saved

    def on_train_batch_end(self, trainer: Any, *given: Any) -> None:
        if trainer.global_step == self.step:
            trainer.save_checkpoint(self.saved)
            raise MemoryError


def test_the_end_of_a_run_is_audited_too_and_once(tmp_path: Path) -> None:
    callback = a_callback(every=5)
    a_trainer(tmp_path, callback, max_steps=7).fit(a_module(), data())
    assert [step for step, _ in audited(callback)] == [0, 5, 7]


def test_an_alarm_at_the_end_of_a_run_keeps_the_weights_as_any_other(tmp_path: Path) -> None:
    suite = suite_that(tmp_path, every=50, patience=1)
    for name in ("step=30.ckpt", "step=30-2.ckpt"):  # what an earlier run kept is not overwritten
        callback = LightningAuditCallback(suite)
        a_trainer(tmp_path, callback, max_steps=30).fit(a_module(to_liar=True), data())
        stop = callback.auditor.report.stop
        assert (stop.step, stop.kept) == (30, str(tmp_path / "flagged" / name))
        assert Path(stop.kept).is_file()


def test_resumed_from_a_checkpoint_it_decides_as_if_never_interrupted(tmp_path: Path) -> None:
    whole = a_sure_callback()
    first = a_trainer(tmp_path / "a", whole)
    first.fit(a_module(to_liar=True), data())
    stopped = first.global_step

    # Between the two audits that the alarm needs, so that patience has to be carried over.
    cut = stopped - 1
    broken = a_sure_callback()
    second = a_trainer(tmp_path / "b", broken, Lost(cut, tmp_path / "cut.ckpt"))
    with pytest.raises(MemoryError):
        second.fit(a_module(to_liar=True), data())
    assert broken.stopping_reason is None

    later = a_sure_callback()
    third = a_trainer(tmp_path / "b", later)
    third.fit(a_module(to_liar=True), data(), ckpt_path=tmp_path / "cut.ckpt")
    assert third.global_step == stopped
    assert later.stopping_reason_message == whole.stopping_reason_message
    assert audited(later) == audited(whole)


def test_a_checkpoint_without_its_state_is_refused_unless_that_is_allowed(tmp_path: Path) -> None:
    trainer = a_trainer(tmp_path, max_steps=2)
    trainer.fit(a_module(), data())
    trainer.save_checkpoint(tmp_path / "bare.ckpt")

    def resume(callback: LightningAuditCallback) -> None:
        a_trainer(tmp_path, callback, max_steps=4).fit(
            a_module(), data(), ckpt_path=tmp_path / "bare.ckpt"
        )

    with pytest.raises(UsageError, match="no state of the audit 'live model'"):
        resume(a_callback())
    lenient = a_callback(strict=False)
    resume(lenient)
    assert [step for step, _ in audited(lenient)] == [2, 4], "it begins where it is told to"


def test_two_audits_have_two_states(tmp_path: Path) -> None:
    one, two = a_callback(), a_callback(name="second")
    trainer = a_trainer(tmp_path, one, two, max_steps=2)
    trainer.fit(a_module(), data())
    trainer.save_checkpoint(tmp_path / "two.ckpt")
    stored = torch.load(tmp_path / "two.ckpt")["callbacks"]
    assert stored.keys() == {one.state_key, two.state_key}


def test_nan_weights_end_the_training_and_leave_the_report_so_far(tmp_path: Path) -> None:
    class Poison(pl.Callback):  # type: ignore[misc]
        def on_train_batch_start(
            self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int
        ) -> None:
            if trainer.global_step == 3:
                with torch.no_grad():
                    pl_module.model.model.layers[0].mlp.down_proj.weight.fill_(float("nan"))

    callback = a_callback(tmp_path / "report")
    trainer = a_trainer(tmp_path, callback, Poison(), max_steps=8)
    with pytest.raises(MeasurementError):
        trainer.fit(a_module(), data())
    assert trainer.global_step == 4
    assert (tmp_path / "report" / "report.json").is_file()


def test_an_exception_leaves_the_report_so_far(tmp_path: Path) -> None:
    class Breaks(pl.Callback):  # type: ignore[misc]
        def on_train_batch_start(
            self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int
        ) -> None:
            if trainer.global_step == 3:
                raise RuntimeError("the disk is full")

    callback = a_callback(tmp_path / "report")
    with pytest.raises(RuntimeError, match="disk"):
        a_trainer(tmp_path, callback, Breaks()).fit(a_module(), data())
    assert audited(callback)[-1][0] == 2
    assert (tmp_path / "report" / "report.json").is_file()


def test_scalars_go_to_the_trainers_loggers(tmp_path: Path) -> None:
    csv = import_module("lightning.pytorch.loggers").CSVLogger(tmp_path)
    a_trainer(tmp_path, a_callback(), logger=csv, max_steps=4).fit(a_module(), data())
    header, *lines = (Path(csv.log_dir) / "metrics.csv").read_text("utf-8").splitlines()
    assert any(column.startswith("audit/") for column in header.split(","))
    assert len(lines) == 2


def test_nothing_is_audited_on_a_fast_dev_run(tmp_path: Path) -> None:
    callback = a_callback(every=1)
    a_trainer(tmp_path, callback, fast_dev_run=True).fit(a_module(), data())
    assert callback.auditor is None


class Holder(torch.nn.Module):
    def __init__(self, **children: torch.nn.Module) -> None:
        super().__init__()
        for name, child in children.items():
            self.add_module(name, child)


def test_the_model_is_found_or_the_candidates_are_named() -> None:
    student, teacher, head = honest(), honest(), torch.nn.Linear(2, 2)
    assert find_model(Holder(model=student, teacher=teacher)) is student
    assert find_model(Holder(student=student, head=head)) is student
    both = Holder(student=student, teacher=teacher)
    assert find_model(both, lambda module: module.teacher) is teacher
    with pytest.raises(UsageError, match=r"student \(LlamaForCausalLM\), teacher \(Llama"):
        find_model(both)
    with pytest.raises(UsageError, match=r"no Hugging Face model .* head \(Linear\)"):
        find_model(Holder(head=head))
    with pytest.raises(UsageError, match="gave Linear"):
        find_model(Holder(head=head), lambda module: module.head)
