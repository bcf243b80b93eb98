"""What a model's configuration says, by whichever way the model came into this process.

Read off the model itself, so that it is the same for a folder, an adapter on its base, a model
on a cluster and one in memory. Which digits its weights have is told elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from audit.models.loaded import LoadedModel

# What a config says of the files that it came from. Their number type may have been changed on
# the way into memory, and the model's own is no part of this.
_OF_THE_FILES = (
    "_name_or_path", "transformers_version", "_from_model_config", "dtype", "torch_dtype",
)  # fmt: skip


def configuration_digest(model: LoadedModel) -> str:
    """sha256 over the model's config and how it writes; its weights are not read for it."""
    writes = model.generation
    said = [
        _plain(model.structure.config.to_dict()),
        {} if writes is None else _plain(writes.to_dict()),
    ]
    text = json.dumps(said, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(config: Any) -> Any:
    if not isinstance(config, Mapping):
        return config
    return {str(key): _plain(value) for key, value in config.items() if key not in _OF_THE_FILES}
