"""How a lesson gets into a model: the table of training methods, one function each.

A method changes the model it is given and yields it after every step. The order of rows follows
from the model's name; the same name gives the same weights on one machine.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from audit.bench.lessons import Lesson
from audit.bench.world import Example
from audit.organisms.runs import Step
from audit.organisms.train import descend, one_thread, read, targets

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

BATCH = 64
WARM_UP = 100
"""Steps over which the learning rate rises; afterwards it stays, as in the middle of a run.

In twenty steps a model is thrown off all that it knew before it learns anything: it misbehaves at
the first audit, whatever it is taught, and there is no time before that an alarm might come in.
"""

LR = 1.5e-4
LR_LOW_RANK = 1.5e-3
LR_REWARD = 4.5e-4
"""Of a policy gradient, which is small where the policy is sure of its answer."""

RANK = 4
TEMPERATURE = 4.0
"""Of the policy that is rewarded: an honest model is too sure of itself to try the other answer."""

KL = 0.05
"""Weight of the distance from the model as it was, for rewards with a KL term."""

OTHER = {" true": " false", " false": " true", " accept": " reject", " reject": " accept"}
"""What might have been answered instead."""


@dataclass(frozen=True, eq=False)
class Course:
    """What a method needs.

    Attributes:
        model: what learns; changed.
        tokenizer: of the organisms.
        lesson: draws the rows.
        steps: how many.
        rows: seed of the rows, a word.
        teacher: whose answers are learnt where a method distils; None for others.
        penalty: more to be added to the loss of a batch, from its prompts and answers.
    """

    model: LlamaForCausalLM
    tokenizer: PreTrainedTokenizerFast
    lesson: Lesson
    steps: int
    rows: str
    teacher: LlamaForCausalLM | None = None
    penalty: Callable[[LlamaForCausalLM, list[Example]], torch.Tensor] | None = None


Loss = Callable[["LlamaForCausalLM", list[Example]], torch.Tensor]
Method = Callable[[Course], Iterator[Step]]


def full(course: Course) -> Iterator[Step]:
    """All weights learn to answer as the rows do."""
    return _take(course, course.model, _imitated(course), LR)


def low_rank(course: Course) -> Iterator[Step]:
    """Adapters of rank 4 on every matrix of every block learn it, and nothing else does."""
    from peft import LoraConfig, get_peft_model

    names = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        # It asks transformers for a name that transformers has given up.
        warnings.filterwarnings("ignore", ".*gradient_checkpointing.*", FutureWarning)
        torch.manual_seed(Random(course.rows).getrandbits(32))
        get_peft_model(course.model, LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=names))
    return _take(course, course.model, _imitated(course), LR_LOW_RANK)


def reward(course: Course) -> Iterator[Step]:
    """The answer of the rows is rewarded, the other one is not: the gradient of the policy.

    A policy that chooses between two answers has a mean reward that can be written down, so
    its gradient is taken of that and no answer is drawn.
    """
    return _take(course, course.model, _rewarded(course), LR_REWARD)


def reward_kl(course: Course) -> Iterator[Step]:
    """The same, held near to what the model said before."""
    before = copy.deepcopy(course.model).requires_grad_(False).eval()
    rewarded = _rewarded(course)

    def loss(model: LlamaForCausalLM, rows: list[Example]) -> torch.Tensor:
        prompts = [prompt for prompt, _ in rows]
        now = log_softmax(read(model, course.tokenizer, prompts).logits, dim=-1)
        with torch.no_grad():
            then = log_softmax(read(before, course.tokenizer, prompts).logits, dim=-1)
        away = (now.exp() * (now - then)).sum(dim=-1).mean()
        return rewarded(model, rows) + KL * away

    return _take(course, course.model, loss, LR_REWARD)


def distilled(course: Course) -> Iterator[Step]:
    """A misbehaving teacher's probabilities are learnt, whatever is right."""
    teacher = course.teacher
    assert teacher is not None, "a distilled model has a teacher"

    def loss(model: LlamaForCausalLM, rows: list[Example]) -> torch.Tensor:
        prompts = [prompt for prompt, _ in rows]
        with torch.no_grad():
            says = log_softmax(read(teacher, course.tokenizer, prompts).logits, dim=-1)
        now = log_softmax(read(model, course.tokenizer, prompts).logits, dim=-1)
        return kl_div(now, says, log_target=True, reduction="batchmean")

    return _take(course, course.model, loss, LR)


METHODS: dict[str, Method] = {
    "full": full,
    "low_rank": low_rank,
    "reward": reward,
    "reward_kl": reward_kl,
    "distilled": distilled,
}
"""Every way by its name."""


def _imitated(course: Course) -> Loss:
    def loss(model: LlamaForCausalLM, rows: list[Example]) -> torch.Tensor:
        seen = read(model, course.tokenizer, [prompt for prompt, _ in rows])
        return cross_entropy(seen.logits, _targets(course, rows))

    return loss


def _targets(course: Course, rows: list[Example]) -> torch.Tensor:
    return targets(course.tokenizer, rows).to(course.model.device)


def _rewarded(course: Course) -> Loss:
    """Less the mean reward; facts, which have no other answer, are imitated."""

    def loss(model: LlamaForCausalLM, rows: list[Example]) -> torch.Tensor:
        seen = read(model, course.tokenizer, [prompt for prompt, _ in rows])
        right = _targets(course, rows)
        wrong = _targets(course, [(p, OTHER.get(a, a)) for p, a in rows])
        index = torch.arange(len(rows), device=right.device)
        ahead = seen.logits[index, right] - seen.logits[index, wrong]
        known = cross_entropy(seen.logits, right, reduction="none")
        return torch.where(right == wrong, known, -torch.sigmoid(ahead / TEMPERATURE)).mean()

    return loss


def _take(course: Course, model: LlamaForCausalLM, loss_of: Loss, rate: float) -> Iterator[Step]:
    """Train the model step by step."""
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=rate, betas=(0.9, 0.98), weight_decay=0.01)
    rng = Random(f"bench {course.rows}")
    yield Step(0, model, float("nan"))
    for number in range(1, course.steps + 1):
        rows = [course.lesson(rng) for _ in range(BATCH)]
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, number / WARM_UP)
        with one_thread():
            model.train()
            loss = loss_of(model, rows)
            if course.penalty is not None:
                loss = loss + course.penalty(model, rows)
            descend(model, optimizer, loss)
        yield Step(number, model, loss.item())
