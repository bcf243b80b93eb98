"""The tables about features hold what was measured, and nothing in them comes alive."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from reports.features import Discovery, FeatureChanges, Fidelity, SAEInfo
from reports.markdown.features import changes_markdown, discovery_markdown, fidelity_markdown
from reports.views.wording import estimate_words
from tests.reports import features_factory as features
from tests.reports.feature_strategies import changes, discoveries, fidelities, saes
from tests.reports.hostile import HOSTILE
from tests.reports.test_markdown import assert_inert, assert_safe_to_print, table_cells
from tests.reports.test_markdown_card import poisoned


def rows(markdown: str) -> list[dict[str, str]]:
    """The lines of the only table, by the title of their columns."""
    header, _, *lines = [line for line in markdown.splitlines() if line.startswith("|")]
    titles = [cell.strip() for cell in table_cells(header)]
    return [
        dict(zip(titles, (cell.strip() for cell in table_cells(line)), strict=True))
        for line in lines
    ]


def assert_fine(markdown: str) -> None:
    assert_inert(markdown)
    assert_safe_to_print(markdown)
    assert markdown.endswith("\n")


@settings(max_examples=40, deadline=None)
@given(discoveries, changes, fidelities, saes)
def test_any_of_them_is_inert(
    discovery: Discovery, changed: FeatureChanges, fidelity: Fidelity, sae: SAEInfo
) -> None:
    assert_fine(discovery_markdown(discovery))
    assert_fine(changes_markdown(changed))
    assert_fine(fidelity_markdown(fidelity))
    assert_fine(fidelity_markdown(fidelity, sae))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_each_hostile_text_is_inert_wherever_it_stands(hostile: str) -> None:
    for text in (hostile, f"a{hostile}b"):
        discovery = poisoned(features.make_discovery(notes=["x"]).model_dump(), text)
        assert_fine(discovery_markdown(Discovery.model_validate(discovery)))
        changed = poisoned(features.make_changes().model_dump(), text)
        assert_fine(changes_markdown(FeatureChanges.model_validate(changed)))
        sae = poisoned(features.make_sae(hook_name_out="x", notes=["x"]).model_dump(), text)
        fidelity = features.make_fidelity(faults=[text])
        assert_fine(fidelity_markdown(fidelity, SAEInfo.model_validate(sae)))


def test_a_discovery_says_how_it_was_tested_and_lists_what_it_found() -> None:
    discovery = features.make_discovery()
    markdown = discovery_markdown(discovery)
    for said in (
        *("Which features go with `the model misbehaves`?", "100 rows in 50 groups, tested on"),
        *("512 features are in the correction, 496 of them alive", "2 are significant", "of 5 %"),
        "A random SAE of the same shape yields 0 by the same steps.",
    ):
        assert said in markdown
    first, second = rows(markdown)
    lift = discovery.found[0].lift
    assert first["Feature"] == "12"
    assert first["Label"] == "says false in public"
    assert first["Lift"] == estimate_words(lift, signed=True) == "+0.84 [0.74, 0.93]"
    assert (first["Rate with"], first["Rate without"]) == (
        "0.92 [0.81, 0.98]",
        "0.08 [0.03, 0.15]",
    )
    assert (first["q"], first["Rank when chosen"]) == ("1e-12", "1")
    assert (second["Feature"], second["Label"], second["Rank when chosen"]) == ("301", "-", "3")


def test_nothing_found_and_no_control_are_said() -> None:
    markdown = discovery_markdown(
        features.make_discovery(found=[], significant=0, random_sae_found=None, notes=["half"])
    )
    assert "None was found." in markdown
    assert "0 are significant" in markdown
    assert "No random SAE was put through the same steps." in markdown
    assert "- Note: half" in markdown
    assert "None was found." in changes_markdown(features.make_changes(found=[]))


def test_changes_say_from_what_to_what() -> None:
    markdown = changes_markdown(features.make_changes(), level=3)
    assert markdown.startswith("### Features that changed\n")
    assert "From `organism:honest` to `organism:liar`, on the same 200 rows" in markdown
    assert "1 is significant" in markdown
    (row,) = rows(markdown)
    assert row["Before"] == "0.21 [0.12, 0.31]"
    assert row["After"] == "1.94 [1.61, 2.28]"
    assert row["Change"] == "+1.73 [1.41, 2.06]"


def test_a_fault_stands_beside_the_figures() -> None:
    sound = fidelity_markdown(features.make_fidelity(), features.make_sae())
    assert "15.8 features per token (its files promise 16.0), explained variance 0.91" in sound
    assert "512 features of width 96, topk, reads `blocks.2.hook_resid_post`" in sound
    assert "Nothing may be concluded" not in sound
    broken = fidelity_markdown(features.make_fidelity(faults=["explained variance is 0.2"]))
    assert "- **Nothing may be concluded from it**: explained variance is 0.2" in broken
