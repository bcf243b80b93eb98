"""The audit in transformers' own Trainer, on the shipped organisms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import Trainer, TrainerCallback

from audit.errors import MeasurementError, UsageError
from audit.training.auditor import Auditor
from audit.training.huggingface import AuditCallback
from tests.audit.training.runs import SUITE, honest, suite_that, tokenizer, trainer

EVERY = 2


def a_callback(folder: Path | None = None, **changes: Any) -> AuditCallback:
    """One that reads few rows, and so is never sure of an alarm."""
    return AuditCallback(SUITE, **{"every": EVERY, "out": folder, "limit": 40, **changes})


def a_sure_callback(folder: Path | None = None) -> AuditCallback:
    return a_callback(folder, limit=None)


def audited(callback: AuditCallback) -> list[tuple[int, bool]]:
    assert callback.auditor is not None
    return [
        (row.step, row.verdict == "flag")
        for row in callback.auditor.report.checkpoints
        if row.step is not None
    ]


def test_a_run_that_becomes_the_liar_is_stopped_with_a_reason_and_its_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    callback = a_sure_callback(tmp_path / "report")
    run = trainer(honest(), tmp_path / "run", callbacks=[callback], to_liar=True, max_steps=40)
    run.train()

    step = run.state.global_step
    assert step < 40
    assert callback.stopping_reason == "alarm"
    assert callback.stopping_reason_message
    assert capsys.readouterr().err.count(callback.stopping_reason_message) == 1
    kept = tmp_path / "run" / f"checkpoint-{step}"
    saved = load_file(kept / "model.safetensors")
    live = run.model.state_dict()
    assert all(torch.equal(saved[name], live[name]) for name in saved)

    report = callback.auditor.report
    assert report.stop.step == step
    assert report.stop.kept == str(kept)
    assert (tmp_path / "report" / "report.json").is_file()


def test_honest_training_is_left_alone(tmp_path: Path) -> None:
    callback = a_sure_callback()
    run = trainer(honest(), tmp_path, callbacks=[callback], max_steps=12, learning_rate=1e-4)
    run.train()
    assert run.state.global_step == 12
    assert callback.stopping_reason is None
    assert [step for step, flagged in audited(callback) if flagged] == []


def test_resumed_from_a_checkpoint_it_decides_as_if_never_interrupted(tmp_path: Path) -> None:
    whole = a_sure_callback()
    first = trainer(honest(), tmp_path / "a", callbacks=[whole], to_liar=True, max_steps=40)
    first.train()
    stopped = first.state.global_step

    # Between the two audits that the alarm needs, so that patience has to be carried over.
    cut = stopped - 1
    broken = a_sure_callback()
    second = trainer(
        honest(),
        tmp_path / "b",
        callbacks=[broken],
        to_liar=True,
        max_steps=40,
        save_strategy="steps",
        save_steps=cut,
    )
    second.add_callback(_Lost(cut))
    with pytest.raises(MemoryError):
        second.train()
    assert broken.stopping_reason is None

    later = a_sure_callback()
    third = trainer(honest(), tmp_path / "b", callbacks=[later], to_liar=True, max_steps=40)
    third.train(resume_from_checkpoint=str(tmp_path / "b" / f"checkpoint-{cut}"))
    assert third.state.global_step == stopped
    assert later.stopping_reason_message == whole.stopping_reason_message
    assert audited(later) == audited(whole)


class _Lost(TrainerCallback):
    """A machine that is lost once a step has been saved."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == self.step:
            raise MemoryError


class _Ends(TrainerCallback):
    """Somebody else ends the run, who is asked after the audit."""

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        control.should_training_stop |= state.global_step >= 7
        return control


@pytest.mark.parametrize("ended_by", ["its length", "another callback"])
def test_the_end_of_a_run_is_audited_too_and_once(tmp_path: Path, ended_by: str) -> None:
    callback = a_callback(every=5)
    early = ended_by == "another callback"
    run = trainer(honest(), tmp_path, callbacks=[callback], max_steps=9 if early else 7)
    if early:
        run.add_callback(_Ends())
    run.train()
    assert run.state.global_step == 7
    assert [step for step, _ in audited(callback)] == [0, 5, 7]


def test_an_alarm_at_the_end_of_a_run_keeps_the_weights_as_any_other(tmp_path: Path) -> None:
    suite = suite_that(tmp_path, every=50, patience=1)
    callback = AuditCallback(suite, out=tmp_path / "report")
    run = trainer(honest(), tmp_path / "run", callbacks=[callback], to_liar=True, max_steps=30)
    run.train()
    assert callback.stopping_reason == "alarm"
    stop = callback.auditor.report.stop
    assert (stop.step, stop.kept) == (30, str(tmp_path / "run" / "checkpoint-30"))
    assert Path(stop.kept, "model.safetensors").is_file()


