"""The benchmark's own bookkeeping: what it promises to show, it shows. No time is judged here."""

import importlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch
from lxml import etree

from audit.engine import measure
from audit.models.capture import capture
from benchmarks.speed import memory, report
from benchmarks.speed.figures import CannotRunError, Figure, figure_of, quartiles, table
from benchmarks.speed.floor import cut_at, half_depth, layer_of, own_batches, sequences
from benchmarks.speed.phases import REST, told_apart
from benchmarks.speed.plot import Panel, write_panels
from benchmarks.speed.prompts import LONGEST, lengths, prompts, tokenizer
from benchmarks.speed.registry import ROWS, Row
from benchmarks.speed.scaling import exponent
from benchmarks.speed.subjects import subject
from benchmarks.speed.work import SMOKE

ROOT = Path(__file__).parents[2]
SCHEMA = {
    "type": "object",
    "required": ["smoke", "threads", "rounds", "rows"],
    "properties": {
        "rows": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["row", "name", "ratio", "goal", "met", "spread", "peer", "model"],
                "properties": {
                    "row": {"type": "string"},
                    "name": {"type": "string"},
                    "ratio": {"type": ["number", "null"]},
                    "goal": {"type": ["number", "null"]},
                    "bound": {"enum": ["most", "least"]},
                    "met": {"type": ["boolean", "null"]},
                    "spread": {"type": ["array", "null"], "minItems": 2, "maxItems": 2},
                    "unit": {"type": "string"},
                    "peer": {"type": "string"},
                    "model": {"type": "string"},
                    "work": {"type": "string"},
                    "note": {"type": "string"},
                },
            },
        }
    },
}
MISSED = Figure("too slow", 2.0, 1.05, spread=(1.9, 2.1), peer="floor")
REACHED = Figure("fast enough", 12.0, 10, least=True)
NOT_RUN = Figure("a peer that is not there", None, 4, least=True, note="it is not installed")


def test_a_goal_that_is_missed_is_shown_as_missed():
    shown = table(report.entries("row", [MISSED, REACHED, NOT_RUN])).splitlines()
    assert "| 2 |" in shown[2]
    assert "**no**" in shown[2]
    assert "| yes |" in shown[3]
    assert "not run" in shown[4]
    assert "yes" not in shown[4]
    assert shown[-1] == "1. it is not installed"


def test_the_file_holds_every_figure_and_is_read_again(tmp_path):
    rows = report.entries("a", [MISSED, NOT_RUN]) + report.entries("b", [REACHED])
    report.write(rows, replace(SMOKE, out=tmp_path))
    content = json.loads((tmp_path / "speed.json").read_text())
    jsonschema.validate(content, SCHEMA)
    assert [row["met"] for row in content["rows"]] == [False, None, True]
    assert report.read(tmp_path) == {"a": rows[:2], "b": rows[2:]}
    assert (tmp_path / "speed.md").read_text() == table(rows)


def test_the_table_in_the_readme_is_replaced_and_nothing_else(tmp_path, monkeypatch):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    monkeypatch.setattr(report, "README", readme)
    report.write_readme(report.entries("a", [MISSED]))
    text = readme.read_text()
    assert text.startswith(f"before\n{report.BEGIN}\n| what")
    assert text.endswith(f"{report.END}\nafter\n")
    assert "old" not in text


def test_a_row_that_cannot_run_is_listed_with_its_reason(monkeypatch):
    def refuses(work):
        raise CannotRunError("there is none here")
        yield

    monkeypatch.setattr("benchmarks.speed.against_floor.rows", refuses)
    (figure,) = Row("floor", "what it promises", "against_floor").measure(SMOKE)
    assert (figure.name, figure.ratio, figure.note) == (
        "what it promises",
        None,
        "there is none here",
    )
    (figure,) = Row("x", "another's", "no_such_module").measure(SMOKE)
    assert "no_such_module is missing" in figure.note


PROMISED = {
    "floor",
    "bridge",
    "nnsight",
    "whole",
    "suites",
    "fits",
    "features",
    "resampling",
    "memory",
    "starting",
    "again",
    "scaling",
    "cluster",
}


