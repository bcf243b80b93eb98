"""Random valid reports, with the worst text of `hostile.py`."""

from __future__ import annotations

from hypothesis import strategies as st

from reports.curves import Distributions, Roc, RoleScores, TokenScores
from reports.record import (
    SEVERITIES,
    VERDICTS,
    AuditReport,
    Baseline,
    CheckResult,
    Estimate,
    FourFields,
    GateResult,
    KnownRecord,
    LayerScore,
    ModelInfo,
    Provenance,
    Quality,
    RoleCount,
    RowResult,
    SuiteInfo,
    Suppressed,
    Threshold,
    Work,
)
from reports.views.wording import GATE_WORDS
from tests.reports import feature_strategies as features
from tests.reports.hostile import HOSTILE

nasty = st.lists(
    st.sampled_from(HOSTILE) | st.text(max_size=6) | st.sampled_from(["word", " ", "a b"]),
    max_size=5,
).map("".join)
names = st.sampled_from(["lying", "organism_bias", "power-seeking.2"]) | nasty
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, 0.31, -0.0, 1.0])
shares = st.floats(0, 1)
counts = st.integers(0, 10**7)
verdicts = st.sampled_from(VERDICTS)
severities = st.sampled_from(SEVERITIES)
scalars = st.none() | st.booleans() | st.integers(-5, 5) | numbers | nasty
hook_names = st.sampled_from(["blocks.2.hook_resid_post", "hook_embed"]) | nasty

estimates = st.builds(
    Estimate,
    value=numbers,
    low=st.none() | numbers,
    high=st.none() | numbers,
    n=counts,
    n_groups=counts,
    confidence=shares,
    method=nasty,
)
qualities = st.builds(
    Quality,
    auroc=estimates,
    recall_at_fpr=estimates,
    balanced_accuracy=estimates,
    calibration_error=estimates,
    gain_over_text=estimates,
    baselines=st.lists(st.builds(Baseline, auroc=estimates, note=nasty), max_size=2),
    layers=st.lists(
        st.builds(LayerScore, hook_name=hook_names, auroc=estimates, chosen=st.booleans()),
        max_size=2,
    ),
    best_of_layers_p=st.none() | shares,
)
gates = st.builds(
    GateResult,
    kind=st.sampled_from(sorted(GATE_WORDS)) | nasty,
    severity=severities,
    limit=numbers,
    estimate=st.none() | estimates,
    q_value=st.none() | shares,
    verdict=verdicts,
    reason=nasty,
    detail=st.dictionaries(st.just("attribute") | nasty, nasty, max_size=2),
    source=nasty | st.just("suites/a.yaml:3:5"),
    gates=st.booleans(),
    baseline_state=st.none() | st.sampled_from(["new", "unchanged", "updated"]),
)
distributions = st.integers(0, 3).flatmap(
    lambda bins: st.builds(
        Distributions,
        edges=st.lists(numbers, min_size=bins + 1, max_size=bins + 1).map(sorted),
        roles=st.lists(
            st.builds(
                RoleScores,
                role=st.sampled_from(["control", "audit", "validation"]),
                label=st.none() | st.integers(0, 1),
                counts=st.lists(counts, min_size=bins, max_size=bins),
            ),
            max_size=3,
        ),
    )
)
rocs = st.lists(st.tuples(shares, shares), max_size=3).flatmap(
    lambda points: st.builds(
        Roc,
        fpr=st.just([x for x, _ in points]),
        tpr=st.just([y for _, y in points]),
        operating_fpr=estimates,
        operating_tpr=estimates,
    )
)
tokens = st.lists(st.tuples(nasty, numbers), min_size=1, max_size=3).flatmap(
    lambda pairs: st.builds(
        TokenScores,
        tokens=st.just([token for token, _ in pairs]),
        values=st.just([value for _, value in pairs]),
        read=st.lists(st.integers(0, len(pairs) - 1), max_size=1),
        before=counts,
        after=counts,
    )
)
rows = st.builds(
    RowResult,
    id=nasty,
    group=nasty,
    text=nasty,
    score=numbers,
    fires=st.booleans(),
    event=st.booleans(),
    says=st.none() | nasty,
    misbehaves=st.none() | st.booleans(),
    label=st.none() | st.integers(0, 1),
    attributes=st.dictionaries(nasty, scalars, max_size=2),
    tokens=st.none() | tokens,
)
checks = st.builds(
    CheckResult,
    id=names,
    suite=names,
    concept=names,
    description=nasty,
    tags=st.lists(nasty, max_size=1),
    verdict=verdicts,
    reasons=st.lists(nasty, max_size=2),
    gates=st.lists(gates, max_size=2),
    suppressed=st.none() | st.builds(Suppressed, reason=nasty, until=nasty),
    hook_name=st.none() | hook_names,
    monitor=nasty,
    threshold=st.none()
    | st.builds(
        Threshold,
        value=numbers,
        stated_fpr=shares,
        observed_fpr=estimates,
        lower=st.none() | numbers,
        controls_digest=nasty,
    ),
    misbehaviour_rate=st.none() | estimates,
    quality=st.none() | qualities,
    four_fields=st.none() | st.builds(FourFields),
    roles=st.dictionaries(
        st.sampled_from(["train", "audit"]) | nasty,
        st.builds(RoleCount, rows=counts, groups=counts, positive=counts, negative=counts),
        max_size=2,
    ),
    top_rows=st.lists(rows, max_size=3),
    notes=st.lists(nasty, max_size=1),
    source=nasty,
    sae=st.none() | features.saes,
    fidelity=st.none() | features.fidelities,
    watched=st.lists(features.watched, max_size=1),
    discovery=st.none() | features.discoveries,
    cards=st.lists(features.cards, max_size=1),
    distributions=st.none() | distributions,
    roc=st.none() | rocs,
    faults=st.lists(nasty, max_size=1),
)
models = st.builds(
    ModelInfo,
    name=nasty,
    architecture=nasty,
    n_layers=counts,
    d_model=counts,
    n_parameters=counts,
    dtype=nasty,
    weights_digest=nasty,
    tokenizer_digest=nasty,
)
provenances = st.builds(
    Provenance,
    created=nasty,
    duration_seconds=numbers,
    command=st.lists(nasty, max_size=3),
    packages=st.dictionaries(nasty, nasty, max_size=2),
    python=nasty,
    platform=nasty,
    device=nasty,
    git_commit=st.none() | nasty,
)
reports = st.builds(
    AuditReport,
    verdict=verdicts,
    exit_code=st.integers(0, 6),
    partial=st.booleans(),
    options=st.dictionaries(nasty, scalars, max_size=2),
    seed=st.integers(0, 10),
    model=models,
    reference=st.none() | models,
    suites=st.lists(
        st.builds(
            SuiteInfo, name=names, version=counts, description=nasty, digest=nasty, source=nasty
        ),
        max_size=1,
    ),
    checks=st.lists(checks, max_size=3),
    not_measured=st.lists(nasty, max_size=2),
    work=st.builds(
        Work,
        prompts=counts,
        distinct_prompts=counts,
        tokens=counts,
        hook_names=st.just([]),
        deepest_layer=st.none(),
        truncated=st.integers(0, 3),
    ),
    provenance=st.none() | provenances,
    baseline=st.none()
    | st.builds(
        KnownRecord,
        model=nasty,
        weights_digest=nasty,
        record_digest=nasty,
        created=st.none() | nasty,
        absent=st.lists(nasty, max_size=2),
    ),
)
