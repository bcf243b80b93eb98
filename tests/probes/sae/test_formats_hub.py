"""Hub ids: from the cache without a network, or one sentence; a local path always first."""

import shutil
from pathlib import Path

import pytest

from probes import SAEError, load_sae
from probes.sae.hub import _patterns
from tests.probes.sae.samples import CASES, GOLDEN

COMMIT = "a" * 40


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache as the hub's client lays it out, and no network."""
    from huggingface_hub import constants

    root = tmp_path / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(root))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return root


def put(cache: Path, repo: str, case: str, part: str = ".") -> None:
    base = cache / f"models--{repo.replace('/', '--')}"
    (base / "refs").mkdir(parents=True, exist_ok=True)
    (base / "refs" / "main").write_text(COMMIT)
    shutil.copytree(GOLDEN / case, base / "snapshots" / COMMIT / part, dirs_exist_ok=True)


def test_a_folder_of_a_repository(cache: Path):
    part = "layer_1/width_16k/average_l0_7"
    put(cache, "google/gemma-scope-2b-pt-res", CASES["gemma_scope"], part)
    sae = load_sae(f"google/gemma-scope-2b-pt-res/{part}")
    assert sae.origin.path == f"google/gemma-scope-2b-pt-res/{part}"
    assert sae.origin.hook_name == "blocks.1.hook_resid_post"
    assert sae.origin.model_name == "google/gemma-2-2b"
    assert sae.origin.promised_l0 == 7


def test_a_repository_that_is_one_sae_and_a_revision(cache: Path):
    put(cache, "someone/an-sae", CASES["saelens"])
    assert load_sae("someone/an-sae").d_sae == 16
    assert load_sae(f"someone/an-sae@{COMMIT}").d_sae == 16


def test_a_file_of_a_repository(cache: Path):
    put(cache, "Qwen/SAE-Res-Qwen3-1.7B-Base-W32K-L0_5", CASES["qwen_scope"])
    sae = load_sae("Qwen/SAE-Res-Qwen3-1.7B-Base-W32K-L0_5/layer1.sae.pt", allow_pickle=True)
    assert sae.origin.promised_l0 == 5


def test_what_is_not_in_the_cache_says_so(cache: Path):
    with pytest.raises(SAEError, match=r"nobody/nothing is not in the local cache.*HF_HUB_OFF"):
        load_sae("nobody/nothing/layer_1")


def test_a_part_that_the_repository_does_not_hold(cache: Path):
    put(cache, "someone/an-sae", CASES["saelens"])
    with pytest.raises(SAEError, match=r"someone/an-sae holds no layer_9"):
        load_sae("someone/an-sae/layer_9")


@pytest.mark.parametrize("path", ["./nowhere", "nowhere", "/nowhere/at/all", "a/b/../c", "a b/c"])
def test_what_is_neither_path_nor_id(path: str):
    with pytest.raises(SAEError, match=r"expected a folder, a file, or a hub id"):
        load_sae(path)


def test_a_local_path_goes_first(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shutil.copytree(GOLDEN / CASES["saelens"], tmp_path / "someone" / "an-sae")
    monkeypatch.chdir(tmp_path)
    assert load_sae("someone/an-sae").origin.format == "saelens"


def test_only_the_named_part_is_fetched():
    """One repository may hold hundreds of gigabytes of other layers."""
    from fnmatch import fnmatch

    allow, ignore = _patterns("layer_1/l0_7")
    assert ignore is None

    def fetched(name: str) -> bool:
        return any(fnmatch(name, pattern) for pattern in allow)

    assert fetched("layer_1/l0_7/params.npz")
    assert fetched("layer_1/l0_7/checkpoints/final.safetensors")
    assert fetched("config.json")
    assert fetched("layer_1/config.yaml")
    assert not fetched("layer_1/l0_70/params.npz")
    assert not fetched("layer_2/l0_7/params.npz")
    assert _patterns(None) == (["*"], ["*/*"])
