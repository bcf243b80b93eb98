"""What a report was made from, as Markdown: weights, suites, versions, and the command."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from reports.markdown.text import code, fenced, prose, table
from reports.record import ModelInfo, Provenance, SuiteInfo
from reports.text import safe_text

Facts = list[tuple[str, str]]


def reproduction(facts: Iterable[tuple[str, str]], origin: Provenance | None) -> str:
    """The command in a fence, and a table of what it was given."""
    parts = [fenced([f"$ {safe_text(shlex.join(origin.command), 2000)}"])] if origin else []
    return "\n\n".join([*parts, table(("What", "Which"), list(facts))])


def model_facts(role: str, model: ModelInfo) -> Facts:
    """Which weights those of the model or the reference are."""
    shape = (
        f"{model.architecture}, {model.n_parameters:,} parameters, {model.n_layers} layers of "
        f"width {model.d_model}, {model.dtype}"
    )
    return [
        (role, f"{code(model.name)}, {prose(shape)}"),
        (f"{role} weights", code(model.weights_digest)),
        (f"{role} tokenizer", code(model.tokenizer_digest)),
    ]


def suite_facts(suites: Iterable[SuiteInfo]) -> Facts:
    """Which suites were asked, by version and by digest."""
    return [(f"suite {code(s.name)}, version {s.version}", code(s.digest)) for s in suites]


def origin_facts(origin: Provenance | None) -> Facts:
    """When, where and with what it was made."""
    if origin is None:
        return []
    versions = ", ".join(f"{name} {version}" for name, version in origin.packages.items())
    facts = [
        ("made", prose(f"{origin.created} in {origin.duration_seconds:.3g} s")),
        ("on", prose(f"Python {origin.python}, {origin.platform}, {origin.device}")),
        ("with", prose(versions)),
    ]
    if origin.git_commit:
        dirty = " with changes that were not committed" if origin.git_dirty else ""
        facts.append(("commit", f"{code(origin.git_commit)}{dirty}"))
    return facts
