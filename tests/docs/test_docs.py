"""What the documentation shows is run: Python sessions, and commands where the page asks for it."""

from __future__ import annotations

import doctest
import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from eigentail.cli import main

REPO = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^(?P<run><!-- run -->\n+)?```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Block(NamedTuple):
    """A fenced block of a page."""

    page: str
    line: int
    language: str
    text: str
    run: bool


def blocks(page: Path, text: str) -> Iterator[Block]:
    """Every fenced block of the text."""
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start("language")) + 1
        yield Block(page.name, line, found["language"], found["text"], bool(found["run"]))


def pages() -> list[Path]:
    """The README and the documentation."""
    return [page for page in (REPO / "README.md", *sorted((REPO / "docs").rglob("*.md"))) if page.exists()]


def sessions(page: Path, text: str) -> list[Block]:
    """The Python blocks that show a session."""
    return [block for block in blocks(page, text) if block.language == "python" and ">>>" in block.text]


def commands(page: Path, text: str) -> list[Block]:
    """The console blocks that the page marks to be run."""
    return [
        block
        for block in blocks(page, text)
        if block.language == "console" and block.run and block.text.startswith("$ eigentail")
    ]


def run_session(session: list[Block]) -> str:
    """The blocks of one page as one session; what differs, or nothing."""
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    names: dict[str, object] = {}
    said = io.StringIO()
    for block in session:
        test = doctest.DocTestParser().get_doctest(block.text, names, block.page, block.page, block.line)
        runner.run(test, out=said.write, clear_globs=False)
        names = test.globs
    return said.getvalue()


def run_commands(block: Block) -> str:
    """Each `$ eigentail ...` of the block with what stands below it; what differs, or nothing."""
    said = ""
    for part in re.split(r"^\$ eigentail ?", block.text, flags=re.MULTILINE)[1:]:
        words, _, expected = part.partition("\n")
        result = CliRunner(env={"COLUMNS": "80"}).invoke(main, shlex.split(words))
        if not doctest.OutputChecker().check_output(expected, result.output, FLAGS):
            said += f"{block.page}:{block.line}: eigentail {words}\nexpected:\n{expected}\ngot:\n{result.output}"
    return said


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_what_a_page_shows_is_what_happens(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a page may write files, and reads those of the repository
    for folder in ("src", "zoo"):
        (tmp_path / folder).symlink_to(REPO / folder)
    text = page.read_text(encoding="utf-8")
    assert "".join(run_commands(block) for block in commands(page, text)) == ""
    assert run_session(sessions(page, text)) == ""  # it may read what a command has written


def test_a_command_that_is_shown_and_not_run_needs_a_network() -> None:
    shown = [block for page in pages() for block in blocks(page, page.read_text(encoding="utf-8"))]
    asked = [block for block in shown if block.language == "console" and block.text.startswith("$ eigentail")]
    assert len(asked) > 10
    assert {block.page for block in asked if not block.run} == {"elsewhere.md"}


def test_the_json_page_lists_every_metric_and_which_are_on_request() -> None:
    from eigentail.metrics import metrics

    page = (REPO / "docs" / "report_json.md").read_text(encoding="utf-8").split("## Metrics")[1]
    rows = re.findall(r"^\| (on request)?.*? \| (`.*`.*) \|$", page, re.MULTILINE)
    listed = [(name, bool(asked)) for asked, cells in rows for name in re.findall(r"`(\w+)`", cells)]
    assert sorted(listed) == sorted((name, metric.on_request) for name, metric in metrics.items())


PAGE = """
```python
>>> x = 2
```
```python
>>> x + 1
{three}
```
<!-- run -->
```console
$ eigentail --version
{version}
```
```console
$ eigentail never-run
```
"""


@pytest.mark.parametrize(("three", "version", "wrong"), [(3, "...", (0, 0)), (4, "...", (1, 0)), (3, "no", (0, 1))])
def test_a_page_that_is_wrong_is_told(three: int, version: str, wrong: tuple[bool, bool]) -> None:
    page, text = Path("page.md"), PAGE.format(three=three, version=version)
    assert len(sessions(page, text)) == 2
    (command,) = commands(page, text)
    assert (bool(run_session(sessions(page, text))), bool(run_commands(command))) == wrong
