"""From a name to a model: what loads, what is refused, and in which words."""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from audit.errors import UsageError
from audit.models import loading
from audit.models.loading import LoadedModel, load_model, wrap_model

Change = Callable[[Path], None]


@pytest.fixture
def folder(tiny_llama_folder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny checkpoint that a test may spoil."""
    return Path(shutil.copytree(tiny_llama_folder, tmp_path / "model"))


def test_a_local_folder_loads_with_its_identity(tiny_llama_folder: Path) -> None:
    model = load_model(str(tiny_llama_folder), device="cpu")
    weights = (tiny_llama_folder / "model.safetensors").read_bytes()
    assert model.weights_digest == hashlib.sha256(weights).hexdigest()
    assert (model.architecture, model.n_layers, model.d_model) == ("LlamaForCausalLM", 4, 32)
    assert (model.dtype, model.device, model.context_length) == ("float32", "cpu", 128)
    assert model.n_parameters == sum(p.numel() for p in model.model.parameters())
    assert model.path == tiny_llama_folder
    assert model.speaks
    assert not model.model.training


def test_a_local_folder_needs_no_network(
    tiny_llama_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("somebody asked for the network")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    load_model(str(tiny_llama_folder), device="cpu")


def test_loading_says_nothing(tiny_llama_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    load_model(str(tiny_llama_folder), device="cpu")
    assert capfd.readouterr() == ("", "")


def test_shards_load_and_have_a_digest_over_all(folder: Path, tiny_llama: LoadedModel) -> None:
    (folder / "model.safetensors").unlink()
    tiny_llama.model.save_pretrained(folder, max_shard_size="40KB")
    shards = sorted(folder.glob("model-*.safetensors"))
    assert len(shards) > 1
    model = load_model(str(folder), device="cpu")
    content = b"".join(shard.read_bytes() for shard in shards)
    assert model.weights_digest == hashlib.sha256(content).hexdigest()
    assert wrap_model(model.model, model.tokenizer).weights_digest == (
        wrap_model(tiny_llama.model, tiny_llama.tokenizer).weights_digest
    )
    shards[1].unlink()
    with pytest.raises(UsageError, match=rf"names the shard {shards[1].name}"):
        load_model(str(folder), device="cpu")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_dtype(tiny_llama_folder: Path, dtype: str) -> None:
    assert load_model(str(tiny_llama_folder), device="cpu", dtype=dtype).dtype == dtype


def test_an_encoder_loads_without_a_voice(tmp_path: Path, tiny_tokenizer_folder: Path) -> None:
    from transformers import BertConfig, BertForMaskedLM

    from tests.audit.conftest import save_tiny
    from tests.audit.models.shapes import PLAIN

    config = BertConfig(**PLAIN | {"vocab_size": 320, "max_position_embeddings": 64})
    save_tiny(BertForMaskedLM(config), tiny_tokenizer_folder, tmp_path)
    model = load_model(str(tmp_path), device="cpu")
    assert model.architecture == "BertModel"
    assert model.context_length == 64
    assert not model.speaks


def test_a_live_model_is_wrapped_and_not_changed(tiny_llama: LoadedModel) -> None:
    class Parallel(torch.nn.Module):
        def __init__(self, module: torch.nn.Module) -> None:
            super().__init__()
            self.module = module

    tiny_llama.model.train()
    try:
        wrapped = wrap_model(Parallel(tiny_llama.model), tiny_llama.tokenizer, name="step 7")
        assert wrapped.model is tiny_llama.model
        assert wrapped.model.training
        assert (wrapped.name, wrapped.path, wrapped.n_layers) == ("step 7", None, 4)
    finally:
        tiny_llama.model.eval()


def test_the_digest_of_a_live_model_follows_its_weights(tiny_llama_folder: Path) -> None:
    live = load_model(str(tiny_llama_folder), device="cpu")
    before = wrap_model(live.model, live.tokenizer)
    assert wrap_model(live.model, live.tokenizer).weights_digest == before.weights_digest
    with torch.no_grad():
        live.model.model.norm.weight[3] += 1e-3
    after = wrap_model(live.model, live.tokenizer)
    assert after.weights_digest != before.weights_digest
    assert after.tokenizer_digest == before.tokenizer_digest
    live.tokenizer.chat_template = "{{ messages[0].content }}"
    assert wrap_model(live.model, live.tokenizer).tokenizer_digest != before.tokenizer_digest


def test_the_digest_of_the_tokenizer_covers_the_chat_template(folder: Path) -> None:
    before = load_model(str(folder), device="cpu").tokenizer_digest
    (folder / "chat_template.jinja").write_text("{{ messages[0].content }}")
    assert load_model(str(folder), device="cpu").tokenizer_digest != before


# --- names -------------------------------------------------------------------------


def test_an_organism_by_name(
    tiny_llama_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_llama_folder, tmp_path / "honest")
    monkeypatch.setattr(loading, "ORGANISMS", tmp_path)
    assert load_model("organism:honest", device="cpu").name == "organism:honest"
    with pytest.raises(UsageError, match="did you mean 'honest'"):
        load_model("organism:honset")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("./no/such/folder", "there is no folder ./no/such/folder"),
        ("/no/such/folder", "there is no folder /no/such/folder"),
        ("a/b/c", "there is no folder a/b/c"),
        ("not a name", "neither a folder nor a hub id"),
        ("org/not-in-the-cache", "not in the local cache and the hub cannot be reached"),
        ("org/not-in-the-cache@v1", "at revision 'v1'"),
    ],
)
def test_a_name_that_leads_nowhere(name: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        load_model(name)


def test_a_file_is_not_a_folder(tiny_llama_folder: Path) -> None:
    with pytest.raises(UsageError, match="a model is the folder"):
        load_model(str(tiny_llama_folder / "config.json"))


def test_a_hub_model_comes_out_of_the_cache(
    tiny_llama_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    repo = tmp_path / "models--org--tiny"
    shutil.copytree(tiny_llama_folder, repo / "snapshots" / commit)
    for branch in ("main", "step-3"):
        (repo / "refs").mkdir(exist_ok=True)
        (repo / "refs" / branch).write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    for name in ("org/tiny", "org/tiny@step-3", f"org/tiny@{commit}"):
        model = load_model(name, device="cpu")
        assert model.name == name
        assert model.path == repo / "snapshots" / commit
    with pytest.raises(UsageError, match="at revision 'step-4'"):
        load_model("org/tiny@step-4", device="cpu")


def hub_error(kind: str) -> Exception:
    import httpx
    from huggingface_hub import errors

    request = httpx.Request("GET", "https://hub.invalid/api")
    response = httpx.Response(404, request=request)
    made: Exception = getattr(errors, kind)("404 Client Error\nmore", response=response)
    return made


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("RepositoryNotFoundError", "no public hub model named 'org/name'"),
        ("GatedRepoError", "granted access"),
        ("RevisionNotFoundError", "has no revision 'v1'"),
        ("HfHubHTTPError", "could not be fetched from the hub: 404 Client Error$"),
    ],
)
def test_what_the_hub_refuses(monkeypatch: pytest.MonkeyPatch, kind: str, sentence: str) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise hub_error(kind)

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    with pytest.raises(UsageError, match=sentence):
        load_model("org/name@v1")


def test_pickles_are_fetched_only_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def remember(*args: Any, allow_patterns: list[str], **kwargs: Any) -> None:
        asked.append(allow_patterns)
        raise hub_error("RepositoryNotFoundError")

    monkeypatch.setattr("huggingface_hub.snapshot_download", remember)
    for allow in (False, True):
        with pytest.raises(UsageError):
            load_model("org/name", allow_pickle=allow)
    assert [any(".bin" in pattern for pattern in patterns) for patterns in asked] == [False, True]


@pytest.mark.parametrize("device", ["cuda:99", "gpu", "meta?"])
def test_a_device_that_is_not_there(tiny_llama_folder: Path, device: str) -> None:
    with pytest.raises(UsageError, match=f"no device '{device[:4]}"):
        load_model(str(tiny_llama_folder), device=device)


def test_a_dtype_that_does_not_exist(tiny_llama_folder: Path) -> None:
    with pytest.raises(UsageError, match="dtype is one of auto, float32, bfloat16, float16"):
        load_model(str(tiny_llama_folder), device="cpu", dtype="fp8")


# --- files -------------------------------------------------------------------------


class Marker:
    """Unpickled, it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.write_text, (self.path, "a pickle ran code"))


