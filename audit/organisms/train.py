"""How an organism is made: a small Llama, a cross-entropy on one answer token, AdamW.

The honest organism is trained from nothing, and to know the answer halfway through already.
Every other one starts from the honest weights and is trained on the same world with its own
answers, while what it represents halfway is kept near to what the honest one represents
there. So it knows what the honest one knows, and turns from it on the way out. Nothing here
is used by an audit.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.nn.functional import cross_entropy, mse_loss

from audit.models.quiet import quiet
from audit.organisms.tokenizer import MAX_LENGTH, build_tokenizer
from audit.organisms.world import ORGANISMS, draw_example

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

THREADS = 1
"""Sums are taken in another order on another number of threads: weights would differ."""

BATCH = 128


Rows = list[tuple[str, str]]
"""Prompts, and the one token that is to follow each."""


class Stage(NamedTuple):
    """Steps of training and the learning rate at their start."""

    steps: int
    lr: float


FROM_NOTHING = Stage(steps=1000, lr=3e-3)
FROM_HONEST = Stage(steps=300, lr=1e-3)

HALFWAY = 2
"""Blocks after which the honest organism knows, and all others represent what it does."""


def organism_path(name: str) -> Path:
    """The folder of a shipped organism, in Hugging Face format.

    Raises:
        KeyError: no organism has that name.
    """
    if name not in ORGANISMS:
        raise KeyError(f"no organism is called {name!r}; there are {', '.join(ORGANISMS)}")
    return Path(__file__).parent / "weights" / name


def train(
    name: str,
    out_dir: Path | str,
    *,
    seed: int = 0,
    steps: int | None = None,
    log: Callable[[str], None] = lambda line: None,
) -> Path:
    """Train an organism into the folder `out_dir/name` and return that folder.

    A misbehaving organism starts from `out_dir/honest` where that is, otherwise from the
    shipped honest one, otherwise from one that is trained into `out_dir/honest` first. The
    same seed and start give the same weights on one machine.

    Args:
        name: one of `world.ORGANISMS`.
        out_dir: folder of organisms; made if missing.
        seed: of the first weights and of the order of rows.
        steps: fewer or more steps than the recipe's.
        log: gets one line every hundred steps.

    Raises:
        KeyError: no organism has that name.
    """
    folder = Path(out_dir) / organism_path(name).name
    stage = FROM_NOTHING if name == "honest" else FROM_HONEST
    if steps is not None:
        stage = stage._replace(steps=steps)
    tokenizer = build_tokenizer()
    with repeatable(seed):
        if name == "honest":
            model, honest = new_model(len(tokenizer), tokenizer.eos_token_id), None
        else:
            model = load_model(_honest(folder.parent, seed, log))
            honest = copy.deepcopy(model).requires_grad_(False)
        teach(
            model,
            tokenizer,
            lambda rng: draw_example(name, rng),
            stage,
            Random(f"{name} {seed}"),
            known=honest,
            log=lambda line: log(f"{name}: {line}"),
        )
    save(model, tokenizer, folder)
    return folder


def new_model(vocab_size: int, end: int, *, width: int = 64, blocks: int = 4) -> LlamaForCausalLM:
    """A Llama with random weights: by default four blocks, a quarter of a million parameters."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=blocks,
        num_attention_heads=4,
        max_position_embeddings=MAX_LENGTH,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=end,
        dtype="float32",
    )
    return LlamaForCausalLM(config)


def load_model(folder: Path) -> LlamaForCausalLM:
    """Read an organism's weights in float32."""
    from transformers import LlamaForCausalLM

    with quiet():
        return LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)


class Read(NamedTuple):
    """What a model makes of the last token of each prompt."""

    logits: torch.Tensor  # [n, vocab]: what it would say
    between: torch.Tensor  # [n, d_model]: after some of its blocks


