"""A feature monitor opened on one model: the SAE loaded, checked, its features and its control.

All that a feature check needs to know before the plan is laid: which features are read, how
well the SAE describes this model, and which features of a random SAE stand beside them. Only
the train, validation and control roles are seen here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audit.engine.selected import Selected
from audit.errors import MeasurementError, UsageError
from audit.features.corpus import Corpus, corpus_of_rows
from audit.features.identity import place_of_sae, sae_info
from audit.features.opening import check_fidelity, open_sae
from audit.features.row_vectors import pooled_rows
from audit.features.sampling import token_sample, without_outliers
from audit.models.capture import Read
from audit.models.hook_names import HookPoint, HookPoints
from audit.models.loading import LoadedModel
from audit.models.tokens import Tokens, encode_rows
from probes.base import ProbeError
from probes.sae.choosing import best_features, nested_scores
from probes.sae.controls import random_sae
from probes.sae.sae import SAE, FeatureReader
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
        other_seed: an SAE of the same place from another seed, where the suite names one.
        control: as many features of a random SAE of the same shape, the best on the train role.
        notes: what a reader must know: how features were chosen, what the SAE was trained on.
        out_of_fold: `[n_train]` where features were chosen by the labels: scores of train rows
            by features and weights that were chosen without their group; None where the suite
            names the features.
    """

    sae: SAE
    point: HookPoint
    reader: FeatureReader
    labels: Mapping[int, FeatureLabel]
    info: SAEInfo
    fidelity: Fidelity
    control: FeatureReader
    other_seed: SAE | None = None
    notes: tuple[str, ...] = ()
    out_of_fold: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class Watches:
    """The feature monitors among the checks, by name of the suite and id of the check.

    Attributes:
        opened: those that can be read.
        failed: why the others cannot be measured on this model, in words.
    """

    opened: Mapping[tuple[str, str], Watch] = field(default_factory=dict)
    failed: Mapping[tuple[str, str], str] = field(default_factory=dict)


def open_watches(
    selected: Sequence[Selected],
    model: LoadedModel,
    *,
    like: Watches | None = None,
    allow_pickle: bool = False,
    allow_half: bool = False,
    seed: int = 0,
) -> Watches:
    """Open every feature monitor among the checks on a model.

    Args:
        selected: the checks, of any kind.
        model: the model; it runs over some thousand tokens for each monitor.
        like: the same checks opened on another model, whose SAEs and features are read here
            too, so that both are held to the same features.
        allow_pickle: SAEs may be pickles of tensors.
        allow_half: SAEs may be in half precision.
        seed: of the random SAE and of the sample.

    Raises:
        UsageError: an SAE that cannot be had, is not what it should be or does not fit the
            model; names the place in the suite.
    """
    opened: dict[tuple[str, str], Watch] = {}
    failed: dict[tuple[str, str], str] = {}
    for one in selected:
        spec = one.check.monitor
        if not isinstance(spec, FeatureSpec):
            continue
        before = None if like is None else like.opened.get(one.key)
        try:
            if before is None:
                opening = _Opening(one, model, allow_pickle, allow_half)
                sae = opening.sae(spec.sae, spec.sae_format)
                other = spec.other_seed and opening.sae(spec.other_seed, spec.sae_format)
            else:
                sae, other = before.sae.to(model.home), before.other_seed
            watch = _open(one, spec, model, sae, before, seed)
            opened[one.key] = replace(watch, other_seed=other or None)
        except MeasurementError as error:
            failed[one.key] = str(error)
        except (ProbeError, UsageError) as error:
            if like is not None:  # the other model's check stands without this one
                failed[one.key] = str(error)
                continue
            place = one.suite.place_of(("checks", one.id, "monitor"))
            raise UsageError(f"{place}: check {one.id!r}: {error}") from None
    return Watches(opened, failed)


@dataclass(frozen=True, eq=False)
class _Opening:
    """How the SAEs of one check are opened."""

    one: Selected
    model: LoadedModel
    allow_pickle: bool
    allow_half: bool

    def sae(self, given: str, sae_format: str | None) -> SAE:
        return open_sae(
            given,
            self.model,
            beside=Path(self.one.suite.document_of(("checks", self.one.id)).file).parent,
            sae_format=sae_format,
            allow_pickle=self.allow_pickle,
            allow_half=self.allow_half,
        )


def _open(
    one: Selected,
    spec: FeatureSpec,
    model: LoadedModel,
    sae: SAE,
    before: Watch | None,
    seed: int,
) -> Watch:
    point = HookPoints(model.structure).resolve(place_of_sae(sae, spec.hook_name))
    corpora = [_corpus(one, role, model, "all") for role in ("train", "validation", "control")]
    x, target = token_sample(model, sae, corpora, point.name, most=SAMPLE_TOKENS, seed=seed)
    fit = check_fidelity(sae, point.name, x, target)
    sae = without_outliers(sae, x)
    train = _corpus(one, "train", model, spec.tokens)
    y = np.array([row.label for row in one.rows["train"]])
    notes = _notes(sae, model, corpora)
    nested = None
    if before is not None:
        features = before.reader.features
    elif isinstance(spec.features, DiscoveredFeatures):
        pooled = _pooled(model, train, spec, point, sae.reader(range(sae.d_sae)))
        features = best_features(pooled, y, spec.features.discover.top)
        nested = nested_scores(
            pooled,
            y,
            train.groups,
            combine=spec.combine,
            k=spec.features.discover.top,
            folds=spec.folds,
            random_state=seed,
        )
        notes.append(
            f"the check watches the {len(features)} of {sae.d_sae:,} features that go with the "
            f"concept best on the train rows"
        )
    else:
        features = tuple(spec.numbers)
    return Watch(
        sae=sae,
        point=point,
        reader=sae.reader(features),
        labels=_labels(spec),
        info=sae_info(sae, point.name),
        fidelity=fit,
        control=_control(
            model, train, y, spec, point, random_sae(sae, x, random_state=seed), len(features)
        ),
        notes=tuple(notes),
        out_of_fold=nested,
    )


def _notes(sae: SAE, model: LoadedModel, corpora: Sequence[Corpus]) -> list[str]:
    """What the SAE's files say of its training that these rows do not keep to."""
    origin, notes = sae.origin, []
    if origin.model_name not in (None, model.name):
        notes.append(f"its files say that the SAE was trained on {origin.model_name}")
    rows = [ids for corpus in corpora for ids in corpus.ids]
    bos = getattr(model.tokenizer, "bos_token_id", None)
    if origin.prepend_bos and not all(ids[0] == bos for ids in rows):
        notes.append(
            "the SAE was trained on text that began with the BOS token, and these rows do not"
        )
    longest = max(map(len, rows))
    if origin.context_size is not None and longest > origin.context_size:
        notes.append(
            f"the SAE was trained on contexts of {origin.context_size} tokens, and the longest row "
            f"has {longest}"
        )
    return notes


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
    return pooled_rows(model, corpus, [read])[0]


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
