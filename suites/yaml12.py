"""YAML as people of version 1.2 expect it, read in one pass, with the place of everything.

Knows YAML, nothing of suites. PyYAML's C parser gives events (the pure-Python one where
libyaml is absent); this module makes values of them by the core schema of YAML 1.2.2,
section 10.3: `1e-3` is a number, `no` is text, `012` is twelve. Nothing is ever constructed
but text, numbers, booleans, null, lists and mappings with text keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml

from suites.core_schema import scalar
from suites.problems import Problem, SuiteError, dotted, show

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 64
MAX_ALIASED = 100_000  # nodes that aliases may add to a document

Place = tuple[int, int]
Loc = Sequence[str | int]

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# What YAML 1.2 forbids, and three characters that end a line in 1.1 (and so in libyaml) only.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_PLAIN_TAGS = (None, "!")


class _Node(NamedTuple):
    """A value, where it begins, how many nodes it spreads out to, and what it holds."""

    value: Any
    place: Place
    size: int
    children: dict[str, tuple[Place, _Node]] | list[_Node] | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: its value, and the place of every part of it."""

    value: Any
    file: str
    problems: tuple[Problem, ...]
    root: _Node

    def place(self, loc: Loc, *, key: bool = False) -> Place:
        """Line and column, from 1, of what `loc` leads to, or of the last step that exists.

        A scalar is found at its value, a mapping or list at its key, an item where it
        begins; with `key` anything that has a key is found at its key.
        """
        node, place = self.root, self.root.place
        for number, step in enumerate(loc, start=1):
            if isinstance(node.children, dict) and step in node.children:
                at_key, node = node.children[str(step)]
                on_key = node.children is not None or (key and number == len(loc))
                place = at_key if on_key else node.place
            elif isinstance(node.children, list) and isinstance(step, int):
                if not 0 <= step < len(node.children):
                    break
                node = node.children[step]
                place = node.place
            else:
                break
        return place


def parse(text: str | bytes, file: str) -> Document:
    """Read one YAML document.

    Duplicate keys and tags stand in the document's `problems`; the first of two equal
    keys wins.

    Raises:
        SuiteError: the text is no YAML, or it is too large, too deep or spreads too far.
    """
    source = _decode(text, file) if isinstance(text, bytes) else text.removeprefix("\ufeff")
    if len(source) > MAX_BYTES:
        raise SuiteError([_too_large(file)])
    if match := _FORBIDDEN.search(source):
        line, column = _position(source, match.start())
        code = f"{ord(match[0]):04X}"
        message = f"the character U+{code} may not stand in YAML"
        hint = f'write "\\u{code.lower()}" in double quotes'
        raise SuiteError([Problem(message, file, line, column, hint=hint)])
    return _Reader(source, file).document()


def _too_large(file: str) -> Problem:
    hint = "put the rows into a JSONL, CSV or Parquet file"
    return Problem(f"larger than {MAX_BYTES // 1024**2} MiB", file, hint=hint)


def _position(text: str, index: int) -> Place:
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


def _decode(data: bytes, file: str) -> str:
    if len(data) > MAX_BYTES:
        raise SuiteError([_too_large(file)])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise SuiteError([Problem(message, file, line, column, hint="save as UTF-8")]) from None


