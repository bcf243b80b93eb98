"""A model on a cluster is the same model: what is asked of it does not say where it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from audit.cluster.far import open_named
from audit.engine.request import of_model
from audit.models.loading import load_model


def test_it_is_asked_as_the_same_model_here_and_a_changed_one_is_another(
    two_nodes: Any, tiny_llama_folder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_llama_folder, tmp_path / "model"))
    here, far = [], []
    for eps in (1e-6, 0.1):
        config = json.loads((folder / "config.json").read_text("utf-8"))
        (folder / "config.json").write_text(json.dumps({**config, "rms_norm_eps": eps}), "utf-8")
        writes = {"eos_token_id": 3, "do_sample": True, "temperature": 0.5}
        (folder / "generation_config.json").write_text(json.dumps(writes), "utf-8")
        here.append(of_model("model", load_model(str(folder), device="cpu")))
        model = open_named(str(folder), "local", device="cpu", cache=False)
        far.append(of_model("model", model))
        assert not model.in_memory
    assert here == far
    assert here[0] != here[1]
