"""`audit sae train` and `audit sae split` as a person calls them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import pytest
import torch

from audit.cli.sae import split, train
from audit.cli.sae.training_bar import describe, training_bar
from audit.errors import UsageError
from audit.features.recovered import Harm, HeldOut
from probes.sae.formats import load_sae
from probes.sae.learning import Progress

HOOK = "blocks.1.hook_resid_post"
Run = Callable[..., str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """What a command prints on stdout; its mistakes are raised."""

    def call(module: Any, *arguments: object) -> str:
        capsys.readouterr()
        command: click.Command = module.command
        assert command.main([str(a) for a in arguments], standalone_mode=False) == 0
        return capsys.readouterr().out

    return call


@pytest.fixture
def data(tmp_path: Path) -> Path:
    file = tmp_path / "texts.txt"
    file.write_text("\n".join(f"the cat {i} sat on the dog {i * 3}" for i in range(80)))
    return file


@pytest.fixture
def options(tiny_llama_folder: Path, data: Path) -> list[object]:
    return [
        *("--model", tiny_llama_folder, "--device", "cpu", "--hook-name", HOOK, "--data", data),
        *("--d-sae", 64, "--k", 6, "--steps", 20, "--batch-size", 64, "-q"),
    ]


@pytest.mark.parametrize("name", ["topk", "batchtopk", "jumprelu", "relu", "matryoshka"])
def test_an_sae_comes_out_that_can_be_loaded(
    run: Run, options: list[object], tmp_path: Path, name: str
) -> None:
    out = tmp_path / "sae"
    said = run(train, *options, "--architecture", name, "-o", out)
    sae = load_sae(out)
    assert (sae.d_in, sae.d_sae, sae.origin.hook_name) == (32, 64, HOOK)
    torch.testing.assert_close(sae.W_dec.norm(dim=1), torch.ones(64))
    record = json.loads((out / "training.json").read_text())
    assert record["recipe"]["architecture"] == name
    assert record["history"][-1]["step"] == 20
    assert 0 < record["held_out"]["l0"] <= 64
    assert record["held_out"]["loss"] > 0
    assert f"{record['held_out']['explained_variance']:.1%} of the variance" in said
    assert said.rstrip().endswith(str(out))
    assert sorted(path.name for path in out.iterdir()) == [
        "cfg.json",
        "sae_weights.safetensors",
        "training.json",
    ]


def test_an_interrupted_training_resumes_to_the_same_bytes(
    run: Run, options: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run(train, *options, "-o", whole)

    def interrupt(*arguments: object, **options: object) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("audit.features.train.held_out_quality", interrupt)
        with pytest.raises((KeyboardInterrupt, click.Abort)):
            run(train, *options, "-o", parts, "--checkpoint-every", 1)
    assert (parts / "checkpoint" / "state.safetensors").exists()
    with pytest.raises(UsageError, match="add --resume"):
        run(train, *options, "-o", parts)
    with pytest.raises(UsageError, match=r"l1: 3\.0 here, 0\.1 there"):
        run(train, *options, "-o", parts, "--resume", "--l1", 3)
    with pytest.raises(UsageError, match=r"batches of 32.*batches of 64"):
        run(train, *options, "-o", parts, "--resume", "--batch-size", 32)
    run(train, *options, "-o", parts, "--resume")
    for name in ("sae_weights.safetensors", "cfg.json", "training.json"):
        assert (whole / name).read_bytes() == (parts / name).read_bytes()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--hook-name", "blocks.1.hook_resid_pots"], "did you mean 'blocks.1.hook_resid_post'"),
        (["--hook-name", "blocks.7.hook_resid_post"], "0 to 3"),
        (["--d-sae", 0], "d_sae is at least 1, not 0"),
        (["--d-sae", -4], "d_sae is at least 1, not -4"),
        (["--k", 65], "k = 65 features of 64"),
        (["--data", "nothing.txt"], "there is no data file nothing.txt"),
        (["--batch-size", 0], "at least one token"),
        (["--batch-size", 100000], "less than one batch"),
        (["--tokens", 5], "--steps and --tokens"),
        (["--lr", -1], "lr is a positive number"),
        (["--model", "organism:lair"], "did you mean 'liar'"),
    ],
)
def test_a_mistake_is_a_sentence_and_leaves_no_folder_with_an_sae(
    run: Run, options: list[object], tmp_path: Path, change: list[object], said: str
) -> None:
    out = tmp_path / "sae"
    with pytest.raises(UsageError) as caught:
        run(train, *options, *change, "-o", out)
    assert said in str(caught.value)
    assert not list(out.glob("*.json"))


def test_empty_data_is_a_sentence(run: Run, options: list[object], tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(UsageError, match="none with a token"):
        run(train, *options, "--data", tmp_path / "empty.jsonl", "-o", tmp_path / "sae")


def test_splits_are_printed_and_are_json(
    run: Run, options: list[object], tmp_path: Path, data: Path, tiny_llama_folder: Path
) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    run(train, *options, "--d-sae", 12, "-o", small)
    run(train, *options, "--d-sae", 96, "-o", large)
    loose = ("--min-cosine", 0.2)
    said = run(split, small, large, *loose)
    record = json.loads(run(split, small, large, *loose, "--json"))
    assert record["small"]["d_sae"] == 12
    assert f"{len(record['splits'])} of 12 features divide" in said
    assert record["splits"], "a limit this low finds families"
    counted = json.loads(
        run(
            *(split, small, large, *loose, "--json", "--model", tiny_llama_folder),
            *("--device", "cpu", "--data", data),
        )
    )
    for found in counted["splits"]:
        assert found["coverage"] >= 0.5
        assert len(found["children"]) >= 2


def test_dictionaries_are_given_small_one_first(
    run: Run, options: list[object], tmp_path: Path
) -> None:
    run(train, *options, "-o", tmp_path / "a")
    with pytest.raises(UsageError, match="the small one comes first"):
        run(split, tmp_path / "a", tmp_path / "a")
    with pytest.raises(UsageError, match="belong together"):
        run(split, tmp_path / "a", tmp_path / "a", "--model", "organism:liar")
    with pytest.raises(UsageError, match="nowhere"):
        run(split, tmp_path / "nowhere", tmp_path / "a")


def test_the_bar_says_what_matters(capsys: pytest.CaptureFixture[str]) -> None:
    step = Progress(step=10, loss=0.5, l0=31.84, explained_variance=0.871, dead_share=0.004)
    assert describe(step, None) == "L0 31.8  EV 87.1%  dead 0.4%"
    held_out = HeldOut(9, 31.0, 0.9, 0.0, 2.0, Harm(2.1, 0.1), Harm(4.0, 2.0))
    assert describe(step, held_out) == "L0 31.8  EV 87.1%  CE 95.0%  dead 0.4%"
    mute = HeldOut(
        **{
            **asdict(held_out),
            "loss": 9.0,
            "ablated": Harm(4.0, 2.0),
            "reconstructed": Harm(9.1, 0.1),
        }
    )
    assert describe(step, mute) == "L0 31.8  EV 87.1%  KL 95.0%  dead 0.4%"
    with training_bar(20, quiet=False) as told:
        told(step, held_out)
    assert "step 10 of 20: L0 31.8  EV 87.1%  CE 95.0%  dead 0.4%" in capsys.readouterr().err
    with training_bar(20, quiet=True) as told:
        told(step, held_out)
    assert capsys.readouterr().err == ""
