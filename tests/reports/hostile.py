"""The worst text that a model, a data set or a token may hold."""

from __future__ import annotations

HOSTILE = [
    # HTML, in and out of our own elements
    *("</details>", "</summary>", "<details>", "<script>alert(1)</script>", "<!--", "-->", "]]>"),
    *("<img src=x onerror=alert(1)>", "</code>", "<https://evil.example>", "&lt;", "&#64;octocat"),
    # Markdown: links, references, emphasis, blocks
    *("[a](javascript:alert(1))", "![x](http://evil.example/x.png)", "[x]: http://evil.example"),
    *("[x]", "[^1]", "*x*", "__x__", "~~x~~", "$x$", "\\", "\\|", "|", "`", "``", "```", "````"),
    *("\n```\n", "\n~~~\n", "\n\n# heading\n", "\n- item\n", "\n> quote", "\n---\n", "\n===\n"),
    *("\n\n    code", "- [ ] x", "1. x", "- ", "+ ", "# ", "| a | b |\n| --- | --- |\n"),
    # GitHub: mentions, references, commits, emoji
    *("@octocat", "(@octocat)", "`a``@octocat`", "#123", "GH-7", "octo/repo#9", ":tada:", ":x:"),
    *("0123456789abcdef", "http://evil.example", "www.evil.example", "mailto:a@evil.example"),
    # CI logs, terminals, spreadsheets, consoles
    *("::error file=a::b", "\n::error::b", "  ::add-mask::x", "##[error]x", "##vso[task.x]y"),
    *("\x1b[31m", "\x1b]52;c;AA==\x07", "\x9b31m", "\r", "\x08", "\x00", "\x7f", "[/b]", "[bold]"),
    *(
        "=HYPERLINK(1)",
        "\u202e",
        "\u2066",
        "\u200b",
        "\u2028",
        "\x85",
        "\u3164",
        "\ufe0f",
        "\ud800",
    ),
    *("\U000e0041", "\u00ad", "\t", "x" * 700, "語" * 90, "", " "),
]
