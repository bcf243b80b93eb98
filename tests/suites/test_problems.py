from __future__ import annotations

from suites.problems import Problem, SuiteError, capped, clean, dotted, nearest, show


def test_a_problem_is_one_line() -> None:
    problem = Problem("must be a number", "s.yaml", 3, 5, "checks.a.fpr", "x", "did you mean?")
    assert str(problem) == "s.yaml:3:5: checks.a.fpr: must be a number (did you mean?)"
    assert str(Problem("no", "s.yaml", 3)) == "s.yaml:3: no"
    assert str(Problem("no")) == "no"
    hostile = Problem("a\nb", "f\r.yaml", 1, 1, "x\x1b[2J", hint="\u202egnp")
    assert str(hostile) == "f\\x0d.yaml:1:1: x\\x1b[2J: a\\x0ab (\\x202egnp)"


def test_an_error_is_one_line_for_each_problem() -> None:
    error = SuiteError([Problem("one"), Problem("two")])
    assert str(error) == "one\ntwo"
    assert len(error.problems) == 2


def test_values_are_shown_short_and_harmless() -> None:
    assert show("abc") == "'abc'"
    assert len(show("x" * 10**6)) <= 62
    assert show("x" * 10**6).endswith("...")
    assert show("a\x1b]52;c;x\x07") == "'a\\x1b]52;c;x\\x07'"
    assert show("\ud800") == "'\\ud800'"
    assert show(True) == "true"
    assert show(None) == "null"
    assert show({"a": 1}) == "a mapping"
    assert show([1]) == "a list of 1"
    assert show(10**5000) == "a very large number"
    assert clean("plain text, ünïcode 🙂") == "plain text, ünïcode 🙂"


def test_nearest_spelling() -> None:
    assert nearest("thresold", ["threshold", "pooling"]) == "did you mean 'threshold'?"
    assert nearest("Label", ["label", "group"]) == "did you mean 'label'?"
    assert nearest("zzz", ["b", "a"]) == "known: a, b"
    assert nearest("zzz", ["b", "a"], otherwise_list=False) == ""
    assert nearest("zzz", [f"name{n:02}" for n in range(40)]) == ""
    assert nearest("zzz", []) == ""


def test_a_location_is_a_path() -> None:
    assert dotted(("checks", "a", "gates", 0, "max")) == "checks.a.gates[0].max"
    assert dotted(()) == ""


def test_many_problems_are_counted_rather_than_listed() -> None:
    many = [Problem(str(n), "f") for n in range(50)]
    short = capped(many, 20)
    assert len(short) == 21
    assert short[-1].message == "... and 30 more"
    assert capped(many[:20], 20) == many[:20]
