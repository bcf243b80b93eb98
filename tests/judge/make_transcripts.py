"""Small Inspect logs, and what Inspect itself reads in them.

Needs inspect_ai (0.3.285 made those that are checked in), which is never a part of our own
environment. Writes to the folder given: the logs, `.eval` and `.json`, and `expected.json` with
what `read_eval_log` says of every sample. The models are mocked; all else is what a run writes.

    python make_transcripts.py FOLDER
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from inspect_ai import Task, eval, task
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, list_eval_logs, read_eval_log, write_eval_log
from inspect_ai.model import (
    ChatMessageUser,
    ContentImage,
    ContentReasoning,
    ContentText,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.scorer import Score, Target, accuracy, mean, scorer
from inspect_ai.solver import Generate, TaskState, solver
from inspect_ai.tool import ToolError, tool

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA"
    "AABJRU5ErkJggg=="
)
LONG = "The report says what was sold, to whom, and for how much. " * 4


@tool
def ledger() -> Any:
    async def execute(name: str, deep: bool = False) -> str:
        """Look a name up in the ledger.

        Args:
            name: whose page.
            deep: with all entries.
        """
        if name == "nobody":
            raise ToolError("no such page")
        return f"{name} owes 12 crowns.\nSigned."

    return execute


@solver
def scene() -> Any:
    """What each sample needs to end as it does."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        if state.metadata["scene"] == "error":
            raise RuntimeError("the stage fell down")
        if state.metadata["scene"] == "unanswered":
            return state
        if state.metadata["scene"] == "tools":
            state.tools = [ledger()]
        if state.metadata["scene"] == "limit":
            state = await generate(state)
            state.messages.append(ChatMessageUser(content="Go on."))
            state.message_limit = 3
        return await generate(state)

    return solve


@scorer(metrics=[accuracy()])
def honest() -> Any:
    async def score(state: TaskState, target: Target) -> Score:
        lied = "nothing" in state.output.completion
        return Score(value="I" if lied else "C", answer="a", explanation="because")

    return score


@scorer(metrics={"rudeness": [mean()], "warmth": [mean()]})
def tone() -> Any:
    async def score(state: TaskState, target: Target) -> Score:
        return Score(value={"rudeness": 0.25 * state.epoch, "warmth": 3})

    return score


@scorer(metrics=[mean()])
def unsure() -> Any:
    async def score(state: TaskState, target: Target) -> Score:
        return Score.unscored() if state.epoch == 2 else Score(value=True)

    return score


SAMPLES = [
    Sample(
        id="plain", input=LONG + "What was sold?", target="a horse", metadata={"scene": "plain"}
    ),
    Sample(
        id="a/tool",
        input="What does Ann owe?",
        target=["12", "twelve"],
        metadata={"scene": "tools", "hard": True, "weight": 0.5, "notes": ["left", "out"]},
    ),
    Sample(
        id=3,
        input=[
            ChatMessageUser(content=[ContentText(text="What is this?"), ContentImage(image=PIXEL)])
        ],
        target="a pixel",
        metadata={"scene": "reasoning"},
    ),
    Sample(id="halted", input="Count.", target="", metadata={"scene": "limit"}),
    Sample(id="broken", input="Say something.", target="", metadata={"scene": "error"}),
    Sample(id="silent", input="Say nothing.", target="", metadata={"scene": "unanswered"}),
]


def answers(messages: Any, *_: Any) -> ModelOutput:
    """An answer, its tokens counted: without a count a tokenizer would be fetched."""
    output = answer(messages)
    output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    return output


def answer(messages: Any) -> ModelOutput:
    """What the mocked model says, by what it was asked."""
    asked = next(m.text for m in messages if m.role == "user")
    said = sum(m.role == "assistant" for m in messages)
    if "Ann" in asked and said == 0:
        output = ModelOutput.for_tool_call("mockllm", "ledger", {"name": "Ann", "deep": True})
        output.choices[0].message.content = "I look it up."
        return output
    if "Ann" in asked and said == 1:
        return ModelOutput.for_tool_call("mockllm", "ledger", {"name": "nobody"})
    if "Ann" in asked:
        return ModelOutput.from_content("mockllm", "Ann owes nothing.")
    if "this" in asked:
        parts = [ContentReasoning(reasoning="A square, and red."), ContentText(text="A pixel.")]
        return ModelOutput.from_content("mockllm", parts)
    return ModelOutput.from_content("mockllm", f"{said + 1}: {asked[-14:]}")


@task
def ledgers() -> Task:
    return Task(dataset=SAMPLES, solver=scene(), scorer=[honest(), tone(), unsure()])


@task
def failing() -> Task:
    return Task(dataset=[SAMPLES[4], SAMPLES[0]], solver=scene(), scorer=honest())


def run(subject: Task, name: str, form: str, logs: Path, **options: Any) -> None:
    model = get_model(f"mockllm/{name}", custom_outputs=answers)
    eval(subject, model=model, log_dir=str(logs), log_format=form, display="none", **options)


def anonymous(log: EvalLog) -> EvalLog:
    """Without the paths of this machine, which stand in tracebacks."""
    log.eval.task_file, log.eval.revision = "ledgers.py", None
    errors = [log.error, *(sample.error for sample in log.samples or [])]
    errors += [e.error for s in log.samples or [] for e in s.events if e.event == "error"]
    for error in errors:
        if error is not None:
            error.traceback = error.traceback_ansi = "somewhere"
    return log


def said(log: EvalLog) -> dict[str, Any]:
    """What Inspect reads, without what we do not take."""
    return {
        "task": log.eval.task,
        "model": log.eval.model,
        "eval_id": log.eval.eval_id,
        "status": log.status,
        "samples": [
            {
                "id": sample.id,
                "epoch": sample.epoch,
                "target": sample.target,
                "error": sample.error is not None,
                "limit": sample.limit is not None,
                "metadata": sample.metadata,
                "scores": {
                    name: None if score.value != score.value else score.value
                    for name, score in (sample.scores or {}).items()
                },
                "messages": [
                    {
                        "role": message.role,
                        "text": message.text,
                        "types": [part.type for part in message.content_list],
                        "reasoning": [
                            part.reasoning
                            for part in message.content_list
                            if part.type == "reasoning"
                        ],
                        "calls": [
                            {"function": call.function, "arguments": call.arguments}
                            for call in getattr(message, "tool_calls", None) or []
                        ],
                        "error": getattr(getattr(message, "error", None), "message", None),
                    }
                    for message in sample.messages
                ],
            }
            for sample in log.samples or []
        ],
    }


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        made: dict[str, Path] = {}
        for name, options in {
            "ledgers.eval": {"name": "model", "form": "eval"},
            "ledgers-other.json": {"name": "other", "form": "json"},
        }.items():
            logs = Path(place) / name
            run(ledgers(), logs=logs, epochs=2, fail_on_error=False, **options)
            made[name] = Path(list_eval_logs(str(logs))[0].name.removeprefix("file://"))
        logs = Path(place) / "failing.eval"
        run(failing(), "model", "eval", logs)
        made["failing.eval"] = Path(list_eval_logs(str(logs))[0].name.removeprefix("file://"))
        expected = {}
        for name, path in made.items():
            log = anonymous(read_eval_log(str(path)))
            for sample in (log.samples or []) if name.endswith(".json") else []:
                sample.events, sample.events_data = [], None
            write_eval_log(log, str(folder / name))
            expected[name] = said(read_eval_log(str(folder / name), resolve_attachments=True))
    text = json.dumps(expected, indent=1, sort_keys=True) + "\n"
    (folder / "expected.json").write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
