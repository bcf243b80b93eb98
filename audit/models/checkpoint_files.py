"""The files of a checkpoint folder: which hold weights, whether they are whole, their digests.

Knows folders, safetensors headers and sha256. Knows neither the hub nor transformers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from audit.errors import UsageError

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLED = "pytorch_model*.bin"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
TOKENIZER_FILES = (
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    "merges.txt",
    "special_tokens_map.json",
    "spiece.model",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
)


def weight_files(folder: Path, *, allow_pickle: bool) -> list[Path]:
    """The files that hold the weights of the checkpoint in `folder`, sorted by name.

    Raises:
        UsageError: there are none, a shard is missing, or there are only pickles and
            `allow_pickle` is off.
    """
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / INDEX).is_file():
        return _shards(folder)
    readable = sorted(folder.glob(PICKLED))
    if readable and allow_pickle:
        return readable
    pickles = readable or sorted(file for end in PICKLES for file in folder.glob(end))
    if (folder / "adapter_config.json").is_file():
        raise UsageError(
            f"{folder} holds an adapter, which is no model by itself; "
            "merge it into its base model and save that"
        )
    if pickles and not allow_pickle:
        raise UsageError(
            f"{folder} holds its weights only as a pickle ({pickles[0].name}), and reading a "
            "pickle can run code that somebody hid in it; convert it to safetensors, or pass "
            "--allow-pickle if you trust whoever made it"
        )
    also = f", nor {PICKLED}" if allow_pickle else ""
    raise UsageError(f"{folder} holds no weights: neither {WEIGHTS} nor {INDEX} is there{also}")


def _shards(folder: Path) -> list[Path]:
    index = folder / INDEX
    try:
        weight_map: dict[str, str] = json.loads(index.read_text("utf-8"))["weight_map"]
        names = sorted(set(weight_map.values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{index} is not an index of safetensors shards ({error!r})") from None
    for name in names:
        if Path(name).name != name:
            raise UsageError(f"{index} points outside its folder, to {name!r}")
        if not (folder / name).is_file():
            raise UsageError(f"{index} names the shard {name}, which is not in the folder")
    return [folder / name for name in names]


def check_safetensors(files: Iterable[Path]) -> None:
    """Open each file and compare its header with its length, without reading the weights.

    Raises:
        UsageError: a file is truncated or is not safetensors; the message names it.
    """
    from safetensors import SafetensorError, safe_open

    for file in files:
        try:
            with safe_open(file, framework="numpy"):
                pass
        except (SafetensorError, OSError) as error:
            raise UsageError(
                f"{file} is not a whole safetensors file ({error}); "
                "it may be cut short: copy or download it again"
            ) from None


def files_digest(files: Iterable[Path]) -> str:
    """sha256 over the content of the files in the order of their names.

    For a single file it is what `sha256sum` prints.
    """
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.name):
        with file.open("rb") as stream:
            while block := stream.read(1 << 22):
                digest.update(block)
    return digest.hexdigest()


def tokenizer_digest(folder: Path) -> str:
    """sha256 over name and content of every tokenizer file, the chat template included."""
    digest = hashlib.sha256()
    for name in TOKENIZER_FILES:
        file = folder / name
        if file.is_file():
            content = file.read_bytes()
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()
