"""One checkpoint becomes a model, or one sentence that names its folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from audit.errors import MeasurementError, UsageError
from audit.models.loading import ORGANISMS, LoadedModel, load_model
from audit.series import opening
from audit.series.checkpoints import Checkpoint, find_checkpoints
from audit.series.identity import identity
from audit.series.opening import Bases, open_checkpoint

HONEST = ORGANISMS / "honest"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of a trained model that a test may spoil."""
    ignore = shutil.ignore_patterns("sae")
    return Path(shutil.copytree(HONEST, tmp_path / "run" / "checkpoint-5", ignore=ignore))


@pytest.fixture
def adapter(folder: Path) -> Path:
    """A LoRA adapter of rank 2 on two modules, over the copy."""
    lora = folder.parent / "checkpoint-7"
    lora.mkdir()
    config = {
        "peft_type": "LORA",
        "base_model_name_or_path": str(folder),
        "r": 2,
        "lora_alpha": 4,
        "target_modules": ["q_proj"],
    }
    (lora / "adapter_config.json").write_text(json.dumps(config))
    generator = torch.Generator().manual_seed(0)
    tensors = {}
    for layer in range(4):
        path = f"base_model.model.model.layers.{layer}.self_attn.q_proj"
        tensors[f"{path}.lora_A.weight"] = torch.randn(2, 64, generator=generator)
        tensors[f"{path}.lora_B.weight"] = torch.randn(64, 2, generator=generator)
    save_file(tensors, lora / "adapter_model.safetensors")
    return lora


def only(folder: Path | str, base: str | None = None) -> Checkpoint:
    (found,) = find_checkpoints([str(folder)], base=base)
    return found


def opened(folder: Path | str, **options: Any) -> LoadedModel:
    return open_checkpoint(only(folder), device="cpu", **options)


def change_tensors(file: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file, metadata={"format": "pt"})


