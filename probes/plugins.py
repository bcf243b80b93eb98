"""Names of plug-ins: a table of our own, then what installed packages register.

Knows names and entry points; knows nothing of what the plug-ins do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar, cast

from probes.base import ProbeError

T = TypeVar("T")


def plugin(kind: str, name: str, table: Mapping[str, T], entry_point_group: str) -> T:
    """Find a plug-in by name, the built-in one first.

    Raises:
        ProbeError: if nobody registers the name; says the nearest one that exists.
    """
    if name in table:
        return table[name]
    from importlib.metadata import entry_points

    for entry in entry_points(group=entry_point_group, name=name):
        return cast(T, entry.load())
    from difflib import get_close_matches

    known = plugin_names(table, entry_point_group)
    near = get_close_matches(name, known, n=1, cutoff=0.0)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ProbeError(f"no {kind} is called {name!r}{hint} Known: {', '.join(known)}")


def plugin_names(table: Mapping[str, T], entry_point_group: str) -> tuple[str, ...]:
    """All names that `plugin` finds: ours in their order, then others', sorted."""
    from importlib.metadata import entry_points

    others = {entry.name for entry in entry_points(group=entry_point_group)}
    return (*table, *sorted(others - set(table)))


def providers(entry_point_group: str, name: str) -> tuple[str | None, ...]:
    """Packages that register a name, as `PACKAGE VERSION`, in the order in which they are found.

    None stands for one of which that cannot be told.
    """
    from importlib.metadata import entry_points

    found = []
    for entry in entry_points(group=entry_point_group, name=name):
        version = None if entry.dist is None else entry.dist.version
        found.append(f"{entry.dist.name} {version}" if entry.dist and version else None)
    return tuple(found)
