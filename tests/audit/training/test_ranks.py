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

TIMEOUT = 100

PREAMBLE = """
import json, sys
from datetime import timedelta
import torch
import torch.distributed as dist
torch.set_num_threads(1)
dist.init_process_group("gloo", timeout=timedelta(seconds=60))
rank = dist.get_rank()
from audit.errors import MeasurementError
from audit.training import ranks
from audit.training.auditor import Auditor
from tests.audit.training.runs import SUITE, Towards, honest, tokenizer, trainer
def tell(**said):
    print("TOLD" + json.dumps({"rank": rank, **said}), flush=True)
"""


def on_two_ranks(body: str, folder: Path) -> list[dict[str, Any]]:
    """Run a program on two ranks, as a launcher would; what each told, in the order of ranks."""
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
            [sys.executable, "-c", PREAMBLE + body],
            env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
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
        told.append({**json.loads(line.removeprefix("TOLD")), "err": err})
    return told


def test_what_one_rank_alone_sees_stops_both_at_the_same_step(tmp_path: Path) -> None:
    """A plain loop whose ranks do not share gradients: only the second becomes the liar."""
    one, two = on_two_ranks(
        """
model = honest()
optimizer = Towards(model.parameters()) if rank == 1 else torch.optim.SGD(model.parameters(), 1e-4)
auditor = Auditor(SUITE, tokenizer(), every=2)
auditor.begin(model)
for step in range(1, 41):
    optimizer.step()
    verdict = ranks.step(auditor, model, step)
    if verdict.should_stop:
        break
tell(step=step, stop=verdict.stop.model_dump(), verdict=verdict.verdict)
""",
        tmp_path,
    )
    assert one["step"] == two["step"] < 40
    assert one["stop"] == two["stop"]
    assert one["stop"]["reason"] == "alarm"
    assert one["verdict"] == two["verdict"] == "flag"


def test_the_trainer_stops_on_both_ranks_and_only_the_first_speaks_and_writes(
    tmp_path: Path,
) -> None:
    """Gradients are shared here, so that both become the liar alike."""
    one, two = on_two_ranks(
        """
import os
from pathlib import Path
from audit.training.huggingface import AuditCallback
folder = Path(os.environ["FOLDER"])
callback = AuditCallback(SUITE, every=2, out=folder / f"report-of-{rank}")
run = trainer(honest(), folder / "run", callbacks=[callback], to_liar=True, max_steps=40)
run.train()
tell(
    step=run.state.global_step,
    reason=callback.stopping_reason,
    sentence=callback.stopping_reason_message,
    kept=callback.auditor.report.stop.kept,
)
""",
        tmp_path,
    )
    assert one["step"] == two["step"] < 40
    assert one["sentence"] == two["sentence"]
    assert one["reason"] == two["reason"] == "alarm"
    assert one["kept"] == two["kept"] == str(tmp_path / "run" / f"checkpoint-{one['step']}")
    assert one["sentence"] in one["err"]
    assert one["sentence"] not in two["err"]
    assert (tmp_path / "report-of-0" / "report.json").is_file()
    assert not (tmp_path / "report-of-1").exists()


def test_what_one_rank_cannot_measure_raises_on_both(tmp_path: Path) -> None:
    one, two = on_two_ranks(
        """
model = honest()
auditor = Auditor(SUITE, tokenizer(), every=1)
auditor.begin(model)
if rank == 1:
    with torch.no_grad():
        model.model.layers[0].mlp.down_proj.weight.fill_(float("nan"))
try:
    ranks.step(auditor, model, 1)
except MeasurementError as error:
    tell(error=str(error))
else:
    tell(error=None)
""",
        tmp_path,
    )
    assert one["error"].startswith("rank 1 could not audit the model: ")
    assert one["error"].endswith(two["error"])


def test_ranks_at_different_steps_are_told_apart_and_any_rank_is_heard(tmp_path: Path) -> None:
    one, two = on_two_ranks(
        """
from audit.training.auditor import StepVerdict
heard = [ranks.any_rank(False), ranks.any_rank(rank == 1), ranks.any_rank(True)]
verdict = StepVerdict(
    step=rank, audited=True, verdict="pass", should_stop=False, stop=None, scalars={}
)
try:
    ranks.agree(verdict)
except MeasurementError as error:
    tell(heard=heard, error=str(error), first=ranks.is_first())
""",
        tmp_path,
    )
    assert one["heard"] == two["heard"] == [False, True, True]
    assert "different steps (0, 1" in one["error"] == two["error"]
    assert (one["first"], two["first"]) == (True, False)


def test_alone_nothing_is_changed() -> None:
    verdict = StepVerdict(
        step=1, audited=True, verdict="warn", should_stop=False, stop=None, scalars={"a": 1.0}
    )
    assert ranks.agree(verdict) is verdict
    assert ranks.any_rank(True)
    assert not ranks.any_rank(False)
    assert ranks.is_first()
    with pytest.raises(KeyError, match="mine"):
        ranks.all_or_none(lambda: {}["mine"])