def change_json(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def in_cache(folder: Path, cache: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder as revision `step7` of owner/NAME in the cache of the hub."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    repo = cache / f"models--owner--{name}"
    copy = Path(shutil.copytree(folder, repo / "snapshots" / commit))
    (repo / "refs").mkdir()
    (repo / "refs" / "step7").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    return copy


@torch.inference_mode()
def logits(model: LoadedModel) -> torch.Tensor:
    found: torch.Tensor = model.model(torch.tensor([[5, 6, 7, 8]])).logits
    return found


def test_a_folder_and_an_organism_are_what_load_model_gives(folder: Path) -> None:
    expected = load_model(str(folder), device="cpu")
    model = opened(folder, reference=identity(HONEST))
    assert model.name == "checkpoint-5"
    assert (model.weights_digest, model.path) == (expected.weights_digest, folder)
    assert torch.equal(logits(model), logits(expected))
    organism = opened("organism:honest", reference=identity(HONEST))
    assert (organism.name, organism.weights_digest) == ("organism:honest", expected.weights_digest)


def test_an_adapter_is_its_base_with_the_update(folder: Path, adapter: Path) -> None:
    model = opened(adapter, reference=identity(HONEST))
    base = load_model(str(folder), device="cpu")
    tensors = load_file(adapter / "adapter_model.safetensors")
    for layer in range(4):
        path = f"base_model.model.model.layers.{layer}.self_attn.q_proj"
        update = tensors[f"{path}.lora_B.weight"] @ tensors[f"{path}.lora_A.weight"]
        base.model.model.layers[layer].self_attn.q_proj.weight.data += 2.0 * update
    assert torch.allclose(logits(model), logits(base), atol=1e-4)
    assert not model.model.training
    assert (model.name, model.path, model.n_layers) == ("checkpoint-7", adapter, 4)
    assert model.tokenizer_digest == base.tokenizer_digest
    assert model.n_parameters == base.n_parameters


def test_the_digest_depends_on_base_adapter_and_scaling(folder: Path, adapter: Path) -> None:
    digests = [opened(folder).weights_digest, opened(adapter).weights_digest]
    assert opened(adapter).weights_digest == digests[-1]
    change_json(adapter / "adapter_config.json", lora_alpha=5)
    digests.append(opened(adapter).weights_digest)
    change_tensors(adapter / "adapter_model.safetensors", lambda t: next(iter(t.values())).mul_(2))
    digests.append(opened(adapter).weights_digest)
    change_tensors(folder / "model.safetensors", lambda t: t["model.norm.weight"].mul_(2))
    digests.append(opened(adapter).weights_digest)
    assert len(set(digests)) == len(digests)


def test_a_base_is_read_once_and_stays_itself(
    folder: Path, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def counting(name: str, **options: Any) -> LoadedModel:
        read.append(name)
        return load_model(name, **options)

    monkeypatch.setattr(opening, "load_model", counting)
    bases: Bases = {}
    first = opened(adapter, bases=bases)
    second = opened(adapter, bases=bases)
    assert read == [str(folder)]
    assert torch.equal(logits(first), logits(second))
    (base,) = bases.values()
    assert torch.equal(logits(base), logits(load_model(str(folder), device="cpu")))


def test_the_base_may_be_a_name(
    folder: Path, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = opened(adapter)
    in_cache(folder, tmp_path, "base", monkeypatch)
    for base in ("organism:honest", "owner/base@step7"):
        checkpoint = only(adapter, base=base)
        model = open_checkpoint(checkpoint, device="cpu", reference=identity(HONEST))
        assert model.weights_digest == expected.weights_digest
        assert torch.equal(logits(model), logits(expected))
    other = in_cache(folder, tmp_path, "other", monkeypatch)
    change_json(other / "config.json", hidden_act="gelu", architectures=["LlamaModel"])
    with pytest.raises(MeasurementError, match="checkpoint-7 is not like the reference: its arch"):
        open_checkpoint(only(adapter, "owner/other@step7"), reference=identity(HONEST))


def test_the_tokenizer_of_an_adapter_wins(folder: Path, adapter: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(folder / name, adapter / name)
    change_json(adapter / "tokenizer_config.json", chat_template="{{ messages[0].content }}")
    model, base = opened(adapter, reference=identity(HONEST)), opened(folder)
    assert model.tokenizer.chat_template == "{{ messages[0].content }}"
    assert model.tokenizer_digest != base.tokenizer_digest
    assert model.tokenizer.get_vocab() == base.tokenizer.get_vocab()
    tokens = json.loads((adapter / "tokenizer.json").read_text())
    token = tokens["added_tokens"][-1] | {"id": 628, "content": "<more>"}
    change_json(adapter / "tokenizer.json", added_tokens=[*tokens["added_tokens"], token])
    with pytest.raises(MeasurementError, match=r"has 629 tokens, .* embeddings for 628"):
        opened(adapter)


# --- what is wrong with one checkpoint ------------------------------------------------


def cut(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def spoil(key: str, value: float, count: int = 1) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        def fill(tensors: dict[str, torch.Tensor]) -> None:
            tensors[key].view(-1)[:count] = value

        change_tensors(folder / "model.safetensors", fill)

    return change


def add(key: str) -> Callable[[Path], None]:
    return lambda folder: change_tensors(
        folder / "model.safetensors", lambda t: t.update({key: torch.ones(64)})
    )


def remove(key: str) -> Callable[[Path], None]:
    return lambda folder: change_tensors(folder / "model.safetensors", lambda t: t.pop(key))


NORM = "model.layers.1.input_layernorm.weight"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (cut, r"model.safetensors has \d+ of \d+ bytes"),
        (lambda f: (f / "config.json").unlink(), "config.json is not there"),
        (lambda f: (f / "config.json").write_text('{"a'), "config.json is not whole JSON"),
        (lambda f: (f / "model.safetensors").unlink(), "no weights are there"),
        (lambda f: (f / "tokenizer.json").unlink(), "no tokenizer is there"),
        (lambda f: (f / "tokenizer.json").write_text("{}"), "tokenizer in .* cannot be read"),
        (lambda f: (f / "x.tmp").touch(), "seems to be still being written"),
        (lambda f: change_json(f / "config.json", hidden_size=32), "its width is 32, where 64"),
        (lambda f: change_json(f / "config.json", num_attention_heads=0), "cannot be loaded: Zero"),
        (lambda f: change_json(f / "config.json", num_attention_heads=3), "cannot be used: Class"),
        (lambda f: change_json(f / "config.json", vocab_size=3), "cannot be loaded: AssertionE"),
        (
            lambda f: change_json(f / "config.json", architectures=["GPT2LMHeadModel"]),
            "its architecture is GPT2LMHeadModel, where LlamaForCausalLM",
        ),
        (lambda f: change_json(f / "config.json", intermediate_size=96), r"has shape \[64, 192\]"),
        (remove(NORM), rf"lacks 1 weights .* {NORM}; they would be random"),
        (add("model.layers.0.mlp.up_proj.bias"), "1 weights in its blocks .*mlp.up_proj.bias;"),
        (add("model.layers.4.input_layernorm.weight"), "makes no place for, .* model.layers.4"),
        (
            spoil(NORM, float("nan"), 3),
            rf"no numbers, the first of them in {NORM}: 3 NaN and 0 infinite of 64 in float32",
        ),
        (spoil(NORM, float("-inf")), "0 NaN and 1 infinite of 64"),
    ],
)
def test_a_broken_checkpoint_is_one_sentence(
    folder: Path, change: Callable[[Path], object], words: str
) -> None:
    checkpoint = only(folder)
    change(folder)
    with pytest.raises(MeasurementError, match=words) as caught:
        open_checkpoint(checkpoint, device="cpu", reference=identity(HONEST))
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "key", ["v_head.weight", "model.layers.0.self_attn.rotary_emb.inv_freq", "h.0.attn.bias"]
)
def test_what_is_no_part_of_the_blocks_may_be_left_out(folder: Path, key: str) -> None:
    add(key)(folder)
    assert opened(folder).name == "checkpoint-5"


def test_a_folder_that_went_before(folder: Path) -> None:
    checkpoint = only(folder)
    shutil.rmtree(folder)
    with pytest.raises(MeasurementError, match=r"checkpoint-5 .* folder is not there any more"):
        open_checkpoint(checkpoint, device="cpu")


def test_numbers_that_the_number_type_cannot_hold(folder: Path) -> None:
    spoil(NORM, 1e30)(folder)
    assert opened(folder).dtype == "float32"
    with pytest.raises(MeasurementError, match="1 infinite of 64 in float16"):
        opened(folder, dtype="float16")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda base, lora: shutil.rmtree(base), "the base of .*checkpoint-7"),
        (
            lambda base, lora: add("model.layers.1.mlp.up_proj.bias")(base),
            "checkpoint-5, the base of .*checkpoint-7, has 1 weights in its blocks",
        ),
        (lambda base, lora: cut(base), "the base of .*checkpoint-7: .*bytes"),
        (
            lambda base, lora: spoil(NORM, float("nan"))(base),
            "checkpoint-5, the base of .*checkpoint-7, has weights that are no numbers",
        ),
        (
            lambda base, lora: change_tensors(
                lora / "adapter_model.safetensors",
                lambda t: next(iter(t.values())).fill_(torch.nan),
            ),
            "the adapter in .*checkpoint-7 has weights that are no numbers.*128 NaN",
        ),
        (
            lambda base, lora: change_json(lora / "adapter_config.json", use_dora=True),
            "checkpoint-7 sets use_dora",
        ),
        (
            lambda base, lora: change_json(base / "config.json", hidden_size=32),
            "the base of .*checkpoint-7 is not like the reference: its width is 32",
        ),
        (
            lambda base, lora: (lora / "adapter_model.safetensors").rename(lora / "a.safetensors"),
            "the adapter has no weights",
        ),
    ],
)
def test_a_broken_adapter_is_one_sentence(
    folder: Path, adapter: Path, change: Callable[[Path, Path], object], words: str
) -> None:
    checkpoint = only(adapter)
    change(folder, adapter)
    with pytest.raises(MeasurementError, match=words):
        open_checkpoint(checkpoint, device="cpu", reference=identity(HONEST))


