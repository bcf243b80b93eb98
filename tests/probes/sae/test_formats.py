"""The contract that every SAE format keeps: read as it is, or refused in one sentence."""

import pickle
import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probes import ProbeError, SAEError, load_sae
from probes.sae import SAE_FORMATS, ReLU, SAEFormat, sae_format_names
from probes.sae.files import Source
from tests.probes.sae.samples import WEIGHTS, matrices, rewrite, sample, weights_of

every_format = pytest.mark.parametrize("name", SAE_FORMATS)


def load(folder: Path, **options: object):
    return load_sae(folder, allow_pickle=True, **options)  # type: ignore[arg-type]


def refused(folder: Path, *said: str, **options: object) -> str:
    """One sentence that says all of this."""
    with pytest.raises(SAEError) as caught:
        load(folder, **options)
    text = str(caught.value)
    assert "\n" not in text
    for part in said:
        assert part in text, text
    return text


@every_format
def test_its_own_recogniser_alone_knows_it(tmp_path: Path, name: str):
    folder = sample(name, tmp_path)
    source = Source(str(folder), folder)
    assert [key for key, one in SAE_FORMATS.items() if one.recognise(source)] == [name]


@every_format
def test_the_weight_file_itself_may_be_named(tmp_path: Path, name: str):
    folder = sample(name, tmp_path)
    whole, one = load(folder), load(weights_of(folder))
    assert torch.equal(whole.W_enc, one.W_enc)
    assert whole.origin.digest == one.origin.digest
    assert one.origin.format == name


@every_format
def test_all_is_float32_and_on_the_device_that_was_asked_for(tmp_path: Path, name: str):
    sae = load(sample(name, tmp_path), device="meta")
    assert sae.W_enc.dtype == sae.W_dec.dtype == torch.float32
    assert sae.W_enc.device.type == sae.b_dec.device.type == "meta"


@every_format
def test_the_format_may_be_said(tmp_path: Path, name: str):
    assert load(sample(name, tmp_path), format=name).origin.format == name


@every_format
@pytest.mark.parametrize("other", SAE_FORMATS)
def test_the_wrong_format_is_refused(tmp_path: Path, name: str, other: str):
    folder = sample(name, tmp_path)
    if name == other:
        return
    with pytest.raises(SAEError):
        load(folder, format=other)


@every_format
def test_a_pickle_is_read_on_request_alone(tmp_path: Path, name: str):
    folder = sample(name, tmp_path)
    if weights_of(folder).suffix in (".pt", ".pth"):
        with pytest.raises(SAEError, match=r"expected safetensors .* found a pickle.*--allow-p"):
            load_sae(folder)
    else:
        assert load_sae(folder).origin.format == name


@every_format
def test_a_pickle_that_would_run_code_is_never_run(tmp_path: Path, name: str):
    folder = sample(name, tmp_path)
    file = weights_of(folder)
    if file.suffix not in (".pt", ".pth"):
        return

    class Evil:
        def __reduce__(self):
            return (Path(tmp_path / "ran").touch, ())

    good = torch.load(file, weights_only=True)
    torch.save(good | {"evil": Evil()}, file)
    refused(folder, file.name, "nothing of it was run", format=name)
    file.write_bytes(pickle.dumps(good | {"evil": Evil()}, protocol=2))
    refused(folder, file.name, format=name)
    assert not (tmp_path / "ran").exists()


@every_format
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_file_cut_short_is_never_read(tmp_path_factory, name: str, data):
    folder = sample(name, tmp_path_factory.mktemp("cut"))
    file = weights_of(folder)
    content = file.read_bytes()
    file.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    refused(folder, format=name)
    refused(folder)


@every_format
def test_half_precision_is_read_on_request_alone(tmp_path: Path, name: str):
    folder = sample(name, tmp_path)
    file = weights_of(folder)

    def halved(found):
        return {n: t.half() if n in matrices(found) else t for n, t in found.items()}

    rewrite(file, halved)
    refused(folder, file.name, "float32, found float16", "--allow-half")
    read = load(folder, allow_half=True)
    assert read.W_enc.dtype == torch.float32
    assert any("thresholds are rounded" in note for note in read.origin.notes)


@every_format
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused(tmp_path: Path, name: str, bad: float):
    folder = sample(name, tmp_path)
    file = weights_of(folder)

    def spoilt(found):
        found[matrices(found)[-1]][0, 0] = bad
        return found

    rewrite(file, spoilt)
    refused(folder, file.name, "expected finite numbers", "found 1 of 96")


