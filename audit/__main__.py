"""`python -m audit` is the command `audit`; signals are taken before anything else is imported."""

from __future__ import annotations

import sys

from audit.engine.interrupts import heed_signals
from audit.exit_codes import ExitCode


def main() -> None:
    """Import the command line and run it."""
    try:
        heed_signals()
        from audit.cli import main as command
    except KeyboardInterrupt:
        sys.stderr.write("audit: interrupted\n")
        sys.exit(int(ExitCode.INTERRUPTED))
    command()


if __name__ == "__main__":
    main()
