"""Runs that were kept, read back."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import msgspec
from msgspec.structs import asdict

from eigentail.analysis.document import Document, assembled, layer_from
from eigentail.errors import SourceError
from eigentail.records import LayerReport, ModelReport
from eigentail.settings import Settings
from eigentail.store import Run, RunStore


class HeadFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a list of runs shows of each.

    Attributes:
        alpha: mean over the layers, or None.
        settings: that differ from the defaults.
        versions: of this package and of the libraries that did the arithmetic.

    Example:
        >>> HeadFacts().alpha is None
        True
    """

    alpha: float | None = None
    settings: dict[str, Any] = {}
    versions: dict[str, str] = {}


def head_facts(head: bytes) -> HeadFacts:
    """The facts in the head of a run; none where it is damaged or of another version.

    Args:
        head: from `document.head_of`.

    Example:
        >>> head_facts(b"damaged").settings
        {}
    """
    try:
        document = msgspec.json.decode(head, type=Document)
    except msgspec.DecodeError:
        return HeadFacts()
    usual = asdict(Settings())
    alpha = document.summary.get("alpha")
    return HeadFacts(
        alpha=alpha if isinstance(alpha, float) and math.isfinite(alpha) else None,
        settings={name: value for name, value in asdict(document.settings).items() if value != usual[name]},
        versions={name: version for name, version in document.tool.items() if name != "name"},
    )


def report_of_run(runs: RunStore, run: Run) -> ModelReport:
    """The report of a run: of one that is not finished, with the layers that are there.

    Args:
        runs: where it is kept.
        run: which one.

    Raises:
        SourceError: what is kept is damaged, or of another version.
        UsageError: the runs cannot be read.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import eigentail as et
        >>> from eigentail.store import SpectrumStore
        >>> home = Path(tempfile.mkdtemp())
        >>> report = et.analyze(et.example(), store=SpectrumStore(home))
        >>> runs = RunStore(home)
        >>> report_of_run(runs, runs.runs()[0]).to_json() == report.to_json()
        True
        >>> runs.close()
    """
    layers: list[LayerReport] = []
    for content in runs.layers(run.id).values():
        with suppress(msgspec.DecodeError):
            layers.append(layer_from(content))
    try:
        return assembled(run.head, layers)
    except (msgspec.DecodeError, ValueError) as error:
        hint = f"eigentail runs remove {run.id}"
        raise SourceError(f"run {run.id} is damaged, or of another version", where=str(runs.path), hint=hint) from error
