"""A feature monitor opened on one model: the SAE loaded, checked, its features and its control.

All that a feature check needs to know before the plan is laid: which features are read, how
well the SAE describes this model, and which features of a random SAE stand beside them. Only
the train, validation and control roles are seen here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audit.engine.selected import Selected
from audit.errors import UsageError
from audit.features.corpus import Corpus, corpus_of_rows
from audit.features.identity import place_of_sae, sae_info
from audit.features.opening import check_fidelity, open_sae
from audit.features.sampling import token_sample
from audit.models.capture import Read, Selection, TokenSequence, capture
from audit.models.hook_names import HookPoint, HookPoints
from audit.models.loading import LoadedModel
from audit.models.tokens import Tokens, encode_rows
from probes.base import ProbeError
from probes.sae.controls import random_sae
from probes.sae.sae import SAE, FeatureReader, SAEError
from reports.features import FeatureLabel, Fidelity, SAEInfo
from suites.schema import DiscoveredFeatures, FeatureSpec, NamedFeature, Role

SAMPLE_TOKENS = 4096
CONTROL_FEATURES = 1024  # of a random SAE, among which the best are chosen


@dataclass(frozen=True, eq=False)
class Watch:
    """What a feature check reads of one model.

    Attributes:
        sae: on the model's device.
        point: where it reads.
        reader: the features that are watched.
        labels: names that the suite gives to some of them.
        info: the SAE, as the record keeps it.
        fidelity: how well it describes this model; its faults make the check inconclusive.
        control: as many features of a random SAE of the same shape, the best on the train role.
        chosen: how the features were chosen, in words; empty where the suite names them.
    """

    sae: SAE
    point: HookPoint
    reader: FeatureReader
    labels: Mapping[int, FeatureLabel]
    info: SAEInfo
    fidelity: Fidelity
    control: FeatureReader
    chosen: str = ""


Watches = Mapping[tuple[str, str], Watch]
"""By name of the suite and id of the check."""


def open_watches(
    selected: Sequence[Selected],
    model: LoadedModel,
    *,
    like: Watches | None = None,
    allow_pickle: bool = False,
    seed: int = 0,
) -> Watches:
    """Open every feature monitor among the checks on a model.

    Args:
        selected: the checks, of any kind.
        model: the model; it runs over some thousand tokens for each monitor.
        like: the same checks opened on another model, whose SAEs and features are read here
            too, so that both are held to the same features.
        allow_pickle: SAEs may be pickles of tensors.
        seed: of the random SAE and of the sample.

    Raises:
        UsageError: an SAE that cannot be had, is not what it should be or does not fit the
            model; names the place in the suite.
    """
    found: dict[tuple[str, str], Watch] = {}
    for one in selected:
        if isinstance(one.check.monitor, FeatureSpec):
            key = one.key
            before = None if like is None else like.get(key)
            try:
                found[key] = _open(one, one.check.monitor, model, before, allow_pickle, seed)
            except (ProbeError, UsageError) as error:
                place = one.suite.place_of(("checks", one.id, "monitor"))
                raise UsageError(f"{place}: check {one.id!r}: {error}") from None
    return found


def _open(
    one: Selected,
    spec: FeatureSpec,
    model: LoadedModel,
    before: Watch | None,
    allow_pickle: bool,
    seed: int,
) -> Watch:
    if before is None:
        beside = Path(one.suite.document_of(("checks", one.id)).file).parent
        sae = open_sae(
            spec.sae, model, beside=beside, sae_format=spec.sae_format, allow_pickle=allow_pickle
        )
    else:
        sae = before.sae
    sae = sae.to(model.model.device)
    point = HookPoints(model.model).resolve(place_of_sae(sae, spec.hook_name))
    corpora = [_corpus(one, role, model, "all") for role in ("train", "validation", "control")]
    x, target = token_sample(model, sae, corpora, point.name, most=SAMPLE_TOKENS, seed=seed)
    train = _corpus(one, "train", model, spec.tokens)
    y = np.array([row.label for row in one.rows["train"]])
    control = random_sae(sae, x, random_state=seed)
    chosen = ""
    if before is not None:
        features: tuple[int, ...] = before.reader.features
        chosen = before.chosen
    elif isinstance(spec.features, DiscoveredFeatures):
        everything = sae.reader(range(sae.d_sae))
        pooled = _pooled(model, train, spec, point, everything)
        features = best_features(pooled, y, spec.features.discover.top)
        chosen = (
            f"the {len(features)} of {sae.d_sae} features that go with the concept best on the "
            f"train rows"
        )
    else:
        features = tuple(spec.numbers)
    reader = sae.reader(features)
    return Watch(
        sae=sae,
        point=point,
        reader=reader,
        labels=_labels(spec),
        info=sae_info(sae, point.name),
        fidelity=check_fidelity(sae, x, target),
        control=_control(model, train, y, spec, point, control, len(features)),
        chosen=chosen,
    )


def best_features(pooled: NDArray[np.float32], y: NDArray[np.int64], k: int) -> tuple[int, ...]:
    """The `k` columns of `pooled [n, m]` with the highest AUROC for `y`, best first.

    A feature that is as active without the concept as with it is never among them; if none
    is better than that, the first by number stands for them.
    """
    scores = auroc_of_columns(pooled, y)
    order = np.argsort(-scores, kind="stable")[:k]
    better = tuple(int(feature) for feature in order if scores[feature] > 0.5)
    return better or (int(order[0]),)


def auroc_of_columns(pooled: NDArray[np.float32], y: NDArray[np.int64]) -> NDArray[np.float64]:
    """AUROC of every column of `[n, m]`, a tie counting half."""
    from scipy.stats import rankdata

    positive = np.asarray(y) == 1
    n1, n0 = int(positive.sum()), int((~positive).sum())
    if not n1 or not n0:
        raise SAEError("the train rows have one class only; features are chosen by two")
    alive = np.flatnonzero(pooled.any(axis=0))
    found = np.full(pooled.shape[1], 0.5)
    if len(alive):
        ranks = rankdata(pooled[:, alive], axis=0)
        found[alive] = (ranks[positive].sum(axis=0) - n1 * (n1 + 1) / 2) / (n1 * n0)
    return found


def _control(
    model: LoadedModel,
    train: Corpus,
    y: NDArray[np.int64],
    spec: FeatureSpec,
    point: HookPoint,
    control: SAE,
    k: int,
) -> FeatureReader:
    """The best features of a random SAE on the train role."""
    some = control.reader(range(min(control.d_sae, CONTROL_FEATURES)))
    best = best_features(_pooled(model, train, spec, point, some), y, k)
    return control.reader(best)


def _pooled(
    model: LoadedModel, corpus: Corpus, spec: FeatureSpec, point: HookPoint, reader: FeatureReader
) -> NDArray[np.float32]:
    """Feature activations of rows, pooled as the check pools them, `[n, n_features]`."""
    read = Read(point.name, spec.pooling, spec.window, reader)
    distinct: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {}
    at = [
        distinct.setdefault(key, len(distinct))
        for key in zip(corpus.ids, corpus.positions, strict=True)
    ]
    sequences = [TokenSequence(ids, (Selection(positions, (0,)),)) for ids, positions in distinct]
    return capture(model, sequences, [read]).matrix(0, [(index, 0) for index in at])


def _corpus(one: Selected, role: Role, model: LoadedModel, tokens: Tokens) -> Corpus:
    rows = one.rows[role]
    encoded = encode_rows(
        rows,
        model.tokenizer,
        context_length=model.context_length,
        truncation=one.suite.suite.truncation,
    )
    return corpus_of_rows(rows, encoded, tokens=tokens)


def _labels(spec: FeatureSpec) -> dict[int, FeatureLabel]:
    if isinstance(spec.features, DiscoveredFeatures):
        return {}
    return {
        named.index: FeatureLabel(text=named.label, source=named.label_source)
        for named in spec.features
        if isinstance(named, NamedFeature)
    }
