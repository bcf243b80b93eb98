"""A probe comes back from disk as it was, or not at all."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from probes import LinearProbe, ProbeError, SavedProbe, load_probe, save_probe


@pytest.fixture
def saved() -> SavedProbe:
    rng = np.random.default_rng(0)
    probe = LinearProbe(
        rng.standard_normal(8),
        0.1 + 0.2,
        rng.standard_normal(8),
        rng.uniform(0.5, 2, 8),
        "logistic",
        10 / 3,
    )
    return SavedProbe(
        probe,
        hook_name="blocks.3.hook_resid_post",
        layer=3,
        tokens="last 4",
        pooling="mean",
        window=16,
        threshold=1.25,
        lower=None,
        stated_fpr=0.01,
        model_name="a/model",
        model_digest="sha256:aa",
        controls_digest="sha256:bb",
        concept="says what it takes to be false – knowingly",
        suite="truthfulness",
    )


def paths(stem: Path) -> tuple[Path, Path]:
    return Path(f"{stem}.json"), Path(f"{stem}.safetensors")


@pytest.mark.parametrize("name", ["probe", "truth.blocks.3.hook_resid_post"])
def test_it_comes_back_as_it_was(tmp_path: Path, saved: SavedProbe, name: str):
    stem = tmp_path / name
    written = save_probe(stem, saved)
    assert written == paths(stem)[0]
    assert sorted(tmp_path.iterdir()) == sorted(paths(stem))
    for path in (stem, str(stem), *paths(stem)):
        back = load_probe(path, d_model=8, model_digest="sha256:aa")
        for field in dataclasses.fields(SavedProbe):
            if field.name != "probe":
                assert getattr(back, field.name) == getattr(saved, field.name), field.name
        assert (back.probe.kind, back.probe.penalty) == ("logistic", 10 / 3)
        x = np.random.default_rng(1).standard_normal((5, 8))
        np.testing.assert_array_equal(
            back.probe.decision_function(x), saved.probe.decision_function(x)
        )


def test_the_same_probe_gives_the_same_bytes(tmp_path: Path, saved: SavedProbe):
    save_probe(tmp_path / "a", saved)
    save_probe(tmp_path / "b", saved)
    for one, other in zip(paths(tmp_path / "a"), paths(tmp_path / "b"), strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_another_width_is_refused_with_both(tmp_path: Path, saved: SavedProbe):
    save_probe(tmp_path / "p", saved)
    with pytest.raises(ProbeError, match=r"p\.json: expected d_model 9, found 8"):
        load_probe(tmp_path / "p", d_model=9)


def test_another_model_is_refused_with_both(tmp_path: Path, saved: SavedProbe):
    save_probe(tmp_path / "p", saved)
    with pytest.raises(ProbeError, match=r"expected .*sha256:zz.*found .*sha256:aa \(a/model\)"):
        load_probe(tmp_path / "p", model_digest="sha256:zz")


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("keep", [0, 1, 40, -1])
def test_truncated_at_any_place_is_refused(tmp_path: Path, saved: SavedProbe, which: int, keep):
    save_probe(tmp_path / "p", saved)
    file = paths(tmp_path / "p")[which]
    content = file.read_bytes()
    file.write_bytes(content[: keep if keep >= 0 else len(content) - 10])
    with pytest.raises(ProbeError, match=rf"{file.name}: expected .*found"):
        load_probe(tmp_path / "p")


def test_one_flipped_bit_is_refused(tmp_path: Path, saved: SavedProbe):
    save_probe(tmp_path / "p", saved)
    tensors = paths(tmp_path / "p")[1]
    content = bytearray(tensors.read_bytes())
    content[-3] ^= 1
    tensors.write_bytes(content)
    with pytest.raises(ProbeError, match=r"expected sha256 .* found"):
        load_probe(tmp_path / "p")


def test_the_tensors_of_another_probe_are_refused(tmp_path: Path, saved: SavedProbe):
    save_probe(tmp_path / "p", saved)
    other = dataclasses.replace(saved.probe, coef_=saved.probe.coef_ * 2)
    save_probe(tmp_path / "q", dataclasses.replace(saved, probe=other))
    paths(tmp_path / "q")[1].replace(paths(tmp_path / "p")[1])
    with pytest.raises(ProbeError, match="of another probe"):
        load_probe(tmp_path / "p")


@pytest.mark.parametrize("which", [0, 1])
def test_a_missing_file_is_named(tmp_path: Path, saved: SavedProbe, which: int):
    save_probe(tmp_path / "p", saved)
    paths(tmp_path / "p")[which].unlink()
    with pytest.raises(ProbeError, match=rf"p\.{('json', 'safetensors')[which]}.*no such file"):
        load_probe(tmp_path / "p")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 3}, "expected schema_version 2, found 3"),
        ({"threshold": "1.25"}, "expected threshold to be float or int, found '1.25'"),
        ({"layer": True}, "expected layer to be int or null, found True"),
        ({"surprise": 1}, r"\['surprise'\]"),
        ({"d_model": 9}, r"expected tensors .*\(9,\).*found .*\(8,\)"),
    ],
)
def test_a_json_that_was_changed_is_refused(tmp_path: Path, saved: SavedProbe, change, message):
    file = save_probe(tmp_path / "p", saved)
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | change))
    with pytest.raises(ProbeError, match=message):
        load_probe(tmp_path / "p")


@pytest.mark.parametrize("content", ["[]", "null", '{"schema_version": NaN}', b"\xff\xfe{}"])
def test_what_is_no_saved_probe_is_refused(tmp_path: Path, saved: SavedProbe, content):
    file = save_probe(tmp_path / "p", saved)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ProbeError, match=r"p\.json: expected"):
        load_probe(tmp_path / "p")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_json_cannot_hold_are_never_written(tmp_path: Path, saved: SavedProbe, value):
    with pytest.raises(ProbeError, match="threshold"):
        save_probe(tmp_path / "p", dataclasses.replace(saved, threshold=value))
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_probe(
    tmp_path: Path, saved: SavedProbe, monkeypatch: pytest.MonkeyPatch
):
    save_probe(tmp_path / "p", saved)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save_probe(tmp_path / "p", dataclasses.replace(saved, threshold=9.0))
    monkeypatch.undo()
    assert load_probe(tmp_path / "p").threshold == 1.25
    assert sorted(tmp_path.iterdir()) == sorted(paths(tmp_path / "p"))


def test_a_folder_that_is_not_there_is_an_os_error(tmp_path: Path, saved: SavedProbe):
    with pytest.raises(FileNotFoundError):
        save_probe(tmp_path / "nowhere" / "p", saved)
