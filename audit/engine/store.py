"""Everything that came of a run, into its folder; the status last."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from audit.engine.interrupts import held_back
from audit.engine.journal import append
from audit.engine.leftovers import remove_empty_folders
from audit.engine.measure import Measurement
from audit.engine.request import Request
from audit.engine.resuming import RunFolder, digest_of, note_damage, whole_record
from audit.engine.run_dir import PARTIAL, say_ended, write_manifest, write_report, write_scores
from audit.exit_codes import ExitCode
from probes.io import SavedFeatures, SavedProbe, save_probe
from probes.linear import LinearProbe
from probes.sae.monitor import CombinedFeatures
from reports.keeping import draw
from reports.markdown.card import card_markdown
from reports.read import REPORT_FILE, read_report
from reports.record import AuditReport, ModelInfo
from reports.render import Maker, makers

if TYPE_CHECKING:
    import pandas as pd


@held_back()
def store_run(
    folder: Path, report: AuditReport, scores: pd.DataFrame, measurements: Sequence[Measurement]
) -> list[str]:
    """Write manifest, probes, scores and reports, then say that the run is whole.

    Returns:
        A sentence for each file that could not be made of the record.

    Raises:
        OSError: the disk is full or the folder went away; the status is the caller's.
    """
    write_manifest(folder, _manifest(report))
    probes = folder / "probes"
    probes.mkdir(exist_ok=True)
    written = ["manifest.json", "scores.parquet"]
    for measured in measurements:
        stem = f"{measured.work.suite.suite.name}.{measured.work.id}"
        save_probe(probes / stem, saved_probe(measured, report.model))
        written += [f"probes/{stem}.safetensors", f"probes/{stem}.json"]
    write_scores(folder, scores)
    append(folder, "saved", saved={name: digest_of(folder / name) for name in written})
    interrupted = report.exit_code == ExitCode.INTERRUPTED
    unmade = write_report(
        folder, report, "interrupted" if interrupted else "complete", _cards(report)
    )
    _drop_other_cards(folder, report)
    return unmade


def stored_report(place: RunFolder, asked: Request) -> AuditReport | None:
    """The record of a complete run of the same request; None where there is none.

    What is drawn of it is drawn again, whatever somebody did to the files. A record with a check
    that could not be measured is none: what was in the way may be gone. Nor is there one where a
    loaded model was handed over: weights, hooks and steering may be others since its digest was
    taken.

    Raises:
        OSError: a file cannot be read or written.
    """
    if whole_record(place, asked) is None:
        return None
    report = read_report(place.path / REPORT_FILE)
    if any(check.verdict == "error" for check in report.checks):
        place.say(f"{place.path}: some checks could not be measured; they are measured again")
        return None
    note_damage(place)
    draw_again(place.path, report)
    shutil.rmtree(place.path / PARTIAL, ignore_errors=True)
    place.say(f"{place.path} holds this audit, complete; nothing is run again (--fresh does)")
    return report


def draw_again(folder: Path, report: AuditReport) -> None:
    """Draw of a complete run all but its record, and say again that it is complete.

    Raises:
        OSError: a file could not be written.
    """
    all_of_it = {**makers(report), **_cards(report)}
    drawn = {name: make for name, make in all_of_it.items() if name != REPORT_FILE}
    unmade = draw(folder, drawn)
    _drop_other_cards(folder, report)
    say_ended(folder, report, "complete", unmade)


def _drop_other_cards(folder: Path, report: AuditReport) -> None:
    """Remove cards of an earlier record: beside this one they would be evidence of it."""
    of_it = {folder / name for name in _cards(report)}
    for file in set((folder / "cards").glob("*.md")) - of_it:
        file.unlink(missing_ok=True)
    remove_empty_folders(folder)


def _cards(report: AuditReport) -> dict[str, Maker]:
    """Every evidence card whole; the report shows the strongest of each list."""
    return {
        f"cards/{check.suite}.{check.id}.feature-{card.feature}.md": partial(
            card_markdown, card, level=1
        )
        for check in report.checks
        for card in check.cards
    }


def saved_probe(measured: Measurement, model: ModelInfo) -> SavedProbe:
    """The fitted probe with all that it needs to be read again, or refused."""
    work, watch = measured.work, measured.work.watch
    monitor, probe, features = work.check.monitor, measured.probe, None
    if watch is not None and isinstance(probe, CombinedFeatures):
        features = SavedFeatures(
            sae=watch.info.path,
            sae_format=watch.info.format,
            sae_digest=watch.info.digest,
            features=watch.reader.features,
            combine=probe.combine,
        )
        probe = probe.linear
    assert isinstance(probe, LinearProbe), "what has another shape must learn to be saved"
    return SavedProbe(
        probe=probe,
        features=features,
        hook_name=measured.point.name,
        layer=measured.point.layer,
        tokens=monitor.tokens if isinstance(monitor.tokens, str) else f"last:{monitor.tokens.last}",
        pooling=monitor.pooling,
        window=monitor.window,
        threshold=measured.threshold.value,
        lower=None if measured.lower is None else measured.lower.value,
        stated_fpr=work.check.fpr,
        model_name=model.name,
        model_digest=model.weights_digest,
        controls_digest=work.roles["control"].digest,
        concept=work.check.concept,
        suite=work.suite.suite.name,
    )


def _manifest(report: AuditReport) -> dict[str, object]:
    whole = report.model_dump(mode="json")
    return {
        "schema_version": report.schema_version,
        "model": whole["model"],
        "reference": whole["reference"],
        "suites": whole["suites"],
        "data": {
            f"{check.suite}/{check.id}": {role: count.digest for role, count in check.roles.items()}
            for check in report.checks
        },
        "seed": report.seed,
        "options": report.options,
        "provenance": whole["provenance"],
    }
