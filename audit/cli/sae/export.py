"""`audit sae export`: any SAE that we read, in the format that SAELens reads."""

from __future__ import annotations

from pathlib import Path

import click

from audit.cli.options import sae_options
from audit.exit_codes import ExitCode


@click.command("export")
@click.argument("path", metavar="PATH")
@click.argument("out", type=click.Path(path_type=Path, file_okay=False), metavar="OUT")
@sae_options
@click.option("--allow-pickle", is_flag=True, help="Load pickled weights (weights only).")
def command(
    path: str, out: Path, sae_format: str | None, allow_half: bool, allow_pickle: bool
) -> int:
    """Write the SAE at PATH to the folder OUT in SAELens' format."""
    from audit.errors import UsageError
    from audit.features.opening import open_sae
    from probes.sae.export import save_sae
    from probes.sae.sae import SAEError

    if (out / "cfg.json").exists():
        raise UsageError(f"{out} holds an SAE already; name another folder")
    sae = open_sae(path, sae_format=sae_format, allow_pickle=allow_pickle, allow_half=allow_half)
    try:
        click.echo(save_sae(sae, out))
    except SAEError as error:
        raise UsageError(str(error)) from None
    return ExitCode.PASSED
