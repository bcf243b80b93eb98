"""From suites to the work they ask of one model.

All checks of all suites are planned at once: each distinct token sequence runs once,
however many checks use it, and every check knows which rows of the result are its own.
Nothing runs here; `audit plan` prints what comes out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from audit.engine.selected import Selected
from audit.engine.watching import Watch, Watches
from audit.errors import UsageError
from audit.models.behaviours import BEHAVIOURS, Questions
from audit.models.capture import Read, Selection, TokenSequence, captured_bytes
from audit.models.hook_names import HookPoint, HookPoints, layer_at
from audit.models.loading import LoadedModel
from audit.models.tokens import Encoded, Truncation, encode_rows, select_tokens
from probes.sae.sae import FeatureReader
from suites.load import LoadedSuite
from suites.rows import Row
from suites.schema import DEFAULT_DEPTHS, Check, ProbeSpec, Role
from suites.splits import rows_digest

EMBEDDING = "hook_embed"


@dataclass(frozen=True, eq=False)
class RoleWork:
    """The rows of one role, and where each is found among the captured selections."""

    rows: tuple[Row, ...]
    encoded: tuple[Encoded, ...]
    at: tuple[tuple[int, int], ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the rows, in whatever order."""
        return rows_digest(self.rows)


@dataclass(frozen=True, eq=False)
class BehaviourWork:
    """What is asked of the model on the rows of a role, beside their activations.

    `asked` holds, for each row, the sequences whose log-probabilities its behaviour needs.
    """

    questions: Questions
    asked: tuple[tuple[TokenSequence, ...], ...]


