"""The density of a layer's eigenvalues, beside the tail fitted to it and what noise would show."""

from __future__ import annotations

from eigentail.plots.drawing import Drawing
from eigentail.plots.kind import Plot, Takes
from eigentail.plots.spectral import density_panel, seen
from eigentail.plots.words import exponent_of, no_spectrum, sentences, shown, verdict_of
from eigentail.records import LayerReport


def esd(row: LayerReport, metric: str = "") -> Drawing:
    """The empirical spectral density on logarithmic axes: histogram, fit, null, bulk and spikes.

    Args:
        row: of one layer.
        metric: not used.

    Returns:
        A drawing; one that says what is missing where the layer has no spectrum.

    Source: Martin & Mahoney, JMLR 22 (2021), sections 2 and 3.

    Example:
        >>> import eigentail as et
        >>> esd(et.analyze(et.example()).layers["fc2"]).panels[0].x.scale
        'log'
    """
    title = f"Eigenvalues of {shown(row.name)}"
    found = no_spectrum(row) if row.spectrum is None else seen(row.spectrum)
    if isinstance(found, str):
        return Drawing(plot="esd", title=title, missing=sentences(found), caption=sentences(verdict_of(row)))
    panel, notes = density_panel(found, row.fit)
    return Drawing(
        plot="esd",
        title=title,
        panels=(panel,),
        caption=sentences(notes, exponent_of(row) if row.fit.ok else "", verdict_of(row)),
        missing="" if row.fit.ok else sentences(exponent_of(row)),
    )


PLOT = Plot(name="esd", title="density of the eigenvalues, fit, null and bulk", takes=Takes.LAYER, prepare=esd)