class _Reader:
    """One pass over the events of one document."""

    def __init__(self, source: str, file: str) -> None:
        self.file = file
        self.source = source
        self.events: Iterator[Any] = yaml.parse(source, Loader=_LOADER)
        self.anchors: dict[str, _Node | None] = {}
        self.aliased = 0
        self.problems: list[Problem] = []

    def document(self) -> Document:
        try:
            self._next()  # the start of the stream
            event = self._next()
            if isinstance(event, yaml.StreamEndEvent):
                root = _Node(None, (1, 1), 1)
            else:
                root = self._node(self._next(), ())
                self._next()  # the end of the document
                event = self._next()
                if not isinstance(event, yaml.StreamEndEvent):
                    raise self._stop(event, "a second document", "keep one document in a file")
        except yaml.MarkedYAMLError as error:
            raise SuiteError([*self.problems, _syntax(error, self.source, self.file)]) from None
        return Document(root.value, self.file, tuple(self.problems), root)

    def _next(self) -> Any:
        return next(self.events)

    def _problem(
        self, event: Any, message: str, hint: str = "", loc: Loc = (), value: str = ""
    ) -> Problem:
        mark = event.start_mark
        line, column = mark.line + 1, mark.column + 1
        return Problem(message, self.file, line, column, dotted(loc), value, hint)

    def _stop(self, event: Any, message: str, hint: str = "", loc: Loc = ()) -> SuiteError:
        return SuiteError([*self.problems, self._problem(event, message, hint, loc)])

    def _tagged(self, event: Any, loc: Loc) -> Problem:
        tag = event.tag.replace("tag:yaml.org,2002:", "!!")
        message = f"has the tag {show(tag)}, and a suite has no tags"
        return self._problem(event, message, "remove it; quotes make text", loc, tag)

    def _node(self, event: Any, loc: tuple[str | int, ...]) -> _Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, loc)
        if event.tag not in _PLAIN_TAGS:
            self.problems.append(self._tagged(event, loc))
        if len(loc) > MAX_DEPTH:
            raise self._stop(event, f"nested deeper than {MAX_DEPTH} levels")
        if event.anchor is not None:
            self.anchors[event.anchor] = None  # open: an alias to it from inside is a circle
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event, loc)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(event, loc)
        else:
            node = self._mapping(event, loc)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def _alias(self, event: Any, loc: Loc) -> _Node:
        if event.anchor not in self.anchors:
            raise self._stop(event, f"the alias *{event.anchor} has no anchor before it", loc=loc)
        node = self.anchors[event.anchor]
        if node is None:
            raise self._stop(
                event, f"the alias *{event.anchor} lies inside its own anchor", loc=loc
            )
        self.aliased += node.size
        if self.aliased > MAX_ALIASED:
            message = f"the aliases spread out to more than {MAX_ALIASED} values"
            raise self._stop(event, message, loc=loc)
        return _Node(node.value, _place(event), node.size, node.children)

    def _scalar(self, event: Any, loc: Loc) -> _Node:
        text = event.value
        if event.implicit[0]:
            try:
                text = scalar(text)
            except ValueError as error:
                self.problems.append(self._problem(event, str(error), "put it in quotes", loc))
        elif not text.isascii() and _SURROGATE.search(text):  # only the pure-Python reader lets it
            message = "holds half a character (a lone surrogate)"
            self.problems.append(self._problem(event, message, loc=loc))
        return _Node(text, _place(event), 1)

    def _sequence(self, start: Any, loc: tuple[str | int, ...]) -> _Node:
        children: list[_Node] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            children.append(self._node(event, (*loc, len(children))))
        size = 1 + sum(child.size for child in children)
        return _Node([child.value for child in children], _place(start), size, children)

    def _mapping(self, start: Any, loc: tuple[str | int, ...]) -> _Node:
        children: dict[str, tuple[Place, _Node]] = {}
        size = 1
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._key(event, loc)
            child = self._node(self._next(), (*loc, key))
            size += child.size
            if key not in children:
                children[key] = (_place(event), child)
                continue
            first = "{}:{}".format(*children[key][0])
            message = f"the key {show(key)} stands here twice, first at {first}"
            self.problems.append(self._problem(event, message, loc=(*loc, key), value=key))
        value = {key: child.value for key, (_, child) in children.items()}
        return _Node(value, _place(start), size, children)

    def _key(self, event: Any, loc: Loc) -> str:
        """A key is the text as it was written: `1`, `true` and `no` are names like others."""
        if isinstance(event, yaml.AliasEvent) or not isinstance(event, yaml.ScalarEvent):
            raise self._stop(event, "a key that is not plain text", loc=loc)
        if event.tag not in _PLAIN_TAGS:
            self.problems.append(self._tagged(event, loc))
        if event.value == "<<" and event.implicit[0]:
            hint = "merging is not part of YAML 1.2; write the keys out"
            raise self._stop(event, "the merge key '<<'", hint, loc)
        if event.anchor is not None:
            self.anchors[event.anchor] = _Node(event.value, _place(event), 1)
        return str(event.value)


def _place(event: Any) -> Place:
    mark = event.start_mark
    return mark.line + 1, mark.column + 1


def _syntax(error: yaml.MarkedYAMLError, source: str, file: str) -> Problem:
    """libyaml's own words, with a sentence of ours for what people meet most."""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
    said = " ".join(str(part) for part in (error.context, error.problem) if part)
    hint = ""
    if mark and source[mark.index : mark.index + 1] == "\t":
        said, hint = "a tab cannot indent YAML", "use spaces"
    elif "mapping values are not allowed" in said:
        hint = "quote text that holds ': '"
    elif "did not find expected" in said or "could not find expected" in said:
        hint = "look for a missing quote, bracket or indent in the lines above"
    elif "cannot start any token" in said:
        hint = "quote text that begins with a special character"
    return Problem(f"not YAML: {said}", file, line, column, hint=hint)
