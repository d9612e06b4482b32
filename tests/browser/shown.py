"""The pages that the browser is shown, made without measuring anything twice."""

from __future__ import annotations

from functools import cache

import numpy as np
from made_reports import layer_row, report_of
from msgspec.structs import replace

import eigentail as et
from eigentail.analysis.study import studies
from eigentail.records import LayerReport, ModelReport, Spectrum
from eigentail.reports import render
from eigentail.reports.compare_page import comparison_page
from eigentail.reports.diff_page import difference_page
from eigentail.reports.study_page import studies_page
from eigentail.settings import Settings

QUICK = Settings(metrics=("alpha", "alpha_lo", "alpha_hi", "sigma_mp", "bulk_min", "bulk_max", "noise_p"))


@cache
def net(seed: int = 0) -> ModelReport:
    """Three blocks of two kinds of matrix, of heavy-tailed weights that are the same on every machine."""
    random = np.random.default_rng(seed)
    shapes = {"attn.q_proj": (96, 64), "mlp.up_proj": (128, 96)}
    return et.analyze(
        {
            f"model.layers.{block}.{name}.weight": random.standard_t(2.5 + block, shape).astype("float32")
            for block in range(3)
            for name, shape in shapes.items()
        },
        QUICK,
    )


def row_of(index: int) -> LayerReport:
    """A layer of a long model, with an exponent and a spectrum of its own."""
    row = layer_row(index % 7, "layer", alpha=1.5 + (index * 7919 % 600) / 100)
    layer = replace(row.layer, index=index, name=f"blocks.{index // 4}.part{index % 4}", block=index // 4)
    values = row.spectrum.eigenvalues if row.spectrum is not None else np.ones(1)
    spectrum = Spectrum(eigenvalues=values * (1 + index), shape=(64, 40), rank=40)
    return replace(row, layer=layer, spectrum=spectrum)


@cache
def long_html(layers: int) -> str:
    """The report of a model of so many layers."""
    return render(report_of(*map(row_of, range(layers))), "html")


@cache
def html_of(kind: str) -> str:
    """The page of each verb."""
    if kind == "analyze":
        return render(net(), "html")
    if kind == "compare":
        return render(comparison_page(et.compare(net(), net(1), names=["first", "second"])), "html")
    if kind == "diff":
        base = {"a.weight": np.random.default_rng(0).standard_normal((96, 64)), "b.weight": np.eye(64)}
        other = {"a.weight": base["a.weight"] * 1.1 + 0.01, "b.weight": base["b.weight"]}
        return render(difference_page(et.diff(base, other)), "html")
    return render(studies_page(studies("nature2021-vgg")), "html")


KINDS = ("analyze", "compare", "diff", "study")
