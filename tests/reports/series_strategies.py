"""Random valid series, with the worst text of `hostile.py`; a track may have no checkpoint."""

from __future__ import annotations

from typing import get_args

from hypothesis import strategies as st

from reports.features import Fidelity
from reports.series import (
    CheckpointRow,
    CheckReading,
    GateReading,
    Lead,
    OnFlag,
    Onset,
    Outlook,
    Phase,
    Prediction,
    ProbeReading,
    ReaderName,
    Representation,
    SAEDrift,
    SeriesReport,
    State,
    Stop,
    Track,
    TwoWeights,
)
from reports.views.wording import GATE_WORDS
from tests.reports.strategies import (
    counts,
    estimates,
    hook_names,
    names,
    nasty,
    numbers,
    scalars,
    severities,
    shares,
    verdicts,
)

perhaps_estimates = st.none() | estimates
texts = st.lists(nasty, max_size=2)
steps = st.integers(-(10**3), 10**7)
kinds = st.just("firing_rate") | st.sampled_from(sorted(GATE_WORDS)) | nasty
suites = st.sampled_from(["organism_lying", "a|b"]) | nasty
checks = st.sampled_from(["lying", "lying_feature"]) | nasty
phases = st.sampled_from(get_args(Phase))
readers = st.sampled_from(get_args(ReaderName))
on_flags = st.sampled_from(get_args(OnFlag))

probes = st.builds(
    ProbeReading,
    name=readers,
    auroc=estimates,
    events=estimates,
    change=perhaps_estimates,
    controls=estimates,
    score_r2=st.none() | numbers,
    cosine=st.none() | numbers,
)
gates = st.builds(
    GateReading,
    kind=kinds,
    attribute=st.none() | nasty,
    severity=severities,
    limit=numbers,
    estimate=perhaps_estimates,
    by_reader=perhaps_estimates,
    verdict=verdicts,
    reason=nasty,
    alarm_p=st.none() | shares,
    second=texts,
    phase=phases,
)
fidelities = st.builds(
    Fidelity,
    n_tokens=counts,
    l0=numbers,
    explained_variance=numbers,
    cosine=numbers,
    relative_bias=numbers,
    dead_share=shares,
    outlier_rate=shares,
    faults=texts,
)
representations = st.builds(
    Representation,
    n=counts,
    cka=numbers,
    procrustes=numbers,
    procrustes_chance=numbers,
    norm_ratio=numbers,
)
two_weights = st.builds(
    TwoWeights,
    in_text=estimates,
    in_weights=estimates,
    reference_text=perhaps_estimates,
    score=numbers,
    delta=numbers,
)
readings = st.builds(
    CheckReading,
    suite=suites,
    check=checks,
    concept=names,
    verdict=verdicts,
    reasons=texts,
    gates=st.lists(gates, max_size=2),
    hook_name=st.none() | hook_names,
    state=st.none() | st.sampled_from(get_args(State)),
    state_reason=nasty,
    conclusive=st.booleans(),
    reader=st.none() | readers,
    controls_rose=st.booleans(),
    contradicted_by=st.lists(readers, max_size=2),
    readings=st.lists(probes, max_size=2),
    behaviour=perhaps_estimates,
    behaviour_change=perhaps_estimates,
    representation=st.none() | representations,
    sae=st.none() | st.builds(SAEDrift, reference=fidelities, here=fidelities, kept=numbers),
    two_weights=st.none() | two_weights,
    notes=texts,
)
rows = st.builds(
    CheckpointRow,
    name=names,
    step=st.none() | steps,
    source=nasty,
    base=st.none() | nasty,
    verdict=verdicts,
    reasons=texts,
    model=st.none(),
    checks=st.lists(readings, max_size=2),
    run=st.none() | nasty,
)
onsets = st.builds(
    Onset,
    found=st.booleans(),
    p=shares,
    step=st.none() | numbers,
    low=st.none() | numbers,
    high=st.none() | numbers,
    before=st.none() | numbers,
    after=st.none() | numbers,
)
predictions = st.builds(Prediction, rate=numbers, low=numbers, high=numbers)
outlooks = st.builds(
    Outlook,
    step=numbers,
    trend=predictions,
    persistence=predictions,
    change_points=st.lists(numbers, max_size=2),
    hazard=numbers,
    base_hazard=shares,
    limit=shares,
    skill=nasty,
)
tracks = st.builds(
    Track,
    suite=suites,
    check=checks,
    kind=kinds,
    attribute=st.none() | nasty,
    limit=numbers,
    alpha=shares,
    phase=phases,
    alarm_step=st.none() | steps,
    first_exceeded=st.none() | steps,
    steps=st.lists(steps, max_size=3),
    rates=st.lists(numbers, max_size=3),
    onset=st.none() | onsets,
    behaviour_onset=st.none() | onsets,
    lead=st.none() | st.builds(Lead, value=numbers, low=numbers, high=numbers, confidence=shares),
    outlook=st.none() | outlooks,
    blind=st.lists(steps, max_size=2),
)
series = st.builds(
    SeriesReport,
    verdict=verdicts,
    exit_code=st.integers(0, 7),
    partial=st.booleans(),
    options=st.dictionaries(nasty, scalars, max_size=2),
    seed=st.integers(0, 9),
    reference=names,
    reference_model=st.none(),
    suites=st.just([]),
    checkpoints=st.lists(rows, max_size=3),
    tracks=st.lists(tracks, max_size=2),
    stop=st.none()
    | st.builds(Stop, sentence=nasty, checkpoint=nasty, on_flag=on_flags, tracks=texts),
    alpha=shares,
    hidden=texts,
    notes=texts,
    provenance=st.none(),
)
