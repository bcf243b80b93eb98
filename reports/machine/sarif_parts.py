"""The parts of a SARIF 2.1.0 log, within what GitHub's code scanning takes.

Knows the format and its limits, not the record. No part holds an empty string; a part that would
be empty is left out.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from reports.machine.places import Place
from reports.text import inert_json, safe_text

Json = dict[str, Any]

SCHEMA_URI = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
RESULTS_LIMIT = 5_000
"""GitHub shows no more of a run and refuses a file with five times as many."""
RULES_LIMIT = 25_000
DESCRIPTION_LIMIT = 1024
MESSAGE_LIMIT = 2_000
HELP_LIMIT = 10_000
NAME_LIMIT = 255
CATEGORY_LIMIT = 100
"""Characters of a part of a category."""
TAGS_LIMIT = 20
TAG_LIMIT = 100

# What a viewer would make a link of, or fill in from arguments that are not there.
_LINK = re.compile(r"\](?=\()")
_PLACEHOLDER = re.compile(r"\{(?=\d)")


def log(run: Json) -> str:
    """A log of one run as JSON that is safe to print, ending with a newline."""
    whole = {"$schema": SCHEMA_URI, "version": "2.1.0", "runs": [run]}
    return inert_json(json.dumps(whole, ensure_ascii=False, allow_nan=False, indent=2)) + "\n"


def line(text: str, limit: int) -> str:
    """One line of plain text that is there, holds no link and no placeholder."""
    inert = _PLACEHOLDER.sub("{ ", _LINK.sub("] ", text[: limit + 1]))
    return safe_text(inert, limit).strip() or "(empty)"


def message(text: str, limit: int = MESSAGE_LIMIT) -> Json:
    """A message in plain text."""
    return {"text": line(text, limit)}


def rule(
    id: str,
    *,
    short: str,
    full: str,
    help: str,
    help_markdown: str,
    level: str,
    tags: Iterable[str],
    precision: str | None,
) -> Json:
    """A rule: what is asked, and what to do where it is not met."""
    words = dict.fromkeys(line(tag, TAG_LIMIT) for tag in tags if tag.strip())
    properties: Json = {"tags": list(words)[:TAGS_LIMIT]}
    if precision is not None:
        properties["precision"] = precision
    return {
        "id": id,
        **_name(id),
        "shortDescription": message(short, DESCRIPTION_LIMIT),
        "fullDescription": message(full, DESCRIPTION_LIMIT),
        "help": {"text": help[:HELP_LIMIT], "markdown": help_markdown[:HELP_LIMIT]},
        "defaultConfiguration": {"level": level},
        "properties": properties,
    }


def _name(id: str) -> Json:
    """`OrganismLyingLying`: what a viewer shows instead of the id, which must be another word."""
    name = "".join(word[0].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", id))
    return {"name": name} if name and name != id else {}


def rule_id(*names: str) -> str:
    """`suite/check`, in characters that can be seen."""
    return line("/".join(names), NAME_LIMIT)


def location(place: Place, files: Mapping[str, int]) -> Json:
    """Where a result is: an artifact of the run, and a region; the first line if none is known."""
    region = {"startLine": place.line or 1}
    if place.column is not None:
        region["startColumn"] = place.column
    artifact = {"uri": place.uri, "index": files[place.uri]}
    return {"physicalLocation": {"artifactLocation": artifact, "region": region}}


def artifacts(files: Mapping[str, int]) -> list[Json]:
    """The files that results point to, in the order of their numbers."""
    return [
        {"location": {"uri": uri}, "roles": ["userSpecifiedConfiguration"]}
        for uri in sorted(files, key=files.__getitem__)
    ]


def fingerprint(*names: str | None, occurrence: int = 1) -> Json:
    """What tells a result from others from run to run: names alone, no score, no date, no line."""
    whole = json.dumps(names, ensure_ascii=True).encode("ascii")
    return {"primaryLocationLineHash": f"{hashlib.sha256(whole).hexdigest()[:32]}:{occurrence}"}


def automation_id(suites: Sequence[str], *more: str) -> str:
    """The category under which GitHub keeps results apart: `alignment-audit/SUITES/MODEL/`.

    Results of another model or another suite in the same category would replace these.
    """
    parts = ("+".join(map(_plain, suites)), *map(_plain, more))
    return "/".join(("alignment-audit", *filter(None, map(_bounded, parts)))) + "/"


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name) or "-"


def _bounded(part: str) -> str:
    if len(part) <= CATEGORY_LIMIT:
        return part
    return f"{part[:60]}-{hashlib.sha256(part.encode()).hexdigest()[:16]}"


def times(created: str, seconds: float) -> Json:
    """Beginning and end in UTC; nothing where `created` is no time."""
    try:
        start = datetime.fromisoformat(created).astimezone(UTC)
        ends = {"startTimeUtc": start, "endTimeUtc": start + timedelta(seconds=max(seconds, 0.0))}
    except (ValueError, OverflowError):
        return {}
    return {name: f"{end.isoformat(timespec='milliseconds')[:23]}Z" for name, end in ends.items()}


def notification(text: str, level: str, id: str) -> Json:
    """Something that happened to the run itself."""
    return {"level": level, "message": message(text), "descriptor": {"id": id}}
