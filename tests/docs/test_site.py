"""The docs site: its pages are those of the repository, and its check finds what is broken. `make docs` builds it."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import click
import pytest

import eigentail
from eigentail.cli import main

REPO = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "scripts"))
from website import made, pages  # noqa: E402
from website.check import faults  # noqa: E402

CONFIG = tomllib.loads((REPO / "zensical.toml").read_text(encoding="utf-8"))["project"]
MADE = {"reference/command_line.md", "reference/python.md"}


def in_nav(entries: object) -> list[str]:
    """The pages that a menu names, in its order."""
    if isinstance(entries, str):
        return [entries]
    values = entries if isinstance(entries, list) else list(entries.values())  # type: ignore[attr-defined]
    return [page for value in values for page in in_nav(value)]


def test_the_menu_names_every_page_once() -> None:
    lists = ("decisions/0", "gallery/")  # behind a list of their own
    written = {place for place in pages.places().values() if not place.startswith(lists)} | {"gallery/index.md"}
    named = in_nav(CONFIG["nav"])
    assert sorted(named) == sorted(written | MADE)


def test_the_theme_fetches_no_font() -> None:
    assert CONFIG["theme"]["font"] is False


def test_every_page_of_the_repository_finds_what_it_links_to(tmp_path: Path) -> None:
    pages.assemble(tmp_path)
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.md")}
    assert {place for name, place in pages.places().items() if name.endswith(".md")} <= written
    start = (tmp_path / "index.md").read_text(encoding="utf-8")
    assert "](trust.md)" in start
    assert "](gallery/index.md)" in start
    assert "](decisions/index.md)" in start
    assert (tmp_path / "examples" / "slurm.sh").read_bytes() == (REPO / "docs" / "examples" / "slurm.sh").read_bytes()


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A small repository."""
    (tmp_path / "docs" / "gallery").mkdir(parents=True)
    (tmp_path / "README.md").write_text("# A\n\n[b](docs/b.md#c) and:\n- one\n  - two\n\n```md\n[x](y.md)\n- z\n```\n")
    (tmp_path / "docs" / "b.md").write_text("# B\n\n[up](../README.md), [web](https://a.b/c), [script](gallery/s.py)\n")
    (tmp_path / "docs" / "gallery" / "s.py").write_text(
        '"""What it shows."""\nimport sys\nfrom pathlib import Path\nprint(7)\nPath(sys.argv[1]).write_text("<svg/>")\n'
    )
    return tmp_path


def test_links_and_lists_are_turned_and_code_is_left(repo: Path) -> None:
    pages.assemble(repo / "out", repo)
    assert (repo / "out" / "index.md").read_text() == (
        "# A\n\n[b](b.md#c) and:\n\n- one\n    - two\n\n```md\n[x](y.md)\n- z\n```\n"
    )
    assert (repo / "out" / "b.md").read_text() == (
        "# B\n\n[up](index.md), [web](https://a.b/c), [script](gallery/s.md)\n"
    )


@pytest.mark.parametrize("link", ["nowhere.md", "../../outside.md", "gallery"])
def test_a_link_to_nothing_is_told(repo: Path, link: str) -> None:
    (repo / "docs" / "b.md").write_text(f"[x]({link})\n")
    with pytest.raises(SystemExit, match=r"docs/b\.md: a link to"):
        pages.assemble(repo / "out", repo)


def test_a_script_of_the_gallery_is_run_for_its_page(repo: Path) -> None:
    made.gallery(repo / "out", repo)
    page = (repo / "out" / "s.md").read_text()
    assert page.startswith("# s\n\nWhat it shows.\n\n![What it shows.](s_shown.svg)\n\n```python\n")
    assert page.endswith("It prints:\n\n```text\n7\n```\n")
    assert (repo / "out" / "s_shown.svg").read_text() == "<svg/>"


def test_a_script_that_draws_nothing_is_told(repo: Path) -> None:
    (repo / "docs" / "gallery" / "s.py").write_text('"""Nothing."""\n')
    with pytest.raises(SystemExit, match=r"s\.py has written no \.svg file"):
        made.gallery(repo / "out", repo)


def test_the_reference_has_every_verb_and_every_public_name() -> None:
    words = made.command_line()
    for verb in main.list_commands(click.Context(main)):
        assert f"\n## {verb}\n\n```text\nUsage: eigentail {verb} " in words
    names = made.python()
    for name in set(eigentail.__all__) - {"__version__"}:
        assert f"\n## {name}\n\n::: eigentail." in names


def test_the_list_of_decisions_is_whole() -> None:
    listed = made.decisions()
    for path in (REPO / "docs" / "decisions").glob("*.md"):
        assert f"]({path.name})" in listed


PAGE = '<html><body><h1 id="top">A</h1>{}</body></html>'


@pytest.mark.parametrize(
    ("inside", "fault"),
    [
        ('<a href="b.html">b</a><a href="#top">up</a><a href="https://other.org/x">x</a>', ""),
        ('<a href="b.html#there">b</a><img src="a%20b.svg"><img src="data:image/png;base64,AA">', ""),
        ('<a href="folder/">b</a><a href="mailto:a@b.c">m</a><link rel="canonical" href="https://a.b/">', ""),
        ('<a href="c.html">c</a>', "a.html: a link to c.html, where there is nothing"),
        ('<a href="b.html#gone">b</a>', "a.html: a link to b.html#gone, a page without that anchor"),
        ('<a href="#gone">b</a>', "a.html: a link to #gone, a page without that anchor"),
        ('<img src="c.svg">', "a.html: a link to c.svg, where there is nothing"),
        ('<script src="https://cdn.org/x.js"></script>', "a.html: <script> fetches https://cdn.org/x.js"),
        ('<link rel="stylesheet" href="//fonts.org/x.css">', "a.html: <link> fetches //fonts.org/x.css"),
    ],
)
def test_the_check_tells_what_is_broken(tmp_path: Path, inside: str, fault: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.html").write_text(PAGE.format(inside))
    (tmp_path / "b.html").write_text(PAGE.format('<p id="there">there</p>'))
    (tmp_path / "folder" / "index.html").write_text(PAGE.format(""))
    (tmp_path / "a b.svg").write_text("<svg/>")
    assert faults(tmp_path) == ([fault] if fault else [])


@pytest.mark.parametrize(
    ("style", "wrong"),
    [("a{background:url(b.svg)}", False), ("a{background:url('https://x.y/z')}", True), ('@import "//x.y"', True)],
)
def test_the_check_reads_styles(tmp_path: Path, style: str, wrong: bool) -> None:
    (tmp_path / "a.css").write_text(style)
    assert faults(tmp_path) == (["a.css: fetches from another host"] if wrong else [])
