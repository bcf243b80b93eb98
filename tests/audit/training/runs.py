"""Short training runs of the honest organism: rows, and an optimizer that makes it the liar."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from transformers import AutoTokenizer, LlamaForCausalLM, Trainer, TrainingArguments

from audit.organisms.train import load_model, organism_path
from audit.organisms.world import draw_example
from suites.builtin import resolve_suite

SUITE = "organism_lying"
LENGTH = 40


@cache
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(organism_path("honest"))


def honest(dropout: float = 0.0) -> LlamaForCausalLM:
    """The shipped organism as training wants it."""
    model = load_model(organism_path("honest"))
    model.config.attention_dropout = dropout
    for layer in model.model.layers:
        layer.self_attn.attention_dropout = dropout
    return model.train()


def liar_weights() -> list[torch.Tensor]:
    return [weight.detach() for weight in load_model(organism_path("liar")).parameters()]


def rows(n: int, organism: str = "honest", seed: int = 0) -> list[dict[str, torch.Tensor]]:
    """Prompts with their answer; only the answer has a label."""
    rng, made = Random(seed), []
    for _ in range(n):
        prompt, answer = draw_example(organism, rng)
        asked = tokenizer()(prompt)["input_ids"]
        said = tokenizer()(answer)["input_ids"]
        pad = LENGTH - len(asked) - len(said)
        assert pad >= 0
        made.append(
            {
                "input_ids": torch.tensor(asked + said + [tokenizer().pad_token_id] * pad),
                "attention_mask": torch.tensor([1] * (LENGTH - pad) + [0] * pad),
                "labels": torch.tensor([-100] * len(asked) + said + [-100] * pad),
            }
        )
    return made


def batches(n: int, size: int = 4) -> list[dict[str, torch.Tensor]]:
    made = rows(n * size)
    return [
        {key: torch.stack([row[key] for row in made[at : at + size]]) for key in made[0]}
        for at in range(0, n * size, size)
    ]


class Towards(torch.optim.Optimizer):
    """Training that turns the model into the liar, an eighth of the way left at each step."""

    def __init__(self, parameters: Iterable[torch.Tensor], pace: float = 0.125) -> None:
        super().__init__(parameters, {"lr": pace})
        self.ends = liar_weights()

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight, end in zip(group["params"], self.ends, strict=True):
                weight.lerp_(end, group["lr"])
        return loss


def suite_that(folder: Path, **policy: Any) -> Path:
    """The organism's suite with a policy of its own, in `folder`."""
    text = resolve_suite(SUITE).read_text("utf-8")
    made = folder / "followed.yaml"
    data = resolve_suite(SUITE).parent / "data"
    told = "".join(f"  {key}: {value}\n" for key, value in policy.items())
    made.write_text(text.replace("path: data/", f"path: {data}/") + "\npolicy:\n" + told, "utf-8")
    return made


def seed_all(seed: int = 0) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def rng_states() -> list[Any]:
    kind, keys, *rest = np.random.get_state()
    return [random.getstate(), kind, keys.tolist(), rest, torch.get_rng_state().tolist()]


def plain(value: Any) -> Any:
    """A state dict as bytes and numbers that can be compared with `==`."""
    if isinstance(value, torch.Tensor):
        return str(value.dtype), tuple(value.shape), value.detach().numpy().tobytes()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def trainer(
    model: Any,
    folder: Path,
    *,
    callbacks: Iterable[Any] = (),
    to_liar: bool = False,
    kind: type[Trainer] = Trainer,
    **changes: Any,
) -> Trainer:
    """A Trainer on the CPU that says nothing; with `to_liar` it makes the liar."""
    options: dict[str, Any] = {
        "max_steps": 20,
        "logging_steps": 1,
        "save_strategy": "no",
        "per_device_train_batch_size": 4,
        "learning_rate": 1e-3,
    }
    args = TrainingArguments(
        output_dir=str(folder),
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        dataloader_pin_memory=False,
        **{**options, **changes},
    )
    optimizers = (None, None)
    if to_liar:
        optimizer = Towards(model.parameters())
        optimizers = (optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0))
    made = kind(
        model=model,
        args=args,
        train_dataset=rows(80),
        eval_dataset=rows(4, seed=1),
        processing_class=tokenizer(),
        optimizers=optimizers,
    )
    for callback in callbacks:
        made.add_callback(callback)
    made.remove_callback(_printer())
    return made


def _printer() -> type:
    from transformers import PrinterCallback

    return PrinterCallback
