"""`audit sae explain` as a person calls it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from audit.cli.sae.explain import command
from audit.errors import UsageError
from probes.sae import Origin, save_sae
from reports.features import FeatureCard
from tests.audit.features.planted import PLACE, random_sae

Explain = Callable[..., Result]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_sae(random_sae(origin=Origin("memory", hook_name=PLACE)), tmp_path / "sae")
    return tmp_path / "sae"


@pytest.fixture
def explain(saved: Path, tiny_llama_folder: Path) -> Explain:
    """Call it with the tiny model; what a person has to be told comes out as an exception."""

    def call(*arguments: object) -> Result:
        result = CliRunner().invoke(
            command,
            [str(saved), "-m", str(tiny_llama_folder), "--device", "cpu", *map(str, arguments)],
            catch_exceptions=False,
            standalone_mode=False,
        )
        if isinstance(result.exception, click.ClickException):
            raise result.exception
        return result

    return call


def test_rows_of_a_suite_become_cards_on_stdout_and_in_a_folder(
    explain: Explain, write_suite: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "cards"
    done = explain("-f", "4,7", "--suite", write_suite(), "--quick", "-o", out)
    assert done.exit_code == 0
    assert sorted(path.name for path in out.iterdir()) == [
        f"card-{feature}.{kind}" for feature in (4, 7) for kind in ("json", "md")
    ]
    for feature in (4, 7):
        card = FeatureCard.model_validate_json((out / f"card-{feature}.json").read_bytes())
        assert card.feature == feature
        assert card.controls.figures[0].name == "AUROC"
        assert "the label says 'cat'" in card.controls.figures[0].note
        assert (out / f"card-{feature}.md").read_text(encoding="utf-8") in done.stdout
    assert "feature 4: 7. rule" in done.stderr


def test_texts_become_json(explain: Explain, tmp_path: Path) -> None:
    text = tmp_path / "texts.txt"
    text.write_text("the cat sat on the mat\nthe dog sat on the cat\n" * 3, encoding="utf-8")
    done = explain("-f", 4, "--text", text, "--json", "--quick", "-q")
    (record,) = json.loads(done.stdout)
    card = FeatureCard.model_validate(record)
    assert card.sae.hook_name == PLACE
    said = done.stderr.splitlines()
    assert said
    assert all(line.startswith("nothing may be concluded from this: the SAE") for line in said)
    assert done.return_value == 6


def test_another_seed_is_compared(explain: Explain, saved: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    made = random_sae(origin=Origin("memory", hook_name=PLACE))
    save_sae(replace(made, b_dec=made.b_dec + 1e-6), other)
    text = tmp_path / "texts.txt"
    text.write_text("the cat sat on the mat\nParis is in France\n", encoding="utf-8")
    done = explain("-f", 4, "--text", text, "--json", "--quick", "--other-seed", other)
    assert json.loads(done.stdout)[0]["controls"]["other_seed"]["survives"]


def test_the_very_same_sae_is_no_other_seed(explain: Explain, saved: Path, tmp_path: Path) -> None:
    text = tmp_path / "texts.txt"
    text.write_text("the cat sat on the mat\nParis is in France\n", encoding="utf-8")
    with pytest.raises(UsageError, match="found the very same one"):
        explain("-f", 4, "--text", text, "--quick", "--other-seed", saved)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-f", "4"], "--suite SUITE, or --text FILE"),
        (["-f", "4", "--suite", "a", "--text", "b"], "--suite SUITE, or --text FILE"),
        (["-f", "4,x", "--text", "b.txt"], "found 'x'"),
        (["-f", "-4", "--text", "b.txt"], "found '-4'"),
        (["-f", "4", "--text", "nowhere.txt"], "no data file nowhere.txt"),
        (["-f", "4", "--text", "b.txt", "--other-seed", "./nowhere"], "nowhere"),
        (["-f", "4", "--text", "b.txt", "--sae-format", "nothing"], "nothing"),
    ],
)
def test_a_mistake_is_a_sentence(explain: Explain, arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        explain(*arguments)


def test_one_check_at_a_time(explain: Explain, write_suite: Callable[..., Path]) -> None:
    def twice(content: dict[str, Any]) -> None:
        content["checks"]["again"] = content["checks"]["cats"]

    with pytest.raises(UsageError, match="name one with -k: again, cats"):
        explain("-f", 4, "--suite", write_suite(twice))