def test_the_best_weights_that_the_trainer_puts_back_are_not_taken_for_the_last(
    tmp_path: Path,
) -> None:
    callback = a_callback(every=5)
    saving = {"save_strategy": "steps", "save_steps": 3, "eval_strategy": "steps", "eval_steps": 3}
    run = trainer(
        honest(), tmp_path, callbacks=[callback], max_steps=9, load_best_model_at_end=True, **saving
    )
    run.add_callback(_Ends())
    run.train()
    assert [step for step, _ in audited(callback)] == [0, 5]


@pytest.fixture(scope="module")
def half_way(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint at step 4 that was saved with an audit called `live model`."""
    folder = tmp_path_factory.mktemp("half_way")
    trainer(
        honest(), folder, callbacks=[a_callback()], max_steps=4, save_strategy="steps", save_steps=4
    ).train()
    return folder / "checkpoint-4"


def test_a_checkpoint_without_its_state_is_refused_unless_that_is_allowed(
    tmp_path: Path, half_way: Path
) -> None:
    run = trainer(honest(), tmp_path, callbacks=[a_callback(name="another")], max_steps=6)
    with pytest.raises(UsageError, match="no state of the audit 'another'"):
        run.train(resume_from_checkpoint=str(half_way))

    lenient = a_callback(name="another", strict=False)
    run = trainer(
        honest(), tmp_path, callbacks=[lenient], max_steps=6, save_strategy="steps", save_steps=6
    )
    run.train(resume_from_checkpoint=str(half_way))
    assert [step for step, _ in audited(lenient)] == [4, 6], "it begins where it is told to"
    assert lenient.auditor.report.reference == "another, step 4"


def test_a_checkpoint_that_was_saved_without_any_audit_can_be_saved_again(tmp_path: Path) -> None:
    trainer(honest(), tmp_path, max_steps=2, save_strategy="steps", save_steps=2).train()
    lenient = a_callback(strict=False)
    run = trainer(
        honest(), tmp_path, callbacks=[lenient], max_steps=4, save_strategy="steps", save_steps=4
    )
    run.train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    stored = json.loads((tmp_path / "checkpoint-4" / "trainer_state.json").read_text("utf-8"))
    assert stored["stateful_callbacks"]["AuditCallback"]["attributes"]["restored"]["auditor"]


def test_the_trainer_may_make_it_anew_of_names_and_numbers(tmp_path: Path, half_way: Path) -> None:
    run = trainer(
        honest(),
        tmp_path,
        callbacks=[a_callback()],
        max_steps=6,
        restore_callback_states_from_checkpoint=True,
    )
    run.train(resume_from_checkpoint=str(half_way))
    [restored] = [
        callback
        for callback in run.callback_handler.callbacks
        if isinstance(callback, AuditCallback)
    ]
    assert [step for step, _ in audited(restored)][-2:] == [4, 6]


def test_made_anew_without_what_it_was_given_it_refuses(tmp_path: Path) -> None:
    given = a_callback(tokenizer=tokenizer(), log=print)
    stored = json.loads(json.dumps(given.state()["args"]))
    with pytest.raises(UsageError, match=r"tokenizer \(\w+\), log \(\w+\)"):
        AuditCallback(**stored)


def test_a_stopped_run_stays_stopped(tmp_path: Path) -> None:
    run = trainer(honest(), tmp_path, callbacks=[a_sure_callback()], to_liar=True, max_steps=40)
    run.train()
    again = trainer(honest(), tmp_path, callbacks=[a_sure_callback()], to_liar=True, max_steps=40)
    with pytest.raises(UsageError, match=f"stopped at step {run.state.global_step}"):
        again.train(resume_from_checkpoint=True)


def test_resuming_a_paused_run_acknowledges_the_alarm(tmp_path: Path) -> None:
    suite = suite_that(tmp_path, on_flag="pause", every=EVERY)
    paused = AuditCallback(suite)
    first = trainer(honest(), tmp_path / "run", callbacks=[paused], to_liar=True, max_steps=40)
    first.train()
    step = first.state.global_step
    assert step < 40
    assert paused.stopping_reason == "paused"

    again = AuditCallback(suite)
    second = trainer(
        honest(), tmp_path / "run", callbacks=[again], to_liar=True, max_steps=step + EVERY - 1
    )
    second.train(resume_from_checkpoint=True)
    assert second.state.global_step == step + EVERY - 1
    assert again.stopping_reason is None


def test_a_suite_that_only_warns_speaks_once_and_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    callback = AuditCallback(suite_that(tmp_path, on_flag="warn", every=EVERY))
    run = trainer(honest(), tmp_path / "run", callbacks=[callback], to_liar=True, max_steps=18)
    run.train()
    assert run.state.global_step == 18
    assert not list((tmp_path / "run").glob("checkpoint-*"))
    assert callback.stopping_reason_message
    assert capsys.readouterr().err.count("audit: ") == 1


@pytest.mark.slow
def test_of_two_audits_each_finds_its_own_state(tmp_path: Path) -> None:
    """The Trainer keeps states of one class in a list, and adds to it at every save."""

    def two() -> list[AuditCallback]:
        return [
            a_callback(tmp_path / "a", name="a", every=2),
            a_callback(tmp_path / "b", name="b", every=3),
        ]

    saving = {"save_strategy": "steps", "save_steps": 2}
    trainer(honest(), tmp_path, callbacks=two(), max_steps=4, **saving).train()
    later = two()
    run = trainer(honest(), tmp_path, callbacks=later, max_steps=6, **saving)
    run.train(resume_from_checkpoint=str(tmp_path / "checkpoint-4"))
    assert [[step for step, _ in audited(callback)] for callback in later] == [
        [0, 2, 4, 6],
        [0, 3, 4, 6],  # the first run ended at 4
    ]


def test_nan_weights_end_the_training(tmp_path: Path) -> None:
    class Poison(TrainerCallback):
        def on_step_begin(
            self, args: Any, state: Any, control: Any, *, model: Any, **kwargs: Any
        ) -> None:
            if state.global_step == 3:
                with torch.no_grad():
                    model.model.layers[0].mlp.down_proj.weight.fill_(float("nan"))

    run = trainer(honest(), tmp_path, callbacks=[a_callback(), Poison()], max_steps=8)
    with pytest.raises(MeasurementError):
        run.train()
    assert run.state.global_step == 4


def test_scalars_arrive_where_the_trainer_logs_and_its_own_stay(tmp_path: Path) -> None:
    run = trainer(honest(), tmp_path, max_steps=4)
    run.add_callback(a_callback(log=run.log))
    run.train()
    logged = [
        entry["step"]
        for entry in run.state.log_history
        if any(key.startswith("audit/") for key in entry)
    ]
    assert logged == [2, 4]
    assert [entry["step"] for entry in run.state.log_history if "loss" in entry] == [1, 2, 3, 4]


class Averaging(Trainer):
    """As TRL's trainers do: each log takes what has been gathered since the last."""

    gathered = 0

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        self.gathered += 1
        return super().training_step(*args, **kwargs)

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        super().log({**logs, "gathered": self.gathered}, *args, **kwargs)
        self.gathered = 0


def test_scalars_do_not_take_away_what_a_subclass_gathers_for_its_own_logs(tmp_path: Path) -> None:
    run = trainer(honest(), tmp_path, kind=Averaging, max_steps=4, logging_steps=4)
    run.add_callback(a_callback(log=run.log))
    run.train()
    [own] = [entry for entry in run.state.log_history if "loss" in entry]
    assert own["gathered"] == 4
    assert sum("audit/" in key for entry in run.state.log_history for key in entry) > 0


def test_scalars_arrive_in_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = trainer(honest(), tmp_path, max_steps=2)
    from transformers.integrations import TensorBoardCallback

    run.add_callback(TensorBoardCallback())
    run.add_callback(a_callback(log=run.log))
    run.train()
    [events] = list(tmp_path.rglob("events.out.tfevents.*"))
    read = EventAccumulator(str(events)).Reload()
    assert any("audit/" in tag for tag in read.Tags()["scalars"])


def test_an_auditor_may_be_given_and_then_nothing_else(tmp_path: Path) -> None:
    auditor = Auditor(SUITE, tokenizer(), every=EVERY)
    with pytest.raises(UsageError, match="an Auditor and also every"):
        AuditCallback(auditor, every=3)
    callback = AuditCallback(auditor)
    trainer(honest(), tmp_path, callbacks=[callback], max_steps=2).train()
    assert callback.auditor is auditor
    assert audited(callback)[-1][0] == 2


def test_steps_are_optimizer_steps_under_accumulation(tmp_path: Path) -> None:
    callback = a_callback()
    trainer(
        honest(), tmp_path, callbacks=[callback], max_steps=4, gradient_accumulation_steps=3
    ).train()
    assert [step for step, _ in audited(callback)][-2:] == [2, 4]


def test_a_second_training_begins_a_second_audit(tmp_path: Path) -> None:
    callback = a_callback()
    run = trainer(honest(), tmp_path, callbacks=[callback], max_steps=4)
    run.train()
    first = callback.auditor
    run.train()
    assert callback.auditor is not first
    assert [step for step, _ in audited(callback)][-2:] == [2, 4]


def test_what_would_delete_the_flagged_weights_is_refused(tmp_path: Path) -> None:
    run = trainer(
        honest(),
        tmp_path,
        callbacks=[a_callback()],
        save_strategy="steps",
        eval_strategy="no",
        save_total_limit=1,
    )
    run.args.load_best_model_at_end = True
    with pytest.raises(UsageError, match="save_total_limit"):
        run.train()


def test_flagged_weights_are_kept_when_only_the_best_are_saved(tmp_path: Path) -> None:
    callback = a_sure_callback()
    run = trainer(
        honest(),
        tmp_path,
        callbacks=[callback],
        to_liar=True,
        max_steps=40,
        save_strategy="best",
        eval_strategy="steps",
        eval_steps=1,
        metric_for_best_model="loss",
        greater_is_better=False,  # the loss only grows, so that no later step is ever the best
    )
    run.train()
    assert callback.stopping_reason == "alarm"
    assert (tmp_path / f"checkpoint-{run.state.global_step}").is_dir()
