"""The command `audit`. stdout is data, stderr is talk."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
