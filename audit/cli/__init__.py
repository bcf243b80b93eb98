"""The command `audit`. stdout is data, stderr is talk; exit codes are in `audit.exit_codes`.

Commands import what they need when they run, so that `audit --help` costs nothing.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress

import click

from audit.cli.streams import guard_streams, lost_stdout
from audit.engine.interrupts import goes_on, heed_signals, ignore_signals
from audit.exit_codes import ExitCode

# Command -> module that holds it, in the order of the help page.
_COMMANDS = {
    "run": "audit.cli.run",
    "watch": "audit.cli.watch",
    "validate": "audit.cli.validate",
    "plan": "audit.cli.plan",
    "list": "audit.cli.catalogue",
    "show": "audit.cli.show",
    "report": "audit.cli.report",
    "diff": "audit.cli.diff",
    "init": "audit.cli.init",
    "doctor": "audit.cli.doctor",
    "cache": "audit.cli.cache",
    "demo": "audit.cli.demo",
    "sae": "audit.cli.sae",
    "organism": "audit.cli.organism",
    "bench": "audit.cli.bench",
}


class _LazyGroup(click.Group):
    """Imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = _COMMANDS.get(cmd_name)
        return None if module is None else importlib.import_module(module).command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command where the given one does not exist."""
        import difflib

        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(_COMMANDS)}"
            ctx.fail(f"no command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="alignment-audit", prog_name="audit")
def cli() -> None:
    """Ask a language-model checkpoint what it must not be doing inside.

    \b
    audit run SUITE... --model MODEL     audit a model, end with a verdict
    audit demo                           an honest model and a liar, in a minute

    \b
    Ends with 0 all gates passed, 1 a gate flagged, 2 interrupted, 3 could not be
    measured, 4 usage or configuration, 5 nothing was audited, 6 inconclusive.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with one of our exit codes.

    Python ends with 1 where an exception escapes, which is our word for a flag: none does.
    """
    try:
        heed_signals()
        guard_streams()
        code = _written(execute(list(sys.argv[1:] if arguments is None else arguments)))
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
        _say("audit: interrupted")
    except BaseException as error:  # noqa: BLE001 - what the last line of defence stumbled over
        code = ExitCode.FAILED
        with suppress(Exception):
            sys.stderr.write(f"audit: internal error: {type(error).__name__}\n")
    ignore_signals()
    sys.exit(int(code))


def _written(code: int) -> int:
    """The code, or 3 where stdout holds only a part of what a command printed."""
    with suppress(BrokenPipeError):
        sys.stdout.flush()
    why = lost_stdout()
    if why is None or code in (ExitCode.USAGE, ExitCode.FAILED, ExitCode.INTERRUPTED):
        return code
    return _fail(f"stdout could not be written: {why}")


def execute(arguments: list[str]) -> int:
    """Run one command and say what the process should end with; no exception escapes."""
    try:
        result = cli.main(args=arguments, prog_name="audit", standalone_mode=False)
    except click.exceptions.Abort as error:
        if isinstance(error.__cause__, EOFError):  # a file that breaks off, and nobody's Ctrl-D
            return _known(error.__cause__)
        return _interrupted()
    except KeyboardInterrupt:
        return _interrupted()
    except click.ClickException as error:
        with suppress(OSError, ValueError):
            error.show(file=sys.stderr)
        return ExitCode.USAGE
    except SystemExit as error:  # a plug-in's, or of a pipe that is not one of ours
        return _fail(f"something ended the process with {error.code}; that is no verdict")
    except OSError as error:
        return _fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
    except Exception as error:  # noqa: BLE001 - the last line of defence, and it says so
        return _known(error)
    return int(result) if isinstance(result, int) else ExitCode.PASSED


def _known(error: Exception) -> int:
    """A mistake of the user's as a sentence; anything else as the bug it is."""
    from audit.errors import AuditError
    from suites.problems import SuiteError

    if isinstance(error, SuiteError):
        for problem in error.problems:
            _say(str(problem))
        count = len(error.problems)
        _say(f"{count} mistake{'s' if count != 1 else ''}; nothing was run")
        return ExitCode.USAGE
    if isinstance(error, AuditError):
        _say(f"audit: {error}")
        return error.exit_code
    from reports.read import ReportError

    if isinstance(error, ReportError):
        _say(f"audit: {error}")
        return ExitCode.USAGE
    if os.environ.get("AUDIT_DEBUG"):
        with suppress(OSError, ValueError):
            traceback.print_exc()
    return _fail(
        f"internal error, please report it: {type(error).__name__}: {error} "
        f"(AUDIT_DEBUG=1 shows where)"
    )


def _fail(message: str) -> int:
    _say(f"audit: {message}")
    return ExitCode.FAILED


def _interrupted() -> int:
    _say(f"audit: interrupted{goes_on()}")
    return ExitCode.INTERRUPTED


def _say(message: str) -> None:
    from reports.text import safe_text

    with suppress(OSError, ValueError):  # stderr may be full, or closed
        click.echo(safe_text(message), err=True)


def close_stdout() -> None:
    """Point stdout nowhere, so that the interpreter's last flush finds no broken pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
