"""What differs is told in the words of the command line, what somebody typed first."""

from __future__ import annotations

from audit.engine.request import Request
from audit.engine.unlike import differences

WAS: Request = {
    "kind": "run",
    "version torch": "2.1",
    "data lying/a, control": "c" * 64,
    "data lying/a, pool": "d" * 64,
    "data lying/b, pool": "d" * 64,
    "suites": "lying",
    "suite lying": "a" * 64,
    "checks": "b" * 64,
    "baseline": None,
    "option seed": 0,
    "option expression": None,
    "option limit": 40,
    "option allow_half": False,
    "option every": 3,
    "model weights": "e" * 64,
    "reference weights": None,
}


def told(names: dict[str, tuple[str | None, str | None]] | None = None, **now: object) -> list[str]:
    changed = {name.replace("__", " "): value for name, value in now.items()}
    assert changed.keys() <= WAS.keys()
    return differences(WAS, {**WAS, **changed}, names or {})  # type: ignore[dict-item]


def test_what_is_the_same_is_not_told() -> None:
    assert told() == []
    assert differences(WAS, {"option seed": 0}, {}) == []


def test_options_have_the_names_that_were_typed() -> None:
    assert told(option__seed=1) == ["--seed: was 0, is 1"]
    assert told(option__limit=None) == ["--limit: was 40, is not given"]
    assert told(option__expression="slow") == ["-k: was not given, is slow"]
    assert told(option__allow_half=True) == ["--allow-half: was not given, is given"]
    assert told(option__every=4) == ["every: was 3, is 4"], "the command line has no such option"
    assert told(baseline="9" * 64) == [f"--baseline: was not given, is {'9' * 12}"]


def test_models_have_the_names_that_were_typed() -> None:
    names = {"model weights": ("org/a", "org/b"), "reference weights": (None, "org/c")}
    assert told(names, model__weights="f" * 64, reference__weights="0" * 64) == [
        f"--model: was org/a ({'e' * 12}), is org/b ({'f' * 12})",
        f"--reference: was not given, is org/c ({'0' * 12})",
    ]


def test_what_was_typed_comes_first_and_versions_last() -> None:
    now = {**WAS, "version torch": "2.2", "model weights": "f" * 64, "option allow_half": True}
    phrases = differences(WAS, {**now, "suite lying": "0" * 64}, {})
    assert [phrase.partition(":")[0] for phrase in phrases] == [
        "--allow-half", "--model", "suite lying", "version of torch",
    ]  # fmt: skip


def test_the_data_of_a_check_are_one_phrase() -> None:
    changed = {name: "0" * 64 for name in WAS if name.startswith("data")}
    assert differences(WAS, {**WAS, **changed}, {}) == [
        "the data of lying/a", "the data of lying/b",
    ]  # fmt: skip


def test_what_an_option_accounts_for_is_not_told_besides() -> None:
    changed = {name: "0" * 64 for name in WAS if name.startswith("data")}
    assert differences(WAS, {**WAS, **changed, "option seed": 1}, {}) == ["--seed: was 0, is 1"]
    more: Request = {"suites": "lying, other", "suite other": "1" * 64, "data other/a, pool": "2"}
    assert differences(WAS, {**WAS, **more, "checks": "3" * 64}, {}) == [
        "suites: was lying, is lying, other"
    ]


def test_a_sentence_names_a_few() -> None:
    many = {f"version of-{n}": "1" for n in range(9)}
    phrases = differences({}, many, {})
    assert (len(phrases), phrases[-1]) == (7, "3 more")
