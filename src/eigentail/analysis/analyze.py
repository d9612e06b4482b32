"""A whole model: the river collected into a report."""

from __future__ import annotations

from functools import partial

from eigentail.analysis.collect import report_of
from eigentail.analysis.describe import described
from eigentail.analysis.progress import SILENT, Progress
from eigentail.analysis.resume import remembering
from eigentail.analysis.stream import flow
from eigentail.execution import Executor, serial
from eigentail.records import LayerReport, ModelReport
from eigentail.settings import Settings
from eigentail.sources import opened
from eigentail.store import SpectrumStore


class Interrupted(KeyboardInterrupt):
    """The user stopped the analysis; the layers finished by then are in `report`.

    Attributes:
        report: of these layers.
        is_kept: whether they are on disk, so that the same analysis goes on from there.

    Example:
        >>> issubclass(Interrupted, KeyboardInterrupt)
        True
    """

    def __init__(self, report: ModelReport, *, is_kept: bool = False) -> None:
        super().__init__("interrupted")
        self.report = report
        self.is_kept = is_kept


def analyze(
    target: object,
    settings: Settings = Settings(),
    *,
    using: Executor = serial,
    shard: tuple[int, int] = (0, 1),
    progress: Progress = SILENT,
    store: SpectrumStore | None = None,
) -> ModelReport:
    """Measure every layer of a model and say how well it was trained.

    Args:
        target: a file, a folder, or a live object: a module, a state dict, a mapping of arrays, an iterator of
            (name, array).
        settings: what to measure.
        using: how many hands (`eigentail.threads(2)`); the numbers do not depend on it.
        shard: (i, n): of the layers, dearest first, every n-th from the i-th on; see `merge`.
        progress: told when the work is known and when a layer is done.
        store: where spectra are looked for first, and kept. What is finished of a file is kept as well, and taken from
            there while the file is what it was; the numbers do not depend on it.

    Returns:
        The report: layers, skips with reasons, summary. Numbers are NaN where there is none.

    Raises:
        SourceError: the target cannot be read, is not a model, or holds no matrix large enough.
        UsageError: an unknown metric or estimator, or a pattern that matches nothing.
        LayerError: a layer failed and `settings.strict` is set.
        Interrupted: Ctrl-C; what was finished is in its `report`.

    Source: Martin, Peng & Mahoney, Nature Communications 12 (2021), for the averages.

    Example:
        >>> import eigentail as et
        >>> report = et.analyze(et.example())
        >>> report.layers["fc2"].verdict.value, report.summary.layers_ok
        ('well-trained', 3)
    """
    rows: list[LayerReport] = []
    with opened(target) as source:
        work = described(source, settings, shard)
        progress.started(work)
        with remembering(work, store) as memory:
            try:
                for row in memory.rows(partial(flow, source, using=using, store=store)):
                    rows.append(row)
                    progress.finished(row)
            except KeyboardInterrupt as stop:
                raise Interrupted(report_of(work, rows), is_kept=memory.is_kept) from stop
            report = report_of(work, rows)
            memory.finish(report)
    return report
