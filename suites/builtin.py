"""Which suites come with the package: every YAML file in this folder is one."""

from __future__ import annotations

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
    path = Path(name_or_path)
    if path.is_file():
        return path
    name = str(name_or_path)
    if name in builtin_names():
        return FOLDER / f"{name}.yaml"
    if path.is_dir():
        problem = Problem("is a folder; a suite is one YAML file", file=name)
    elif path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        problem = Problem("there is no such file", file=name)
    else:
        hint = nearest(name, builtin_names())
        problem = Problem(f"no file and no built-in suite is called {show(name)}", hint=hint)
    raise SuiteError([problem])
