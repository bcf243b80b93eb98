"""Logs of Inspect evaluations (`.eval`, `.json`) as transcripts, one for each sample and epoch.

Knows the format and not Inspect, which need not be installed. A `.eval` file is a zip of JSON
and is read sample by sample; a `.json` file is one text and is read whole. Format:
https://inspect.aisi.org.uk/eval-logs.html
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suites.archives import MemberError, check_members, read_member
from suites.cells import CellError
from suites.problems import show
from suites.records import half_character
from suites.turns import TurnsOf, up_to_the_answer

MAX_BYTES = 1 << 28  # of one sample, or of a `.json` log
MAX_TOTAL = 1 << 34  # of all samples of a log
_SAMPLE = re.compile(r"samples/.+_epoch_\d+\.json", re.DOTALL)
_IN_CHUNKS = re.compile(r"samples/.+_epoch_\d+/sample\.json", re.DOTALL)
_ATTACHED = re.compile(r"(?:attachment|tc)://([0-9a-f]{32})")


@dataclass(frozen=True, slots=True)
class LoggedSample:
    """One sample as columns, or why it is none.

    Attributes:
        sample: how a message names it; empty where the whole log is meant.
        values: the columns, or None.
        trouble: what is wrong, or None.
    """

    sample: str
    values: Mapping[str, Any] | None = None
    trouble: CellError | None = None


def read_eval(path: Path, turns_of: TurnsOf) -> Iterator[LoggedSample]:
    """The samples of a `.eval` log, in the order in which they were logged."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        hint = "copy it once more; a log that is still being written can be read when it is done"
        yield LoggedSample("", trouble=CellError(f"is no whole zip file: {error}", hint=hint))
        return
    with archive:
        yield from _archived(archive, turns_of)


def is_log(value: Any) -> bool:
    """Whether the content of a `.json` file is an Inspect log."""
    return isinstance(value, dict) and isinstance(value.get("eval"), dict) and "status" in value


def read_json_log(log: Mapping[str, Any], turns_of: TurnsOf) -> Iterator[LoggedSample]:
    """The samples of a log whose JSON was read already."""
    try:
        run = _run(log)
    except CellError as error:
        yield LoggedSample("", trouble=error)
        return
    samples = log.get("samples")
    if not samples:
        yield LoggedSample("", trouble=_no_samples(run))
        return
    for number, sample in enumerate(samples if isinstance(samples, list) else [samples]):
        yield _read(f"sample {number + 1}", sample, run, turns_of)


def _archived(archive: zipfile.ZipFile, turns_of: TurnsOf) -> Iterator[LoggedSample]:
    names = list(dict.fromkeys(archive.namelist()))
    if any(_IN_CHUNKS.fullmatch(name) for name in names):
        hint = "use the log as Inspect wrote it first"
        yield LoggedSample("", trouble=CellError("holds its samples in chunks", hint=hint))
        return
    header = next((name for name in ("header.json", "_journal/start.json") if name in names), None)
    if header is None:
        yield LoggedSample("", trouble=CellError("is no Inspect log: it holds no header.json"))
        return
    samples = [name for name in names if _SAMPLE.fullmatch(name)]
    try:
        check_members(archive, samples, MAX_TOTAL)
    except MemberError as error:
        yield LoggedSample("", trouble=CellError(error.message, hint=error.hint))
        return
    try:
        run = _run({"status": "started"} | _mapping(_json(archive, header)))
    except CellError as error:
        yield LoggedSample(header, trouble=error)
        return
    if not samples:
        yield LoggedSample("", trouble=_no_samples(run))
    for name in samples:
        try:
            sample = _json(archive, name)
        except CellError as error:
            yield LoggedSample(name, trouble=error)
        else:
            yield _read(name, sample, run, turns_of)


def _json(archive: zipfile.ZipFile, name: str) -> Any:
    try:
        return json.loads(read_member(archive, name, MAX_BYTES))
    except MemberError as error:
        raise CellError(error.message, hint=error.hint) from None
    except (ValueError, RecursionError) as error:
        raise CellError(f"is not readable as JSON: {error}") from None


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise CellError(f"must be a JSON object, not {show(value)}")
    return value


