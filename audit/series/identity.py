"""What a checkpoint must share with its reference before the two can be compared.

A probe of one width reads no other, and text that is tokenised once needs one tokenizer. Read
off config.json and the tokenizer's files, before any weight is loaded. What a save changes
without changing a token (padding and truncation left switched on, how merges are spelled,
where the chat template is kept) makes no difference here. What a fine-tune may well change (a
padding token added, another end of turn, a chat template) is a remark; only what makes the
numbers incomparable is grave. Whether weights are numbers is not asked.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

_WIDTHS = ("hidden_size", "n_embd", "d_model", "dim", "model_dim")
_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
# Where a tokenizer.json is, the others only repeat it.
_VOCABULARY = ("tokenizer.model", "spiece.model", "vocab.json", "vocab.txt", "merges.txt")
_SPECIAL = (
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "cls_token",
    "mask_token",
    "add_bos_token",
    "add_eos_token",
)


@dataclass(frozen=True)
class Identity:
    """What is compared; None is unknown and differs from nothing.

    Attributes:
        architecture: class name of the model.
        d_model: width of the residual stream.
        n_layers: number of blocks.
        n_tokens: tokens of the vocabulary, without those added to it.
        vocabulary: sha256 of what turns text into token ids, without the added tokens.
        added_tokens: id and text of each token added to the vocabulary.
        special_tokens: role and text of the tokens put around a text, as far as stated.
        chat_template: sha256 of the template, of the empty text without one.
    """

    architecture: str | None = None
    d_model: int | None = None
    n_layers: int | None = None
    n_tokens: int | None = None
    vocabulary: str | None = None
    added_tokens: frozenset[tuple[int, str]] | None = None
    special_tokens: tuple[tuple[str, str], ...] = ()
    chat_template: str | None = None


@dataclass(frozen=True)
class Difference:
    """One thing in which a checkpoint is not like its reference.

    Attributes:
        what: in words, `width`.
        expected: what the reference has.
        found: what the checkpoint has.
        grave: measurements of the two cannot be compared.
    """

    what: str
    expected: str
    found: str
    grave: bool = True

    def __str__(self) -> str:
        return f"its {self.what} is {self.found}, where {self.expected} was expected"


def identity(folder: Path) -> Identity:
    """The identity of the model in `folder`; of an adapter its tokenizer, where it has one.

    A file that is not there or is not JSON leaves its parts unknown: that it is broken is
    what `is_complete` says.
    """
    config = _object(folder / "config.json")
    inner = config.get("text_config")
    text = config | inner if isinstance(inner, dict) else config
    architectures = config.get("architectures")
    named = architectures[0] if isinstance(architectures, list) and architectures else None
    model = Identity(
        architecture=str(named or config.get("model_type") or "") or None,
        d_model=_first(text, _WIDTHS),
        n_layers=_first(text, _LAYERS),
    )
    return _with_tokenizer(model, folder)


def differences(reference: Identity, found: Identity) -> tuple[Difference, ...]:
    """In what `found` is not like `reference`, as far as both are known; the grave ones first."""
    parts = [
        ("architecture", reference.architecture, found.architecture),
        ("width", reference.d_model, found.d_model),
        ("number of layers", reference.n_layers, found.n_layers),
    ]
    if _differ(reference.n_tokens, found.n_tokens):
        parts.append(("tokenizer's size", reference.n_tokens, found.n_tokens))
    else:
        parts.append(("tokenizer's vocabulary", reference.vocabulary, found.vocabulary))
    different = [
        Difference(what, _shown(expected), _shown(got))
        for what, expected, got in parts
        if _differ(expected, got)
    ]
    different += _added(reference.added_tokens, found.added_tokens)
    stated = dict(found.special_tokens)
    different += [
        Difference(role, repr(token), repr(stated[role]), grave=False)
        for role, token in reference.special_tokens
        if stated.get(role, token) != token
    ]
    if _differ(reference.chat_template, found.chat_template):
        expected, got = map(_shown_template, (reference.chat_template, found.chat_template))
        different.append(Difference("chat template", expected, got, grave=False))
    return tuple(sorted(different, key=lambda difference: not difference.grave))


def _differ(expected: str | int | None, found: str | int | None) -> bool:
    return expected is not None and found is not None and expected != found


def _added(
    expected: frozenset[tuple[int, str]] | None, found: frozenset[tuple[int, str]] | None
) -> list[Difference]:
    """Tokens that were only added leave the ids of all other text as they were."""
    if expected is None or found is None or expected == found:
        return []
    return [
        Difference(
            "set of added tokens",
            _shown_tokens(expected - found) if expected - found else "none of them",
            _shown_tokens(found - expected) if found - expected else "without them",
            grave=bool(expected - found),
        )
    ]


def _shown(value: str | int | None) -> str:
    if isinstance(value, int):
        return str(value)
    digest = value is not None and len(value) == 64
    return f"sha256 {str(value)[:12]}" if digest else str(value)


def _shown_template(digest: str | None) -> str:
    return "none" if digest == _digest("") else _shown(digest)


def _shown_tokens(tokens: frozenset[tuple[int, str]], most: int = 3) -> str:
    first = [f"{text!r} ({number})" for number, text in sorted(tokens)[:most]]
    more = f" and {len(tokens) - most} more" if len(tokens) > most else ""
    return ", ".join(first) + more


def _with_tokenizer(model: Identity, folder: Path) -> Identity:
    settings = _object(folder / "tokenizer_config.json")
    known = _vocabulary(folder)
    if known is None:
        return model
    vocabulary, n_tokens, added = known
    return replace(
        model,
        vocabulary=vocabulary,
        n_tokens=n_tokens,
        added_tokens=added,
        special_tokens=_special_tokens(folder, settings),
        chat_template=_digest(_chat_template(folder, settings)),
    )


def _vocabulary(folder: Path) -> tuple[str, int | None, frozenset[tuple[int, str]]] | None:
    """Digest and size of the vocabulary, and what was added to it; None without a tokenizer."""
    tokenizer = _object(folder / "tokenizer.json")
    if tokenizer:
        return _fast(tokenizer)
    files = [folder / name for name in _VOCABULARY] + sorted(folder.glob("*.tiktoken"))
    digest, seen = hashlib.sha256(), False
    for file in files:
        if file.is_file():
            content, seen = file.read_bytes(), True
            digest.update(f"{file.name}\0{len(content)}\0".encode() + content)
    added = _object(folder / "added_tokens.json")
    tokens = frozenset((number, text) for text, number in added.items() if isinstance(number, int))
    return (digest.hexdigest(), None, tokens) if seen else None


def _fast(tokenizer: dict[str, Any]) -> tuple[str, int | None, frozenset[tuple[int, str]]]:
    # What batching left switched on is no part of which token a word is.
    skipped = ("padding", "truncation", "added_tokens")
    kept = {key: tokenizer[key] for key in tokenizer if key not in skipped}
    model, vocab = kept.get("model"), None
    if isinstance(model, dict):
        vocab = model.get("vocab")
        if isinstance(model.get("merges"), list):
            merges = [" ".join(m) if isinstance(m, list) else m for m in model["merges"]]
            kept["model"] = model | {"merges": merges}
    added = tokenizer.get("added_tokens")
    tokens = frozenset(
        (int(token["id"]), str(token["content"]))
        for token in (added if isinstance(added, list) else [])
        if isinstance(token, dict) and {"id", "content"} <= token.keys()
    )
    return _digest(_canonical(kept)), len(vocab) if vocab is not None else None, tokens


def _special_tokens(folder: Path, settings: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    # An older save writes the tokens into a file of their own, a newer one does not.
    said = _object(folder / "special_tokens_map.json") | settings
    tokens = ((key, _content(said.get(key))) for key in _SPECIAL)
    return tuple((key, str(token)) for key, token in tokens if token is not None)


def _content(token: Any) -> Any:
    return token.get("content") if isinstance(token, dict) else token


def _chat_template(folder: Path, settings: dict[str, Any]) -> str:
    """Where a template is kept has changed over time; the newest place counts first."""
    if (folder / "chat_template.jinja").is_file():
        return (folder / "chat_template.jinja").read_text("utf-8", errors="replace")
    kept = _object(folder / "chat_template.json").get("chat_template")
    template = kept or settings.get("chat_template") or ""
    return template if isinstance(template, str) else _canonical(template)


def _first(config: dict[str, Any], names: tuple[str, ...]) -> int | None:
    return next((config[name] for name in names if isinstance(config.get(name), int)), None)


def _object(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
