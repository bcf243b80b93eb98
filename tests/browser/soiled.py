"""Records in which every text that may come from outside is the worst there is."""

from __future__ import annotations

import itertools
import typing
from collections.abc import Iterator
from typing import Any, Literal, TypeVar

from pydantic import BaseModel

from tests.reports.hostile import HOSTILE

PWN = "window.__pwned=1"
SCRIPTS = [
    f"<script>{PWN}</script>",
    f"</script><script>{PWN}</script>",
    f'"><script>{PWN}</script>',
    f"</style><script>{PWN}</script>",
    f"</title><script>{PWN}</script>",
    f"--><script>{PWN}</script>",
    f"]]><script>{PWN}</script>",
    f'<img src="x" onerror="{PWN}">',
    f'<svg onload="{PWN}"><g/></svg>',
    f"<svg><script>{PWN}</script></svg>",
    f'"></text></svg><img src=x onerror={PWN}>',
    f'<details open ontoggle="{PWN}">x</details>',
    f'<input autofocus onfocus="{PWN}">',
    f'" onmouseover="{PWN}" x="',
    f"' autofocus tabindex=1 onfocus='{PWN}' x='",
    f'<a href="javascript:{PWN}">click</a>',
    f"[click](javascript:{PWN})",
    f'<iframe srcdoc="<script>parent.{PWN}</script>"></iframe>',
    f'<iframe src="javascript:parent.{PWN}"></iframe>',
    f'<object data="data:text/html,<script>{PWN}</script>"></object>',
    '<iframe src="http://evil.example/frame"></iframe>',
    '<img src="http://evil.example/pixel.png">',
    '<link rel="stylesheet" href="http://evil.example/a.css">',
    '<style>@import url("http://evil.example/b.css"); body{display:none}</style>',
    '<p style="background:url(http://evil.example/c.png)">x</p>',
    '<meta http-equiv="refresh" content="0;url=http://evil.example/">',
    '<base href="http://evil.example/">',
    '<form action="http://evil.example/"><button>go</button></form>',
    "<plaintext>",
    "<noscript>",
    "<template>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:window.__pwned=1",
]
"""What runs, loads or swallows the rest of the page where it is not escaped."""

Record = TypeVar("Record", bound=BaseModel)


def soiled(record: Record) -> Record:
    """The record with each free text replaced by the next of the worst, around and around."""
    return typing.cast(Record, _soil(record, itertools.cycle([*SCRIPTS, *HOSTILE])))


def _soil(value: Any, texts: Iterator[str], kind: Any = str) -> Any:
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        new = {
            name: _soil(getattr(value, name), texts, field.annotation)
            for name, field in fields.items()
        }
        return type(value).model_validate(new)
    if isinstance(value, list):
        return [_soil(one, texts, kind) for one in value]
    if isinstance(value, dict):
        return {_soil(name, texts, kind): _soil(one, texts, kind) for name, one in value.items()}
    if isinstance(value, str) and not _named(kind):
        return next(texts)
    return value


def _named(kind: Any) -> bool:
    """Whether the type allows certain words only."""
    if typing.get_origin(kind) is Literal:
        return True
    return any(_named(part) for part in typing.get_args(kind))
