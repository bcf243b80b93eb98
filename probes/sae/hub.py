"""Hub ids: `owner/name/folder@revision` to a folder or file on this machine.

Only the named part of a repository is fetched, and the small files above it: one repository
may hold hundreds of gigabytes of other layers. Knows no format.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from probes.sae.sae import SAEError

_ID = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(?:/(?P<part>[^@]+?))?/?(?:@(?P<revision>[\w./-]+))?")
_SMALL = ("*.json", "*.yaml", "*.yml")


def local_path(path_or_id: str) -> Path:
    """The folder or file that is meant: a local one if it exists, else one from the hub.

    Raises:
        SAEError: there is neither, or the hub cannot be reached.
    """
    path = Path(path_or_id).expanduser()
    if path.exists():
        return path
    found = _ID.fullmatch(path_or_id)
    parts = PurePosixPath(found["part"] or ".").parts if found else ()
    if found is None or path_or_id[0] in "./~" or ".." in parts:
        raise SAEError(
            f"{path_or_id}: expected a folder, a file, or a hub id such as "
            "owner/name/folder@revision; found no such path"
        )
    return _fetched(path_or_id, found["repo"], found["part"], found["revision"])


def _patterns(part: str | None) -> tuple[list[str], list[str] | None]:
    """What to fetch and what to leave: the part with all below it, configurations above it."""
    if part is None:
        return ["*"], ["*/*"]
    above = [str(parent) for parent in PurePosixPath(part).parents]
    small = [p if folder == "." else f"{folder}/{p}" for folder in above for p in _SMALL]
    # fnmatch lets `*` cross slashes, so the names above are spelled out, not globbed.
    exact = [s.replace("*", name) for s in small for name in ("cfg", "config", "hyperparams")]
    return [part, f"{part}/*", *exact], None


def _fetched(given: str, repo: str, part: str | None, revision: str | None) -> Path:
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

    allow, ignore = _patterns(part)
    try:
        root = snapshot_download(
            repo, revision=revision, allow_patterns=allow, ignore_patterns=ignore
        )
    except HFValidationError:
        raise SAEError(f"{given}: neither a local path nor a valid hub id") from None
    except GatedRepoError:
        raise SAEError(
            f"{given}: the hub gives {repo} only to people who were granted access; ask for it on "
            "its page and set HF_TOKEN"
        ) from None
    except RepositoryNotFoundError:
        raise SAEError(
            f"{given}: there is no such local path and no public hub repository {repo}; check the "
            "spelling, or set HF_TOKEN if it is private"
        ) from None
    except RevisionNotFoundError:
        raise SAEError(f"{given}: {repo} has no revision {revision!r} on the hub") from None
    except (LocalEntryNotFoundError, OfflineModeIsEnabled):
        raise SAEError(
            f"{given}: there is no such local path, {repo} is not in the local cache, and the hub "
            "cannot be reached; give a folder, or download it where there is a network (unset "
            "HF_HUB_OFFLINE)"
        ) from None
    except (HfHubHTTPError, OSError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SAEError(f"{given}: could not be fetched from the hub: {first}") from None
    path = Path(root) / (part or ".")
    if not path.exists():
        raise SAEError(
            f"{given}: {repo} holds no {part} in the revision at hand; check the spelling, or "
            "download it where there is a network"
        )
    return path
