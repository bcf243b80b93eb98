"""Two processes over gloo: one decision, or one failure, on both of them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from audit.training import ranks
from audit.training.auditor import StepVerdict

TIMEOUT = 240

PROGRAM = """
import json, os
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
import torch
import torch.distributed as dist
torch.set_num_threads(1)
dist.init_process_group("gloo", timeout=timedelta(seconds=120))
rank = dist.get_rank()
from audit.errors import MeasurementError
from audit.training import Auditor, AuditCallback, StepVerdict, ranks
from tests.audit.training.runs import SUITE, Towards, honest, rows, tokenizer, trainer

def hears():
    try:
        ranks.agree(StepVerdict(step=rank, audited=True))
    except MeasurementError as error:
        return {"error": str(error), "first": ranks.is_first()}

def second_turns():
    "A plain loop whose ranks do not share gradients: only the second becomes the liar."
    model = honest()
    parameters = model.parameters()
    optimizer = Towards(parameters) if rank == 1 else torch.optim.SGD(parameters, 1e-4)
    auditor = Auditor(SUITE, tokenizer(), every=2)
    auditor.begin(model)
    for step in range(1, 41):
        optimizer.step()
        verdict = ranks.step(auditor, model, step)
        if verdict.should_stop:
            break
    report = auditor.report
    return {
        "step": step,
        "stop": verdict.stop.model_dump(),
        "word": verdict.verdict,
        "own": any(track.alarm_step is not None for track in report.tracks),
        "told": report.stop is not None and report.verdict == "flag",
    }

def second_breaks():
    model = honest()
    auditor = Auditor(SUITE, tokenizer(), every=1)
    auditor.begin(model)
    if rank == 1:
        with torch.no_grad():
            model.model.layers[0].mlp.down_proj.weight.fill_(float("nan"))
    try:
        ranks.step(auditor, model, 1)
    except MeasurementError as error:
        return {"error": str(error)}

def both_turn():
    "In the Trainer, whose ranks share gradients."
    folder = Path(os.environ["FOLDER"])
    callback = AuditCallback(SUITE, every=2, out=folder / f"report-of-{rank}")
    run = trainer(honest(), folder / "run", callbacks=[callback], to_liar=True, max_steps=40)
    run.train()
    return {
        "step": run.state.global_step,
        "reason": callback.stopping_reason,
        "sentence": callback.stopping_reason_message,
        "kept": callback.auditor.report.stop.kept,
    }

def both_turn_in_lightning():
    if find_spec("lightning") is None:
        return None
    import lightning.pytorch as pl
    from audit.training import LightningAuditCallback

    class Tuned(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.model, self.tokenizer = honest(), tokenizer()

        def training_step(self, batch, batch_idx):
            return self.model(**batch).loss

        def configure_optimizers(self):
            return Towards(self.parameters())

    callback = LightningAuditCallback(SUITE, every=2)
    run = pl.Trainer(
        accelerator="cpu", devices=2, strategy="ddp", max_epochs=9, max_steps=40,
        logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=[callback],
        default_root_dir=Path(os.environ["FOLDER"]) / "lightning",
    )
    run.fit(Tuned(), torch.utils.data.DataLoader(rows(160), batch_size=4))
    return {
        "step": run.global_step,
        "reason": callback.stopping_reason,
        "kept": callback.auditor.report.stop.kept,
    }

scenes = [hears, second_turns, second_breaks, both_turn, both_turn_in_lightning]
print("TOLD" + json.dumps({scene.__name__: scene() for scene in scenes}))
"""

Told = dict[str, Any]

pytestmark = pytest.mark.slow  # every test begins two processes that import torch


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("two_ranks")


@pytest.fixture(scope="module")
def two_ranks(folder: Path) -> list[Told]:
    """The program on two ranks, as a launcher runs it; what each told, in the order of ranks."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {
        **os.environ,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": "2",
        "OMP_NUM_THREADS": "1",
        "FOLDER": str(folder),
    }
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            cwd=Path(__file__).resolve().parents[3],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        ended = [worker.communicate(timeout=TIMEOUT) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    told = []
    for worker, (out, err) in zip(workers, ended, strict=True):
        assert worker.returncode == 0, err[-3000:]
        [line] = [line for line in out.splitlines() if line.startswith("TOLD")]
        told.append({**json.loads(line.removeprefix("TOLD")), "stderr": {"text": err}})
    return told


def test_what_one_rank_alone_sees_stops_both_at_the_same_step(two_ranks: list[Told]) -> None:
    one, two = (told["second_turns"] for told in two_ranks)
    assert (one["own"], two["own"]) == (False, True)
    assert one["told"], "the report of the rank that writes tells of the other's alarm"
    assert one["step"] == two["step"] < 40
    assert one["stop"] == two["stop"]
    assert one["stop"]["reason"] == "alarm"
    assert one["word"] == two["word"] == "flag"


def test_the_trainer_stops_on_both_ranks_and_only_the_first_speaks_and_writes(
    two_ranks: list[Told], folder: Path
) -> None:
    one, two = (told["both_turn"] for told in two_ranks)
    assert one == two
    assert one["step"] < 40
    assert one["reason"] == "alarm"
    assert one["kept"] == str(folder / "run" / f"checkpoint-{one['step']}")
    spoken = [told["stderr"]["text"].count(one["sentence"]) for told in two_ranks]
    in_lightning = two_ranks[0]["both_turn_in_lightning"] is not None
    assert spoken == [1 + in_lightning, 0]
    assert (folder / "report-of-0" / "report.json").is_file()
    assert not (folder / "report-of-1").exists()


def test_lightning_stops_on_both_ranks_and_keeps_the_weights_once(
    two_ranks: list[Told], folder: Path
) -> None:
    one, two = (told["both_turn_in_lightning"] for told in two_ranks)
    if one is None:
        pytest.skip("lightning is not installed")
    assert one == two
    assert one["step"] < 40
    assert one["reason"] == "alarm"
    kept = folder / "lightning" / "flagged" / f"step={one['step']}.ckpt"
    assert one["kept"] == str(kept)
    assert kept.is_file()


def test_what_one_rank_cannot_measure_raises_on_both(two_ranks: list[Told]) -> None:
    one, two = (told["second_breaks"] for told in two_ranks)
    assert one["error"].startswith("rank 1 could not audit the model: ")
    assert one["error"].endswith(two["error"])


def test_ranks_at_different_steps_are_told_so(two_ranks: list[Told]) -> None:
    one, two = (told["hears"] for told in two_ranks)
    assert "different steps (0, 1" in one["error"]
    assert one["error"] == two["error"]
    assert (one["first"], two["first"]) == (True, False)


def test_alone_nothing_is_changed() -> None:
    verdict = StepVerdict(
        step=1, audited=True, verdict="warn", should_stop=False, stop=None, scalars={"a": 1.0}
    )
    assert ranks.agree(verdict) is verdict
    assert ranks.is_first()
    with pytest.raises(KeyError, match="mine"):
        ranks.all_or_none(lambda: {}["mine"])
