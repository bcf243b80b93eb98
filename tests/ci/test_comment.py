"""The comment on a pull request, over HTTP to a server that keeps comments as GitHub does."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.ci.actions import ROOT

PLACE = "/repos/org/model/issues"
MARKER = "<!-- alignment-audit comment: nightly-run -->"
LIMIT = 65_536


@dataclass
class Thread:
    """The comments of pull request 7, and how the server answers."""

    comments: list[dict[str, Any]] = field(default_factory=list)
    may_write: bool = True
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def add(self, body: str, kind: str = "Bot") -> None:
        self.comments.append({"id": len(self.comments) + 1, "body": body, "user": {"type": kind}})

    @property
    def bodies(self) -> list[str]:
        return [comment["body"] for comment in self.comments]


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
        assert self.headers["Authorization"] == "Bearer a-token"
        self.thread.asked.append(self.command)
        length = int(self.headers["Content-Length"] or 0)
        return json.loads(self.rfile.read(length))["body"] if length else ""

    def do_GET(self) -> None:
        self._content()
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


@pytest.fixture
def thread() -> Iterator[Thread]:
    kept = Thread()
    handler = type("Handler", (_Handler,), {"thread": kept})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    kept.address = f"http://127.0.0.1:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield kept
    server.shutdown()
    serving.join()
    server.server_close()


def _comment(
    thread: Thread, folder: Path, text: str, *, fork: bool = False, event: Any = None
) -> subprocess.CompletedProcess[str]:
    sides = {
        "base": {"repo": {"full_name": "org/model"}},
        "head": {"repo": {"full_name": "me/model"} if fork else {"full_name": "org/model"}},
    }
    event = {"pull_request": {"number": 7, **sides}} if event is None else event
    (folder / "event.json").write_text(json.dumps(event))
    (folder / "body.md").write_text(text)
    return subprocess.run(
        [sys.executable, ROOT / "ci" / "github_comment.py", folder / "body.md"],
        env={
            "PATH": os.environ["PATH"],
            "GITHUB_EVENT_PATH": str(folder / "event.json"),
            "GITHUB_API_URL": thread.address,
            "GITHUB_REPOSITORY": "org/model",
            "AUDIT_TOKEN": "a-token",
            "AUDIT_COMMENT": "nightly -- run",
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_one_comment_is_kept_and_replaced(thread: Thread, tmp_path: Path) -> None:
    report = "<!-- alignment-audit: truth -->\n# Flag\n"
    first = _comment(thread, tmp_path, report)
    assert (first.returncode, first.stdout) == (0, "commented\n"), first.stderr
    second = _comment(thread, tmp_path, report.replace("Flag", "Pass"))
    assert (second.returncode, second.stdout) == (0, "replaced the comment\n"), second.stderr
    assert thread.bodies == [f"{MARKER}\n# Pass\n"]


def test_the_comment_is_found_beyond_the_first_page(thread: Thread, tmp_path: Path) -> None:
    for number in range(230):
        thread.add(f"remark {number}", "User")
    thread.add(f"{MARKER}\n# Old\n")
    assert _comment(thread, tmp_path, "# New\n").returncode == 0
    assert thread.bodies[230:] == [f"{MARKER}\n# New\n"]
    assert thread.asked == ["GET", "GET", "GET", "PATCH"]


def test_nobodys_words_are_replaced(thread: Thread, tmp_path: Path) -> None:
    theirs = [(f"{MARKER}\n# Pass\n", "User"), (f"> {MARKER}\n", "Bot")]
    theirs += [("<!-- alignment-audit comment: other -->\n", "Bot")]
    for body, kind in theirs:
        thread.add(body, kind)
    assert _comment(thread, tmp_path, "# Flag\n").returncode == 0
    assert thread.bodies == [*(body for body, _ in theirs), f"{MARKER}\n# Flag\n"]


def test_a_text_too_long_is_cut_between_paragraphs(thread: Thread, tmp_path: Path) -> None:
    text = "\n\n".join(f"paragraph {number}" for number in range(10_000))
    assert _comment(thread, tmp_path, text).returncode == 0
    [body] = thread.bodies
    kept = body.split("\n\n> **Cut to fit.**")[0].removeprefix(f"{MARKER}\n")
    assert text.startswith(f"{kept}\n\n")
    assert LIMIT - 200 < len(body) <= LIMIT


def test_a_text_that_fits_is_not_cut(thread: Thread, tmp_path: Path) -> None:
    text = "x" * (LIMIT - len(MARKER) - 1)
    assert _comment(thread, tmp_path, text).returncode == 0
    assert thread.bodies == [f"{MARKER}\n{text}"]


def test_a_fork_may_only_read_and_that_is_no_failure(thread: Thread, tmp_path: Path) -> None:
    thread.may_write = False
    done = _comment(thread, tmp_path, "# Flag\n", fork=True)
    assert done.returncode == 0
    assert done.stdout.startswith("::notice::no comment: a pull request from a fork")


def test_a_missing_permission_is_named(thread: Thread, tmp_path: Path) -> None:
    thread.may_write = False
    done = _comment(thread, tmp_path, "# Flag\n")
    assert done.returncode == 1
    assert done.stdout == (
        "::error::no comment was written: 403 Forbidden; give the job `pull-requests: write`\n"
    )


def test_without_a_pull_request_there_is_nothing_to_comment_on(
    thread: Thread, tmp_path: Path
) -> None:
    done = _comment(thread, tmp_path, "# Flag\n", event={"ref": "refs/heads/main"})
    assert done.returncode == 0
    assert done.stdout.startswith("::notice::not about a pull request")
    assert not thread.asked


def test_a_server_that_is_not_there_is_an_error(thread: Thread, tmp_path: Path) -> None:
    gone = Thread(address="http://127.0.0.1:1")
    done = _comment(gone, tmp_path, "# Flag\n")
    assert done.returncode == 1
    assert done.stdout.startswith("::error::no comment was written:")
    assert not done.stderr
