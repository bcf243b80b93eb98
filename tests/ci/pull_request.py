"""A pull request's comments on a server that keeps them as GitHub does, page by page.

Knows what may be asked of comments and by whom; anything else is an error of the one who asks.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PLACE = "/repos/org/model/issues"
LIMIT = 65_536  # characters of a comment


@dataclass
class Thread:
    """The comments of pull request 7, and how the server answers."""

    comments: list[dict[str, Any]] = field(default_factory=list)
    may_write: bool = True
    asked: list[str] = field(default_factory=list)
    address: str = ""
    answers: bytes | None = None
    """What is said instead of the comments, as it is."""
    owed: int = 0
    """Bytes that are promised beyond it and never come."""
    hangs: bool = False
    """Whether the line stays open for them."""
    released: threading.Event = field(default_factory=threading.Event)
    status: int = 200
    token: str = "a-token"

    def add(self, body: str | None, kind: str | None = "Bot") -> None:
        user = None if kind is None else {"type": kind}
        self.comments.append({"id": len(self.comments) + 1, "body": body, "user": user})

    @property
    def bodies(self) -> list[str]:
        return [comment["body"] or "" for comment in self.comments]


class _Handler(BaseHTTPRequestHandler):
    thread: Thread

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, content: object, link: str = "") -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        if link:
            self.send_header("Link", link)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _content(self) -> str:
        assert self.headers["Authorization"] == f"Bearer {self.thread.token}"
        self.thread.asked.append(self.command)
        length = int(self.headers["Content-Length"] or 0)
        return json.loads(self.rfile.read(length))["body"] if length else ""

    def do_GET(self) -> None:
        self._content()
        if self.thread.answers is not None:
            self.send_response(self.thread.status)
            self.send_header("Content-Length", str(len(self.thread.answers) + self.thread.owed))
            self.end_headers()
            self.wfile.write(self.thread.answers)
            self.thread.released.wait(60 if self.thread.hangs else 0)
            return
        found = re.fullmatch(rf"{PLACE}/7/comments\?per_page=(\d+)(?:&page=(\d+))?", self.path)
        assert found, self.path
        size, page = int(found[1]), int(found[2] or 1)
        rest = self.thread.comments[size * page :]
        address = f"{self.thread.address}{PLACE}/7/comments?per_page={size}"
        first = f'<{address}&page=1>; rel="first"'
        link = f'<{address}&page={page + 1}>; rel="next", {first}' if rest else first
        self._answer(200, self.thread.comments[size * (page - 1) : size * page], link)

    def do_POST(self) -> None:
        body = self._content()
        assert self.path == f"{PLACE}/7/comments"
        self._write(lambda: self.thread.add(body), 201)

    def do_PATCH(self) -> None:
        body = self._content()
        number = int(self.path.removeprefix(f"{PLACE}/comments/"))
        self._write(lambda: self.thread.comments[number - 1].update(body=body), 200)

    def _write(self, change: Any, status: int) -> None:
        if not self.thread.may_write:
            return self._answer(403, {"message": "Resource not accessible by integration"})
        change()
        assert max(map(len, self.thread.bodies)) <= LIMIT
        return self._answer(status, {})


@contextmanager
def served(thread: Thread) -> Iterator[Thread]:
    """Serve a thread of comments over HTTP; its `address` is that of the server."""
    handler = type("Handler", (_Handler,), {"thread": thread})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread.address = f"http://127.0.0.1:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield thread
    finally:
        thread.released.set()
        server.shutdown()
        serving.join()
        server.server_close()


def event(folder: Path, thread: Thread, *, head: str = "org/model") -> dict[str, str]:
    """What the runner tells of pull request 7, as variables of the environment."""
    sides = {"base": {"repo": {"full_name": "org/model"}}, "head": {"repo": {"full_name": head}}}
    file = folder / "event.json"
    file.write_text(json.dumps({"pull_request": {"number": 7, **sides}}))
    return {
        "GITHUB_EVENT_PATH": str(file),
        "GITHUB_API_URL": thread.address,
        "GITHUB_REPOSITORY": "org/model",
    }
