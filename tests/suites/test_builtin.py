from __future__ import annotations

from pathlib import Path

import pytest

from suites import builtin
from suites.builtin import builtin_names, resolve_suite
from suites.problems import SuiteError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry of two suites, and an empty working directory."""
    registry = tmp_path / "registry"
    registry.mkdir()
    for name in ("truthfulness", "bias"):
        (registry / f"{name}.yaml").write_text("name: t", encoding="utf-8")
    monkeypatch.setattr(builtin, "FOLDER", registry)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return registry


def test_the_folder_is_the_registry(folder: Path) -> None:
    assert builtin_names() == ["bias", "truthfulness"]
    assert resolve_suite("bias") == folder / "bias.yaml"


def test_a_path_comes_before_a_name(folder: Path) -> None:
    Path("bias").write_text("name: mine", encoding="utf-8")
    assert resolve_suite("bias") == Path("bias")
    assert resolve_suite(folder / "bias.yaml") == folder / "bias.yaml"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("truthfullness", "called 'truthfullness' (did you mean 'truthfulness'?)"),
        ("zzz", "called 'zzz' (known: bias, truthfulness)"),
        ("bas.yaml", "bas.yaml: there is no such file (did you mean 'bias'?)"),
        ("no/such.yaml", "no/such.yaml: there is no such file"),
        (".", ".: is a folder"),
        ("a\0b", "called 'a\\x00b'"),
        ("x" * 5000, "no file and no built-in suite is called"),
        ("", "is a folder"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_an_unknown_name_is_told_with_the_nearest(given: str, said: str) -> None:
    with pytest.raises(SuiteError) as caught:
        resolve_suite(given)
    assert said in str(caught.value)
