"""Which suites come with the package: every YAML file in this folder is one."""

from __future__ import annotations

import os
from pathlib import Path

from suites.problems import Problem, SuiteError, nearest, show

FOLDER = Path(__file__).resolve().parent


def builtin_names() -> list[str]:
    """Names of the built-in suites, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def resolve_suite(name_or_path: str | Path) -> Path:
    """The file of a suite that is given by its path or by the name of a built-in one.

    A file of that name comes before a built-in suite.

    Raises:
        SuiteError: there is no such file and no such name.
    """
    name, path = str(name_or_path), Path(name_or_path)
    if os.path.isfile(path):  # noqa: PTH113 - unlike Path.is_file it never raises
        return path
    if name in builtin_names():
        return FOLDER / f"{name}.yaml"
    if os.path.isdir(path):  # noqa: PTH112
        problem = Problem("is a folder; a suite is one YAML file", file=name)
    elif path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        hint = nearest(path.stem, builtin_names(), otherwise_list=False)
        problem = Problem("there is no such file", file=name, hint=hint)
    else:
        hint = nearest(name, builtin_names())
        problem = Problem(f"no file and no built-in suite is called {show(name)}", hint=hint)
    raise SuiteError([problem])
