"""Which parts that other packages bring a suite uses, and of which version each is.

A part is known by its name alone, and what it computes changes with its package. Knows entry
points; loads none of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audit.engine.selected import Selected
from audit.models.loaded import LIVE


def of_plugins(selected: Sequence[Selected]) -> dict[str, str | int | bool | None]:
    """The part of a request that plug-ins make: `NAME VERSION` of the package that has each.

    One whose version nobody can tell counts as changing all the time.
    """
    from probes.plugins import providers

    return {
        f"plug-in {group.rpartition('.')[2]} {name}": known or LIVE
        for group, name in sorted(set(_used(selected)))
        for known in providers(group, name)[:1]
    }


def _used(selected: Sequence[Selected]) -> Iterator[tuple[str, str]]:
    """Entry point group and name of every part that the checks use and is not our own."""
    from probes import fitters, pooling
    from probes.sae import formats

    for one in selected:
        monitor = one.check.monitor
        for field, group, own in (
            ("fitter", fitters.ENTRY_POINTS, fitters.FITTERS),
            ("pooling", pooling.ENTRY_POINTS, pooling.POOLINGS),
        ):
            name = getattr(monitor, field, None)
            if name is not None and name not in own:
                yield group, name
        if hasattr(monitor, "sae_format"):
            # Without a name every format is asked whether it knows the files.
            told = monitor.sae_format
            for name in [told] if told is not None else formats.sae_format_names():
                if name not in formats.SAE_FORMATS:
                    yield formats.ENTRY_POINTS, name
