"""Where a finding is written, as a code host wants it: relative to the repository."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from audit.engine.places import CHECKOUTS, place_of
from audit.engine.results import Failed, results_of
from audit.engine.selected import Selected
from reports.machine.places import Place, located
from suites.builtin import resolve_suite
from suites.load import LoadedSuite, load_suite

LOC = ("checks", "deployed", "gates", 0)


@pytest.fixture(autouse=True)
def _no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CHECKOUTS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def suite_file(tmp_path: Path) -> Path:
    """A suite two folders deep, in nothing that is a checkout."""
    written = Path(resolve_suite("organism_lying"))
    file = tmp_path / "repo" / "safety" / "lying.yaml"
    file.parent.mkdir(parents=True)
    text = written.read_text(encoding="utf-8")
    file.write_text(text.replace("path: data/", f"path: {written.parent}/data/"), encoding="utf-8")
    return file


def line_of(suite: LoadedSuite, word: str) -> int:
    lines = suite.path.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if word in line)


def test_a_gate_has_the_line_that_it_is_written_on(suite_file: Path) -> None:
    suite = load_suite(suite_file)
    line = line_of(suite, "- kind: belief_gap")
    assert place_of(suite, LOC) == f"lying.yaml:{line}:9"
    selected = Selected(suite, "deployed", suite.suite.checks["deployed"], {})
    [result] = results_of([Failed(selected, "it is gone")])
    assert [gate.source for gate in result.gates] == [place_of(suite, LOC)]
    assert result.source == place_of(suite, LOC[:2]) != place_of(suite, LOC)


@pytest.mark.parametrize("name", CHECKOUTS)
def test_the_checkout_of_ci_comes_first(
    suite_file: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (suite_file.parent / ".git").mkdir()  # a submodule: the outer repository is the one asked
    monkeypatch.setenv(name, str(suite_file.parents[1]))
    monkeypatch.chdir(suite_file.parent)
    assert place_of(load_suite("lying.yaml"), LOC).startswith("safety/lying.yaml:")


def test_a_file_outside_of_the_checkout_of_ci_goes_by_its_name(
    suite_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (suite_file.parents[1] / ".git").write_text("gitdir: ..", encoding="utf-8")  # a worktree
    assert place_of(load_suite(suite_file), LOC).startswith("safety/lying.yaml:")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "elsewhere"))
    assert place_of(load_suite(suite_file), LOC).startswith("lying.yaml:")


def test_a_built_in_suite_is_no_file_of_somebody_elses_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = load_suite(resolve_suite("organism_lying"))
    line = line_of(suite, "- kind: belief_gap")
    theirs = tmp_path / "suites" / "organism_lying.yaml"
    theirs.parent.mkdir()
    theirs.write_text("name: another\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert place_of(suite, LOC) == f"builtin:organism_lying:{line}:9"
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    assert place_of(suite, LOC) == f"builtin:organism_lying:{line}:9"
    assert located(place_of(suite, LOC)) == Place("builtin:organism_lying", line, 9)
    assert Place("builtin:organism_lying").uri == "builtin%3Aorganism_lying"


def test_nor_where_the_package_is_installed_within_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "repo" / ".venv" / "site-packages" / "suites"
    installed.mkdir(parents=True)
    (tmp_path / "repo" / ".git").mkdir()
    suite = load_suite(shutil.copy(resolve_suite("organism_lying"), installed))
    monkeypatch.setattr("audit.engine.places.FOLDER", installed)
    for name in (None, "CI_PROJECT_DIR"):
        if name:
            monkeypatch.setenv(name, str(tmp_path / "repo"))
        monkeypatch.chdir(tmp_path / "repo")
        assert place_of(suite, LOC).startswith("builtin:organism_lying:")


def test_in_its_own_checkout_it_is_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".git").mkdir(parents=True)
    (home / "suites").mkdir()
    suite = load_suite(shutil.copy(resolve_suite("organism_lying"), home / "suites"))
    monkeypatch.setattr("audit.engine.places.FOLDER", home / "suites")
    monkeypatch.chdir(home / "suites")
    assert place_of(suite, LOC).startswith("suites/organism_lying.yaml:")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(home))
    assert place_of(suite, LOC).startswith("suites/organism_lying.yaml:")


def test_then_the_working_directory_and_then_the_bare_name(
    suite_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = load_suite(suite_file)
    monkeypatch.chdir(suite_file.parents[1])
    assert place_of(suite, LOC).startswith("safety/lying.yaml:")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert place_of(suite, LOC).startswith("lying.yaml:")
    assert place_of(load_suite("../repo/safety/lying.yaml"), LOC).startswith("lying.yaml:")


def test_a_linked_checkout_is_the_same_checkout(
    suite_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "link"
    link.symlink_to(suite_file.parents[1])
    suites = [load_suite(suite_file), load_suite(link / "safety" / "lying.yaml")]
    for root in (link, suite_file.parents[1]):
        monkeypatch.setenv("CI_PROJECT_DIR", str(root))
        for suite in suites:
            assert place_of(suite, LOC).startswith("safety/lying.yaml:")


def test_an_included_check_is_placed_in_the_file_that_holds_it(
    suite_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outer = suite_file.parents[1] / "outer.yaml"
    outer.write_text("name: outer\nversion: 1\ninclude: [safety/lying.yaml]\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(outer.parent))
    assert place_of(load_suite(outer), LOC).startswith("safety/lying.yaml:")
