"""Suites written as text: load them, or see what is wrong with them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from suites.data_checks import check_suite
from suites.load import LoadedSuite, load_suite
from suites.problems import Problem, SuiteError

TODAY = date(2030, 1, 1)

Load = Callable[..., LoadedSuite]
Mistakes = Callable[..., tuple[Problem, ...]]


def write(path: Path, text: str) -> Path:
    path.write_text(textwrap.dedent(text), encoding="utf-8", newline="")
    return path


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a suite from its text, beside the files that are given by name."""

    def load(text: str, files: Mapping[str, str] | None = None, **options: Any) -> LoadedSuite:
        for name, content in (files or {}).items():
            write(tmp_path / name, content)
        return load_suite(write(tmp_path / "suite.yaml", text), today=TODAY, **options)

    return load


@pytest.fixture
def mistakes(load: Load) -> Mistakes:
    """What loading a suite, or checking its data, complains of; it must complain."""

    def mistakes(text: str, files: Mapping[str, str] | None = None, **options: Any) -> Any:
        with pytest.raises(SuiteError) as caught:
            check_suite(load(text, files, **options))
        return caught.value.problems

    return mistakes


@pytest.fixture
def dataset(load: Load) -> Load:
    """Load a suite whose one dataset `d` is written as YAML, used in no way that matters."""

    def dataset(spec: str, files: Mapping[str, str] | None = None) -> LoadedSuite:
        body = textwrap.indent(textwrap.dedent(spec).strip("\n"), "    ")
        return load(f"name: t\nconcepts: {{c: C}}\ndatasets:\n  d:\n{body}\n" + CHECK, files)

    return dataset


CHECK = """\
checks:
  k:
    concept: c
    roles: {train: d, validation: d, control: d, audit: d}
    gates: [{max: 0.1}]
"""
