"""Exit codes are public API: CI reads them."""

from __future__ import annotations

from reports.exit_codes import ExitCode

__all__ = ["ExitCode"]
