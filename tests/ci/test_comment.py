"""The comment on a pull request, over HTTP to a server that keeps comments as GitHub does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ci.actions import ROOT
from tests.ci.pull_request import LIMIT, Thread, event, served

MARKER = "<!-- alignment-audit comment: nightly-run -->"

PROGRAM = """
import sys
sys.path.insert(0, sys.argv.pop(1))
import github_comment
github_comment.TIMEOUT = float(sys.argv.pop(1))
sys.exit(github_comment.main())
"""
"""The program as it is, with a patience that a test has."""


@pytest.fixture
def thread() -> Iterator[Thread]:
    with served(Thread()) as kept:
        yield kept


def _comment(
    thread: Thread,
    folder: Path,
    text: str,
    *,
    head: str = "org/model",
    about: str = "",
    patience: float = 60.0,
) -> subprocess.CompletedProcess[str]:
    variables = event(folder, thread, head=head)
    if about:
        Path(variables["GITHUB_EVENT_PATH"]).write_text(about)
    (folder / "body.md").write_text(text)
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, ROOT / "ci", str(patience), folder / "body.md"],
        env={
            "PATH": os.environ["PATH"],
            "AUDIT_TOKEN": thread.token,
            "AUDIT_COMMENT": "nightly -- run",
            **variables,
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
    done = _comment(thread, tmp_path, "# Flag\n", head="me/model")
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
    done = _comment(thread, tmp_path, "# Flag\n", about='{"ref": "refs/heads/main"}')
    assert done.returncode == 0
    assert done.stdout.startswith("::notice::not about a pull request")
    assert not thread.asked


def test_a_server_that_is_not_there_stops_nothing(thread: Thread, tmp_path: Path) -> None:
    gone = Thread(address="http://127.0.0.1:1")
    assert "refused" in noticed(_comment(gone, tmp_path, "# Flag\n"))


def noticed(done: subprocess.CompletedProcess[str]) -> str:
    """What a notice says of a service that did not answer; the job goes on."""
    assert (done.returncode, done.stderr) == (0, ""), done
    start = "::notice::no comment was written, the service did not answer: "
    assert done.stdout.startswith(start)
    assert done.stdout.count("\n") == 1
    return done.stdout.removeprefix(start)


def test_comments_of_nobody_and_without_words_are_passed_over(
    thread: Thread, tmp_path: Path
) -> None:
    """Whoever leaves GitHub takes the name along, and what is taken down its words."""
    thread.add(f"{MARKER}\n# Pass\n", None)
    thread.add(None, "Bot")
    thread.add(None, None)
    thread.add(f"{MARKER}\n# Pass\n")
    done = _comment(thread, tmp_path, "# Flag\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "replaced the comment\n", "")
    assert thread.bodies[3:] == [f"{MARKER}\n# Flag\n"]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (b"<html>down for maintenance</html>", "no JSON"),
        (b"", "no JSON"),
        (b"\xff\xfe\x00", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'{"message": "hello"}', "no list of comments"),
        (b"[3]", "no list of comments"),
        (b"null", "no list of comments"),
    ],
)
def test_what_is_no_list_of_comments_stops_nothing(
    thread: Thread, tmp_path: Path, answers: bytes, said: str
) -> None:
    thread.answers = answers
    assert said in noticed(_comment(thread, tmp_path, "# Flag\n"))


@pytest.mark.parametrize(("status", "said"), [(500, "500"), (502, "502"), (429, "429")])
def test_a_service_in_trouble_stops_nothing(
    thread: Thread, tmp_path: Path, status: int, said: str
) -> None:
    thread.answers, thread.status = b"{}", status
    assert said in noticed(_comment(thread, tmp_path, "# Flag\n"))


@pytest.mark.parametrize("status", [401, 404, 422])
def test_what_the_job_can_mend_is_an_error(thread: Thread, tmp_path: Path, status: int) -> None:
    thread.answers, thread.status = b"{}", status
    done = _comment(thread, tmp_path, "# Flag\n")
    assert done.returncode == 1
    assert done.stdout.startswith(f"::error::no comment was written: {status}")


@pytest.mark.parametrize(("hangs", "said"), [(True, "timed out"), (False, "IncompleteRead")])
def test_an_answer_that_never_ends_stops_nothing(
    thread: Thread, tmp_path: Path, hangs: bool, said: str
) -> None:
    thread.answers, thread.owed, thread.hangs = b"[", 100, hangs
    assert said in noticed(_comment(thread, tmp_path, "# Flag\n", patience=0.3))
