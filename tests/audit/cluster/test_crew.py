"""A crew on two nodes finds what the model finds here, to the last bit, whoever dies meanwhile."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from audit.cluster.crew import Asked, RayCrew
from audit.cluster.far import crew_of, open_far, open_named
from audit.cluster.joining import join
from audit.cluster.rehearsal import rehearsed
from audit.cluster.seat import Held, opened
from audit.errors import AuditError, MeasurementError, UsageError
from audit.models.cache.keys import surroundings
from audit.models.cache.known import open_model
from audit.models.cache.recalled_tokens import recalled_stream
from audit.models.cache.recalling import recalled_capture, recalled_continuations
from audit.models.capture import capture
from audit.models.loaded import LoadedModel
from audit.models.loading import load_model
from tests.audit.cluster.conftest import NODE
from tests.audit.models.cached import READS, assert_identical, sequences

pytestmark = pytest.mark.usefixtures("two_nodes")


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of few prompts, one a part: there is much to hand round."""
    monkeypatch.setattr("audit.models.cache.parts.BATCHES_A_PART", 1)
    monkeypatch.setattr("audit.models.cache.recalling.batch_tokens", lambda *of: 64)


@pytest.fixture(scope="module")
def far(two_nodes: Any, tiny_llama_folder: Path) -> LoadedModel:
    """A model on both nodes. To begin a seat takes seconds, so all tests share these."""
    return open_named(str(tiny_llama_folder), "local", device="cpu")


def process(loaded: LoadedModel) -> int:
    return os.getpid()


def unlucky(loaded: LoadedModel, kind: type[Exception], said: str) -> None:
    raise kind(said)


def moment(loaded: LoadedModel, number: int) -> tuple[int, int]:
    return number, time.monotonic_ns()


def ray_put(part: tuple[Any, ...]) -> Any:
    import ray

    return ray.put(part)


def machine(loaded: LoadedModel) -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id())


def on(model: LoadedModel, function: Callable[..., Any], parts: list[tuple[Any, ...]]) -> list[Any]:
    assert model.crew is not None
    return [found for _, found in sorted(model.crew.each(function, parts))]


