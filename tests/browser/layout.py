"""Where things stand on a page: what lies beyond its edges, what a drawing cuts.

Measured in the browser, in the pixels of the window. What scrolls in a region of its own
(`.scroll`) may be wider than the window; nothing else may. Words of drawings are held against
the drawing, and drawings against the window.
"""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

_BEYOND = """() => {
  const width = document.documentElement.clientWidth, found = [];
  if (document.documentElement.scrollWidth > width)
    found.push(`the page is ${document.documentElement.scrollWidth} wide, the window ${width}`);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!node.data.trim() || parent.closest('.scroll, .skip, svg')) continue;
    if (!parent.checkVisibility()) continue;
    range.selectNodeContents(node);
    for (const box of range.getClientRects())
      if (box.width && (box.right > width + 1 || box.left < -1)) {
        found.push(`${parent.tagName}.${parent.className.baseVal ?? parent.className}`
          + ` from ${box.left | 0} to ${box.right | 0}: ${node.data.trim().slice(0, 60)}`);
        break;
      }
  }
  for (const region of document.querySelectorAll('.scroll, svg, pre')) {
    if (region.parentElement.closest('.scroll')) continue;
    const box = region.getBoundingClientRect();
    if (box.right > width + 1 || box.left < -1)
      found.push(`${region.tagName} ends at ${box.right | 0}`);
  }
  return found.slice(0, 8);
}"""

_CUT = """() => {
  const found = [];
  for (const svg of document.querySelectorAll('svg[viewBox]')) {
    if (!svg.getClientRects().length) continue;
    const view = svg.viewBox.baseVal;
    for (const text of svg.querySelectorAll('text')) {
      const box = text.getBBox();
      const over = Math.max(view.x - box.x, box.x + box.width - view.x - view.width,
        view.y - box.y, box.y + box.height - view.y - view.height);
      if (over > 1.5) found.push(`${text.textContent} is cut by ${over.toFixed(1)}`);
    }
  }
  return found;
}"""

_OVERLAP = """() => {
  const found = [];
  for (const svg of document.querySelectorAll('svg[viewBox]')) {
    if (!svg.getClientRects().length) continue;
    const texts = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBBox()]);
    texts.forEach(([said, a], i) => texts.slice(i + 1).forEach(([other, b]) => {
      const wide = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
      const high = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
      if (wide > 2 && high > 5) found.push(`${said} lies on ${other}`);
    }));
  }
  return found;
}"""


def beyond(page: Page) -> list[str]:
    """Text that lies beyond the window's sides, and how much wider the page is than it."""
    return list(page.evaluate(_BEYOND))


def cut(page: Page) -> list[str]:
    """Words of drawings that lie beyond the drawing's own edge."""
    return list(page.evaluate(_CUT))


def overlapping(page: Page) -> list[str]:
    """Words of a drawing that lie on others of the same drawing."""
    return list(page.evaluate(_OVERLAP))


def unfold(page: Page) -> None:
    """Open all that is folded."""
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")


def style(page: Page, of: str, name: str) -> Any:
    """A computed style of the first element that matches."""
    return page.evaluate(
        "([of, name]) => getComputedStyle(document.querySelector(of))[name]", [of, name]
    )