@dataclass(frozen=True, eq=False)
class CheckWork:
    """One check, ready to be measured on one model.

    `candidates` are the places that may be read, each with the index of its read; of
    several, cross-validation on the train role chooses. `behaviour` is asked on the audit rows,
    and `control_behaviour` on control rows where a gate needs it. A feature monitor has a `watch`,
    and beside its one read two more, of the train and validation rows: `raw_read` of the
    activations themselves and `control_read` of a random SAE's features.
    """

    suite: LoadedSuite
    id: str
    check: Check
    candidates: tuple[HookPoint, ...]
    reads: tuple[int, ...]
    embedding_read: int
    roles: Mapping[Role, RoleWork]
    behaviour: BehaviourWork | None
    control_behaviour: BehaviourWork | None = None
    watch: Watch | None = None
    raw_read: int | None = None
    control_read: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Name of the suite and id of the check."""
        return self.suite.suite.name, self.id

    def read_of(self, point: HookPoint) -> int:
        """Which read hears a candidate."""
        return next(
            read
            for candidate, read in zip(self.candidates, self.reads, strict=True)
            if candidate.name == point.name
        )


@dataclass(frozen=True, eq=False)
class Plan:
    """All work for one model: what to run, and who asked for it.

    `index` finds a sequence by its tokens; `failed` says why checks that are not in the plan
    cannot be measured.
    """

    checks: tuple[CheckWork, ...]
    sequences: tuple[TokenSequence, ...]
    index: Mapping[tuple[int, ...], int]
    reads: tuple[Read, ...]
    prompts: int
    truncated: int
    failed: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """Tokens of all distinct sequences."""
        return sum(len(sequence.ids) for sequence in self.sequences)

    @property
    def deepest(self) -> HookPoint | None:
        """The last place in the forward pass that anybody reads; None where nobody does."""
        points = [point for check in self.checks for point in check.candidates]
        return max(points, key=lambda point: point.order, default=None)

    @property
    def needs_logits(self) -> bool:
        """Whether a behaviour asks for the vocabulary projection."""
        return any(sequence.next_tokens for sequence in self.sequences)

    def activation_bytes(self, d_model: int) -> int:
        """Bytes of the pooled activations that are kept."""
        return captured_bytes(self.sequences, self.reads, d_model)


def make_plan(
    selected: Sequence[Selected],
    model: LoadedModel,
    watches: Watches | None = None,
    *,
    like: Plan | None = None,
) -> Plan:
    """Lay out the work of all checks on one model.

    Args:
        selected: the checks.
        model: the model.
        watches: the feature monitors among them, opened on this model.
        like: a plan of the same checks for a model with the same tokenizer, whose tokens are
            taken over instead of reading the text again.

    Raises:
        UsageError: a place that the model does not have, a prompt longer than its context,
            a row that a token selection finds nothing in.
    """
    points = HookPoints(model.structure)
    builder = _Builder()
    watches = watches or Watches()
    known = {} if like is None else {check.key: check.roles for check in like.checks}
    checks = tuple(
        _plan_check(
            one, model, points, builder, watches.opened.get(one.key), known.get(one.key, {})
        )
        for one in selected
        if one.key not in watches.failed
    )
    return Plan(
        checks=checks,
        sequences=builder.sequences(),
        index=builder.index,
        reads=tuple(builder.reads),
        prompts=sum(len(role.rows) for check in checks for role in check.roles.values()),
        truncated=sum(
            encoded.truncated
            for check in checks
            for role in check.roles.values()
            for encoded in role.encoded
        ),
        failed=watches.failed,
    )


def _plan_check(
    one: Selected,
    model: LoadedModel,
    points: HookPoints,
    builder: _Builder,
    watch: Watch | None,
    known: Mapping[Role, RoleWork],
) -> CheckWork:
    monitor = one.check.monitor
    candidates = (watch.point,) if watch is not None else _candidates(one, points)

    def read(hook_name: str, reader: FeatureReader | None = None) -> int:
        return builder.read(Read(hook_name, monitor.pooling, monitor.window, reader))

    reads = tuple(read(point.name, None if watch is None else watch.reader) for point in candidates)
    embedding = read(EMBEDDING)
    beside = [embedding]
    raw = control = None
    if watch is not None:
        raw, control = read(watch.point.name), read(watch.point.name, watch.control)
        beside += [raw, control]
    roles: dict[Role, RoleWork] = {}
    for role, rows in one.rows.items():
        encoded = (
            known[role].encoded
            if role in known
            else builder.encoded(rows, model, one.suite.suite.truncation)
        )
        wanted = reads if role in ("control", "audit") else (*reads, *beside)
        at = tuple(
            builder.select(e.ids, select_tokens(e, monitor.tokens, row.span), wanted)
            for e, row in zip(encoded, rows, strict=True)
        )
        roles[role] = RoleWork(rows=tuple(rows), encoded=encoded, at=at)
    return CheckWork(
        suite=one.suite,
        id=one.id,
        check=one.check,
        candidates=candidates,
        reads=reads,
        embedding_read=embedding,
        roles=roles,
        behaviour=_plan_behaviour(one, roles["audit"], model, builder),
        control_behaviour=_plan_behaviour(one, roles["control"], model, builder)
        if one.check.asks_controls
        else None,
        watch=watch,
        raw_read=raw,
        control_read=control,
    )


def _plan_behaviour(
    one: Selected, role: RoleWork, model: LoadedModel, builder: _Builder
) -> BehaviourWork | None:
    spec = one.check.behaviour
    if spec is None:
        return None
    questions = Questions(model, spec, role.rows, role.encoded, one.suite.suite.truncation)
    asked = tuple(BEHAVIOURS[spec.kind].ask(questions))
    for of_row in asked:
        for sequence in of_row:
            builder.ask(sequence)
    return BehaviourWork(questions, asked)


def _candidates(one: Selected, points: HookPoints) -> tuple[HookPoint, ...]:
    """The places that a probe names, shallowest first, each once."""
    monitor = one.check.monitor
    assert isinstance(monitor, ProbeSpec), "a feature monitor comes with its watch"
    try:
        found = [points.resolve(name) for name in _hook_names(monitor, points.n_layers)]
    except UsageError as error:
        place = one.suite.place_of(("checks", one.id, "monitor"))
        raise UsageError(f"{place}: check {one.id!r}: {error}") from None
    distinct = {point.name: point for point in found}
    return tuple(sorted(distinct.values(), key=lambda point: point.order))


def _hook_names(monitor: ProbeSpec, n_layers: int) -> list[str]:
    if monitor.hook_name is not None:
        return [monitor.hook_name] if isinstance(monitor.hook_name, str) else monitor.hook_name
    return [f"blocks.{layer}.hook_{monitor.site}" for layer in _layers(monitor, n_layers)]


def _layers(monitor: ProbeSpec, n_layers: int) -> list[int]:
    if monitor.layers == "all":
        return list(range(n_layers))
    if monitor.layers is not None:
        return list(monitor.layers)
    depths = DEFAULT_DEPTHS if monitor.depth is None else monitor.depth
    return [
        layer_at(depth, n_layers) for depth in ([depths] if isinstance(depths, float) else depths)
    ]


class _Builder:
    """Collects what all checks want of each distinct sequence."""

    def __init__(self) -> None:
        self.reads: dict[Read, int] = {}
        self.index: dict[tuple[int, ...], int] = {}
        self._selections: list[tuple[Selection, ...]] = []
        self._alike: dict[tuple[Selection, ...], tuple[Selection, ...]] = {}
        self._next_tokens: dict[int, dict[tuple[int, int], None]] = {}
        self._encoded: dict[tuple[int, Truncation], tuple[Row, Encoded]] = {}

    def encoded(
        self, rows: Sequence[Row], model: LoadedModel, truncation: Truncation
    ) -> tuple[Encoded, ...]:
        """The tokens of the rows; a row that several checks use is read once."""
        new = [row for row in rows if (id(row), truncation) not in self._encoded]
        found = encode_rows(
            new, model.tokenizer, context_length=model.context_length, truncation=truncation
        )
        for row, tokens in zip(new, found, strict=True):
            self._encoded[id(row), truncation] = row, tokens  # the row stays, and so does its id
        return tuple(self._encoded[id(row), truncation][1] for row in rows)

    def read(self, read: Read) -> int:
        return self.reads.setdefault(read, len(self.reads))

    def select(
        self, ids: tuple[int, ...], positions: tuple[int, ...], reads: tuple[int, ...]
    ) -> tuple[int, int]:
        sequence = self._sequence(ids)
        known = self._selections[sequence]
        number = next((n for n, one in enumerate(known) if one.positions == positions), len(known))
        before, after = known[:number], known[number + 1 :]
        wanted = {*reads, *(read for one in known[number : number + 1] for read in one.reads)}
        selections = (*before, Selection(positions, tuple(sorted(wanted))), *after)
        # Most prompts of a length are asked for alike, and then hold the same selections.
        self._selections[sequence] = self._alike.setdefault(selections, selections)
        return sequence, number

    def ask(self, asked: TokenSequence) -> None:
        wanted = self._next_tokens.setdefault(self._sequence(asked.ids), {})
        wanted.update(dict.fromkeys(asked.next_tokens))

    def _sequence(self, ids: tuple[int, ...]) -> int:
        index = self.index.setdefault(ids, len(self.index))
        if index == len(self._selections):
            self._selections.append(())
        return index

    def sequences(self) -> tuple[TokenSequence, ...]:
        return tuple(
            TokenSequence(
                ids=ids,
                selections=self._selections[index],
                next_tokens=tuple(self._next_tokens.get(index, ())),
            )
            for ids, index in self.index.items()
        )
