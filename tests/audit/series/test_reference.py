"""A reference kept on disk is the reference, to the last bit, or it is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from audit.engine.assembly import Options
from audit.engine.results import Measured
from audit.errors import MeasurementError, UsageError
from audit.models.loaded import LoadedModel, wrap_model
from audit.series.auditing import audit_reference
from audit.series.origin import open_checks
from audit.series.reference import Reference, plan_like, read_reference
from audit.series.reference_files import REFERENCE_FILE, load_reference, plan_digest, save_reference
from tests.audit.series.planted import ORGANISM, held, look, scrambled


def assert_same(a: Reference, b: Reference) -> None:
    """Probes, thresholds, behaviours and scores are equal to the last bit."""
    assert (a.name, a.weights_digest) == (b.name, b.weights_digest)
    assert plan_digest(a.plan) == plan_digest(b.plan)
    for one in a.selected:
        here, there = a.measurement(one.key), b.measurement(one.key)
        assert here is not None
        assert there is not None
        assert (here.point, here.threshold, here.lower) == (
            there.point, there.threshold, there.lower,
        )  # fmt: skip
        assert here.behaviours == there.behaviours
        assert here.control_behaviours == there.control_behaviours
        assert here.scores.keys() == there.scores.keys()
        for role, scores in here.scores.items():
            assert scores.tobytes() == there.scores[role].tobytes(), role
        assert a.words[one.key].tobytes() == b.words[one.key].tobytes()


def changed(honest: LoadedModel) -> LoadedModel:
    """Another checkpoint of the run: the first model is gone when a run is resumed."""
    return wrap_model(scrambled(honest.model, [1]), honest.tokenizer, name="step 50")


@pytest.fixture(scope="module")
def kept(from_honest: Reference, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    save_reference(folder, from_honest, seed=0)
    return folder


def test_a_kept_reference_is_the_reference_without_its_model(
    kept: Path, from_honest: Reference, honest: LoadedModel, liar: LoadedModel
) -> None:
    again = load_reference(kept, from_honest.selected, changed(honest), seed=0)
    assert_same(from_honest, again)
    assert audit_reference(again, seed=0).readings == audit_reference(from_honest, seed=0).readings
    readings = [held(one, look(one, liar)).readings for one in (from_honest, again)]
    assert readings[0] == readings[1]


@pytest.fixture(scope="module")
def watched(honest: LoadedModel) -> Reference:
    return read_reference(open_checks(["organism_features"], Options())[1], honest)


def test_watched_features_stay_those_of_the_reference(
    watched: Reference, honest: LoadedModel, tmp_path: Path
) -> None:
    """Another checkpoint would choose others."""
    save_reference(tmp_path, watched, seed=0)
    other = wrap_with_path(changed(honest), honest)
    again = load_reference(tmp_path, watched.selected, other, seed=0)
    assert_same(watched, again)
    [key] = watched.watches.opened
    mine, theirs = (one.watches.opened[key] for one in (watched, again))
    assert mine.reader.features == theirs.reader.features
    assert mine.fidelity == theirs.fidelity
    fresh = read_reference(watched.selected, other)
    assert fresh.watches.opened[key].reader.features != mine.reader.features
    [a] = held(watched, look(watched, other)).readings
    [b] = held(again, look(again, other)).readings
    assert a.sae is not None
    assert a == b


def wrap_with_path(model: LoadedModel, like: LoadedModel) -> LoadedModel:
    from dataclasses import replace

    return replace(model, path=like.path)  # its SAEs are there


def test_the_same_features_on_the_same_model_change_nothing(
    watched: Reference, honest: LoadedModel
) -> None:
    [line] = held(watched, look(watched, honest)).readings
    assert line.state == "stable"
    assert line.sae is not None
    assert line.sae.kept == 1
    assert [one.name for one in line.readings] == ["frozen", "refit"]
    assert all(one.change is not None and one.change.value == 0 for one in line.readings)


def behaviour_gate(folder: Path, behaviour: str | None = None) -> Any:
    """`organism_lying` by what shows, with another behaviour where one is given."""
    from suites.builtin import resolve_suite

    file = resolve_suite(ORGANISM)
    text = file.read_text("utf-8").replace("path: data/", f"path: {file.parent / 'data'}/")
    text = text.replace("kind: belief_gap", "kind: misbehaviour_over_reference")
    if behaviour is not None:
        start, end = text.index("      kind: choice"), text.index("    fpr: 0.05")
        text = text[:start] + f"      {behaviour}\n" + text[end:]
    made = folder / "by_behaviour.yaml"
    made.write_text(text, "utf-8")
    return open_checks([made], Options())[1]


@pytest.mark.parametrize(
    "behaviour", [None, 'kind: regex\n      pattern: "false"\n      max_new_tokens: 1']
)
def test_what_it_did_on_controls_is_kept_too(
    tmp_path: Path, honest: LoadedModel, liar: LoadedModel, behaviour: str | None
) -> None:
    selected = behaviour_gate(tmp_path, behaviour)
    reference = read_reference(selected, honest)
    [found] = [o.measurement for o in reference.outcomes if isinstance(o, Measured)]
    assert len(found.control_behaviours) == len(found.work.roles["control"].rows)
    for asked in (found.work.behaviour, found.work.control_behaviour):
        assert asked is not None
        assert asked.questions.loaded.model is None, "a reference keeps no weights"
    save_reference(tmp_path, reference, seed=0)
    again = load_reference(tmp_path, selected, changed(honest), seed=0)
    assert_same(reference, again)
    readings = [held(one, look(one, liar)).readings for one in (reference, again)]
    assert readings[0] == readings[1]


def test_a_reference_that_was_kept_before_controls_were_asked_goes_on(
    tmp_path: Path, from_honest: Reference, honest: LoadedModel
) -> None:
    """Its own checks ask for none; a suite that now does is another one."""
    save_reference(tmp_path, from_honest, seed=0)
    file = tmp_path / REFERENCE_FILE
    with safe_open(file, framework="np") as stored:
        metadata = dict(stored.metadata())
        tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    del metadata["control_behaviours"]
    save_file(tensors, file, metadata=metadata)
    assert_same(from_honest, load_reference(tmp_path, from_honest.selected, honest, seed=0))
    for behaviour in (None, 'kind: regex\n      pattern: "false"\n      max_new_tokens: 1'):
        selected = behaviour_gate(tmp_path, behaviour)
        with pytest.raises(UsageError, match="made of other rows, checks or places"):
            load_reference(tmp_path, selected, honest, seed=0)


def test_another_seed_or_other_rows_are_refused(
    kept: Path, from_honest: Reference, honest: LoadedModel
) -> None:
    selected = from_honest.selected
    with pytest.raises(UsageError, match="made with seed 0, and now it is 1: keep the seed"):
        load_reference(kept, selected, honest, seed=1)
    fewer = open_checks(["organism_lying"], Options(limit=100))[1]
    with pytest.raises(UsageError, match="other rows, checks or places"):
        load_reference(kept, fewer, honest, seed=0)
    other = open_checks(["organism_trigger"], Options())[1]
    with pytest.raises(UsageError, match="other rows, checks or places"):
        load_reference(kept, other, honest, seed=0)


def test_what_is_no_reference_is_refused_by_name(
    tmp_path: Path, from_honest: Reference, honest: LoadedModel
) -> None:
    with pytest.raises(UsageError, match="does not hold the activations of a reference"):
        load_reference(tmp_path, from_honest.selected, honest, seed=0)
    save_reference(tmp_path, from_honest, seed=0)
    file = tmp_path / REFERENCE_FILE
    content = bytearray(file.read_bytes())
    at = content.index(b'"behaviours"') + 1
    content[at : at + 10] = b"behaviourx"
    file.write_bytes(content)
    with pytest.raises(UsageError, match="does not say its behaviours"):
        load_reference(tmp_path, from_honest.selected, honest, seed=0)


def test_the_digest_of_a_plan_sees_what_is_run(from_honest: Reference, lying: Any) -> None:
    from dataclasses import replace

    plan = from_honest.plan
    assert plan_digest(plan) == plan_digest(replace(plan))
    ids = (*plan.sequences[0].ids[:-1], plan.sequences[0].ids[-1] + 1)
    token = (replace(plan.sequences[0], ids=ids), *plan.sequences[1:])
    place = (replace(plan.reads[0], hook_name="blocks.3.hook_resid_post"), *plan.reads[1:])
    for other in (
        replace(plan, sequences=token),
        replace(plan, sequences=plan.sequences[::-1]),
        replace(plan, reads=place),
    ):
        assert plan_digest(other) != plan_digest(plan)


# --- plan_like ---------------------------------------------------------------------------


def with_tokenizer(model: LoadedModel, change: Any) -> LoadedModel:
    import json

    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    content = json.loads(model.tokenizer.backend_tokenizer.to_str())
    change(content)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(content)),
        eos_token=model.tokenizer.eos_token, pad_token=model.tokenizer.pad_token,
    )  # fmt: skip
    return wrap_model(model.model, tokenizer)


def ids(reference: Reference) -> Sequence[tuple[int, ...]]:
    return [sequence.ids for sequence in reference.plan.sequences]


def test_the_same_tokenizer_is_not_asked_again(from_honest: Reference, honest: LoadedModel) -> None:
    plan = plan_like(from_honest, honest, from_honest.watches)
    here = [work.roles["audit"].encoded for work in plan.checks]
    there = [work.roles["audit"].encoded for work in from_honest.plan.checks]
    assert all(a is b for a, b in zip(here, there, strict=True))
    assert [sequence.ids for sequence in plan.sequences] == ids(from_honest)
    assert plan_digest(plan) == plan_digest(from_honest.plan)


def test_another_tokenizer_that_reads_the_text_alike_will_do(
    from_honest: Reference, honest: LoadedModel
) -> None:
    def rename(content: dict[str, Any]) -> None:
        content["added_tokens"] = [one | {"rstrip": True} for one in content["added_tokens"]]

    other = with_tokenizer(honest, rename)
    assert other.tokenizer_digest != from_honest.tokenizer_digest
    plan = plan_like(from_honest, other, from_honest.watches)
    assert plan_digest(plan) == plan_digest(from_honest.plan)


def test_a_tokenizer_that_reads_other_tokens_is_refused_with_an_example(
    from_honest: Reference, honest: LoadedModel
) -> None:
    def forget(content: dict[str, Any]) -> None:
        content["pre_tokenizer"] = None

    sentence = r"is not the reference's: \d+ of \d+ prompts become other tokens \('.+' has \d+, "
    with pytest.raises(MeasurementError, match=sentence):
        plan_like(from_honest, with_tokenizer(honest, forget), from_honest.watches)


def test_what_the_words_alone_score_is_the_text_baseline(from_honest: Reference) -> None:
    from sklearn.metrics import roc_auc_score

    from audit.engine.candidates import labels_of

    [one] = from_honest.selected
    found = from_honest.measurement(one.key)
    assert found is not None
    labels = labels_of(found.work.roles["validation"])
    text = next(b for b in found.quality.baselines if b.name == "text")
    score = roc_auc_score(labels, from_honest.words[one.key])
    assert np.isclose(score, text.auroc.value)
