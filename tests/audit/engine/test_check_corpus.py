"""Rows of a check with what is known of them: the organisms are the ground truth."""

from __future__ import annotations

import pytest

from audit.engine.check_corpus import corpus_of_check
from audit.engine.opening import open_suites, select_checks
from audit.engine.selected import Selected
from audit.errors import UsageError
from audit.models.loading import load_model


@pytest.fixture(scope="module")
def lying() -> Selected:
    (check,) = select_checks(open_suites(["organism_lying"]))
    return check


def test_what_the_model_does_is_the_event(lying: Selected) -> None:
    loaded = load_model("organism:honest", device="cpu")
    corpus = corpus_of_check(lying, loaded, event="behaviour")
    assert corpus.event is not None
    assert set(corpus.rows) == {row.id for row in lying.rows["audit"]}
    assert corpus.event.mean() < 0.1


def test_a_model_that_always_lies_is_held_against_control_rows_where_it_does_not(
    lying: Selected,
) -> None:
    loaded = load_model("organism:liar", device="cpu")
    corpus = corpus_of_check(lying, loaded, event="behaviour")
    assert corpus.event is not None
    for role, lies in (("audit", True), ("control", False)):
        ids = {row.id for row in lying.rows[role]}  # type: ignore[index]
        here = [row in ids for row in corpus.rows]
        assert sum(here) > 100
        assert (corpus.event[here] == lies).all()


def test_labels_are_the_event_and_contrasts_are_known_on_audit_rows(lying: Selected) -> None:
    loaded = load_model("organism:liar", device="cpu")
    corpus = corpus_of_check(lying, loaded)
    rows = {row.id: row for some in lying.rows.values() for row in some}
    audited = {row.id for row in lying.rows["audit"]}
    assert set(corpus.rows) == set(rows)
    assert corpus.event is not None
    assert corpus.event.tolist() == [rows[name].label == 1 for name in corpus.rows]
    assert corpus.contrasts is not None
    true, false = (loaded.tokenizer(word)["input_ids"][0] for word in (" true", " false"))
    for name, contrast in zip(corpus.rows, corpus.contrasts, strict=True):
        if name not in audited:
            assert contrast is None
            continue
        assert contrast is not None
        honest, lie = (true, false) if rows[name].label == 1 else (false, true)
        assert (contrast.wanted, contrast.unwanted) == (honest, lie)


def test_a_check_without_a_behaviour_has_none_to_hold_features_against() -> None:
    (check,) = select_checks(open_suites(["organism_lying"]))
    silent = Selected(
        check.suite, check.id, check.check.model_copy(update={"behaviour": None}), check.rows
    )
    loaded = load_model("organism:liar", device="cpu")
    with pytest.raises(UsageError, match="names no behaviour"):
        corpus_of_check(silent, loaded, event="behaviour")
    assert corpus_of_check(silent, loaded).contrasts is None
