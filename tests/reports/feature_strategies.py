"""Random valid parts about features, small, with the worst text that a token may be."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from reports.features import (
    Band,
    ChangedFeature,
    Context,
    ControlFigure,
    Controls,
    DatasetExamples,
    DiscoveredFeature,
    Discovery,
    Effect,
    FeatureCard,
    FeatureChanges,
    FeatureLabel,
    Fidelity,
    Histogram,
    Implementation,
    JointTuning,
    Maximiser,
    Neighbour,
    PathStep,
    Rule,
    SAEInfo,
    SeedMatch,
    SyntheticExamples,
    TokenEdit,
    TokenValue,
    Use,
    Visualisation,
    WatchedFeature,
    Writer,
)
from reports.record import Estimate
from tests.reports.hostile import HOSTILE

words = st.sampled_from([*HOSTILE, "word", " a", ""]) | st.text(max_size=4)
numbers = st.sampled_from([0.0, -0.0, 0.31, 1.0, 4.8, -2.5, 1e-9, 1e300, -1e300, 5e-324])
counts = st.integers(0, 1000)
estimates = st.builds(
    Estimate,
    value=numbers,
    low=st.none() | numbers,
    high=st.none() | numbers,
    n=counts,
    n_groups=counts,
)


def some(part: st.SearchStrategy[Any], most: int = 2) -> st.SearchStrategy[list[Any]]:
    return st.lists(part, max_size=most)


labels = st.none() | st.builds(FeatureLabel, text=words, source=words)
saes = st.builds(
    SAEInfo,
    path=words,
    format=words,
    digest=words,
    d_in=counts,
    d_sae=counts,
    activation=words,
    hook_name=words,
    hook_name_out=st.none() | words,
    model_name=st.none() | words,
    notes=some(words, 1),
)
fidelities = st.builds(
    Fidelity,
    n_tokens=counts,
    l0=numbers,
    promised_l0=st.none() | numbers,
    explained_variance=numbers,
    cosine=numbers,
    relative_bias=numbers,
    dead_share=numbers,
    outlier_rate=numbers,
    faults=some(words),
)
watched = st.builds(
    WatchedFeature,
    feature=counts,
    label=labels,
    auroc=st.none() | estimates,
    audit_rate=st.none() | estimates,
    control_rate=st.none() | estimates,
)
found = st.builds(
    DiscoveredFeature,
    feature=counts,
    rank=counts,
    cut=numbers,
    rate_with=estimates,
    rate_without=estimates,
    lift=estimates,
    auroc=estimates,
    effect=numbers,
    mean_with=numbers,
    mean_without=numbers,
    p_value=numbers,
    q_value=numbers,
    label=labels,
)
discoveries = st.builds(
    Discovery,
    event=words,
    pooling=words,
    fdr=numbers,
    tested=counts,
    alive=counts,
    selection_rows=counts,
    selection_groups=counts,
    test_rows=counts,
    test_groups=counts,
    significant=counts,
    smallest_p=st.none() | numbers,
    found=some(found, 1),
    random_sae_found=st.none() | counts,
    notes=some(words, 1),
)
changes = st.builds(
    FeatureChanges,
    before=words,
    after=words,
    pooling=words,
    fdr=numbers,
    tested=counts,
    significant=counts,
    rows=counts,
    groups=counts,
    found=some(
        st.builds(
            ChangedFeature,
            feature=counts,
            before=estimates,
            after=estimates,
            change=estimates,
            increase=st.none() | numbers,
            p_value=numbers,
            q_value=numbers,
            label=labels,
        )
    ),
    notes=some(words, 1),
)

contexts = st.builds(
    Context,
    tokens=some(st.builds(TokenValue, token=words, value=numbers), 3),
    peak=st.integers(-1, 3),
    value=numbers,
    row=words,
)
writers = some(st.builds(Writer, name=words, weight=numbers))
maximisers = some(st.builds(Maximiser, tokens=some(words), activation=numbers, relative=numbers), 1)
datasets = st.builds(
    DatasetExamples,
    n_tokens=counts,
    density=estimates,
    maximum=numbers,
    histogram=st.builds(Histogram, edges=some(numbers), counts=some(counts)),
    top=some(contexts, 1),
    bands=some(st.builds(Band, low=numbers, high=numbers, contexts=some(contexts, 1)), 1),
    duplicates=counts,
)
arguments: dict[str, st.SearchStrategy[Any]] = {
    "synthetic": st.builds(
        SyntheticExamples,
        base=contexts,
        edits=some(
            st.builds(
                TokenEdit,
                kind=st.sampled_from(["drop", "swap"]),
                position=counts,
                before=words,
                after=st.none() | words,
                activation=numbers,
            )
        ),
        needed=some(words),
        graded=numbers,
    ),
    "visualisation": st.builds(
        Visualisation,
        tokens=maximisers,
        sequences=maximisers,
        searched=counts,
        notes=some(words, 1),
    ),
    "joint": st.builds(
        JointTuning,
        neighbours=some(
            st.builds(Neighbour, feature=counts, cosine=numbers, correlation=st.none() | numbers)
        ),
        path=some(
            st.builds(
                PathStep,
                tokens=some(words),
                activations=st.dictionaries(words, numbers, max_size=2),
            )
        ),
    ),
    "implementation": st.builds(
        Implementation,
        tokens=writers,
        against=writers,
        places=writers,
        residual=numbers,
        notes=some(words, 1),
    ),
    "use": st.builds(
        Use,
        promotes=writers,
        suppresses=writers,
        effects=some(
            st.builds(
                Effect,
                kind=st.sampled_from(["ablate", "steer", "random_direction", "random_feature"]),
                strength=numbers,
                kl=estimates,
                behaviour=st.none() | estimates,
            )
        ),
        monotone=st.none() | st.booleans(),
        notes=some(words, 1),
    ),
    "rule": st.builds(
        Rule,
        description=words,
        explainer=words,
        detection=estimates,
        fuzzing=estimates,
        hard=st.none() | estimates,
        compared=counts,
    ),
}
controls = st.builds(
    Controls,
    figures=st.lists(
        st.builds(
            ControlFigure,
            name=words,
            feature=estimates,
            random_sae=st.none() | estimates,
            probe=st.none() | estimates,
            note=words,
        ),
        min_size=1,
        max_size=2,
    ),
    other_seed=st.none()
    | st.builds(
        SeedMatch,
        path=words,
        feature=counts,
        correlation=numbers,
        cosine=numbers,
        survives=st.booleans(),
    ),
    other_seed_lacks=words,
)


def _card(**argument: st.SearchStrategy[Any]) -> st.SearchStrategy[FeatureCard]:
    return st.builds(
        FeatureCard,
        feature=counts,
        sae=saes,
        why=words,
        label=labels,
        dataset=datasets,
        controls=controls,
        not_measured=some(words),
        **argument,
    )


# One argument beside the data at a time: whole cards are too large to draw many.
cards = st.sampled_from(sorted(arguments)).flatmap(lambda name: _card(**{name: arguments[name]}))
