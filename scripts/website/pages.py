"""The Markdown of the repository as the pages of a site: the same words, with links that lead where the pages lie."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from website import ROOT

# Pages that lie elsewhere in the repository, and their place on the site.
_MOVED: Final = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "zoo/README.md": "zoo.md",
    "docs/gallery/README.md": "gallery/index.md",
}
_FENCE: Final = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"(?<=\]\()([^()\s]+)(?=\))")
# GitHub nests a list that is indented by two or three spaces, and begins one without an empty line before it.
_NESTED: Final = re.compile(r"^ {2,3}(?=[-*] )", re.MULTILINE)
_BEGUN: Final = re.compile(r"^(?![ |#<-]|\d+\. |\* )(.+)\n(?=- |1\. )", re.MULTILINE)

Places = Mapping[str, str]
"""A path in the repository to its place on the site."""


def places(root: Path = ROOT) -> dict[str, str]:
    """Every page that is written by hand, every script of the gallery, and where each stands on the site."""
    found = {name: place for name, place in _MOVED.items() if (root / name).is_file()}
    for path in sorted((root / "docs").rglob("*.md")):
        name = path.relative_to(root).as_posix()
        found.setdefault(name, name.removeprefix("docs/"))
    for path in sorted((root / "docs" / "gallery").glob("*.py")):
        found[path.relative_to(root).as_posix()] = f"gallery/{path.stem}.md"
    if (root / "docs" / "decisions").is_dir():
        found["docs/decisions"] = "decisions/index.md"
    return found


def assemble(target: Path, root: Path = ROOT) -> None:
    """Write every page of the repository below a folder, with the files that they link to.

    Raises:
        SystemExit: a page links to nothing.
    """
    known = places(root)
    for name, place in known.items():
        if name.endswith(".md"):
            path = target / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_page(root, name, known, target), encoding="utf-8")


def _page(root: Path, name: str, known: Places, target: Path) -> str:
    """The text of a page; only what is outside of code is looked at."""

    def linked(found: re.Match[str]) -> str:
        return _link(root, name, found[1], known, target)

    text = (root / name).read_text(encoding="utf-8")
    return "".join(part if is_code else _LINK.sub(linked, _as_markdown(part)) for is_code, part in _parts(text))


def _parts(text: str) -> Iterator[tuple[bool, str]]:
    """The text in its order, and whether each part is a fenced block."""
    at = 0
    for fence in _FENCE.finditer(text):
        yield False, text[at : fence.start()]
        yield True, fence[0]
        at = fence.end()
    yield False, text[at:]


def _as_markdown(text: str) -> str:
    """Lists as Python's Markdown reads them."""
    return _NESTED.sub("    ", _BEGUN.sub(r"\1\n\n", text))


def _link(root: Path, page: str, link: str, known: Places, target: Path) -> str:
    """A link of a page of the repository, as that page has it on the site."""
    parts = urlsplit(link)
    if parts.scheme or not parts.path:
        return link
    name = os.path.normpath(Path(page).parent / parts.path)
    place = known.get(name)
    if place is None:
        place = _copied(root, name, page, target)
    there = os.path.relpath(place, Path(known[page]).parent)
    return f"{there}#{parts.fragment}" if parts.fragment else there


def _copied(root: Path, name: str, page: str, target: Path) -> str:
    """The place of a file that is no page: it comes along."""
    path = root / name
    if name.startswith("..") or not path.is_file():
        raise SystemExit(f"{page}: a link to {name}, where there is nothing")
    place = name.removeprefix("docs/")
    (target / place).parent.mkdir(parents=True, exist_ok=True)
    (target / place).write_bytes(path.read_bytes())
    return place
