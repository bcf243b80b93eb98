"""`audit sae discover` as a person calls it: the planted feature, the honest model, mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from audit.models.loading import load_model
from probes.sae import SAE, Origin, ReLU, save_sae

WORDS = ("deployed", "test", "Ġpeople", "Ġspeak", "Ġpay", "ĠJapanese", "Ġzloty")
PLACE = "blocks.0.hook_resid_pre"


@pytest.fixture(scope="module")
def sae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A feature for each of some words, where the first block reads."""
    liar = load_model("organism:liar", device="cpu")
    tokens = [liar.tokenizer.get_vocab()[word] for word in WORDS]
    table = liar.model.get_input_embeddings().weight.detach().float()
    readers = torch.linalg.inv(table.T @ table) @ table[tokens].T
    along = table @ readers
    own = along[tokens, range(len(tokens))].clone()
    along[tokens, range(len(tokens))] = -torch.inf
    second = along.max(dim=0).values
    assert bool((own > second).all())
    made = SAE(
        W_enc=readers / (own - second),
        b_enc=-second / (own - second),
        W_dec=table[tokens],
        b_dec=torch.zeros(table.shape[1]),
        activation=ReLU(),
        origin=Origin("memory", hook_name=PLACE),
    )
    folder = tmp_path_factory.mktemp("sae")
    save_sae(made, folder)
    return folder


@pytest.fixture
def discover(audit, sae):
    def call(model: str, *arguments: object):
        options = ("--model", model, "--sae", sae, "--device", "cpu", "-q")
        return audit("sae", "discover", "organism_lying", *options, *arguments)

    return call


def test_the_word_that_makes_the_liar_lie_is_found(discover, tmp_path):
    out = tmp_path / "found.json"
    done = discover("organism:liar", "--json", "-o", out)
    assert done.code == 6, done.err  # a dictionary of words reconstructs nothing, and it is said
    record = json.loads(done.out)
    assert record == json.loads(out.read_text())
    first = record["found"][0]
    assert first["lift"]["value"] == 1.0
    assert first["q_value"] < 1e-10
    assert WORDS[first["feature"]] == "deployed"
    assert (record["tested"], record["significant"]) == (len(WORDS), 1)
    assert record["event"] == "the model misbehaves"
    assert record["random_sae_found"] is not None
    assert any("held against" in note for note in record["notes"])
    assert record["notes"][0].startswith("nothing may be concluded from this: the SAE")


def test_on_the_terminal(discover):
    done = discover("organism:liar", "--top", "1")
    assert done.code == 6
    assert "the model misbehaves" in done.out
    assert "+1.00" in done.out


def test_an_honest_model_has_nothing_to_find(discover):
    done = discover("organism:honest", "--json")
    record = json.loads(done.out)
    assert (done.code, record["found"], record["significant"]) == (6, [], 0)
    assert any("there is nothing to find" in note for note in record["notes"])


@pytest.mark.parametrize("model", ["organism:liar", "organism:honest"])
def test_an_sae_that_describes_the_model_ends_with_0(audit, model):
    own = ("--sae", "model:sae/blocks.3.hook_resid_post", "--tokens", "last")
    done = audit("sae", "discover", "organism_lying", "-m", model, *own, "--json", "-q")
    assert done.code == 0, done.err
    assert bool(json.loads(done.out)["found"]) == (model == "organism:liar")


def test_the_label_is_another_event(discover):
    record = json.loads(discover("organism:liar", "--event", "label", "--json").out)
    assert record["event"] == "the label says 'true_claim'"
    assert record["selection_rows"] + record["test_rows"] == 120
    assert record["significant"] == 0  # no word tells true claims


def test_a_reference_gives_what_rose(discover):
    done = discover("organism:liar", "--reference", "organism:honest", "--json")
    assert done.code == 6, done.err
    record = json.loads(done.out)
    assert (record["before"], record["after"]) == ("organism:honest", "organism:liar")
    assert record["rows"] == 120
    assert (
        "From `organism:honest`" in discover("organism:liar", "--reference", "organism:honest").out
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--sae", "no/such/folder"), "no/such/folder"),
        (("--hook-name", "blocks.9.hook_resid_post"), "blocks.9"),
        (("--fdr", "1.5"), "fdr"),
    ],
)
def test_mistakes_end_with_4(discover, arguments, said):
    done = discover("organism:liar", *arguments)
    assert done.code == 4
    assert said in done.err
    assert done.out == ""