def test_every_promise_has_a_row_and_every_row_a_function():
    assert sorted(row.name for row in ROWS) == sorted(PROMISED)
    for row in ROWS:
        module = importlib.import_module(f"benchmarks.speed.{row.module}")
        assert callable(getattr(module, row.function)), row.name


def test_a_cheap_row_runs_as_the_command_runs_it(tmp_path):
    command = [sys.executable, "-m", "benchmarks.speed", "--smoke", "--only", "resampling"]
    done = subprocess.run(
        [*command, "--out", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    content = json.loads((tmp_path / "speed.json").read_text())
    jsonschema.validate(content, SCHEMA)
    assert content["smoke"] is True
    assert {row["row"] for row in content["rows"]} == {"resampling"}
    assert content["rows"][-1]["met"] is True  # equal to a plain loop
    assert table(content["rows"]) in done.stdout


def test_phases_add_up_and_what_is_nested_is_its_own(monkeypatch):
    now = 0.0

    def passes(seconds):
        nonlocal now
        now += seconds

    def outer():
        passes(2)
        measure.fit_candidates()
        passes(3)

    monkeypatch.setattr(measure, "fit_candidates", lambda: passes(10))
    monkeypatch.setattr(measure, "measure_quality", outer)
    with told_apart(lambda: now) as seconds:
        passes(1)
        measure.measure_quality()
    spent = {phase: of_phase for phase, of_phase in seconds.items() if of_phase}
    assert spent == {"fits": 10, "intervals": 5, REST: 1}


def test_the_exponent_of_a_power_is_the_power():
    assert exponent([1, 3, 10], [2.0, 18.0, 200.0]) == pytest.approx(2)


def test_the_picture_is_an_svg_that_stands_by_itself(tmp_path):
    panel = Panel("prompts", [1, 10, 100], [0.1, 0.2, 1.0], 0.5)
    write_panels(tmp_path / "x.svg", [panel] * 5)
    root = etree.parse(str(tmp_path / "x.svg")).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(root.findall("{*}g")) == 5


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["audit", "capture"])
def test_memory_is_asked_of_a_process_of_its_own(kind):
    found = memory.measured(400, kind)
    assert found["peak"] > found["kept"] > 0


def test_the_median_and_the_quartiles():
    assert figure_of([3.0, 1.0, 2.0], "x").ratio == 2.0
    assert quartiles([3.0, 1.0, 2.0]) == (1.0, 3.0)
    assert quartiles([1.0, 2.0, 3.0, 4.0, 5.0]) == (2.0, 4.0)


def test_prompts_have_the_lengths_that_are_promised():
    made = prompts(tokenizer(), 60)
    found = [len(tokenizer()(prompt.text)["input_ids"]) for prompt in made]
    assert max(found) <= LONGEST
    for wanted, length in zip(lengths(60), found, strict=True):
        assert 0.7 * wanted - 3 <= length <= wanted + 3
    assert len({prompt.text for prompt in made}) == 60
    assert [prompt.label for prompt in made[:2]] == [1, 0]


@pytest.mark.parametrize("name", ["GPT-2 small", "Llama, grouped"])
def test_the_floor_computes_what_capture_keeps_and_nothing_after_it(name):
    loaded = subject(name, SMOKE)
    reads = half_depth(loaded)
    asked = sequences(loaded, reads, 6)
    cut = cut_at(loaded, layer_of(reads[0]))
    found = capture(loaded, asked, reads)
    with torch.no_grad():
        for batch in own_batches(loaded, asked, len(reads)):
            hidden = cut(input_ids=batch.input_ids, attention_mask=batch.attention_mask)[0]
            gather = batch.gathers[1]
            for row, key in enumerate(gather.keys):
                wanted = hidden[gather.rows[row], gather.positions[row][gather.mask[row]]]
                np.testing.assert_allclose(
                    found.pooled(*key, 1), wanted.reshape(-1, loaded.d_model).mean(0), atol=1e-5
                )
    assert sum(p.numel() for p in cut.parameters()) < loaded.n_parameters
