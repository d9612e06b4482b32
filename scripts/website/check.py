"""Whether a built site holds together: links lead somewhere, and nothing is fetched from anywhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

# Attributes that name what a browser goes to, or fetches by itself.
_NAMING: Final = ("href", "src", "srcset", "poster", "data")
_FETCHED: Final = re.compile(r"(?:url\(\s*['\"]?|@import\s+['\"])(?:https?:)?//", re.IGNORECASE)
_ONLY_NAMED: Final = {"canonical", "alternate", "prev", "next", "license", "author"}


class Named(NamedTuple):
    """An address in a page."""

    tag: str
    address: str
    fetched: bool


class Page(HTMLParser):
    """The addresses and the anchors of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.named: list[Named] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what a tag names."""
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        rel = set(values.get("rel", "").split())
        fetched = tag not in ("a", "area") and not (tag == "link" and rel & _ONLY_NAMED)
        for name in _NAMING:
            if name in values:
                self.named.append(Named(tag, values[name].strip().split(" ")[0], fetched))


def faults(site: Path) -> list[str]:
    """A sentence for each link that leads nowhere and each thing that would be fetched from another host."""
    return [*_of_pages(site), *_of_styles(site)]


def _of_pages(site: Path) -> Iterator[str]:
    for path in sorted(site.rglob("*.html")):
        if path.name == "404.html":  # its addresses begin at the root of a server
            continue
        for named in _parsed(path).named:
            fault = _fault(path, named)
            if fault:
                yield f"{path.relative_to(site).as_posix()}: {fault}"


def _of_styles(site: Path) -> Iterator[str]:
    for path in sorted(site.rglob("*.css")):
        if _FETCHED.search(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(site).as_posix()}: fetches from another host"


def _fault(path: Path, named: Named) -> str:
    """What is wrong with an address, or nothing."""
    parts = urlsplit(named.address)
    if parts.netloc or parts.scheme in ("http", "https"):
        return f"<{named.tag}> fetches {named.address}" if named.fetched else ""
    if parts.scheme:
        return ""  # data:, mailto:, javascript:
    there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if there.is_dir():
        there /= "index.html"
    if not there.is_file():
        return f"a link to {named.address}, where there is nothing"
    if parts.fragment and there.suffix == ".html" and unquote(parts.fragment) not in _parsed(there).anchors:
        return f"a link to {named.address}, a page without that anchor"
    return ""


@cache
def _parsed(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))