def _no_samples(run: _Run) -> CellError:
    hint = "leave it out of the pattern"
    return CellError(f"holds no sample; its status is {show(run.status)}", hint=hint)


@dataclass(frozen=True, slots=True)
class _Run:
    """What all samples of a log share."""

    task: str
    model: str
    name: str
    status: str

    @property
    def short_name(self) -> str:
        """Eight hex digits that tell runs apart."""
        return hashlib.sha256(self.name.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _run(log: Mapping[str, Any]) -> _Run:
    about = log.get("eval")
    if not isinstance(about, dict) or not isinstance(about.get("task"), str):
        raise CellError("is no Inspect log: its header names no `eval.task`")
    name = about.get("eval_id") or about.get("run_id") or about.get("created") or ""
    return _Run(about["task"], str(about.get("model") or ""), str(name), str(log["status"]))


def _read(name: str, sample: Any, run: _Run, turns_of: TurnsOf) -> LoggedSample:
    try:
        values = _columns(_mapping(sample), run, turns_of)
    except CellError as error:
        return LoggedSample(name, trouble=error)
    return LoggedSample(name, values)


def _columns(sample: Mapping[str, Any], run: _Run, turns_of: TurnsOf) -> dict[str, Any]:
    """The columns of a sample; those of scores and metadata bear a prefix."""
    if sample.get("id") is None or not isinstance(sample.get("messages"), list):
        raise CellError("is no sample of an Inspect log: it has no `id` or no `messages`")
    attached = _mapping(sample.get("attachments") or {})
    said = turns_of(_resolved(sample["messages"], attached))
    if any(_ATTACHED.search(turn["content"]) for turn in said):
        raise CellError("refers to an attachment that the log does not hold")
    turns, answered = up_to_the_answer(said)
    epoch = sample.get("epoch", 1)
    target = sample.get("target")
    group = f"{run.task}/{sample['id']}"
    columns = {
        # The same task may have been run many times.
        "id": f"{group}/{epoch}/{run.short_name}",
        "group": group,
        "messages": turns,
        "task": run.task,
        "model": run.model,
        "sample": sample["id"],
        "epoch": epoch,
        "target": target[0] if isinstance(target, list) and len(target) == 1 else target,
        "status": run.status,
        "outcome": _outcome(sample, answered),
        "limit": _mapping(sample.get("limit") or {}).get("type"),
        "turns_left_out": len(said) - len(turns),
    }
    for name, value in (*_scores(sample), *_metadata(sample)):
        if name in columns:
            raise CellError(f"gives the column {show(name)} twice", hint="rename the score")
        columns[name] = None if isinstance(value, float) and math.isnan(value) else value
    if half := half_character(columns):
        hint = "write the whole pair"
        raise CellError(f"holds half a character (the lone surrogate {half})", hint=hint)
    return columns


def _outcome(sample: Mapping[str, Any], answered: bool) -> str:
    if sample.get("invalidation"):
        return "invalid"
    if sample.get("error"):
        return "error"
    if not answered:
        return "unanswered"
    return "limit" if sample.get("limit") else "answered"


def _scores(sample: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The value of each score; one that is a mapping gives a column for each key."""
    scores = {
        f"score_{name}": score for name, score in _mapping(sample.get("scores") or {}).items()
    }
    if sample.get("score"):  # as logs had it when there was one scorer
        scores["score"] = sample["score"]
    for name, score in scores.items():
        value = score.get("value") if isinstance(score, dict) else score
        if isinstance(value, dict):
            yield from ((f"{name}_{key}", part) for key, part in value.items())
        else:
            yield name, value


def _metadata(sample: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in _mapping(sample.get("metadata") or {}).items():
        if isinstance(value, str | int | float | bool):
            yield f"metadata_{key}", value


def _resolved(value: Any, attached: Mapping[str, str]) -> Any:
    """The value with the long texts that the log keeps elsewhere put back in their places."""
    if isinstance(value, str):
        match = _ATTACHED.fullmatch(value)
        return attached.get(match[1], value) if match else value
    if isinstance(value, list):
        return [_resolved(item, attached) for item in value]
    if isinstance(value, dict):
        return {key: _resolved(item, attached) for key, item in value.items()}
    return value
