"""What makes two checkpoints incomparable, what does not, and the sentence about it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit.errors import UsageError
from audit.models.loading import LoadedModel, load_model
from audit.series.broken import why_broken
from audit.series.checkpoints import Checkpoint, find_checkpoints
from audit.series.identity import differences, identity


@pytest.fixture
def folder(tiny_llama_folder: Path, tmp_path: Path) -> Path:
    """A copy of a real checkpoint that a test may spoil."""
    return Path(shutil.copytree(tiny_llama_folder, tmp_path / "checkpoint-5"))


def edit(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(file.read_text("utf-8"))
    change(content)
    file.write_text(json.dumps(content))


def only(folder: Path) -> Checkpoint:
    (found,) = find_checkpoints([str(folder)])
    return found


def test_the_identity_is_that_of_the_loaded_model(
    tiny_llama_folder: Path, tiny_llama: LoadedModel
) -> None:
    found = identity(tiny_llama_folder)
    assert found.architecture == tiny_llama.architecture
    assert (found.d_model, found.n_layers) == (tiny_llama.d_model, tiny_llama.n_layers)


def test_a_checkpoint_is_like_itself(tiny_llama_folder: Path, folder: Path) -> None:
    assert differences(identity(tiny_llama_folder), identity(folder)) == ()
    assert why_broken(only(folder), identity(tiny_llama_folder)) is None
    assert load_model(only(folder).source, device="cpu").n_layers == 4


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        (
            "config.json",
            lambda c: c.update(architectures=["GPT2LMHeadModel"]),
            "its architecture is GPT2LMHeadModel, where LlamaForCausalLM was expected",
        ),
        (
            "config.json",
            lambda c: c.update(hidden_size=64),
            "its width is 64, where 32 was expected",
        ),
        (
            "config.json",
            lambda c: c.update(num_hidden_layers=5),
            "its number of layers is 5, where 4 was expected",
        ),
        (
            "tokenizer.json",
            lambda c: c["model"]["vocab"].update(new=320),
            "its tokenizer's size is 321, where 320 was expected",
        ),
        (
            "tokenizer.json",
            lambda c: c["model"]["merges"].pop(),
            "its tokenizer's vocabulary is sha256 ",
        ),
        (
            "tokenizer.json",
            lambda c: c["added_tokens"].pop(),
            "its set of added tokens is without them, where '</s>' (1) was expected",
        ),
    ],
)
def test_a_difference_is_said_with_what_was_expected(
    tiny_llama_folder: Path,
    folder: Path,
    file: str,
    change: Callable[[dict[str, Any]], object],
    words: str,
) -> None:
    edit(folder / file, change)
    said = why_broken(only(folder), identity(tiny_llama_folder))
    assert said is not None
    assert said.startswith(f"{folder} is not like the reference: {words}")
    assert "where" in said
    assert ";" not in said


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        (
            "tokenizer.json",
            lambda c: c["added_tokens"].append({"id": 320, "content": "[PAD]"}),
            "its set of added tokens is '[PAD]' (320), where none of them was expected",
        ),
        (
            "tokenizer_config.json",
            lambda c: c.update(bos_token="</s>"),
            "its bos_token is '</s>', where '<s>' was expected",
        ),
        (
            "tokenizer_config.json",
            lambda c: c.update(chat_template="{{ messages }}"),
            "where none was expected",
        ),
    ],
)
def test_what_a_fine_tune_may_change_is_a_remark(
    tiny_llama_folder: Path,
    folder: Path,
    file: str,
    change: Callable[[dict[str, Any]], object],
    words: str,
) -> None:
    edit(folder / file, change)
    (found,) = differences(identity(tiny_llama_folder), identity(folder))
    assert words in str(found)
    assert not found.grave
    assert why_broken(only(folder), identity(tiny_llama_folder)) is None


def test_the_grave_differences_come_first(tiny_llama_folder: Path, folder: Path) -> None:
    edit(folder / "tokenizer_config.json", lambda c: c.update(chat_template="{{ messages }}"))
    edit(folder / "config.json", lambda c: c.update(hidden_size=64, num_hidden_layers=2))
    found = differences(identity(tiny_llama_folder), identity(folder))
    assert [one.what for one in found] == ["width", "number of layers", "chat template"]
    assert [one.grave for one in found] == [True, True, False]


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("config.json", lambda c: c.update(transformers_version="9.9", use_cache=False)),
        ("tokenizer.json", lambda c: c.update(padding={"direction": "Left"}, truncation={"n": 5})),
        ("tokenizer.json", lambda c: c.update(model=dict(reversed(c["model"].items())))),
        (
            "tokenizer.json",
            lambda c: c["model"].update(merges=[" ".join(m) for m in c["model"]["merges"]]),
        ),
        ("tokenizer_config.json", lambda c: c.update(model_max_length=7, padding_side="left")),
        (
            "tokenizer_config.json",
            lambda c: c.update(bos_token={"content": c["bos_token"], "lstrip": False}),
        ),
    ],
)
def test_what_a_save_changes_without_changing_a_token_is_no_difference(
    tiny_llama_folder: Path,
    folder: Path,
    file: str,
    change: Callable[[dict[str, Any]], object],
) -> None:
    before = (folder / file).read_bytes()
    edit(folder / file, change)
    assert (folder / file).read_bytes() != before
    assert why_broken(only(folder), identity(tiny_llama_folder)) is None


def test_a_template_that_only_moved_is_the_same(tiny_llama_folder: Path, folder: Path) -> None:
    template = "{% for m in messages %}{{ m.content }}{% endfor %}"
    other = Path(shutil.copytree(folder, folder.with_name("other")))
    (folder / "chat_template.jinja").write_text(template)
    edit(other / "tokenizer_config.json", lambda c: c.update(chat_template=template))
    assert differences(identity(folder), identity(other)) == ()
    assert differences(identity(tiny_llama_folder), identity(other)) != ()


def test_a_save_by_the_library_is_no_difference(
    tiny_llama: LoadedModel, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    tokenizer = type(tiny_llama.tokenizer).from_pretrained(tiny_llama_folder)
    tokenizer(["one", "two three"], padding=True, truncation=True, max_length=3)
    tokenizer.save_pretrained(tmp_path)
    tiny_llama.model.save_pretrained(tmp_path)
    assert differences(identity(tiny_llama_folder), identity(tmp_path)) == ()


def test_names_of_other_families_and_nested_configs(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        '{"architectures": ["GPT2LMHeadModel"], "n_embd": 8, "n_layer": 2}'
    )
    found = identity(tmp_path)
    assert (found.architecture, found.d_model, found.n_layers) == ("GPT2LMHeadModel", 8, 2)
    (tmp_path / "config.json").write_text(
        '{"model_type": "gemma3", "text_config": {"hidden_size": 8, "num_hidden_layers": 3}}'
    )
    found = identity(tmp_path)
    assert (found.architecture, found.d_model, found.n_layers) == ("gemma3", 8, 3)
    assert (found.vocabulary, found.chat_template) == (None, None)


def test_what_is_unknown_differs_from_nothing(tiny_llama_folder: Path, tmp_path: Path) -> None:
    assert differences(identity(tiny_llama_folder), identity(tmp_path)) == ()


def test_a_broken_checkpoint_is_said_to_be(folder: Path) -> None:
    checkpoint = only(folder)
    (folder / "config.json").unlink()
    said = f"{folder} is not complete: config.json is not there"
    assert why_broken(checkpoint) == said
    shutil.rmtree(folder)
    said = f"{folder} is not complete: the folder is not there any more"
    assert why_broken(checkpoint) == said


def test_the_hub_is_not_asked(tiny_llama_folder: Path) -> None:
    (checkpoint,) = find_checkpoints(["owner/name@step5"])
    assert why_broken(checkpoint, identity(tiny_llama_folder)) is None


def test_an_adapter_is_compared_by_its_base(
    tiny_llama_folder: Path, folder: Path, tmp_path: Path
) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    lora = tmp_path / "lora"
    lora.mkdir()
    config = {"peft_type": "LORA", "base_model_name_or_path": str(folder)}
    (lora / "adapter_config.json").write_text(json.dumps(config))
    save_file({"a": np.ones(2, np.float32)}, lora / "adapter_model.safetensors")
    reference = identity(tiny_llama_folder)
    (checkpoint,) = find_checkpoints([str(lora)])
    assert why_broken(checkpoint, reference) is None
    edit(folder / "config.json", lambda c: c.update(hidden_size=64))
    said = why_broken(checkpoint, reference)
    assert said is not None
    assert said.startswith(f"{folder}, the base of {lora} is not like the reference: its width")
    (folder / "config.json").unlink()
    assert f"the base of {lora}: {folder} is not complete" in str(why_broken(checkpoint))
    with pytest.raises(UsageError, match="adapter"):  # not yet, and it says so
        load_model(str(lora), device="cpu")
