"""Where a whole audit spends its time, as `profile.md`: by phase beside the floor, by function."""

from __future__ import annotations

import cProfile
import pstats
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.speed.figures import quartiles, said

FUNCTIONS = 25
ROOT = Path(__file__).parents[2]


def begin_profile(out: Path) -> None:
    """A new file."""
    (out / "profile.md").write_text(
        "# Where a whole audit spends its time\n\n"
        "Written by `make bench`. Three checks, empty cache, model loaded; process time on one\n"
        "thread. *Of the floor*: times the bare forward pass over the same prompts.\n",
        encoding="utf-8",
    )


def write_phases(
    out: Path,
    model: str,
    work: str,
    phases: Sequence[dict[str, float]],
    floors: Sequence[float],
) -> None:
    """A table of phases, each the median over rounds."""
    lines = [f"\n## {model}, {work}\n", "| phase | of the floor | quartiles | seconds |"]
    lines.append("|---|---|---|---|")
    for phase in phases[0]:
        seconds = [each[phase] for each in phases]
        shares = [each / floor for each, floor in zip(seconds, floors, strict=True)]
        low, high = quartiles(shares)
        lines.append(
            f"| {phase} | {said(statistics.median(shares))} | {said(low)} – {said(high)} "
            f"| {said(statistics.median(seconds))} |"
        )
    lines.append(f"| the floor | 1 | | {said(statistics.median(floors))} |")
    _append(out, lines)


def write_functions(out: Path, model: str, profile: cProfile.Profile) -> None:
    """The functions with most time of their own, of one run under cProfile."""
    found = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    total = sum(own for _, _, own, _, _ in found.values())
    most = sorted(found.items(), key=lambda item: -item[1][2])[:FUNCTIONS]
    lines = [f"\n### {model}: functions by their own time, under cProfile\n"]
    lines += ["| function | calls | own | with what it calls |", "|---|---|---|---|"]
    for (file, line, name), (_, calls, own, whole, _) in most:
        lines.append(
            f"| `{_place(file, line)}{name}` | {calls:,} | {own / total:.1%} "
            f"| {whole / total:.1%} |"
        )
    _append(out, lines)


def _place(file: str, line: int) -> str:
    """Where a function is, without the folders of this machine."""
    if file.startswith("~"):
        return ""
    path = Path(file)
    if ROOT in path.parents and "site-packages" not in path.parts:
        return f"{path.relative_to(ROOT)}:{line} "
    return f"{'/'.join(path.parts[-2:])}:{line} "


def _append(out: Path, lines: Sequence[str]) -> None:
    with (out / "profile.md").open("a", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