def test_what_it_finds_is_what_is_found_here_and_is_kept_here(
    far: LoadedModel, tiny_llama_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert far.cache is not None
    monkeypatch.setenv("AUDIT_CACHE_DIR", str(far.cache.folder.root))
    asked, prompts = sequences(60), [one.ids for one in sequences(12)]
    here = open_model(str(tiny_llama_folder), device="cpu")
    # Batch by batch as the parts are cut, so that every bit is the same.
    expected = recalled_capture(replace(here, cache=None, crew=Here(here)), asked, READS)
    assert_identical(recalled_capture(far, asked, READS), expected)
    texts = recalled_continuations(far, prompts, 5)
    tokens = list(recalled_stream(far, prompts, ["blocks.2.hook_resid_post"]))
    assert not far.in_memory
    # Another process without the cluster is told all of it, and reads no weights.
    here = open_model(str(tiny_llama_folder), device="cpu")
    assert not here.in_memory
    assert_identical(recalled_capture(here, asked, READS), expected)
    assert recalled_continuations(here, prompts, 5) == texts
    for left, right in zip(
        recalled_stream(here, prompts, ["blocks.2.hook_resid_post"]), tokens, strict=True
    ):
        assert left.x["blocks.2.hook_resid_post"].equal(right.x["blocks.2.hook_resid_post"])
    assert not here.in_memory


class Here:
    """The parts one after the other in this process."""

    def __init__(self, loaded: LoadedModel) -> None:
        self.loaded = loaded
        self.asked: list[tuple[Any, Any]] = []

    def each(self, function: Any, parts: Any) -> Any:
        self.asked += [(function, part) for part in parts]
        return ((number, function(self.loaded, *part)) for number, part in enumerate(parts))


def test_both_machines_work(far: LoadedModel) -> None:
    assert len(set(on(far, machine, [()] * 40))) == 2


@pytest.mark.slow
def test_a_process_that_is_killed_in_the_middle_changes_nothing(
    far: LoadedModel, tiny_llama_folder: Path
) -> None:
    parts = [([one], READS) for one in sequences(40)]
    here = load_model(str(tiny_llama_folder), device="cpu")
    before = set(on(far, process, [()] * 40))
    assert far.crew is not None
    found = {}
    for number, captured in far.crew.each(capture, parts):
        found[number] = captured
        if len(found) == 3:
            os.kill(min(before), signal.SIGKILL)
    for number, part in enumerate(parts):
        assert_identical(found[number], capture(here, *part))
    after = set(on(far, process, [()] * 40))
    assert min(before) not in after
    assert len(after) == 2


@pytest.mark.slow
def test_a_machine_that_goes_away_leaves_its_work_to_the_others(
    two_nodes: Any, far: LoadedModel, tiny_llama_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.cluster.crew.PATIENCE", 2.0)
    parts = [([one], READS) for one in sequences(40)]
    here = load_model(str(tiny_llama_folder), device="cpu")
    assert len(set(on(far, machine, [()] * 40))) == 2
    assert far.crew is not None
    found = {}
    [other] = [node for node in two_nodes.list_all_nodes() if not node.head]
    try:
        for number, captured in far.crew.each(capture, parts):
            found[number] = captured
            if len(found) == 3:
                two_nodes.remove_node(other)
    finally:
        two_nodes.add_node(**NODE)
        two_nodes.wait_for_nodes()
    for number, part in enumerate(parts):
        assert_identical(found[number], capture(here, *part))


@pytest.mark.parametrize("killing", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_what_was_asked_ahead_is_not_asked_again(
    far: LoadedModel, tiny_llama_folder: Path, killing: bool
) -> None:
    parts: list[tuple[Any, ...]] = [([one], READS) for one in sequences(30, seed=1)]
    here = load_model(str(tiny_llama_folder), device="cpu")
    crew = far.crew
    assert isinstance(crew, RayCrew)
    before = on(far, process, [()] * 40)
    crew.ahead([Asked(capture, part, ray_put(part)) for part in parts])
    crew.ahead([Asked(moment, (number,), ray_put((number,))) for number in range(4)])
    if killing:
        os.kill(min(before), signal.SIGKILL)
    for found, part in zip(on(far, capture, parts), parts, strict=True):
        assert_identical(found, capture(here, *part))
    early = on(far, moment, [(3,), (2,), (9,)])
    now = time.monotonic_ns()
    assert early[0][0] == 3
    late = on(far, moment, [(0,), (3,)])
    assert late[0][1] < now < late[1][1]  # the third was fetched already, and is asked anew


def test_a_rehearsal_tells_what_would_be_asked(far: LoadedModel, tiny_llama_folder: Path) -> None:
    asked, prompts = sequences(60), [one.ids for one in sequences(12)]
    crew = Here(load_model(str(tiny_llama_folder), device="cpu"))
    alone = replace(crew.loaded, crew=crew)
    calls: list[Callable[[LoadedModel], object]] = [
        lambda model: recalled_capture(model, asked, READS),
        lambda model: recalled_continuations(model, prompts, 5),
        lambda model: None,
    ]
    for call in calls:
        call(alone)
    heard = rehearsed(far, calls)
    assert [(one.function, one.part) for one in heard] == crew.asked
    assert len(heard) > 10


@pytest.mark.parametrize("kind", [MeasurementError, UsageError])
def test_what_went_wrong_there_is_said_as_it_is_here(
    far: LoadedModel, kind: type[AuditError]
) -> None:
    with pytest.raises(kind, match=r"\Aout of memory on one prompt\Z") as raised:
        on(far, unlucky, [(kind, "out of memory on one prompt")])
    assert type(raised.value) is kind
    assert len(on(far, process, [()])) == 1  # and the crew goes on


def test_our_own_fault_there_keeps_its_name(far: LoadedModel) -> None:
    with pytest.raises(ZeroDivisionError, match="in the middle"):
        on(far, unlucky, [(ZeroDivisionError, "in the middle")])


def test_a_machine_with_other_files_or_libraries_is_refused(tiny_llama_folder: Path) -> None:
    opener = partial(load_model, str(tiny_llama_folder), device="cpu")
    here, right = surroundings(), opener().weights_digest
    assert opened(Held(opener, right, here)).weights_digest == right
    with pytest.raises(MeasurementError, match=r"other weights under the name .*the same files"):
        opened(Held(opener, "0" * 64, here))
    with pytest.raises(MeasurementError, match=r"has torch .*, and the audit runs with 0\.1"):
        opened(Held(opener, right, {**here, "torch": "0.1"}))


def test_a_model_that_is_not_there_is_said_as_without_a_cluster(tmp_path: Path) -> None:
    said = []
    for open_it in (load_model, partial(open_named, address="local")):
        with pytest.raises(UsageError) as raised:
            open_it(str(tmp_path / "none"))
        said.append(str(raised.value))
    assert said[0] == said[1]


def test_the_sentence_comes_back_from_a_seat_that_cannot_open_its_model(
    tiny_llama_folder: Path,
) -> None:
    opener = partial(load_model, str(tiny_llama_folder), device="cpu")
    with pytest.raises(MeasurementError, match="other weights"):
        open_far(crew_of(opener, weights="0" * 64, cluster=join("local")))


@pytest.mark.slow
def test_two_models_take_turns_on_the_seats(far: LoadedModel, tiny_llama_folder: Path) -> None:
    on(far, process, [()] * 4)
    other = open_named(str(tiny_llama_folder), "local", device="cpu", dtype="bfloat16")
    assert len(on(other, process, [()] * 4)) == 4
    assert len(on(far, process, [()] * 4)) == 4
    assert other.dtype == "bfloat16"
