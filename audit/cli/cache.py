"""`audit cache`: what is kept of models' answers, and how to be rid of it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from audit.models.cache.keeping import KeptModel

_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_BYTES = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def _amount(name: str, pattern: str, units: dict[str, int], example: str) -> Any:
    """A callback that reads a number with a unit: `30d` as seconds, `10G` as bytes."""

    def read(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
        if value is None:
            return None
        found = re.fullmatch(pattern, value)
        if found is None:
            raise click.BadParameter(f"{value!r} is no {name}; write it like {example}")
        return float(found[1]) * units[found[2] or ""]

    return read


_AGE = _amount("age", r"(\d+(?:\.\d+)?)([mhdw])", _SECONDS, "30d, 12h or 2w")
_SIZE = _amount("size", r"(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?", _BYTES, "10G or 500M")


@click.group("cache")
def command() -> None:
    """Activations and answers of models that were audited, so that they are not asked again.

    They lie in AUDIT_CACHE_DIR, else in alignment-audit under XDG_CACHE_HOME or ~/.cache.
    """


def _json_option(function: Any) -> Any:
    return click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")(
        function
    )


@command.command("list")
@_json_option
def list_command(as_json: bool) -> int:
    """What is kept, model by model, with size and last use."""
    from audit.models.cache.folder import cache_folder
    from audit.models.cache.keeping import kept_models

    folder = cache_folder()
    models = kept_models(folder)
    if as_json:
        _print_json({"folder": str(folder), **_listed(models)})
        return 0
    for one in models:
        click.echo(_line(one))
    click.echo(f"{_models(models)}, {_size(sum(one.size for one in models))}, in {folder}")
    return 0


@command.command("prune")
@click.option("--older-than", callback=_AGE, metavar="AGE", help="Last used so long ago: 30d.")
@click.option("--max-size", callback=_SIZE, metavar="SIZE", help="Until this much is left: 10G.")
@_json_option
def prune_command(older_than: float | None, max_size: float | None, as_json: bool) -> int:
    """Delete what was not used for long; a model goes as a whole."""
    from audit.models.cache.folder import cache_folder
    from audit.models.cache.keeping import prune

    if older_than is None and max_size is None:
        raise click.UsageError("say what may go: --older-than AGE, --max-size SIZE, or both")
    most = None if max_size is None else int(max_size)
    _told(prune(cache_folder(), older_than=older_than, max_size=most), as_json)
    return 0


@command.command("clear")
@_json_option
def clear_command(as_json: bool) -> int:
    """Delete all of it. Nothing is lost that an audit does not compute again."""
    from audit.models.cache.folder import cache_folder
    from audit.models.cache.keeping import clear

    _told(clear(cache_folder()), as_json)
    return 0


def _told(gone: Sequence[KeptModel], as_json: bool) -> None:
    if as_json:
        _print_json({"deleted": _listed(gone)})
        return
    for one in gone:
        click.echo(_line(one))
    click.echo(f"deleted: {_models(gone)}, {_size(sum(one.size for one in gone))}")


def _listed(models: Sequence[KeptModel]) -> dict[str, Any]:
    return {
        "models": [
            {
                "names": list(one.names),
                "weights_digest": one.weights_digest,
                "dtype": one.dtype,
                "device": one.device,
                "bytes": one.size,
                "last_used": one.last_used.isoformat(timespec="seconds"),
                "folder": str(one.folder),
            }
            for one in models
        ],
        "bytes": sum(one.size for one in models),
    }


def _print_json(content: dict[str, Any]) -> None:
    click.echo(json.dumps(content, indent=2))


def _line(one: KeptModel) -> str:
    from reports.text import safe_text

    name = safe_text(", ".join(one.names) or "unknown")
    what = f"{one.weights_digest[:12]} {one.dtype} {one.device}"
    return f"{_size(one.size):>10}  {one.last_used:%Y-%m-%d %H:%M}  {what}  {name}"


def _models(models: Sequence[KeptModel]) -> str:
    return f"{len(models)} model{'s' if len(models) != 1 else ''}"


def _size(n: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if n < 1024:
            return f"{n:.0f} {unit}" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1024
    return f"{n:.1f} TiB"