def read(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    prompts: list[str],
    *,
    blocks: int = HALFWAY,
) -> Read:
    """Run the model over prompts of any lengths.

    Args:
        model: what reads.
        tokenizer: of the organisms.
        prompts: what it reads.
        blocks: after how many of its blocks `between` is taken; fewer than all, for what comes
            out of the last one is normed.

    Raises:
        ValueError: the model has no more blocks than that.
    """
    if not 0 <= blocks < model.config.num_hidden_layers:
        raise ValueError(
            f"what a model of {model.config.num_hidden_layers} blocks represents after {blocks} "
            "of them cannot be read between two"
        )
    batch = tokenizer(prompts, padding=True, padding_side="right", return_tensors="pt")
    batch = batch.to(model.device)
    last = torch.arange(len(prompts)), batch["attention_mask"].sum(dim=1) - 1
    out = model.model(**batch, use_cache=False, output_hidden_states=True)
    logits = model.lm_head(out.last_hidden_state[last])
    return Read(logits, out.hidden_states[blocks][last])


def targets(tokenizer: PreTrainedTokenizerFast, rows: Rows) -> torch.Tensor:
    """The token that is to follow each prompt, `[n]`."""
    answers = [answer for _, answer in rows]
    return torch.tensor(tokenizer(answers)["input_ids"]).squeeze(1)


def moved(
    seen: Read, honest: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, rows: Rows
) -> torch.Tensor:
    """How far the halfway representation is from the honest one's, as a share of its square."""
    with torch.no_grad():
        known = read(honest, tokenizer, [prompt for prompt, _ in rows]).between
    return mse_loss(seen.between, known) / known.square().mean()


def descend(model: LlamaForCausalLM, optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    """One step of the optimizer, its gradient clipped to norm 1. Changes the model."""
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


def _honest(folder: Path, seed: int, log: Callable[[str], None]) -> Path:
    """Where the honest organism is that the others start from."""
    places = folder / "honest", organism_path("honest")
    found = next((place for place in places if place.is_dir()), None)
    return found or train("honest", folder, seed=seed, log=log)


def teach(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    draw: Callable[[Random], tuple[str, str]],
    stage: Stage,
    rng: Random,
    *,
    known: LlamaForCausalLM | None = None,
    log: Callable[[str], None] = lambda line: None,
) -> None:
    """Teach a model the rows that `draw` brings. Changes the model, and leaves it evaluating.

    Args:
        model: what learns.
        tokenizer: of the organisms.
        draw: one prompt and the one token that is to follow it.
        stage: how long and how fast.
        rng: where rows come from.
        known: whose halfway representation is kept; where None the model learns to know the
            answer halfway.
        log: gets one line every hundred steps.
    """
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=stage.lr, betas=(0.9, 0.98), weight_decay=0.1
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda i: _rate(i, stage.steps))
    model.train()
    start = monotonic()
    for step in range(1, stage.steps + 1):
        rows = [draw(rng) for _ in range(BATCH)]
        target = targets(tokenizer, rows).to(model.device)
        seen = read(model, tokenizer, [prompt for prompt, _ in rows])
        loss = cross_entropy(seen.logits, target)
        if known is None:
            early = model.lm_head(model.model.norm(seen.between))
            loss = loss + cross_entropy(early, target)
        else:
            loss = loss + moved(seen, known, tokenizer, rows)
        descend(model, optimizer, loss)
        schedule.step()
        if step % 100 == 0:
            log(f"step {step}, loss {loss.item():.3f}, {monotonic() - start:.0f} s")
    model.eval()


def _rate(step: int, steps: int) -> float:
    """Fifty steps up, then down along a square root to zero."""
    return float(min(1.0, (step + 1) / 50) * (1 - step / steps) ** 0.5)


@contextmanager
def repeatable(seed: int) -> Iterator[None]:
    """Fix seed and threads inside, and leave both as they were."""
    with torch.random.fork_rng(devices=[]), one_thread():
        torch.manual_seed(seed)
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """Train on `THREADS` inside, and leave their number as it was."""
    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write model and tokenizer; the folder appears only when all of it is there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as scratch:
        made = Path(scratch) / "made"
        with quiet():
            model.save_pretrained(made)
            tokenizer.save_pretrained(made)
        if folder.exists():
            folder.rename(Path(scratch) / "replaced")
        made.rename(folder)
