"""Suites over the benchmark's prompts, written as a user would have them: YAML beside JSONL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.speed.prompts import Prompt

SHARED = 0.3
SPLIT = "{train: 0.3, validation: 0.2, control: 0.25, audit: 0.25}"


def write_suite(
    folder: Path,
    prompts: Sequence[Prompt],
    *,
    name: str = "speed",
    checks: int = 3,
    monitor: str = "depth: 0.5",
    shared: float = SHARED,
    labels: int = 0,
    limit: float = 0.9,
    suppressed: bool = False,
) -> Path:
    """A suite whose checks read the mean over all tokens.

    Args:
        folder: where it goes; made if it is not there.
        prompts: what all checks read together.
        name: of the suite and of its file.
        checks: how many.
        monitor: where they read, as YAML.
        shared: of the prompts, the part that every check reads; each has its part of the others.
        labels: with another number, half of the pairs have their labels the other way round.
        limit: of the gate on the firing rate.
        suppressed: what it flags does not gate.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pairs = len(prompts) // 2
    flips = np.random.default_rng(labels).random(pairs) < (0.5 if labels else 0.0)
    common = 2 * round(shared * pairs)
    parts = {"shared": prompts[:common]} if common else {}
    each = (len(prompts) - common) // (2 * checks) * 2
    for check in range(checks):
        if each:
            start = common + check * each
            parts[f"own_{check}"] = prompts[start : start + each]
    lines = [f"name: {name}", "concepts: {telling: The prompt holds words that tell.}", "datasets:"]
    for part, rows in parts.items():
        file = folder / f"{name}_{part}.jsonl"
        file.write_text("".join(_line(row, flips) for row in rows), encoding="utf-8")
        lines += [f"  {part}:", f"    path: {file.name}", f"    split: {SPLIT}"]
    lines.append("checks:")
    for check in range(checks):
        sources = ", ".join(part for part in ("shared", f"own_{check}") if part in parts)
        lines += [
            f"  check_{check}:",
            "    concept: telling",
            f"    monitor: {{kind: probe, {monitor}, tokens: all}}",
            "    roles:",
            *(f"      {role}: [{sources}]" for role in ("train", "validation", "control", "audit")),
            "    fpr: 0.05",
            f"    gates: [{{kind: firing_rate, max: {limit}}}]",
            *(["    suppress: {reason: it is meant to fire, until: 2999-01-01}"] * suppressed),
        ]
    path = folder / f"{name}.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _line(prompt: Prompt, flips: np.ndarray) -> str:  # type: ignore[type-arg]
    pair = int(prompt.group.split()[1])
    label = prompt.label ^ int(flips[pair])
    return json.dumps({"text": prompt.text, "label": label, "group": prompt.group}) + "\n"
