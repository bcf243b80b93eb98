"""What stands in a page, read without a browser: elements, attributes, text."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "br", "link", "img", "input", "hr"}
ALLOWED = frozenset(
    """
    html head meta title style body svg symbol use path circle rect g text a section header main
    footer nav h1 h2 h3 h4 h5 p div span strong em b i small q br ol ul li dl dt dd table caption
    thead tbody tr th td figure figcaption details summary pre code
    """.split()  # noqa: SIM905 - names of elements, as one reads them
)


@dataclass
class Page(HTMLParser):
    """Every element with its attributes, the text, and whether all were closed in order."""

    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    unclosed: list[str] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.unclosed.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.unclosed or self.unclosed.pop() != tag:
            self.mistakes.append(tag)

    def handle_data(self, data: str) -> None:
        if not self.unclosed or self.unclosed[-1] != "style":
            self.text.append(data)

    def handle_comment(self, data: str) -> None:
        self.mistakes.append(f"comment {data[:40]}")

    @property
    def ids(self) -> list[str]:
        return [str(found["id"]) for _, found in self.elements if "id" in found]

    @property
    def links(self) -> list[str]:
        return [str(found["href"]) for _, found in self.elements if "href" in found]


def read_page(html: str) -> Page:
    page = Page()
    page.feed(html)
    page.close()
    return page
