"""What a checkpoint's row was made of, told from its files before any weight is loaded."""

from __future__ import annotations

import hashlib
from pathlib import Path

from audit.engine.assembly import Options
from audit.errors import MeasurementError
from audit.models.cache.digests import remembered_digest
from audit.models.cache.folder import silent_folder
from audit.models.checkpoint_files import PICKLED, TOKENIZER_FILES, files_digest
from audit.models.hub import fetch
from audit.models.loading import ORGANISMS
from audit.series.adapters import ADAPTER_CONFIG, ADAPTER_PICKLE
from audit.series.checkpoints import Checkpoint

_OF_A_MODEL = (
    "config.json",
    "generation_config.json",
    ADAPTER_CONFIG,
    ADAPTER_PICKLE,
    *TOKENIZER_FILES,
)


def fingerprint(checkpoint: Checkpoint, key: str, options: Options) -> str:
    """SHA-256 over the checkpoint's own files, those of its base, and the key of its series.

    Raises:
        UsageError: a name on the hub that cannot be had.
        MeasurementError: a file or the folder went away.
    """
    digest = hashlib.sha256(key.encode())
    own = checkpoint.folder or _folder(checkpoint.source, options)
    folders = [own] if checkpoint.base is None else [own, _folder(checkpoint.base, options)]
    for folder in folders:
        try:
            digest.update(f"\0{_files(folder, remember=options.cache)}".encode())
        except OSError as error:
            raise MeasurementError(
                f"{error.filename or folder} cannot be read ({error.strerror or error}); it may "
                f"have been deleted meanwhile"
            ) from error
    return digest.hexdigest()


def _folder(source: str, options: Options) -> Path:
    if source.startswith("organism:"):
        return ORGANISMS / source.removeprefix("organism:")
    folder = Path(source).expanduser()
    return folder if folder.is_dir() else fetch(source, allow_pickle=options.allow_pickle)


def _files(folder: Path, *, remember: bool) -> str:
    found = {path for name in _OF_A_MODEL if (path := folder / name).is_file()}
    found |= set(folder.glob("*.safetensors")) | set(folder.glob(PICKLED))
    names = "\0".join(sorted(path.name for path in found))
    taken = remembered_digest(sorted(found), silent_folder()) if remember else files_digest(found)
    return f"{names}\0{taken}"
