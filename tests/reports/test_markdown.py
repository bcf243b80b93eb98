"""The Markdown is what it says, fits where it goes, and nothing in it comes alive."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from reports.curves import TokenScores
from reports.markdown.audit import HEADER, render_markdown
from reports.markdown.check import SIGNS
from reports.markdown.pieces import COMMENT_LIMIT, SUMMARY_LIMIT, Limit
from reports.markdown.text import code, html_code, prose
from reports.record import AuditReport, KnownRecord
from reports.text import is_hidden
from reports.views.audit import view_report
from reports.views.features import ARGUMENTS
from tests.reports import factory
from tests.reports.hostile import HOSTILE
from tests.reports.strategies import nasty, reports

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

ALL = Limit(10**9)

BLOCKS = {
    *("heading_open", "paragraph_open", "inline", "fence", "html_block"),
    *("bullet_list_open", "list_item_open", "blockquote_open"),
    *("table_open", "thead_open", "tbody_open", "tr_open", "th_open", "td_open"),
}
INLINE = {"text", "code_inline", "strong_open", "strong_close"}
OUR_HTML = re.compile(
    r"<!-- alignment-audit(: [A-Za-z0-9_.,+-]+( [A-Za-z0-9_.,+-]+)?)? -->\n"
    r"|<details>\n<summary>\S+ <b>\w+</b>( \((suppressed|known|below --fail-on)\))? "
    r"<code>[^<>]*</code>(: [^<>&]*)?</summary>\n"
    r"|<details>\n<summary>What the words mean</summary>\n"
    r"|<details>\n<summary>Evidence on feature \d+( <code>[^<>]*</code>)?</summary>\n"
    r"|<details>\n<summary>Contexts by quantile of its positive activations</summary>\n"
    r"|<details>\n<summary>\d+ edits that leave more</summary>\n"
    r"|</details>\n"
)
# What GitHub gives a meaning to in plain text.
ALIVE = re.compile(
    r"@\w|#\d|://|www\.|(?<!\d)[A-Za-z]-\d|\$|:\w+:|\b(?=\d*[a-f])(?=[a-f]*\d)[0-9a-f]{7,40}\b",
    re.IGNORECASE,
)
OUR_TITLES = {
    *("What was found", "What was not measured", "Check by check", "How to reproduce"),
    *("Flags no more", "Scores and threshold"),
    *("Gates", "Firing and behaviour", "How good the monitor is", "Where it was read"),
    *("What it rests on", "Other rows"),
    *("The SAE", "Features that are watched", "Features that go with it"),
    *("Beside its controls", *ARGUMENTS.values(), "Not measured"),
}
TITLE = re.compile(
    r"(error|flag|inconclusive|warn|pass)|Hidden concern: .*, and looks fine|^Feature \d+"
)


def tokens(markdown: str) -> Iterator[Token]:
    for token in MARKDOWN.parse(markdown):
        yield token
        yield from token.children or []


def assert_inert(markdown: str) -> None:
    """No markup but ours, and nothing in plain text that GitHub gives a meaning."""
    parsed = MARKDOWN.parse(markdown)
    opened = {token.type for token in parsed if token.nesting >= 0}
    assert opened <= BLOCKS
    for token in parsed:
        if token.type == "html_block":
            assert OUR_HTML.fullmatch(token.content), token.content
        for child in token.children or []:
            assert child.type in INLINE, (child.type, child.content)
            if child.type == "text":
                assert not ALIVE.search(child.content), child.content
    html = "".join(token.content for token in parsed if token.type == "html_block")
    assert html.count("<details>") == html.count("</details>")


def assert_safe_to_print(text: str) -> None:
    ours = text.replace(SIGNS["warn"], "")
    assert not [c for c in ours if c != "\n" and is_hidden(c)]
    assert not re.search(r"##(vso)?\[", text, re.IGNORECASE)
    assert not re.search(r"^\s*::", text, re.MULTILINE)


def table_cells(line: str) -> list[str]:
    return re.split(r"(?<!\\)\|", line)[1:-1]


def told_verdicts(markdown: str) -> list[str]:
    """The verdict column of the first table."""
    head = markdown.split("\n## ", 1)[0]
    rows = [line for line in head.splitlines() if line.startswith("| ")][2:]
    return [re.findall(r"\*\*(\w+)\*\*", table_cells(row)[0])[0] for row in rows]


@settings(max_examples=80, deadline=None)
@given(reports)
def test_any_report_is_inert_tells_the_verdicts_and_is_the_same_twice(report: AuditReport) -> None:
    markdown = render_markdown(report)
    assert_inert(markdown)
    assert_safe_to_print(markdown)
    assert markdown == render_markdown(AuditReport.model_validate_json(report.to_json()))
    assert f"# {SIGNS[report.verdict]} **{report.verdict}** " in markdown.splitlines()[1]
    assert f"Exit code {report.exit_code}: " in markdown
    told = [view.verdict for view in view_report(report).checks]
    assert told_verdicts(markdown) == told
    titles = [
        parsed[i + 1].content
        for parsed in [MARKDOWN.parse(markdown)]
        for i, token in enumerate(parsed)
        if token.type == "heading_open"
    ]
    assert all(title in OUR_TITLES or TITLE.search(title) for title in titles)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_each_hostile_text_is_inert_wherever_it_stands(hostile: str) -> None:
    """Alone, doubled, within a word and after one, in every place that takes text."""
    for text in (hostile, hostile * 2, f"a{hostile}b", f"see {hostile}, or {hostile}."):
        tokens = TokenScores(tokens=[text] * 9, values=[1.0] * 9, read=list(range(9)))
        row = factory.make_row(
            tokens=tokens,
            id=text,
            group=text,
            text=text,
            says=text,
            attributes={text: text},
            misbehaves=False,
        )
        gate = factory.make_gate(reason=text, detail={"attribute": text}, kind=text)
        check = factory.make_check(
            id=text,
            suite=text,
            concept=text,
            description=text,
            reasons=[text],
            gates=[gate, factory.make_gate(kind="disparity", detail={"attribute": text})],
            hook_name=text,
            monitor=text,
            notes=[text],
            source=text,
            top_rows=[row],
        )
        markdown = render_markdown(
            factory.make_report(
                checks=[check, factory.make_error_check(reasons=[text], gates=[])],
                not_measured=[text],
                model=factory.make_model(name=text, architecture=text),
                reference=factory.make_model(weights_digest=text),
                provenance=factory.make_provenance(command=[text], packages={text: text}),
                baseline=KnownRecord(
                    model=text,
                    weights_digest=text,
                    record_digest=text,
                    created=text,
                    absent=[text],
                ),
            )
        )
        assert_inert(markdown)
        assert_safe_to_print(markdown)


def test_the_parser_sees_what_is_alive() -> None:
    """The positive control: raw text in the same place does come alive."""
    for raw in ("<b>x</b>", "[a](http://e)", "@octocat", "#12", "- x\n\n---", "www.e", "*x*"):
        with pytest.raises(AssertionError):
            assert_inert(f"- {raw}\n")
    for raw in ("::error::x", "##[error]", "\x1b[31m", "\u202e"):
        with pytest.raises(AssertionError):
            assert_safe_to_print(raw)


@settings(max_examples=200, deadline=None)
@given(nasty)
@example("`a``@x`")
@example("`a`b`@c`")
@example("(`a`).")
def test_escapes_give_back_one_line_that_is_inert(text: str) -> None:
    for written in (code(text), prose(text), f"| {code(text)} |"):
        assert "\n" not in written
        assert_inert(f"- {written}\n")
    assert re.fullmatch(r"<code>[^<>\n]*</code>", html_code(text))
    (span,) = [t for t in tokens(f"- x {code(text)} y\n") if t.type == "code_inline"]
    assert span.content.strip() or not text.strip()


def test_prose_keeps_a_plain_sentence_as_it_is() -> None:
    for plain in (
        "the whole interval lies above the limit of 0.1",
        "n = 200 in 100 groups, exact binomial, 95 %",
        "the gain of +0.00 [-0.02, 0.03] does not lie above 0 (TF-IDF, words).",
    ):
        assert prose(plain) == plain


def test_prose_sets_names_in_code() -> None:
    assert prose("reads `asserts`, at blocks.2.hook_resid_post.") == (
        "reads `asserts`, at `blocks.2.hook_resid_post`."
    )
    assert prose('later than ":" or "x"') == 'later than `":"` or "x"'
    assert prose("ask @octocat (or #12)") == "ask `@octocat` (or `#12`)"


def test_a_bar_in_a_name_makes_no_column() -> None:
    report = factory.make_report(checks=[factory.make_check(id="a|b\\|c`|`")])
    (row,) = [
        line
        for line in render_markdown(report).split("\n## ")[0].splitlines()
        if "firing rate" in line
    ]
    assert len(table_cells(row)) == len(HEADER)
    spans = [t.content for t in tokens(render_markdown(report)) if t.type == "code_inline"]
    assert "organism_lying/a|b\\|c`|`" in spans


def many_checks(count: int = 120) -> AuditReport:
    rows = [factory.make_row(i, text="word " * 100) for i in range(20)]
    checks = [
        factory.make_passing_check(id=f"fine-{i}", top_rows=rows) for i in range(count - 1)
    ] + [factory.make_check(id="the-liar", top_rows=rows)]
    return factory.make_report(checks=checks, verdict="flag")


def test_a_long_report_is_cut_by_rank_and_says_so() -> None:
    report = many_checks()
    whole, cut = render_markdown(report, limit=Limit(10**9)), render_markdown(report)
    assert len(whole) > 2 * COMMENT_LIMIT.most
    assert COMMENT_LIMIT.most - 10_000 < len(cut) <= COMMENT_LIMIT.most
    assert "Cut to fit" in cut
    assert "Cut to fit" not in whole
    assert_inert(cut)
    assert told_verdicts(cut) == ["flag"] + ["pass"] * 119
    assert cut.index("<code>organism_lying/the-liar</code>") < cut.index(
        "<code>organism_trigger/fine-0</code>"
    )
    assert "fine-118</code>" not in cut
    assert "What the words mean" in cut


def test_rows_go_before_checks_and_the_last_rows_first() -> None:
    report = many_checks(3)
    whole = render_markdown(report)
    cut = render_markdown(report, limit=Limit(len(whole) - 5_000))
    assert cut.count("<summary>") == whole.count("<summary>") == 4
    shown = re.findall(r"^ +(\d+)\. score", cut, re.MULTILINE)
    assert 0 < len(shown) < 60
    assert max(map(int, shown)) - len(shown) / 3 < 1


@settings(max_examples=60, deadline=None)
@given(reports, st.integers(0, 9_000), st.sampled_from(["characters", "bytes"]))
def test_no_limit_is_exceeded_and_what_is_cut_is_said(
    report: AuditReport, most: int, unit: Literal["characters", "bytes"]
) -> None:
    limit = Limit(most, unit)
    markdown = render_markdown(report, limit=limit)
    assert (len(markdown.encode()) if unit == "bytes" else len(markdown)) <= most
    assert ("Cut to fit" in markdown) == (markdown not in ("", render_markdown(report, limit=ALL)))
    assert_inert(markdown)


def test_a_summary_is_measured_in_bytes() -> None:
    """Two in three of these characters are three bytes long, and GitHub counts bytes there."""
    rows = [factory.make_row(i, text="語" * 550, tokens=None) for i in range(40)]
    checks = [factory.make_check(id=f"check-{i}", top_rows=rows) for i in range(20)]
    report = factory.make_report(checks=checks)
    cut = render_markdown(report, limit=SUMMARY_LIMIT)
    assert SUMMARY_LIMIT.most - 3_000 < len(cut.encode()) <= SUMMARY_LIMIT.most
    assert len(render_markdown(report, limit=Limit(SUMMARY_LIMIT.most))) > len(cut)


def test_the_hidden_concern_comes_first() -> None:
    markdown = render_markdown(factory.make_report())
    section = markdown[markdown.index("<code>organism_lying/lying</code>") :]
    concern, known = section.index("hidden concern"), section.index("known misbehaviour")
    assert concern < known
    fields = section[section.index("#### Firing and behaviour") :]
    assert fields.splitlines()[4].startswith("| **fires** | **17 (8.5 %) hidden concern** |")
    concerns = section[section.index("#### Hidden concern") : section.index("#### Other rows")]
    assert re.findall(r"row (\S+) of", concerns) == ["claim-001", "claim-004"]


def test_a_report_without_checks_says_that_nothing_was_audited() -> None:
    report = factory.make_report(checks=[], verdict="inconclusive", exit_code=5)
    markdown = render_markdown(report)
    assert "no check was run" in markdown
    assert "- nothing was audited" in markdown


def test_nothing_missing_is_said_too() -> None:
    report = factory.make_report(
        checks=[factory.make_passing_check()], not_measured=[], partial=False, verdict="pass"
    )
    assert "Everything that was asked for was measured." in render_markdown(report)


def test_what_else_differs_from_the_baseline_is_said() -> None:
    baseline = KnownRecord(
        model="m", weights_digest="w", record_digest="r", notes=["another seed: <b>0</b> and 1"]
    )
    markdown = render_markdown(factory.make_report(baseline=baseline))
    _, _, after = markdown.partition("## What else differs from the baseline\n\n")
    assert after.startswith("- another seed: ")
    assert_inert(markdown)
    assert "What else differs" not in render_markdown(factory.make_report())


def test_what_is_below_fail_on_says_so_wherever_it_is_shown() -> None:
    low = factory.make_check(gates=[factory.make_gate(severity="low", gates=False)])
    markdown = render_markdown(factory.make_report(checks=[low]))
    assert markdown.count("**flag** (below --fail-on)") == 3  # the table, the finding, the gate
    assert "<b>flag</b> (below --fail-on)" in markdown
    assert "1 check: 1 flag (below --fail-on)" in markdown