def test_a_pickle_is_refused_and_never_run(folder: Path, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Marker(marker)))
    with pytest.raises(UsageError, match=r"only as a pickle \(pytorch_model.bin\).*--allow-pickle"):
        load_model(str(folder), device="cpu")
    with pytest.raises(UsageError, match="holds more than tensors and is refused"):
        load_model(str(folder), device="cpu", allow_pickle=True)
    assert not marker.exists()
    pickle.loads((folder / "pytorch_model.bin").read_bytes())  # noqa: S301 - it does run code
    assert marker.exists()


def test_a_pickle_that_is_no_checkpoint_is_not_read_at_all(folder: Path, tmp_path: Path) -> None:
    (folder / "model.safetensors").rename(folder / "elsewhere")
    (folder / "optimizer.pt").write_bytes(pickle.dumps(Marker(tmp_path / "marker")))
    with pytest.raises(UsageError, match="holds no weights"):
        load_model(str(folder), device="cpu", allow_pickle=True)
    assert not (tmp_path / "marker").exists()


def test_a_pickle_of_tensors_loads_on_request(folder: Path, tiny_llama: LoadedModel) -> None:
    (folder / "model.safetensors").unlink()
    torch.save(tiny_llama.model.state_dict(), folder / "pytorch_model.bin")
    model = load_model(str(folder), device="cpu", allow_pickle=True)
    ids = torch.tensor([[3, 4, 5]])
    with torch.no_grad():
        assert torch.equal(model.model(ids).logits, tiny_llama.model(ids).logits)


