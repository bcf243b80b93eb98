"""Keeps one comment on a pull request: `github_comment.py BODY.md`.

Knows GitHub's interface for comments, by the address and the event that the runner names; knows
nothing of audits. A comment is ours if a bot wrote it and it begins with our marker, so nobody's
own words are ever replaced. Where the token may only read, as on a pull request from a fork, or
the service cannot be reached or understood, that is said and is no failure: a comment that is
missing is no reason to stop what passed. What the job itself can mend is one.
"""

import http.client
import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LIMIT = 65_536  # characters that GitHub takes
PAGE = 100
TIMEOUT = 60.0
"""Seconds without a byte."""
CUT = "\n\n> **Cut to fit.** The folder of the run holds all of it.\n"
REPORT_MARKER = re.compile(r"<!-- alignment-audit[^\n]*-->\n")


def marker(name: str) -> str:
    """By what the comment is found again; at most 100 characters, whatever the name."""
    return f"<!-- alignment-audit comment: {re.sub(r'[^A-Za-z0-9_.]+', '-', name)[:60]} -->\n"


def body(text: str, name: str) -> str:
    """The text under our marker instead of its own, within what GitHub takes."""
    whole = marker(name) + REPORT_MARKER.sub("", text, count=1)
    if len(whole) <= LIMIT:
        return whole
    return whole[: LIMIT - len(CUT)].rsplit("\n\n", 1)[0] + CUT


class UnansweredError(Exception):
    """The service could not be reached, or said what cannot be understood."""


def ask(method: str, url: str, token: str, content: object = None) -> tuple[Any, str | None]:
    """The answer, and the address of its next page if there is one.

    Raises:
        HTTPError: the service said no.
        UnansweredError: it said nothing, or nothing that is JSON.
    """
    request = urllib.request.Request(
        url,
        method=method,
        data=None if content is None else json.dumps(content).encode("utf-8"),
        headers={
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "Content-Type": "application/json",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            following = re.search(r'<([^>]+)>; rel="next"', answer.headers.get("Link") or "")
            return json.load(answer), following[1] if following else None
    except urllib.error.HTTPError:
        raise
    except (OSError, http.client.HTTPException) as error:  # also in the middle of an answer
        raise UnansweredError(str(getattr(error, "reason", None) or error)) from None
    except (ValueError, RecursionError) as error:
        raise UnansweredError(f"what it said is no JSON: {error}") from None


def comments(url: str, token: str) -> Iterator[Any]:
    """All comments of the pull request, over all pages."""
    page: str | None = f"{url}?per_page={PAGE}"
    while page:
        found, page = ask("GET", page, token)
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise UnansweredError("what it said is no list of comments")
        yield from found


def keep(api: str, repository: str, number: int, token: str, text: str, name: str) -> str:
    """Write the comment, or replace the one that is there; what was done."""
    issues = f"{api}/repos/{repository}/issues"
    begins = marker(name).strip()
    there = comments(f"{issues}/{number}/comments", token)
    known = next((comment["id"] for comment in there if _is_ours(comment, begins)), None)
    content = {"body": body(text, name)}
    if known is None:
        ask("POST", f"{issues}/{number}/comments", token, content)
        return "commented"
    ask("PATCH", f"{issues}/comments/{known}", token, content)
    return "replaced the comment"


def _is_ours(comment: Any, begins: str) -> bool:
    """Of whoever left there is no user, and of what was taken down no body."""
    user, said = comment.get("user") or {}, comment.get("body") or ""
    return user.get("type") == "Bot" and said.startswith(begins)


def main() -> int:
    """Keep the comment of the pull request that the runner's event is about; 1 if it may not."""
    event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    pull = event.get("pull_request")
    if not pull:
        sys.stdout.write("::notice::not about a pull request: nothing to comment on\n")
        return 0
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    try:
        done = keep(
            os.environ["GITHUB_API_URL"],
            os.environ["GITHUB_REPOSITORY"],
            int(pull["number"]),
            os.environ["AUDIT_TOKEN"],
            text,
            os.environ.get("AUDIT_COMMENT", ""),
        )
    except urllib.error.HTTPError as error:
        return _refused(error, fork=_place(pull, "head") != _place(pull, "base"))
    except UnansweredError as error:
        return _unanswered(str(error))
    sys.stdout.write(f"{done}\n")
    return 0


def _place(pull: Any, side: str) -> object:
    """The repository of a side; a fork that was deleted has none."""
    return (pull[side]["repo"] or {}).get("full_name")


def _refused(error: urllib.error.HTTPError, *, fork: bool) -> int:
    if error.code == 403 and fork:
        sys.stdout.write("::notice::no comment: a pull request from a fork may only read\n")
        return 0
    if error.code >= 500 or error.code == 429:
        return _unanswered(f"{error.code} {error.reason}")
    mend = "; give the job `pull-requests: write`" if error.code == 403 else ""
    sys.stdout.write(f"::error::no comment was written: {error.code} {error.reason}{mend}\n")
    return 1


def _unanswered(why: str) -> int:
    said = " ".join(why.split()).replace("%", "%25")
    sys.stdout.write(f"::notice::no comment was written, the service did not answer: {said}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
