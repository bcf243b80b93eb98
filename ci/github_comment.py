"""Keeps one comment on a pull request: `github_comment.py BODY.md`.

Knows GitHub's interface for comments, by the address and the event that the runner names; knows
nothing of audits. A comment is ours if a bot wrote it and it begins with our marker, so nobody's
own words are ever replaced. Where the token may only read, as on a pull request from a fork,
that is said and is no failure.
"""

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


def ask(method: str, url: str, token: str, content: object = None) -> tuple[Any, str | None]:
    """The answer, and the address of its next page if there is one."""
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
    with urllib.request.urlopen(request, timeout=60) as answer:
        following = re.search(r'<([^>]+)>; rel="next"', answer.headers.get("Link") or "")
        return json.load(answer), following[1] if following else None


def comments(url: str, token: str) -> Iterator[Any]:
    """All comments of the pull request, over all pages."""
    page: str | None = f"{url}?per_page={PAGE}"
    while page:
        found, page = ask("GET", page, token)
        yield from found


def keep(api: str, repository: str, number: int, token: str, text: str, name: str) -> str:
    """Write the comment, or replace the one that is there; what was done."""
    issues = f"{api}/repos/{repository}/issues"
    ours = (
        comment["id"]
        for comment in comments(f"{issues}/{number}/comments", token)
        if comment["user"]["type"] == "Bot" and comment["body"].startswith(marker(name).strip())
    )
    known = next(ours, None)
    content = {"body": body(text, name)}
    if known is None:
        ask("POST", f"{issues}/{number}/comments", token, content)
        return "commented"
    ask("PATCH", f"{issues}/comments/{known}", token, content)
    return "replaced the comment"


def main() -> int:
    """Keep the comment of the pull request that the runner's event is about; 1 if that failed."""
    event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    pull = event.get("pull_request")
    if not pull:
        sys.stdout.write("::notice::not about a pull request: nothing to comment on\n")
        return 0
    try:
        done = keep(
            os.environ["GITHUB_API_URL"],
            os.environ["GITHUB_REPOSITORY"],
            int(pull["number"]),
            os.environ["AUDIT_TOKEN"],
            Path(sys.argv[1]).read_text(encoding="utf-8"),
            os.environ.get("AUDIT_COMMENT", ""),
        )
    except urllib.error.HTTPError as error:
        return _refused(error, fork=_place(pull, "head") != _place(pull, "base"))
    except urllib.error.URLError as error:
        sys.stdout.write(f"::error::no comment was written: {error.reason}\n")
        return 1
    sys.stdout.write(f"{done}\n")
    return 0


def _place(pull: Any, side: str) -> object:
    """The repository of a side; a fork that was deleted has none."""
    return (pull[side]["repo"] or {}).get("full_name")


def _refused(error: urllib.error.HTTPError, *, fork: bool) -> int:
    if error.code == 403 and fork:
        sys.stdout.write("::notice::no comment: a pull request from a fork may only read\n")
        return 0
    mend = "; give the job `pull-requests: write`" if error.code == 403 else ""
    sys.stdout.write(f"::error::no comment was written: {error.code} {error.reason}{mend}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
