"""The density of the eigenvalues of a change: what training, tuning or pruning added to a layer."""

from __future__ import annotations

from eigentail.plots.drawing import Drawing
from eigentail.plots.kind import Plot, Takes
from eigentail.plots.spectral import density_panel, seen
from eigentail.plots.words import SENTENCE, exponent_of, number, sentences, shown, verdict_of
from eigentail.records import Fit, LayerReport, Spectrum
from eigentail.records.difference import LayerDifference


def delta(row: LayerDifference | LayerReport, metric: str = "") -> Drawing:
    """The spectrum of other minus base, its tail, and what a change of random entries of this size would show.

    Args:
        row: of a difference, or of the report of a `Delta` of two sources.
        metric: not used.

    Returns:
        A drawing; one that says what became of the layer where there is no spectrum of the change.

    Source: Martin & Mahoney, JMLR 22 (2021), section 3, for noise and spikes.

    Example:
        >>> import numpy as np
        >>> import eigentail as et
        >>> base = np.random.default_rng(0).standard_normal((64, 32))
        >>> row = et.diff({"fc.weight": base}, {"fc.weight": base + 0.1}).layer("fc")
        >>> delta(row).missing
        'There is one eigenvalue that is not zero, 20.5: one value has no density.'
    """
    title = f"Change of {shown(row.name)}"
    if isinstance(row, LayerReport):
        return _drawing(title, row.spectrum, row.fit, (exponent_of(row) if row.fit.ok else "", verdict_of(row)))
    change = row.change
    size = f"relative size {number(change.relative)}, rank {change.rank}" if change.rank is not None else ""
    fit = f"alpha = {number(change.fit.alpha)}, D = {number(change.fit.D)}" if change.fit.ok else ""
    noise = f"{number(100 * change.noise_p)} % of random matrices are as far from noise" if change.noise_p >= 0 else ""
    said = (shown(row.reason, SENTENCE), size, fit, noise)
    return _drawing(title, change.spectrum, change.fit, said)


def _drawing(title: str, spectrum: Spectrum | None, fit: Fit, said: tuple[str, ...]) -> Drawing:
    """The panel of the change, or what is missing."""
    found = seen(spectrum)
    if isinstance(found, str):
        return Drawing(plot="delta", title=title, missing=sentences(found), caption=sentences(*said))
    panel, notes = density_panel(found, fit)
    missing = "" if fit.ok else sentences(f"no fit: {fit.status.sentence}")
    return Drawing(plot="delta", title=title, panels=(panel,), caption=sentences(notes, *said), missing=missing)


PLOT = Plot(name="delta", title="density of the eigenvalues of a change", takes=Takes.CHANGE, prepare=delta)
