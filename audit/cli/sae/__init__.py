"""`audit sae`: sparse autoencoders of a model, from check to evidence.

Subcommands are imported when they are asked for.
"""

from __future__ import annotations

import importlib

import click

_COMMANDS = ("check", "train", "discover", "explain", "split", "export")


class _Subcommands(click.Group):
    """Imports a subcommand's module when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        found: click.Command = importlib.import_module(f"audit.cli.sae.{cmd_name}").command
        return found


@click.group("sae", cls=_Subcommands)
def command() -> None:
    """Check, train, search and explain sparse autoencoders of a model."""
