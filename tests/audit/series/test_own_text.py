"""What a checkpoint writes under two sets of weights: the text's share and the weights' share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from audit.engine.assembly import Options
from audit.engine.measure import Measurement
from audit.models.behaviours import Behaviour
from audit.models.loaded import LoadedModel, wrap_model
from audit.series.origin import open_checks
from audit.series.own_text import own_text, writes
from audit.series.readers import Readers, read_reference_itself
from audit.series.reference import Reference, read_reference
from audit.series.standing import Standing
from probes.linear import LinearProbe
from reports.series import TwoWeights
from suites.builtin import FOLDER
from tests.audit.series.planted import held, look, rotation, turned

KEY = ("organism_lying", "deployed")


@pytest.fixture(scope="module")
def writing(tmp_path_factory: pytest.TempPathFactory, honest: LoadedModel) -> Reference:
    """The honest organism, which writes its answer to each claim instead of choosing it."""
    content: dict[str, Any] = yaml.safe_load((FOLDER / "organism_lying.yaml").read_text("utf-8"))
    content["datasets"]["claims"]["path"] = str(FOLDER / "data" / "organism_lying.jsonl")
    check = content["checks"]["deployed"]
    check["behaviour"] = {"kind": "regex", "pattern": "false", "max_new_tokens": 1}
    check["gates"] = [{"kind": "firing_rate", "max": 0.5}]
    file: Path = tmp_path_factory.mktemp("suite") / "writing.yaml"
    file.write_text(yaml.safe_dump(content))
    return read_reference(open_checks([str(file)], Options(limit=120))[1], honest)


def before_of(reference: Reference) -> Measurement:
    found = reference.measurement(KEY)
    assert found is not None
    return found


def two(reference: Reference, model: LoadedModel, honest: LoadedModel) -> TwoWeights:
    from audit.engine.measuring import Talk
    from audit.series.auditing import audit_from_disk

    seen = look(reference, model)
    audited = audit_from_disk(
        reference, model, seen.plan, seen.captured, seed=0, talk=Talk(), reference_model=honest
    )
    [line] = audited.readings
    assert line.two_weights is not None
    return line.two_weights


def test_the_same_weights_write_the_same_and_add_nothing(
    writing: Reference, honest: LoadedModel
) -> None:
    found = two(writing, honest, honest)
    assert found.delta == pytest.approx(0, abs=1e-3)
    assert found.in_weights.value == 0
    assert found.reference_text is not None
    assert found.in_text == found.reference_text


def test_weights_in_other_coordinates_add_nothing(writing: Reference, honest: LoadedModel) -> None:
    """The realigned probe reads under the checkpoint's weights, so drift is not taken for more."""
    model = wrap_model(turned(honest.model, rotation(64)), honest.tokenizer)
    found, same = two(writing, model, honest), two(writing, honest, honest)
    assert (found.in_text, found.score) == (same.in_text, pytest.approx(same.score, abs=1e-3))
    assert abs(found.delta) < 0.1 * abs(found.score)
    assert found.in_weights.value < 0.05


def test_without_the_reference_s_weights_it_is_said(
    writing: Reference, honest: LoadedModel
) -> None:
    [line] = held(writing, look(writing, honest)).readings
    assert line.two_weights is None
    assert any("weights are not at hand" in note for note in line.notes)


def test_only_a_check_that_lets_the_model_write_has_a_text(
    writing: Reference, from_honest: Reference
) -> None:
    assert writes(before_of(writing).work.check)
    assert not writes(before_of(from_honest).work.check)


# --- a probe planted on a token ------------------------------------------------------------


def embedding(model: LoadedModel, word: str) -> Any:
    [token] = model.tokenizer(word, add_special_tokens=False)["input_ids"]
    return model.model.get_input_embeddings().weight[token].detach().numpy()


def planted(reference: Reference, honest: LoadedModel) -> Measurement:
    """A probe of embeddings that fires where `false` was written and not where `true` was."""
    before = before_of(reference)
    yes, no = embedding(honest, " true"), embedding(honest, " false")
    along = no - yes
    width = len(along)
    probe = LinearProbe(
        coef_=along, intercept_=0.0, mean_=np.zeros(width, np.float32),
        scale_=np.ones(width, np.float32), kind="logistic",
    )  # fmt: skip
    middle = float(along @ (no + yes) / 2)
    return replace(
        before,
        probe=probe,
        point=replace(before.point, name="blocks.0.hook_resid_pre"),
        threshold=replace(before.threshold, value=middle),
    )


def saying(found: Measurement, words: list[str]) -> Measurement:
    return replace(
        found,
        behaviours=tuple(Behaviour(says=word, misbehaves=None, asserts=None) for word in words),
    )


def standing_of(found: Measurement) -> Standing:
    readers: Readers = read_reference_itself(found, seed=0)
    return Standing(found.work.check, readers, found)


def test_a_token_that_was_written_fires_in_the_text_under_both(
    writing: Reference, honest: LoadedModel, liar: LoadedModel
) -> None:
    probe = planted(writing, honest)
    n = len(probe.work.roles["audit"].rows)
    words = [" false" if i % 3 == 0 else " true" for i in range(n)]
    now, before = saying(probe, words), saying(probe, [" true"] * n)
    for model in (honest, liar):
        found = own_text(standing_of(now), before, model, honest)
        assert found is not None
        assert found.in_text.value == pytest.approx(len(words[::3]) / n)
        assert found.in_weights.value == 0
        assert found.reference_text is not None
        assert found.reference_text.value == 0


def test_what_only_the_weights_read_is_not_the_text_s(
    writing: Reference, honest: LoadedModel
) -> None:
    """A checkpoint whose embeddings of the two words changed places reads the opposite."""
    import torch

    model = turned(honest.model, torch.eye(64))
    weight = model.get_input_embeddings().weight
    [yes], [no] = (honest.tokenizer(w, add_special_tokens=False)["input_ids"] for w in
                   (" true", " false"))  # fmt: skip
    with torch.no_grad():
        weight[[yes, no]] = weight[[no, yes]].clone()
    probe = planted(writing, honest)
    n = len(probe.work.roles["audit"].rows)
    said = saying(probe, [" true"] * n)
    swapped = wrap_model(model, honest.tokenizer)
    found = own_text(standing_of(said), said, swapped, honest)
    assert found is not None
    assert (found.in_text.value, found.in_weights.value) == (0, 1)
    assert found.delta > 0


def test_rows_without_a_word_are_left_out_and_none_at_all_is_none(
    writing: Reference, honest: LoadedModel
) -> None:
    probe = planted(writing, honest)
    n = len(probe.work.roles["audit"].rows)
    some = saying(probe, ["" if i % 2 else " false" for i in range(n)])
    found = own_text(standing_of(some), saying(probe, [""] * n), honest, honest)
    assert found is not None
    assert (found.in_text.n, found.in_text.value) == (len(range(0, n, 2)), 1)
    assert found.reference_text is None
    silent = saying(probe, [""] * n)
    assert own_text(standing_of(silent), some, honest, honest) is None
