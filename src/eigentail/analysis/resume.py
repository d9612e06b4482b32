"""An analysis goes on where an earlier one of the same ended; what it finishes is kept at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, final

import msgspec
from msgspec.structs import replace

from eigentail.analysis.collect import report_of
from eigentail.analysis.document import head_of, layer_bytes, layer_from
from eigentail.analysis.stamp import key_of
from eigentail.errors import UsageError
from eigentail.records import LayerReport, ModelReport
from eigentail.records.description import Description

if TYPE_CHECKING:
    from eigentail.store import Run, RunStore, SpectrumStore

# Of the room for everything kept.
_SHARE_OF_RUNS: Final = 1 / 4


@contextmanager
def remembering(work: Description, store: SpectrumStore | None) -> Iterator[Memory]:
    """What is kept of the same work, for the length of a `with` block; then the store is brought within its limit.

    Args:
        work: from `described`.
        store: where its runs lie beside its spectra; None to know and keep nothing.

    Yields:
        The memory. Whatever keeps it from working is told by the store, once, and never raised.

    Example:
        >>> import eigentail as et
        >>> from eigentail.execution import serial
        >>> from eigentail.sources import open_source
        >>> source = open_source(et.example())
        >>> with remembering(et.describe(source), None) as memory:
        ...     [row.name for row in memory.rows(lambda rest: et.stream(source))], memory.is_kept
        (['fc2', 'fc1', 'fc3'], False)
        >>> source.close()
    """
    memory = Memory(work, store)
    try:
        yield memory
    finally:
        memory.close()


@final
class Memory:
    """The run that an analysis is, or goes on with; see `remembering`.

    Example:
        >>> import eigentail as et
        >>> Memory(et.describe(et.example()), None).is_kept
        False
    """

    def __init__(self, work: Description, store: SpectrumStore | None) -> None:
        self._work, self._store = work, store
        self._runs: RunStore | None = None
        self._run: Run | None = None
        self._done: dict[int, LayerReport] = {}
        key = key_of(work) if store is not None else ""
        if store is not None and key:
            with self._careful():
                self._begin(store, key)

    @property
    def is_kept(self) -> bool:
        """Whether every layer finished so far is on disk."""
        return self._run is not None

    def rows(self, measure: Callable[[Description], Iterator[LayerReport]]) -> Iterator[LayerReport]:
        """The layers that are kept, then the others, each kept before it is handed on.

        Args:
            measure: for the work that is left.

        Yields:
            A report for every layer of the work.
        """
        self._tell()
        yield from self._done.values()
        left = tuple(layer for layer in self._work.layers if layer.index not in self._done)
        if left:
            for row in measure(replace(self._work, layers=left)):
                self._keep(row)
                yield row

    def finish(self, report: ModelReport) -> None:
        """The end is reached.

        Args:
            report: of all layers.
        """
        is_news = self._run is not None and not (self._run.is_finished and len(self._done) == len(self._work.layers))
        if self._runs and self._run and is_news:
            with self._careful():
                self._runs.finish(self._run.id, head_of(report))

    def close(self) -> None:
        """Let go of the runs, and of what was not used for longest where too much is kept."""
        if self._store is None:
            return
        taken = 0
        if self._runs and self._run:
            with self._careful():
                taken = self._runs.keep_within(round(_SHARE_OF_RUNS * self._store.limit), but=self._run.id)
        self._forget()
        self._store.settle(beside=taken)

    def _begin(self, store: SpectrumStore, key: str) -> None:
        from eigentail.store import RunStore  # and with it a database, which no run without a store needs

        work = self._work
        self._runs = RunStore(store.home)
        begun = self._runs.begin(key, work.source.target, planned=len(work.layers), head=head_of(report_of(work, ())))
        layers = {layer.index: layer for layer in work.layers}
        for place, content in self._runs.layers(begun.id).items():
            with suppress(msgspec.DecodeError):
                row = layer_from(content)
                if place in layers and not row.fit.status.is_failure:  # what failed may do so no more
                    self._done[place] = replace(row, layer=layers[place])
        self._run = begun

    def _keep(self, row: LayerReport) -> None:
        if self._runs and self._run:
            with self._careful():
                self._runs.put(self._run.id, row.layer.index, layer_bytes(row))

    def _tell(self) -> None:
        if self._store and self._run and self._done:
            name, planned = PurePath(self._work.source.target).name, len(self._work.layers)
            of = f"{len(self._done)} of {planned} layers of {name} from the run of {_clock(self._run.started)}"
            self._store.tell(f"resumed: {of} (--no-store measures again)")

    @contextmanager
    def _careful(self) -> Iterator[None]:
        """Whatever goes wrong with runs, the analysis does not."""
        try:
            yield
        except UsageError as error:
            self._forget()
            if self._store:
                self._store.warn(str(error))

    def _forget(self) -> None:
        if self._runs:
            self._runs.close()
        self._runs = self._run = None


def _clock(started: float) -> str:
    """The time of day, with the date where that is not today."""
    then = datetime.fromtimestamp(started).astimezone()
    return f"{then:%H:%M}" if then.date() == datetime.now().astimezone().date() else f"{then:%Y-%m-%d %H:%M}"
