"""A data file becomes a corpus: texts, one to a line, or the rows of a suite.

Long texts are cut into windows rather than thrown away. Knows files and tokens; nothing of
what is read from the model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from audit.errors import UsageError
from audit.features.corpus import Corpus
from audit.models.loading import LoadedModel
from audit.models.tokenizing import special_tokens, tokenize
from audit.models.tokens import encode_rows
from suites.builtin import builtin_names, resolve_suite
from suites.dataset import read_dataset
from suites.load import load_suite
from suites.rows import Row

_TEXTS = (".txt", ".jsonl", ".ndjson")
_SUITES = (".yaml", ".yml")


def read_corpus(
    data: str, loaded: LoadedModel, *, context_size: int | None = None, special: bool = False
) -> Corpus:
    """The corpus in a file.

    Args:
        data: `.txt` with one text in a line; `.jsonl` with a field `text`; a suite, as a path
            or a built-in name, for the rows of its data sets; `SUITE:NAME` for one of them.
        loaded: the model whose tokenizer reads it, and whose chat template a suite's rows go
            through.
        context_size: longest window in tokens; the model's own limit where None.
        special: special tokens count as well.

    Raises:
        UsageError: no such file, an unknown ending, a line that is not what it should be, or
            nothing in it.
        SuiteError: the suite or its data is mistaken.
    """
    limits = [limit for limit in (context_size, loaded.context_length) if limit is not None]
    limit = min(limits, default=None)
    if Path(data).suffix.lower() in _TEXTS:
        named = list(_texts(Path(data)))
        ids = tokenize([text for _, text in named], loaded.tokenizer, chat=False)
        names = [name for name, _ in named]
    else:
        rows = _rows(data)
        encoded = encode_rows(
            rows, loaded.tokenizer, context_length=loaded.context_length, truncation="right"
        )
        ids = [list(item.ids) for item in encoded]
        names = [row.group for row in rows]
    return _corpus(data, ids, names, special_tokens(loaded.tokenizer), limit, keep_special=special)


def _corpus(
    data: str,
    ids: Sequence[Sequence[int]],
    names: Sequence[str],
    special: frozenset[int],
    limit: int | None,
    *,
    keep_special: bool,
) -> Corpus:
    windows: dict[tuple[int, ...], str] = {}  # each once, for equal ones teach nothing new
    for one, name in zip(ids, names, strict=True):
        for window in _windows(tuple(one), special, limit):
            windows.setdefault(window, name)
    counted = {
        window: tuple(at for at, token in enumerate(window) if keep_special or token not in special)
        for window in windows
    }
    kept = [window for window in windows if counted[window]]
    if not kept:
        raise UsageError(f"{data}: expected texts, found none with a token in it")
    groups = [windows[window] for window in kept]
    return Corpus(
        ids=tuple(kept),
        positions=tuple(counted[window] for window in kept),
        rows=tuple(groups),
        groups=np.array(groups, dtype=np.str_),
    )


def _windows(
    ids: tuple[int, ...], special: frozenset[int], limit: int | None
) -> Iterator[tuple[int, ...]]:
    """Pieces of at most `limit` tokens, each beginning as the whole does (with BOS)."""
    if limit is None or len(ids) <= limit:
        yield ids
        return
    lead = ids[:1] if ids[0] in special and limit > 1 else ()
    body, size = ids[len(lead) :], limit - len(lead)
    for start in range(0, len(body), size):
        yield lead + body[start : start + size]


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    """Texts with their place, `file:12`; empty ones are passed over."""
    if not path.is_file():
        raise UsageError(f"there is no data file {path}")
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: byte {error.start + 1} is not UTF-8; save it as UTF-8") from None
    for number, line in enumerate(lines, start=1):
        if line.strip():
            place = f"{path.name}:{number}"
            text = line if path.suffix.lower() == ".txt" else _field(path, number, line)
            if text.strip():
                yield place, text


def _field(path: Path, number: int, line: str) -> str:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise UsageError(
            f"{path}:{number}: expected a JSON object, found no JSON: {error}"
        ) from None
    text = record.get("text") if isinstance(record, dict) else None
    if not isinstance(text, str):
        found = f"the fields {', '.join(record)}" if isinstance(record, dict) else "no object"
        raise UsageError(
            f'{path}:{number}: expected a JSON object with a field "text", found {found}; name a '
            "suite instead where its data set says which column is the text"
        )
    return text


def _rows(data: str) -> list[Row]:
    name, _, dataset = data.rpartition(":") if not Path(data).exists() else (data, "", "")
    suite = name or data
    dataset = dataset if name else ""
    if Path(suite).suffix.lower() not in _SUITES and suite not in builtin_names():
        raise UsageError(
            f"{data} is no data to train on: expected {', '.join(_TEXTS)}, a suite's .yaml or the "
            f"name of a built-in suite"
        )
    loaded = load_suite(resolve_suite(suite))
    known = list(loaded.suite.datasets)
    if dataset and dataset not in known:
        raise UsageError(f"{suite} has no data set {dataset!r}; it has {', '.join(known)}")
    chosen = [dataset] if dataset else known
    return [row for one in chosen for row in read_dataset(loaded, one)]
