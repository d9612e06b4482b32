"""The table as it grows, and the bar below it, on a terminal; nothing of it is left at the end."""

from __future__ import annotations

import time
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Final, final

from eigentail.records import LayerReport
from eigentail.reports.table import Column, Table
from eigentail.reports.tables import tail_curve

if TYPE_CHECKING:
    from rich.console import Console, Group

    from eigentail.records.description import Description

# Lines that are left to the heading, the bar, the totals and the prompt above.
_BESIDE: Final = 5
_MOST: Final = 30
_PAUSE: Final = 0.1
# Of the time that passes, drawing takes this part at the most: after a slow one the next waits longer.
_SHARE: Final = 0.01
_COLUMNS: Final = (
    Column("index", "number", 2),
    Column("name", "name"),
    Column("alpha", "number"),
    Column("alpha_lo", "number", 3, "90 %"),
    Column("alpha_hi", "number", 3, "90 %"),
    Column("tail", "curve", 1),
    Column("verdict", "verdict"),
)


@final
class Live:
    """Follows an analysis: the layers finished last, as many as fit, a bar as long as the arithmetic, the verdicts.

    Args:
        has_table: whether the layers are shown; otherwise the bar alone.
        console: where to; None for standard error.

    Example:
        >>> live = Live(has_table=True)
        >>> live.close()
    """

    def __init__(self, has_table: bool, console: Console | None = None) -> None:
        from rich.console import Console as Terminal
        from rich.live import Live as Screen
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._console = console or Terminal(stderr=True)
        columns = (
            TextColumn("{task.fields[done]} of {task.fields[layers]} layers"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeRemainingColumn(),
            TextColumn("left"),
        )
        # Layers differ by orders of magnitude in cost: the bar counts operations.
        self._bar = Progress(*columns, console=self._console, auto_refresh=False)
        self._screen = Screen(console=self._console, auto_refresh=False, transient=True)
        self._task: Any = None
        self._rows: deque[LayerReport] = deque(maxlen=_MOST if has_table else 0)
        self._verdicts: Counter[str] = Counter()
        self._next = 0.0

    def started(self, description: Description) -> None:
        """The layers are known, none is measured."""
        total = max(sum(layer.flops for layer in description.layers), 1.0)
        self._task = self._bar.add_task("", total=total, done=0, layers=len(description.layers))
        self._screen.start()
        self._draw()

    def finished(self, row: LayerReport) -> None:
        """One layer is measured; it is drawn now or with one of the next."""
        self._rows.append(row)
        self._verdicts[row.verdict.value] += 1
        self._bar.update(self._task, advance=row.layer.flops, done=self._verdicts.total())
        if time.monotonic() >= self._next:
            self._draw()

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._screen.stop()

    def write(self, line: str) -> None:
        """A line above the table."""
        from rich.text import Text

        self._console.print(Text(line), soft_wrap=True)

    def _draw(self) -> None:
        began = time.monotonic()
        self._screen.update(self._drawn(), refresh=True)
        ended = time.monotonic()
        self._next = ended + max(_PAUSE, (ended - began) / _SHARE)

    def _drawn(self) -> Group:
        """The rows that fit, the bar and the totals."""
        from rich.console import Group as Stack
        from rich.text import Text

        from eigentail.reports.forms.text import fitting, lines

        fit = max(min(self._console.height - _BESIDE, len(self._rows)), 0)
        table = Table(title="", columns=_COLUMNS, rows=tuple(map(_cells, list(self._rows)[len(self._rows) - fit :])))
        totals = Text(", ".join(f"{count} {verdict}" for verdict, count in self._verdicts.most_common()))
        totals.no_wrap, totals.overflow = True, "ellipsis"
        below = (self._bar.get_renderable(), totals)
        if not table.rows:
            return Stack(*below)
        widths = fitting(table, self._console.width)
        ascii_only = not self._console.encoding.lower().startswith("utf")
        return Stack(lines(table, widths, ascii_only), *below)


def _cells(row: LayerReport) -> tuple[Any, ...]:
    """What is shown of a layer while others are measured."""
    seen, fit = row.spectrum, row.fit
    curve = tail_curve(seen, fit.alpha, fit.xmin) if seen is not None else None
    low, high = (row.metrics.get(name) for name in ("alpha_lo", "alpha_hi"))
    return row.layer.index, row.name, fit.alpha, low, high, curve, row.verdict.value
