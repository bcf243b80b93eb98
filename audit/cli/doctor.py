"""`audit doctor`: is this machine fit to audit, and what would an audit use here."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path

import click

from audit.exit_codes import ExitCode

Finding = tuple[bool, str]


def _python() -> Finding:
    return True, f"{platform.python_version()} on {platform.platform(terse=True)}"


def _packages() -> Finding:
    names = ("alignment-audit", "torch", "transformers", "transformer-lens", "scikit-learn")
    missing = [name for name in names if _version(name) is None]
    if missing:
        return False, f"not installed: {', '.join(missing)}"
    return True, ", ".join(f"{name} {_version(name)}" for name in names)


def _version(name: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _device() -> Finding:
    import torch

    if torch.cuda.is_available():
        return True, f"cuda: {torch.cuda.get_device_name()}"
    if torch.backends.mps.is_available():
        return True, "mps"
    return True, f"cpu, {torch.get_num_threads()} threads (no GPU found)"


def _yaml() -> Finding:
    import yaml

    if yaml.__with_libyaml__:
        return True, "libyaml"
    return True, "pure Python: large suites load slowly; install PyYAML with libyaml"


def _hub() -> Finding:
    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
    home = os.environ.get("HF_HOME", "its default folder")
    return True, f"{'offline' if offline else 'online'}, cache in {home}"


def _organisms() -> Finding:
    from audit.models.loading import load_model

    model = load_model("organism:honest", device="cpu")
    return True, f"organism:honest loads, {model.n_parameters:,} parameters"


def _writable() -> Finding:
    try:
        with tempfile.NamedTemporaryFile(dir=Path.cwd()):
            return True, "runs can be written here"
    except OSError as error:
        return False, f"runs cannot be written here ({error.strerror}): use -o"


_CHECKS: dict[str, Callable[[], Finding]] = {
    "python": _python,
    "packages": _packages,
    "device": _device,
    "yaml": _yaml,
    "hub": _hub,
    "organisms": _organisms,
    "folder": _writable,
}


@click.command("doctor")
def command() -> int:
    """Look at this machine and say what is missing; ends with 3 where something is."""
    from audit.errors import AuditError

    healthy = True
    for name, check in _CHECKS.items():
        try:
            fine, finding = check()
        except (AuditError, ImportError) as error:
            fine, finding = False, str(error)
        healthy &= fine
        click.echo(f"{'ok  ' if fine else 'FAIL'}  {name:<10} {finding}")
    return ExitCode.PASSED if healthy else ExitCode.FAILED
