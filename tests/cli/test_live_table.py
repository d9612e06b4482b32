"""The table that grows while an analysis runs."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from rich.console import Console

import eigentail as et
from eigentail.analysis import describe
from eigentail.cli.live import Live
from eigentail.cli.progress import watching
from eigentail.execution import serial

SHOW, HIDE = "\x1b[?25h", "\x1b[?25l"


class Screen(io.StringIO):
    """Standard error that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def weights(n: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {f"[red]model.layers.{i}\x1b[7m.weight": rng.standard_t(2.5, (96, 64)) for i in range(n)}


def terminal(width: int = 90, height: int = 24) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=height, color_system="standard")


def frames(text: str) -> list[list[str]]:
    """What was drawn, one list of lines for each time."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    drawn = re.split(r"(?:\r?\x1b\[(?:2K|1A|\?25[hl])|\r)+", plain)
    return [frame.splitlines() for frame in drawn if " layers " in frame]


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every layer is drawn at once."""
    monkeypatch.setattr("eigentail.cli.live._PAUSE", 0.0)
    monkeypatch.setattr("eigentail.cli.live._SHARE", 1e9)


def followed(live: Live, n: int) -> None:
    et.analyze(weights(n), using=serial, progress=live, store=None)
    live.close()


@pytest.mark.usefixtures("always")
class TestTable:
    def test_it_grows_and_leaves_a_clean_screen(self) -> None:
        console = terminal()
        followed(Live(has_table=True, console=console), 4)
        text = console.file.getvalue()
        rows = [sum("model.layers" in line for line in frame) for frame in frames(text)]
        assert rows[:5] == [0, 1, 2, 3, 4]
        assert (text.count(HIDE), text.count(SHOW)) == (1, 1)
        assert "model.layers" not in text.rpartition("\x1b[2K")[2]

    @pytest.mark.parametrize(("width", "height"), [(40, 10), (60, 7), (80, 24), (200, 3)])
    def test_it_never_fills_more_than_the_screen(self, width, height) -> None:
        console = terminal(width, height)
        followed(Live(has_table=True, console=console), 12)
        for frame in frames(console.file.getvalue()):
            assert len(frame) <= max(height, 2)
            assert max(map(len, frame)) <= width

    def test_it_counts_the_verdicts_and_the_layers(self) -> None:
        console = terminal()
        followed(Live(has_table=True, console=console), 3)
        last = frames(console.file.getvalue())[-1]
        assert any(line.startswith("3 of 3 layers") and "100%" in line for line in last)
        assert sum(map(int, re.findall(r"(\d+) [a-z-]+(?:,|$)", last[-1]))) == 3

    def test_names_are_text(self) -> None:
        console = terminal()
        followed(Live(has_table=True, console=console), 1)
        text = console.file.getvalue()
        assert "\x1b[7m" not in text
        assert "[red]model.layers.0\\x1b[7m" in text

    def test_without_the_table_there_is_the_bar(self) -> None:
        console = terminal()
        followed(Live(has_table=False, console=console), 2)
        assert "model.layers" not in console.file.getvalue()
        assert "2 of 2 layers" in console.file.getvalue()


def test_drawing_takes_a_hundredth_of_the_time_at_the_most(monkeypatch: pytest.MonkeyPatch) -> None:
    now, drawn = [0.0], []
    live = Live(has_table=True, console=terminal())
    monkeypatch.setattr("eigentail.cli.live.time.monotonic", lambda: now[0])

    def draw() -> str:
        drawn.append(now[0])
        now[0] += 0.01  # a slow terminal
        return ""

    monkeypatch.setattr(live, "_drawn", draw)
    work = describe(weights(1))
    row = et.analyze(weights(1), store=None).layers[0]
    live.started(work)
    for _ in range(10_000):
        now[0] += 0.001
        live.finished(row)
    live.close()
    assert 0 < 0.01 * len(drawn) / now[0] <= 0.011
    assert all(later - earlier >= 0.1 for earlier, later in pairwise(drawn))


class TestWatching:
    @pytest.fixture
    def terminal(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Screen]:
        """Makes standard error a terminal; called in the test, because the runner sets its own before it."""

        def patched() -> Screen:
            screen = Screen()
            monkeypatch.setattr(sys, "stderr", screen)
            monkeypatch.setenv("TERM", "xterm")
            monkeypatch.setenv("COLUMNS", "90")
            return screen

        return patched

    @pytest.mark.parametrize(
        ("verbose", "table", "shown"), [(False, True, True), (False, False, False), (True, True, False)]
    )
    def test_the_table_is_there_where_it_is_wanted(self, terminal, always, verbose, table, shown) -> None:
        screen = terminal()
        with watching(verbose, table=table) as watch:
            et.analyze(weights(2), using=serial, progress=watch, store=None)
        assert ("tail        verdict" in re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue())) == shown
        assert "2 of 2 layers" in screen.getvalue()
        assert (": alpha " in screen.getvalue()) == verbose

    def test_ctrl_c_leaves_a_clean_screen(self, terminal) -> None:
        screen = terminal()

        def work() -> None:
            with watching(False, table=True) as watch:
                watch.started(describe(weights(2)))
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            work()
        assert screen.getvalue().count(HIDE) == screen.getvalue().count(SHOW) == 1

    def test_there_is_nothing_where_there_is_no_terminal(self, monkeypatch) -> None:
        monkeypatch.setattr(sys, "stderr", io.StringIO())
        with watching(False, table=True) as watch:
            et.analyze(weights(1), progress=watch, store=None)
        assert sys.stderr.getvalue() == ""
