"""Hub ids: `org/name@revision` to a folder on this machine, with or without a network.

Only the files that a text model needs are fetched, and pickles only on request. Everything
after the fetch works on the folder, so a hub model and a local one take the same way.
"""

from __future__ import annotations

from pathlib import Path

from audit.errors import UsageError

SAFE = ["model*.safetensors", "model.safetensors.index.json"]
TEXT = ["*.json", "*.txt", "*.model", "*.jinja", "*.tiktoken"]
PICKLED = ["pytorch_model*.bin", "pytorch_model.bin.index.json"]
NOT = ["*/*", "model.*.safetensors", "*.safetensors.index.*.json"]


def split_revision(name: str) -> tuple[str, str | None]:
    """`org/name@revision` as (`org/name`, `revision`)."""
    repo, _, revision = name.partition("@")
    return repo, revision or None


def fetch(name: str, *, allow_pickle: bool) -> Path:
    """The folder of a hub model, downloaded where it is not in the cache yet.

    Raises:
        UsageError: no such name or revision, no access, or no network and not in the cache.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    repo, revision = split_revision(name)
    wanted = f"the model {repo!r}" + (f" at revision {revision!r}" if revision else "")
    patterns = SAFE + TEXT + (PICKLED if allow_pickle else [])
    try:
        return Path(
            snapshot_download(repo, revision=revision, allow_patterns=patterns, ignore_patterns=NOT)
        )
    except HFValidationError:
        raise UsageError(
            f"{name!r} is neither a folder nor a hub id such as org/name@revision, "
            "nor organism:NAME"
        ) from None
    except GatedRepoError:
        raise UsageError(
            f"the hub gives {repo!r} only to people who were granted access; "
            "ask for it on the model's page and set HF_TOKEN"
        ) from None
    except RepositoryNotFoundError:
        raise UsageError(
            f"there is no folder and no public hub model named {repo!r}; "
            "check the spelling, or set HF_TOKEN if it is private"
        ) from None
    except RevisionNotFoundError:
        raise UsageError(f"the hub model {repo!r} has no revision {revision!r}") from None
    except (LocalEntryNotFoundError, OfflineModeIsEnabled):
        raise UsageError(
            f"{wanted} is not in the local cache and the hub cannot be reached; "
            "give a folder, or download it where there is a network (unset HF_HUB_OFFLINE)"
        ) from None
    except (HfHubHTTPError, OSError) as error:
        raise UsageError(
            f"{wanted} could not be fetched from the hub: {_first_line(error)}"
        ) from None


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
