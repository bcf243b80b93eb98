"""Random valid comparisons, with the worst text of `hostile.py`."""

from __future__ import annotations

from hypothesis import strategies as st

from reports.diff import STATUSES, Caveat, DiffSide, GateDiff, PairedChange, RecordDiff
from reports.views.wording import GATE_WORDS
from tests.reports.strategies import estimates, names, nasty, numbers, severities, shares, verdicts

sides = st.builds(
    DiffSide,
    model=nasty,
    architecture=nasty,
    weights_digest=nasty,
    record_digest=nasty,
    verdict=verdicts,
    seed=st.integers(0, 10),
    partial=st.booleans(),
)
gates = st.builds(
    GateDiff,
    suite=names,
    check=names,
    kind=st.sampled_from(sorted(GATE_WORDS)) | nasty,
    attribute=st.none() | nasty,
    severity=severities,
    status=st.sampled_from(STATUSES),
    reason=nasty,
    gates=st.booleans(),
    verdict_before=st.none() | verdicts,
    verdict_after=st.none() | verdicts,
    estimate_before=st.none() | estimates,
    estimate_after=st.none() | estimates,
    limit_before=st.none() | numbers,
    limit_after=st.none() | numbers,
    paired=st.none()
    | st.builds(
        PairedChange,
        event=st.sampled_from(["fires", "contradicts"]),
        difference=estimates,
        p_worse=shares,
        q_worse=shares,
        p_better=shares,
        q_better=shares,
    ),
    not_paired=nasty,
)
diffs = st.builds(
    RecordDiff,
    before=sides,
    after=sides,
    margin=shares | numbers,
    exit_code=st.sampled_from([0, 1, 6]),
    caveats=st.lists(
        st.builds(
            Caveat, where=nasty, kind=st.sampled_from(["suite", "rows", "seed"]), sentence=nasty
        ),
        max_size=2,
    ),
    gates=st.lists(gates, max_size=3),
)