@every_format
def test_a_missing_tensor_is_named(tmp_path: Path, name: str):
    folder = sample(name, tmp_path)
    file = weights_of(folder)
    gone: list[str] = []

    def without(found):
        gone.append(matrices(found)[-1])
        return {n: t for n, t in found.items() if n not in gone}

    rewrite(file, without)
    text = refused(folder, format=name)
    assert f"no {gone[0]}".lower() in text.lower()


@every_format
def test_a_surplus_tensor_is_named(tmp_path: Path, name: str):
    folder = sample(name, tmp_path)
    file = weights_of(folder)
    rewrite(file, lambda found: found | {"surplus_one": torch.ones(3)})
    refused(folder, file.name, "a surplus surplus_one")


@every_format
def test_a_tensor_of_another_shape_is_refused_with_both(tmp_path: Path, name: str):
    folder = sample(name, tmp_path)
    file = weights_of(folder)

    def turned(found):
        last = matrices(found)[-1]
        return found | {last: found[last].T.contiguous()}

    rewrite(file, turned)
    text = refused(folder, file.name, "expected ", "found [")
    assert "16" in text
    assert "6" in text


def test_nothing_recognised_says_what_there_is(tmp_path: Path):
    (tmp_path / "model.bin").write_bytes(b"x")
    (tmp_path / "readme.txt").write_text("hello")
    refused(tmp_path, "model.bin, readme.txt", "--sae-format", "saelens, dictionary_learning")
    (tmp_path / "model.bin").unlink()
    refused(tmp_path, "no weight file")


def test_a_folder_of_two_formats_names_both(tmp_path: Path):
    folder = sample("saelens", tmp_path)
    weights_of(sample("sparsify", tmp_path)).replace(folder / "sae.safetensors")
    refused(folder, "found those of 2", "saelens (cfg.json", "sparsify (cfg.json", "--sae-format")
    assert load(folder, format="saelens").origin.format == "saelens"


def test_the_name_of_a_folder_decides_nothing(tmp_path: Path):
    folder = sample("sparsify", tmp_path)
    renamed = folder.rename(tmp_path / "gemma-scope-2b-pt-res")
    assert load(renamed).origin.format == "sparsify"


def test_a_folder_of_many_layers_asks_for_one(tmp_path: Path):
    folder = sample("circuit_tracer", tmp_path)
    (folder / "layer_2.safetensors").write_bytes((folder / "layer_1.safetensors").read_bytes())
    refused(folder, "found 2 (layer_1.safetensors, layer_2.safetensors)", "name the file itself")
    assert load(folder / "layer_2.safetensors").origin.hook_name == "blocks.2.mlp.hook_in"


def test_a_format_that_nobody_knows_names_the_nearest(tmp_path: Path):
    with pytest.raises(ProbeError, match=r"no SAE format is called 'sae_lens'; did you mean 'sael"):
        load(tmp_path, format="sae_lens")


def test_another_package_adds_a_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def made(source: Source):
        from probes import SAE

        eye = torch.eye(3)
        return SAE(eye, torch.zeros(3), eye, torch.zeros(3), ReLU())

    theirs = SAEFormat(lambda s: "mine.txt" if s.beside("mine.txt") else None, made)
    entry = EntryPoint("mine", "unused:THEIRS", "alignment_audit.sae_formats")
    monkeypatch.setattr(EntryPoint, "load", lambda self: theirs)

    def entry_points(**wanted: str) -> EntryPoints:
        return EntryPoints([entry]).select(**wanted)

    monkeypatch.setattr("importlib.metadata.entry_points", entry_points)
    (tmp_path / "mine.txt").write_text("")
    assert sae_format_names()[-1] == "mine"
    assert load(tmp_path).d_sae == 3
    assert load(tmp_path, format="mine").d_sae == 3


def test_the_digest_is_of_the_content(tmp_path: Path):
    one, other = sample("saelens", tmp_path / "a"), sample("saelens", tmp_path / "b")
    assert load(one).origin.digest == load(other).origin.digest
    rewrite(weights_of(other), lambda found: {n: t * 2 for n, t in found.items()})
    assert load(one).origin.digest != load(other).origin.digest


def test_endings_of_the_samples_cover_every_container(tmp_path: Path):
    found = {weights_of(sample(name, tmp_path / name)).suffix for name in SAE_FORMATS}
    assert found == set(WEIGHTS)


def test_importing_costs_no_torch():
    code = (
        "import probes, probes.sae, sys; print({'torch', 'yaml', 'safetensors'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
