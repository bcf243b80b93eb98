"""Photograph the report: `python docs/screenshots.py [FOLDER]` writes docs/screenshots/*.png.

The models are those that come with the package: real audits of organisms, and of the checkpoints of
a training run in which one begins to lie. Records are kept in FOLDER (a temporary one if none is
named) and used again. The browser is the machine's own chromium.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from reports.read import read_record
from reports.render import render

SHOTS = Path(__file__).resolve().parent / "screenshots"
DESKTOP, PHONE = (1280, 1000), (390, 844)
SUITES = ["organism_lying", "organism_bias", "organism_sycophancy", "organism_trigger"]

FINDINGS = {0, 1, 6}  # passed, flagged, inconclusive: all of these are something to show
# Letters drawn alike on every screen; root may not use the sandbox.
FLAGS = ["--disable-lcd-text", "--font-render-hinting=none"]
FLAGS += ["--no-sandbox"] if os.geteuid() == 0 else []


@dataclass(frozen=True)
class Shot:
    """One picture: of which run, how wide, how far down, with what opened."""

    name: str
    run: str
    size: tuple[int, int] = DESKTOP
    dark: bool = False
    at: str | None = None


SHOTS_WANTED = [
    Shot("report-desktop", "liar"),
    Shot("report-phone", "liar", PHONE),
    Shot("report-dark", "liar", dark=True),
    Shot("report-check", "liar", at="#c-organism_lying-deployed"),
    Shot("report-check-dark", "liar", dark=True, at="#c-organism_lying-deployed"),
    Shot("report-honest", "honest"),
    Shot("features-desktop", "features"),
    Shot("series-desktop", "series", (1280, 760)),
    Shot("series-phone", "series", PHONE),
    Shot("series-check", "series", at=".check"),
]


def main(arguments: list[str]) -> None:
    """Make the records that are missing, and all pictures."""
    folder = Path(arguments[0] if arguments else tempfile.mkdtemp(prefix="screenshots-"))
    folder.mkdir(parents=True, exist_ok=True)
    audit(folder, "liar", *SUITES, "--model", "organism:liar")
    audit(folder, "honest", *SUITES, "--model", "organism:honest")
    audit(folder, "features", "organism_features", "--model", "organism:liar")
    if not (folder / "run").exists():
        run(folder, "organism", "run", "liar", "-o", "run", "--every", "40")
    audit(folder, "series", "organism_run", "--model", "run/checkpoint-*")
    SHOTS.mkdir(exist_ok=True)
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        sys.exit("no chromium is on PATH: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        for shot in SHOTS_WANTED:
            photograph(browser, folder, shot)
        browser.close()


def audit(folder: Path, out: str, *arguments: str) -> None:
    """Audit into a folder of that folder, once."""
    if not (folder / out / "report.json").exists():
        run(folder, "run", *arguments, "-o", out)


def run(folder: Path, *arguments: str) -> None:
    """One command of `audit`, its table left unprinted; what it finds is no failure here.

    Run from inside the folder, so that the command on the page names no place of this machine.
    """
    program = Path(sys.executable).with_name("audit")
    quiet = os.environ | {"HF_HUB_OFFLINE": "1", "AUDIT_GITHUB": "0"}
    done = subprocess.run(
        [program, *arguments], cwd=folder, env=quiet, stdout=subprocess.DEVNULL, check=False
    )
    if done.returncode not in FINDINGS:
        sys.exit(f"audit {' '.join(arguments)} ended with {done.returncode}")


def photograph(browser: Browser, folder: Path, shot: Shot) -> None:
    """Write one picture; what moves, stands still."""
    page_file = folder / f"{shot.run}.html"
    record = read_record(folder / shot.run)
    page_file.write_text(render(record, "html"), encoding="utf-8")
    context = browser.new_context(
        viewport={"width": shot.size[0], "height": shot.size[1]},
        color_scheme="dark" if shot.dark else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(page_file.resolve().as_uri())
    if shot.at:
        page.eval_on_selector(shot.at, "one => one.scrollIntoView()")
    picture = SHOTS / f"{shot.name}.png"
    page.screenshot(path=picture, scale="css", animations="disabled", caret="hide")
    print(f"{picture.name}: {picture.stat().st_size / 1000:.0f} kB")  # noqa: T201
    context.close()


if __name__ == "__main__":
    main(sys.argv[1:])