def test_a_pickled_adapter_needs_to_be_asked_for(adapter: Path) -> None:
    expected = logits(opened(adapter))
    torch.save(load_file(adapter / "adapter_model.safetensors"), adapter / "adapter_model.bin")
    (adapter / "adapter_model.safetensors").unlink()
    with pytest.raises(MeasurementError, match=r"only as a pickle \(adapter_model.bin\)"):
        opened(adapter)
    assert torch.equal(logits(opened(adapter, allow_pickle=True)), expected)
    torch.save({"a": [1]}, adapter / "adapter_model.bin")
    with pytest.raises(MeasurementError, match="does not hold tensors by their names"):
        opened(adapter, allow_pickle=True)


@pytest.mark.parametrize(
    ("happens", "words"),
    [
        (shutil.rmtree, "checkpoint-5 was deleted while it was read"),
        (lambda f: (f / "model.safetensors").unlink(), "lost model.safetensors while it was read"),
        (
            lambda f: change_tensors(f / "model.safetensors", lambda t: t.pop(NORM)),
            "model.safetensors was written to while it was read",
        ),
        (
            lambda f: (f / "chat_template.jinja").write_text("{{ messages }}"),
            "chat_template.jinja was written to while it was read",
        ),
    ],
)
@pytest.mark.parametrize("after", [False, True], ids=["before the weights", "after them"])
def test_what_happens_to_a_folder_while_it_is_read(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    happens: Callable[[Path], object],
    words: str,
    after: bool,
) -> None:
    def load(name: str, **options: Any) -> LoadedModel:
        if not after:
            happens(folder)
        model = load_model(name, **options)
        happens(folder)
        return model

    monkeypatch.setattr(opening, "load_model", load)
    with pytest.raises(MeasurementError, match=words):
        opened(folder)


