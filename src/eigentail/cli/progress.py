"""What happens while an analysis runs, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, final

import click

if TYPE_CHECKING:
    from eigentail.records import Layer, LayerReport
    from eigentail.records.description import Description, Fetch


class _Part(Protocol):
    """Anything that follows an analysis."""

    def started(self, description: Description) -> None: ...

    def finished(self, row: LayerReport) -> None: ...

    def close(self) -> None: ...


@final
class Watch:
    """Follows one analysis: hands each event to its parts, and remembers what was to be done.

    Example:
        >>> Watch(()).missing(())
        ()
    """

    def __init__(self, parts: Sequence[_Part]) -> None:
        self._parts = tuple(parts)
        self._planned: tuple[Layer, ...] = ()

    def started(self, description: Description) -> None:
        """The layers are known, none is measured."""
        self._planned = description.layers
        for part in self._parts:
            part.started(description)

    def finished(self, row: LayerReport) -> None:
        """One layer is measured."""
        for part in self._parts:
            part.finished(row)

    def close(self) -> None:
        """Leave the terminal as it was."""
        for part in self._parts:
            part.close()

    def missing(self, rows: Sequence[LayerReport]) -> tuple[int, ...]:
        """The indices of the layers that were to be measured and are not among the rows."""
        done = {row.layer.index for row in rows}
        return tuple(layer.index for layer in self._planned if layer.index not in done)


@contextmanager
def watching(verbose: bool, memory: int | None = None, table: bool = False) -> Iterator[Watch]:
    """Follow an analysis: a bar where standard error is a terminal, a line for every layer on request.

    Args:
        verbose: a line for every finished layer.
        memory: bytes that the user allows, or None: a line for layers that need more.
        table: the layers finished last above the bar, where there is one and no line for each.

    Yields:
        What to hand to `analyze` as its progress.

    Example:
        >>> with watching(False) as watch:
        ...     watch.missing(())
        ()
    """
    parts: list[_Part] = []
    write = _echo
    if sys.stderr.isatty():
        from eigentail.cli.live import Live

        bar = Live(has_table=table and not verbose)
        parts.append(bar)
        write = bar.write
    parts.append(_Origin(write))
    if verbose:
        parts.append(_Lines(write))
    if memory is not None:
        parts.append(_Allowed(memory, write))
    watch = Watch(parts)
    try:
        yield watch
    finally:
        watch.close()


def spans(indices: Sequence[int]) -> str:
    """Indices as `--layers` takes them.

    Args:
        indices: in any order.

    Example:
        >>> spans([3, 4, 5, 9])
        '3:6,9'
    """
    runs: list[list[int]] = []
    for index in sorted(indices):
        if runs and index == runs[-1][1]:
            runs[-1][1] += 1
        else:
            runs.append([index, index + 1])
    return ",".join(str(start) if stop == start + 1 else f"{start}:{stop}" for start, stop in runs)


@final
class _Lines:
    """One line for every finished layer."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def started(self, description: Description) -> None:
        self._write(f"{len(description.layers)} layers to measure")

    def finished(self, row: LayerReport) -> None:
        from eigentail.reports.table import cell_text, visible

        self._write(f"{visible(row.name)}: alpha {cell_text(row.fit.alpha)}: {row.verdict.value}")

    def close(self) -> None:
        return


@final
class _Allowed:
    """A line for the layers that take more memory than the user allows; they are measured all the same."""

    def __init__(self, memory: int, write: Callable[[str], None]) -> None:
        self._memory, self._write = memory, write

    def started(self, description: Description) -> None:
        over = [layer for layer in description.layers if layer.memory > self._memory]
        if over:
            from eigentail.reports.pages import bytes_text
            from eigentail.reports.table import visible

            most = max(over, key=lambda layer: layer.memory)
            others = f" (and {len(over) - 1} more)" if len(over) > 1 else ""
            takes = f"takes {bytes_text(most.memory)}, more than --max-memory allows"
            self._write(f"eigentail: {visible(most.name)}{others} {takes}: measured by itself")

    def finished(self, row: LayerReport) -> None:
        return

    def close(self) -> None:
        return


@final
class _Origin:
    """A line on what will be read, where that is not on this machine."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def started(self, description: Description) -> None:
        for fetch in description.fetches:
            self._write(fetch_text(fetch))

    def finished(self, row: LayerReport) -> None:
        return

    def close(self) -> None:
        return


def fetch_text(fetch: Fetch) -> str:
    """How many bytes are read, of how many, and from where.

    Args:
        fetch: from a description.

    Example:
        >>> from eigentail.records.description import Fetch
        >>> fetch_text(Fetch("org/name@0123456", 16384, 16896))
        'reads 16.38 kB of 16.90 kB from org/name@0123456'
    """
    from eigentail.reports.pages import bytes_text
    from eigentail.reports.table import visible

    return f"reads {bytes_text(fetch.nbytes)} of {bytes_text(fetch.stored)} from {visible(fetch.origin)}"


def _echo(line: str) -> None:
    """A line on standard error."""
    click.echo(line, err=True)
