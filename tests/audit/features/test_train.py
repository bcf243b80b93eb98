"""Training on a model: which tokens come, in which order, and what a reconstruction is worth."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from audit.errors import MeasurementError, UsageError
from audit.features.batches import read_activations, token_batches
from audit.features.corpus import Corpus
from audit.features.data import read_corpus
from audit.features.recovered import held_out_quality
from audit.features.train import hold_out, train_on_model
from audit.models.loaded import LoadedModel, wrap_model
from probes.sae.activations import ReLU
from probes.sae.recipe import Recipe
from probes.sae.sae import SAE

HOOK = "blocks.1.hook_resid_post"
RECIPE = Recipe("topk", 48, 12, k=6, random_state=2)


@pytest.fixture(scope="module")
def corpus(tiny_llama: LoadedModel, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    file = tmp_path_factory.mktemp("data") / "texts.txt"
    lines = [f"the cat sat on mat {i} and the dog {i * 7} on the cat" for i in range(60)]
    file.write_text("\n".join(lines))
    return read_corpus(str(file), tiny_llama)


def identity(width: int) -> SAE:
    """Reconstructs everything: `x = relu(x) - relu(-x)`."""
    both = torch.cat([torch.eye(width), -torch.eye(width)])
    return SAE(both.T, torch.zeros(2 * width), both, torch.zeros(width), ReLU())


def zeros(width: int) -> SAE:
    return replace(identity(width), W_dec=torch.zeros(2 * width, width))


def sorted_rows(x: torch.Tensor) -> torch.Tensor:
    return x[x[:, 0].argsort()]


def test_an_epoch_holds_every_token_once_in_another_order(
    tiny_llama: LoadedModel, corpus: Corpus
) -> None:
    everything = read_activations(tiny_llama, corpus, HOOK)
    assert len(everything) == corpus.n_tokens
    size = 64
    batches = token_batches(tiny_llama, corpus, HOOK, batch_size=size, outlier=None)
    full = corpus.n_tokens // size
    read = list(islice(batches(0), 2 * full + 2))
    assert all(x.shape == (size, 32) for x in read)
    tokens = torch.cat(read)[: corpus.n_tokens]
    torch.testing.assert_close(sorted_rows(tokens), sorted_rows(everything))
    second = torch.cat(read)[corpus.n_tokens : 2 * corpus.n_tokens]
    assert not torch.equal(tokens[: len(second)], second)


@pytest.mark.parametrize("buffer_tokens", [None, 200])
def test_batches_begin_again_at_any_step(
    tiny_llama: LoadedModel, corpus: Corpus, buffer_tokens: int | None
) -> None:
    def batches() -> Any:
        return token_batches(
            tiny_llama, corpus, HOOK, batch_size=50, buffer_tokens=buffer_tokens, random_state=4
        )

    steps = 2 * corpus.n_tokens // 50
    whole = list(islice(batches()(0), steps))
    later = list(islice(batches()(7), steps - 7))
    assert all(torch.equal(a, b) for a, b in zip(whole[7:], later, strict=True))


def test_small_blocks_hold_every_token_as_well(tiny_llama: LoadedModel, corpus: Corpus) -> None:
    batches = token_batches(
        tiny_llama, corpus, HOOK, batch_size=10, buffer_tokens=100, outlier=None
    )
    read = torch.cat(list(islice(batches(0), corpus.n_tokens // 10)))
    everything = read_activations(tiny_llama, corpus, HOOK)
    distance = torch.cdist(everything, read).min(dim=1).values
    assert (distance < 1e-4).float().mean() > 0.98  # all but the remainder of the epoch


def test_special_tokens_and_outliers_stay_out(
    tiny_llama: LoadedModel, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert all(
        ids[0] == 0 and at[0] == 1 for ids, at in zip(corpus.ids, corpus.positions, strict=True)
    )
    everything = read_activations(tiny_llama, corpus, HOOK)
    norms = everything.norm(dim=1)
    multiple = 1.1
    batches = token_batches(tiny_llama, corpus, HOOK, batch_size=20, outlier=multiple)
    assert batches.norm_limit == pytest.approx(multiple * float(norms.median()), rel=1e-5)
    assert (norms > batches.norm_limit).any()
    read = torch.cat(list(islice(batches(0), 40)))
    assert (read.norm(dim=1) <= batches.norm_limit).all()


def test_activations_that_are_all_not_finite_end_in_a_sentence(
    tiny_llama_folder: Path, corpus: Corpus
) -> None:
    from audit.models.loading import load_model

    broken = load_model(str(tiny_llama_folder), device="cpu")
    with torch.no_grad():
        broken.model.model.embed_tokens.weight.fill_(float("nan"))
    with pytest.raises(MeasurementError, match=r"none of the .* activations"):
        train_on_model(broken, HOOK, corpus, recipe=RECIPE, batch_size=32)


def test_what_is_held_out_shares_no_group_with_what_is_trained_on(corpus: Corpus) -> None:
    paired = replace(corpus, groups=np.array([str(i // 2) for i in range(len(corpus))]))
    training, outside = hold_out(paired, random_state=0)
    assert not set(training.groups) & set(outside.groups)
    assert len(training) + len(outside) == len(corpus)
    assert len(outside) == 4  # two groups of thirty
    with pytest.raises(UsageError, match="single text or group"):
        hold_out(replace(corpus, groups=np.array(["a"] * len(corpus))), random_state=0)


def test_a_perfect_reconstruction_recovers_all_and_zeros_nothing(
    tiny_llama: LoadedModel, corpus: Corpus
) -> None:
    some = corpus.take(range(6))
    perfect = held_out_quality(tiny_llama, HOOK, identity(32), some)
    assert perfect.reconstructed is not None
    assert perfect.explained_variance == pytest.approx(1.0, abs=1e-5)
    assert perfect.reconstructed.loss == pytest.approx(perfect.loss, abs=1e-4)
    assert perfect.divergence_recovered == pytest.approx(1.0, abs=1e-3)
    assert perfect.tokens == some.n_tokens
    nothing = held_out_quality(tiny_llama, HOOK, zeros(32), some)
    assert nothing.reconstructed == nothing.ablated
    assert nothing.divergence_recovered == 0.0
    assert nothing.explained_variance < 0.1


def test_the_loss_is_the_models_own(tiny_llama: LoadedModel, corpus: Corpus) -> None:
    from audit.models.intervening import cross_entropy

    found = held_out_quality(tiny_llama, HOOK, identity(32), corpus.take(range(5)))
    assert found.loss == pytest.approx(cross_entropy(tiny_llama, corpus.ids[:5]), abs=1e-4)


def test_tokens_that_do_not_count_keep_their_activation(
    tiny_llama: LoadedModel, corpus: Corpus
) -> None:
    none = replace(corpus.take(range(3)), positions=((1,), (1,), (1,)))
    all_above = held_out_quality(tiny_llama, HOOK, zeros(32), none, norm_limit=1e9)
    assert all_above.reconstructed is not None
    assert all_above.reconstructed.divergence > 0
    some = held_out_quality(tiny_llama, HOOK, zeros(32), corpus.take(range(3)))
    assert some.reconstructed is not None
    assert all_above.reconstructed.divergence != some.reconstructed.divergence


def test_training_goes_on_where_it_was_interrupted(
    tiny_llama: LoadedModel, corpus: Corpus, tmp_path: Path
) -> None:
    class StopError(Exception):
        pass

    def stop(progress: Any, held_out: Any) -> None:
        if progress.step == 8:
            raise StopError

    options: dict[str, Any] = {"recipe": RECIPE, "batch_size": 64}
    measured: list[int] = []
    whole = train_on_model(
        tiny_llama,
        HOOK,
        corpus,
        **options,
        on_step=lambda p, held_out: measured.append(p.step) if held_out else None,
    )
    assert measured == list(range(1, 12))
    path = tmp_path / "state.safetensors"
    with pytest.raises(StopError):
        train_on_model(
            tiny_llama, HOOK, corpus, **options, checkpoint=path, checkpoint_every=5, on_step=stop
        )
    parts = train_on_model(tiny_llama, HOOK, corpus, **options, checkpoint=path, resume=True)
    assert torch.equal(whole.trained.sae.W_enc, parts.trained.sae.W_enc)
    assert whole.held_out == parts.held_out
    origin = whole.trained.sae.origin
    assert (origin.model_name, origin.hook_name) == (Path(tiny_llama.name).name, HOOK)
    assert origin.prepend_bos is True
    assert origin.promised_l0 == 6.0
    assert whole.tokens < corpus.n_tokens


def test_an_sae_of_a_model_explains_it(tiny_llama: LoadedModel, corpus: Corpus) -> None:
    recipe = Recipe("batchtopk", 96, 150, k=12)
    found = train_on_model(tiny_llama, HOOK, corpus, recipe=recipe, batch_size=128)
    assert found.held_out.explained_variance > 0.8
    assert found.held_out.l0 == pytest.approx(12, rel=0.25)
    assert (found.held_out.divergence_recovered or 0.0) > 0.8


def test_a_live_model_trains_on_after(tiny_llama_folder: Path, corpus: Corpus) -> None:
    from audit.models.loading import load_model

    loaded = load_model(str(tiny_llama_folder), device="cpu")
    loaded.model.train()
    live = wrap_model(loaded.model, loaded.tokenizer)
    train_on_model(live, HOOK, corpus, recipe=replace(RECIPE, steps=2), batch_size=32)
    assert live.model.training
    assert all(parameter.grad is None for parameter in live.model.parameters())


def test_too_little_data_is_a_sentence(tiny_llama: LoadedModel, corpus: Corpus) -> None:
    with pytest.raises(UsageError, match="less than one batch of 4096"):
        train_on_model(tiny_llama, HOOK, corpus, recipe=RECIPE, batch_size=4096)
    with pytest.raises(UsageError, match="did you mean"):
        train_on_model(tiny_llama, HOOK + "s", corpus, recipe=RECIPE)


def test_jsonl_and_txt_read_the_same(tiny_llama: LoadedModel, tmp_path: Path) -> None:
    texts = ["the cat", "", "a dog — éü", "the cat"]
    (tmp_path / "a.txt").write_text("\n".join(texts), encoding="utf-8")
    (tmp_path / "a.jsonl").write_text(
        "\n".join(json.dumps({"text": text, "more": 1}) for text in texts), encoding="utf-8"
    )
    a, b = (read_corpus(str(tmp_path / name), tiny_llama) for name in ("a.txt", "a.jsonl"))
    assert a.ids == b.ids
    assert len(a) == 2  # an empty line and a repetition teach nothing
    assert a.rows == ("a.txt:1", "a.txt:3")


def test_long_texts_become_windows_that_begin_alike(
    tiny_llama: LoadedModel, tmp_path: Path
) -> None:
    file = tmp_path / "long.txt"
    file.write_text(" ".join(f"word{i}" for i in range(60)))
    whole = tiny_llama.tokenizer(file.read_text())["input_ids"]
    corpus = read_corpus(str(file), tiny_llama, context_size=16)
    assert all(len(ids) <= 16 and ids[0] == 0 for ids in corpus.ids)
    assert [token for ids in corpus.ids for token in ids[1:]] == whole[1:]
    assert set(corpus.groups) == {"long.txt:1"}
    kept = read_corpus(str(file), tiny_llama, context_size=16, special=True)
    assert kept.n_tokens == corpus.n_tokens + len(corpus)


def test_the_rows_of_a_suite_are_data(tiny_llama: LoadedModel) -> None:
    one = read_corpus("organism_lying:claims", tiny_llama)
    every = read_corpus("organism_lying", tiny_llama)
    assert 0 < len(one) <= len(every)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.txt", None, "no data file"),
        ("empty.txt", "\n \n", "none with a token"),
        ("bad.txt", b"caf\xe9", "byte 4 is not UTF-8"),
        ("bad.jsonl", '{"text": "a"}\n{"text"', r"bad.jsonl:2: expected a JSON object"),
        ("other.jsonl", '{"body": "a"}', "found the fields body"),
        ("list.jsonl", "[1]", "found no object"),
        ("x.docx", "a", "is no data to train on"),
    ],
)
def test_data_that_is_none_is_a_sentence(
    tiny_llama: LoadedModel, tmp_path: Path, name: str, content: str | bytes | None, said: str
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError, match=said):
        read_corpus(str(file), tiny_llama)


def test_a_data_set_that_a_suite_lacks_is_named(tiny_llama: LoadedModel) -> None:
    with pytest.raises(UsageError, match=r"no data set 'claim'.*it has claims"):
        read_corpus("organism_lying:claim", tiny_llama)
