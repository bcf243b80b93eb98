"""Rows with an event and rows without it, put side by side where one role knows one side only.

A model may misbehave on every audit row. The control rows on which it behaves are then what
they can be held against; they share no group with the audit rows.
"""

from __future__ import annotations

import numpy as np

from audit.features.corpus import Corpus


def event_corpus(audit: Corpus, control: Corpus | None = None) -> tuple[Corpus, list[str]]:
    """The rows to look for features on, and what a reader must know of them.

    Args:
        audit: the audit rows, with the event.
        control: the control rows, with the same event asked of the same model.

    Returns:
        The audit rows alone, unless the event happened on all of them: then with the control
        rows without it, of groups that are not among the audit rows.
    """
    if audit.event is None or not len(audit) or not audit.event.all():
        return audit, []
    every = f"`{audit.event_name}` holds on every one of the {len(audit)} audit rows"
    if control is None or control.event is None:
        return audit, [f"{every}, and there are no control rows to hold them against"]
    beside = np.flatnonzero(~control.event & ~np.isin(control.groups, audit.groups))
    if not len(beside):
        return audit, [f"{every}, and on every control row as well"]
    chosen = control.take(beside)
    return _both(audit, chosen), [
        f"{every}; they are held against {len(chosen)} control rows of "
        f"{len(np.unique(chosen.groups))} other groups on which it does not. Whatever else tells "
        "the two roles apart goes with it too"
    ]


def _both(a: Corpus, b: Corpus) -> Corpus:
    assert a.event is not None
    assert b.event is not None
    contrasts = None
    if a.contrasts is not None or b.contrasts is not None:
        contrasts = (*(a.contrasts or (None,) * len(a)), *(b.contrasts or (None,) * len(b)))
    return Corpus(
        ids=a.ids + b.ids,
        positions=a.positions + b.positions,
        rows=a.rows + b.rows,
        groups=np.concatenate([a.groups, b.groups]),
        event=np.concatenate([a.event, b.event]),
        event_name=a.event_name,
        contrasts=contrasts,
    )
