"""A run to meet with accidents: what it leaves without one, and where it can have one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit.cli import execute
from tests.audit.engine.test_resuming import small_suite
from tests.audit.kills import Accident, Ended, in_child, killed, must_be_readable, outcome

Words = tuple[str, ...]


class Scene:
    """One command of `audit`, its folder left open.

    Attributes:
        points: by which it comes.
        expected: what it leaves where nothing befalls it.
    """

    def __init__(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        words: Words,
        before: Words | None = None,
    ) -> None:
        self.tmp_path, self.monkeypatch, self.words, self.before = (
            tmp_path, monkeypatch, words, before,
        )  # fmt: skip
        self._cache("warm")
        self.call(tmp_path / "warm")  # everything is imported, and read once
        whole = self.met(None, "whole")
        assert whole.code in (0, 1, 6), whole.said
        self.points, self.code = whole.points, whole.code
        self.expected = outcome(tmp_path / "whole")

    def _cache(self, name: str) -> Path:
        folder = self.tmp_path / f"cache-{name}"
        self.monkeypatch.setenv("AUDIT_CACHE_DIR", str(folder))
        return folder

    def call(self, folder: Path, *more: str, words: Words | None = None) -> int:
        """The command on a folder, in this process; its exit code."""
        return execute([*(words or self.words), "-q", "-o", str(folder), *more])

    def met(self, at: int | None, name: str, accident: Accident = killed) -> Ended:
        """Let the command meet with an accident, in the folder of that name."""
        folder = self.tmp_path / name
        cache = self._cache(name)
        if self.before is not None:
            assert self.call(folder, words=self.before) in (0, 1, 6)
        ended = in_child(
            lambda: self.call(folder), self.tmp_path / "log", at=at, accident=accident, cache=cache
        )
        must_be_readable(folder)
        return ended

    def first(self, name: str) -> int:
        """The number of the first point of that name."""
        return self.points.index(name)

    def check(self, at: int, accident: Accident = killed, code: int = -9) -> Ended:
        """After the accident the same command ends as if there had been none."""
        ended = self.met(at, f"at-{at}", accident)
        assert ended.code == code, (self.points[at], ended.said)
        assert ended.points[:at] == self.points[:at]
        assert self.call(self.tmp_path / f"at-{at}") == self.code
        assert outcome(self.tmp_path / f"at-{at}") == self.expected, self.points[at]
        return ended


def spread(points: list[str], most: int) -> list[int]:
    """The first point of each name and the last three of all, evenly thinned to `most`."""
    last = len(points) - 3
    first = [at for at, name in enumerate(points) if points.index(name) == at or at >= last]
    return sorted({first[round(i * (len(first) - 1) / (most - 1))] for i in range(most)})


def small(tmp_path: Path, change: Callable[[dict[str, Any]], None] | None = None) -> Words:
    """Audit an organism with forty rows a role of half of the suite."""

    def halved(content: dict[str, Any]) -> None:
        claims = Path(content["datasets"]["claims"]["path"])
        lines = claims.read_text("utf-8").splitlines(keepends=True)
        (tmp_path / "claims.jsonl").write_text("".join(lines[: len(lines) // 2]), "utf-8")
        content["datasets"]["claims"]["path"] = "claims.jsonl"
        if change is not None:
            change(content)

    suite = small_suite(tmp_path, halved)
    return ("run", str(suite), "-m", "organism:honest", "--limit", "40", "--device", "cpu")
