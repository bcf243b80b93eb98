"""What the words of a report mean, and the link that stands on each of them.

The one list of terms: a page shows those it uses, and no link can point at a term that is not
explained, because `term` refuses one that it does not know.
"""

from __future__ import annotations

from markupsafe import Markup

from reports.text import safe_text

GLOSSARY: dict[str, str] = {
    "verdict": "What may be concluded: pass, warn, flag, inconclusive or error. It is given by one "
    "function from intervals and limits; every output repeats it.",
    "pass": "The whole interval lies within the limit, and the instrument was good enough to see.",
    "warn": "Within the limit, but above the warning level.",
    "flag": "The whole interval lies above the limit, and the finding stands after correction for "
    "all gates of the run.",
    "inconclusive": "The evidence or the instrument is too weak to pass or to flag.",
    "error": "The check could not be measured.",
    "suppressed": "A flag that the suite names as known, with a reason and a date. It stays "
    "visible and does not gate until then.",
    "known": "A flag that the record given with --baseline has too, and that is not worse. It "
    "stays visible and does not gate.",
    "below --fail-on": "Less grave than what --fail-on names: reported, and it does not gate.",
    "gate": "A limit that a number must not exceed. It is held against the interval of the number, "
    "never against the number alone.",
    "limit": "What a gate allows.",
    "severity": "How grave a gate is: low, medium, high or critical. --fail-on says from which on "
    "gates count.",
    "interval": "Where the true value may lie, at the stated confidence, with rows that share a "
    "group counted together.",
    "n": "How many rows a number rests on, and in how many groups.",
    "q": "The p-value of not exceeding the limit, corrected for all gates of the run "
    "(Benjamini-Hochberg).",
    "concept": "What is looked for, in one sentence.",
    "monitor": "What reads the concept in activations: a linear probe, or features of a sparse "
    "autoencoder.",
    "probe": "A linear read-out of activations: higher means more of the concept.",
    "feature": "A direction that a sparse autoencoder found.",
    "SAE": "Sparse autoencoder: writes an activation as a sum of a few of many directions.",
    "random SAE": "One with random directions of the same shape: what anybody could have got. "
    "Evidence counts for what it has above that.",
    "hook name": "A place in the model, in TransformerLens' words; layers count from 0.",
    "threshold": "The score above which a row fires, set on control rows at a stated "
    "false-positive rate.",
    "score": "What the monitor gives a row. Its unit means nothing by itself; its place beside the "
    "threshold does.",
    "fires": "The score lies above the threshold.",
    "firing rate": "Share of audit rows that fire: a statement about the model.",
    "misbehaves": "The model visibly does it: picks the wrong answer, writes the pattern, or the "
    "row says so.",
    "hidden concern": "Fires, and looks fine: the rows to read first.",
    "blind spot": "Misbehaves, and does not fire: the monitor missed it.",
    "belief gap": "How often what the monitor reads contradicts what the model says.",
    "excess": "How much more often something happens than on the controls, or than in the "
    "reference model.",
    "disparity": "How far rates differ when only the group in the same case changes.",
    "reference": "The model that this one is held against, on the same rows.",
    "train": "Rows that fit the monitor and choose its layer.",
    "validation": "Labelled rows of other groups: how good the monitor is.",
    "control": "Benign rows: where the threshold comes from.",
    "audit": "The rows that the model is judged on; nothing is fitted or chosen on them.",
    "AUROC": "Chance that a row with the concept scores above one without: 0.5 is guessing, 1 is "
    "perfect. It judges the instrument, never the model.",
    "ROC": "Recall against false positives over all thresholds.",
    "recall": "Share of rows with the concept that fire.",
    "false-positive rate": "Share of rows without the concept that fire.",
    "balanced accuracy": "Mean of recall and of the share of rows without the concept that do not "
    "fire.",
    "calibration error": "How far stated probabilities lie from observed frequencies.",
    "gain over text": "How much better the monitor is than the words of the rows alone. Without a "
    "gain it measures the words.",
    "words alone": "TF-IDF and logistic regression on the text, in grouped folds.",
    "length alone": "What the length of the text gives away.",
    "embedding layer": "The same probe before the first layer.",
    "shuffled labels": "The same probe with labels drawn by lot: must be near 0.5.",
    "random direction": "The score along a direction drawn by lot.",
    "probe on raw activations": "A plain probe at the same place: features explain, probes detect.",
    "L0": "Features that are active on a token, on average.",
    "explained variance": "Share of the variance of activations that the SAE's reconstruction has.",
    "cosine": "How alike two directions are: 1 is the same, 0 has nothing in common.",
    "relative bias": "Length of the SAE's reconstruction over that of the activation: 1 where "
    "nothing is lost.",
    "dead": "Features that are active on no token.",
    "outliers": "Tokens whose activation is more than ten times the median in length; they are "
    "left out of the other figures.",
    "activation": "How strongly a feature is present on a token.",
    "density": "Share of tokens on which a feature is active.",
    "lift": "How much more often a feature fires on rows with the event than on rows without.",
    "rank": "Its place among all features on the half of the groups that chose; what is told of "
    "it is measured on the other half.",
    "evidence card": "What is known of one feature: its controls first, then seven arguments for "
    "what it is. It is worth what it has above the controls.",
    "worse": "It flags and did not, or its rate on the same rows rose by more than is tolerated, "
    "after correction for all gates compared.",
    "better": "It flagged and does no more, or its rate on the same rows fell.",
    "changed": "Another verdict, and neither worse nor better.",
    "unchanged": "The same verdict, and no difference on the same rows beyond chance.",
    "new": "Only the later run has it.",
    "gone": "Only the earlier run has it.",
    "not compared": "One of the two could not be measured.",
    "same rows": "The rate after less the rate before, on the rows that both runs judged: "
    "differences between rows fall out.",
    "margin": "Growth of a rate on the same rows that is tolerated.",
    "seed": "What splits and resampling are drawn from; the same seed gives the same bytes.",
    "digest": "SHA-256: the same digest, the same content.",
    "checkpoint": "Weights at one step of training.",
    "track": "One gate over the whole series.",
    "alarm": "A gate exceeded on enough audits in a row, at levels that keep the chance of a false "
    "alarm in the whole run below alpha, with a second signal.",
    "alpha": "Chance of any false alarm over the whole run.",
    "onset": "The first step of a rise, with its interval.",
    "lead": "Steps by which the monitor's onset comes before that of the behaviour.",
    "behaviour": "How often the model visibly misbehaves.",
    "frozen": "The probe fitted on the reference, read as it is.",
    "realigned": "The frozen probe behind a map of the activations that knows no labels.",
    "refit": "A probe fitted anew on the checkpoint's own train rows.",
    "state": "Whether the concept changed, or only the place where it is represented.",
    "drift": "How far representations moved from the reference's on the same rows.",
    "CKA": "Centred kernel alignment: 1 where two representations are the same up to rotation and "
    "scale.",
    "persistence": "The forecast that nothing changes.",
    "outlook": "What the next audit may show, and how good such forecasts were so far.",
}


def anchor(name: str) -> str:
    """The id of a term on a page."""
    return "g-" + "".join(c if c.isalnum() else "-" for c in name)


def term(name: str, said: str | None = None) -> Markup:
    """A word that links to what it means.

    Raises:
        KeyError: no such term is explained.
    """
    GLOSSARY[name]
    shown = Markup.escape(name if said is None else safe_text(said))
    return Markup('<a class="term" href="#{}">{}</a>').format(anchor(name), shown)
