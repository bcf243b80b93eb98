"""What the models read: prompts of log-normal lengths, in no order of length.

Their words are those of the built-in suites. In a prompt of label 1 some are of a few that tell,
so that a probe has something to find. Two prompts make a group, one of each label.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).parents[2] / "suites" / "data"
SHORTEST, LONGEST, MEDIAN, SPREAD = 8, 256, 45, 0.7
TELLING, SHARE = 20, 0.05  # words that tell, and their share in a prompt of label 1


@dataclass(frozen=True)
class Prompt:
    """One row of a data set."""

    text: str
    label: int
    group: str


def lengths(n: int) -> list[int]:
    """Tokens of `n` prompts: log-normal, cut at 8 and 256."""
    rng = np.random.default_rng(0)
    drawn = np.exp(rng.normal(np.log(MEDIAN), SPREAD, n))
    return [int(length) for length in np.clip(drawn, SHORTEST, LONGEST)]


def prompts(tokenizer: Any, n: int, *, tokens: int | None = None) -> list[Prompt]:
    """`n` distinct prompts that this tokenizer makes about `lengths(n)` tokens of, or `tokens`."""
    rng = np.random.default_rng(1)
    known = words()
    sizes = _sizes(tokenizer)
    telling = rng.choice(len(known), TELLING, replace=False)
    made = []
    wanted = lengths(n) if tokens is None else [tokens] * n
    for number, length in enumerate(wanted):
        label = 1 - number % 2
        chosen = rng.integers(len(known), size=length)
        tells = rng.random(length) < SHARE * label
        chosen[tells] = rng.choice(telling, int(tells.sum()))
        fits = int(np.searchsorted(np.cumsum(sizes[chosen]), length, side="right"))
        text = " ".join(known[word] for word in chosen[: max(1, fits)])
        made.append(Prompt(text, label, f"pair {number // 2}"))
    return made


@cache
def words() -> list[str]:
    """Every word of the built-in suites' rows, sorted."""
    found: set[str] = set()
    for file in sorted(DATA.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            found.update(re.findall(r"[A-Za-z]+", " ".join(_texts(row))))
    return sorted(found)


def _texts(row: Any) -> list[str]:
    if isinstance(row, str):
        return [row]
    if isinstance(row, dict):
        row = list(row.values())
    return [text for part in row for text in _texts(part)] if isinstance(row, list) else []


@cache
def _sizes(tokenizer: Any) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Tokens of each word."""
    split = tokenizer([f"a {word}" for word in words()], add_special_tokens=False)["input_ids"]
    return np.array([len(ids) for ids in split]) - len(
        tokenizer("a", add_special_tokens=False)["input_ids"]
    )


@cache
def tokenizer() -> Any:
    """A byte-level BPE as GPT-2's, learnt from the words; for shapes that have no tokenizer."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=8000,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator([" ".join(words())] * 2, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token="<|endoftext|>", pad_token="<|endoftext|>"
    )