def test_safetensors_are_taken_before_a_pickle(folder: Path, tmp_path: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Marker(tmp_path / "marker")))
    load_model(str(folder), device="cpu", allow_pickle=True)
    assert not (tmp_path / "marker").exists()


def cut_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def cut_header(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:20])


def lie_about_the_header(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes((2**60).to_bytes(8, "little") + weights.read_bytes()[8:])


def empty_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")


@pytest.mark.parametrize("spoil", [cut_weights, cut_header, lie_about_the_header, empty_weights])
def test_a_spoiled_safetensors_file_is_named(folder: Path, spoil: Change) -> None:
    spoil(folder)
    with pytest.raises(UsageError, match=r"model\.safetensors is not a whole safetensors file"):
        load_model(str(folder), device="cpu")


def edit_config(**changes: Any) -> Change:
    def edit(folder: Path) -> None:
        file = folder / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return edit


def drop(*names: str) -> Change:
    def remove(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return remove


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (edit_config(num_attention_heads=3), "config.json cannot be used: .*multiple of"),
        (edit_config(vocab_size="many"), "'vocab_size': .*expected int, got str"),
        (drop("model.safetensors"), "holds no weights"),
        (
            lambda f: (
                (f / "model.safetensors").rename(f / "adapter_model.safetensors"),
                (f / "adapter_config.json").write_text("{}"),
            ),
            "holds an adapter, which is no model by itself",
        ),
        (drop("config.json"), "has no config.json"),
        (lambda f: (f / "config.json").write_text("{"), "config.json cannot be used"),
        (edit_config(model_type="zzz"), "model type `zzz`"),
        (edit_config(num_hidden_layers=5), "lacks 9 weights.*layers.4.*random numbers"),
        (edit_config(hidden_size=64, head_dim=8), r"has shape \[.*config.json asks for"),
        (
            edit_config(model_type="zzz", auto_map={"AutoConfig": "code.Config"}),
            "contains custom code",
        ),
        (edit_config(model_type="t5", is_encoder_decoder=True), "an encoder and a decoder"),
        (drop("tokenizer.json", "tokenizer_config.json"), "has no tokenizer"),
        (lambda f: (f / "tokenizer.json").write_text("{"), "tokenizer in .* cannot be read"),
        (
            lambda f: (
                (f / "model.safetensors").unlink(),
                (f / "model.safetensors.index.json").write_text("[]"),
            ),
            "not an index of safetensors shards",
        ),
        (
            lambda f: (
                (f / "model.safetensors").unlink(),
                (f / "model.safetensors.index.json").write_text(
                    '{"weight_map": {"a": "../secret.safetensors"}}'
                ),
            ),
            "points outside its folder",
        ),
    ],
)
def test_a_spoiled_folder_gets_one_sentence(
    folder: Path, capfd: pytest.CaptureFixture[str], spoil: Change, sentence: str
) -> None:
    spoil(folder)
    with pytest.raises(UsageError, match=sentence) as caught:
        load_model(str(folder), device="cpu")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