def test_what_is_written_beside_the_model_does_not_matter(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(name: str, **options: Any) -> LoadedModel:
        (folder / "audit.json").write_text("{}")
        return load_model(name, **options)

    monkeypatch.setattr(opening, "load_model", load)
    assert opened(folder).name == "checkpoint-5"


def test_a_name_that_leads_nowhere_is_one_checkpoint() -> None:
    for name in ("organism:honset", "owner/not-in-the-cache@step5"):
        with pytest.raises(MeasurementError, match=r"honset|owner/not-in-the-cache"):
            opened(name)


def test_a_wrong_request_is_wrong_for_every_checkpoint(folder: Path) -> None:
    with pytest.raises(UsageError, match="no device"):
        open_checkpoint(only(folder), device="gpu")
    with pytest.raises(UsageError, match="dtype is one of"):
        opened(folder, dtype="fp8")


def test_a_model_on_the_hub_is_compared_once_it_is_there(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = in_cache(folder, tmp_path, "tiny", monkeypatch)
    reference = identity(HONEST)
    assert opened("owner/tiny@step7", reference=reference).name == "owner/tiny@step7"
    tokens = json.loads((folder / "tokenizer.json").read_text())["added_tokens"]
    change_json(cached / "tokenizer.json", added_tokens=tokens[:-1])
    with pytest.raises(MeasurementError, match="owner/tiny@step7 is not like the reference: its"):
        opened("owner/tiny@step7", reference=reference)
