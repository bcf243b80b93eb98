"""The reference on disk, so that a series goes on when the model it began with is gone.

reference.safetensors holds its activations and, as metadata, what it did and which features
were watched. The same rows and the same seed fit the same probes again, to the last bit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, replace
from pathlib import Path

from audit.engine.measure import Measurement
from audit.engine.measuring import Talk
from audit.engine.observing import Observed
from audit.engine.plan import Plan, make_plan
from audit.engine.results import Measured
from audit.engine.selected import Selected
from audit.engine.watching import Watches, open_watches
from audit.errors import UsageError
from audit.models.behaviours import Behaviour
from audit.models.captured_files import load_captured, save_captured
from audit.models.loading import LoadedModel
from audit.series.reference import Key, Reference, reference_of
from reports.features import Fidelity

REFERENCE_FILE = "reference.safetensors"
_WORDS = {"name", "seed", "plan", "weights_digest", "behaviours", "watched"}
_ON_CONTROLS = "control_behaviours"  # what was kept before any gate asked for them has none


def save_reference(folder: Path, reference: Reference, *, seed: int) -> None:
    """Write what `load_reference` needs."""
    watched = {
        "/".join(key): {
            "features": list(watch.reader.features),
            "fidelity": watch.fidelity.model_dump(mode="json"),
        }
        for key, watch in reference.watches.opened.items()
    }
    metadata = {
        "name": reference.name,
        "seed": str(seed),
        "plan": plan_digest(reference.plan),
        "weights_digest": reference.weights_digest,
        "behaviours": _said(reference, lambda found: found.behaviours),
        _ON_CONTROLS: _said(reference, lambda found: found.control_behaviours),
        "watched": json.dumps(watched),
    }
    save_captured(folder / REFERENCE_FILE, reference.captured, metadata)


def load_reference(
    folder: Path,
    selected: Sequence[Selected],
    model: LoadedModel,
    *,
    seed: int,
    allow_pickle: bool = False,
    allow_half: bool = False,
    talk: Talk | None = None,
) -> Reference:
    """The reference that `save_reference` wrote.

    Args:
        folder: where.
        selected: the same checks.
        model: any model of the run; its tokenizer makes the same tokens.
        seed: the same.
        allow_pickle: SAEs may be pickles of tensors.
        allow_half: SAEs may be in half precision.
        talk: where progress goes.

    Raises:
        UsageError: there is none, or it was made of other rows, checks or another seed.
    """
    file = folder / REFERENCE_FILE
    captured, said = load_captured(file)
    if lacking := sorted(_WORDS - said.keys()):
        raise UsageError(
            f"{file} does not say its {', '.join(lacking)}, as the reference of a run does; begin "
            f"the run in another folder"
        )
    if said["seed"] != str(seed):
        raise UsageError(
            f"{file} was made with seed {said.get('seed')}, and now it is {seed}: keep the seed"
        )
    watches = open_watches(
        selected, model, allow_pickle=allow_pickle, allow_half=allow_half, seed=seed
    )
    watches = _as_they_were(watches, json.loads(said["watched"]))
    plan = make_plan(selected, model, watches)
    if said["plan"] != plan_digest(plan):
        raise UsageError(
            f"{file} was made of other rows, checks or places than these: keep the suites as they "
            f"were when the run began, or begin a new one in another folder"
        )
    reference = reference_of(
        selected,
        model,
        watches,
        plan,
        captured,
        seed=seed,
        talk=talk or Talk(),
        behaviours=_observed(said),
    )
    return replace(
        reference,
        name=said["name"],
        weights_digest=said["weights_digest"],
    )


def plan_digest(plan: Plan) -> str:
    """SHA-256 over what is run and kept: tokens, selections, questions, places.

    Which features are read is not in it: a resumed run takes over those of the reference.
    """
    digest = hashlib.sha256()
    for read in plan.reads:
        what = "activations" if read.reader is None else "features"
        digest.update(repr((read.hook_name, read.pooling, read.window, what)).encode())
    for sequence in plan.sequences:
        wanted = [(one.positions, one.reads) for one in sequence.selections]
        digest.update(repr((sequence.ids, wanted, sequence.next_tokens)).encode())
    for check in plan.checks:
        if check.control_behaviour is not None:  # answers of text are in no sequence
            digest.update(repr((check.key, "control")).encode())
    return digest.hexdigest()


def _said(reference: Reference, of: Callable[[Measurement], Sequence[Behaviour]]) -> str:
    """What the model did on the rows of one role, by check."""
    return json.dumps(
        {
            "/".join(outcome.measurement.work.key): list(map(astuple, of(outcome.measurement)))
            for outcome in reference.outcomes
            if isinstance(outcome, Measured)
        }
    )


def _observed(said: Mapping[str, str]) -> dict[Key, Observed]:
    audit = json.loads(said["behaviours"])
    control = json.loads(said.get(_ON_CONTROLS, "{}"))
    return {
        (key.split("/")[0], key.split("/")[1]): Observed(
            tuple(Behaviour(*one) for one in rows),
            tuple(Behaviour(*one) for one in control.get(key, ())),
        )
        for key, rows in audit.items()
    }


def _as_they_were(watches: Watches, held: Mapping[str, Mapping[str, object]]) -> Watches:
    """The features that were chosen on the reference, and how well the SAE described it.

    What a random SAE is held against stays as this model has it: it enters no reading.
    """
    opened = {}
    for key, watch in watches.opened.items():
        was = held.get("/".join(key))
        if was is not None:
            features = tuple(int(feature) for feature in was["features"])  # type: ignore[attr-defined]
            watch = replace(
                watch,
                reader=watch.sae.reader(features),
                fidelity=Fidelity.model_validate(was["fidelity"]),
                out_of_fold=None,
            )
        opened[key] = watch
    return Watches(opened, watches.failed)
