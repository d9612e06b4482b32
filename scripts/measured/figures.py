"""The figures of docs/trust.md, as small SVG files; the colours are told apart by people of any colour vision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eigentail.numerics.null_table import quantiles_of
from eigentail.records import Verdict
from measured import coverage, untrained
from measured.page import FIGURES
from measured.readings import healthy, peer_share, share

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's blue, vermillion, bluish green, grey; every line has a marker or a label of its own besides.
BLUE, RED, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#666666"


def null() -> None:
    """The exponent that untrained matrices show, over their size."""
    sizes = np.unique(np.geomspace(8, 4096, 60).round()).astype(int)

    def draw(axes: Axes) -> None:
        axes.axhspan(2, 6, color="0.9", label="2 to 6: read as well trained")
        for q, colour, style in ((1, BLUE, "-"), (2, RED, "--"), (4, GREEN, ":")):
            nulls = [quantiles_of("clauset/alpha", (q * int(m), int(m))) for m in sizes]
            low, middle, high = (
                [np.interp(level, one.levels, one.values) for one in nulls] for level in (0.05, 0.5, 0.95)
            )
            axes.fill_between(sizes, low, high, color=colour, alpha=0.15, linewidth=0)
            axes.plot(sizes, middle, color=colour, linestyle=style, label=f"N / M = {q}, median and 5 to 95 %")
        axes.set(xscale="log", yscale="log", ylim=(1.5, 60))
        axes.set(xlabel="eigenvalues M", ylabel="alpha of untrained matrices")
        _plain(axes, x=(8, 32, 128, 512, 2048), y=(2, 3, 4, 6, 10, 20, 40))

    _save("trust_null", draw)


def covered(rows: Sequence[coverage.Row]) -> None:
    """How often the interval holds the truth, over the number of values."""

    def draw(axes: Axes) -> None:
        axes.axhspan(85, 95, color="0.9", label="85 to 95 %")
        for (design, estimator), colour, marker in (
            (("power law", "clauset"), BLUE, "o"),
            (("body 1/2, tail 1/2", "clauset"), RED, "s"),
            (("body 4/5, tail 1/5", "clauset"), GREEN, "^"),
        ):
            groups = coverage.by_size(rows, design, estimator)
            shares = [100 * coverage.pooled(group) for group in groups.values()]
            axes.plot(list(groups), shares, color=colour, marker=marker, label=design)
        axes.set(xscale="log", xlabel="values n", ylabel="intervals that hold the true alpha, %", ylim=(70, 100))
        _plain(axes, x=list(groups), y=range(70, 101, 5))

    _save("trust_coverage", draw)


def verdicts(rows: Sequence[untrained.Row]) -> None:
    """How many untrained matrices are called well trained, by size."""
    sizes = sorted({min(row.shape) for row in rows if len(row.shape) == 2})
    groups = [untrained.together(row for row in rows if len(row.shape) == 2 and min(row.shape) == m) for m in sizes]

    def draw(axes: Axes) -> None:
        places = np.arange(len(sizes))
        ours = [100 * share(group, Verdict.WELL_TRAINED) for group in groups]
        peer = [100 * peer_share(group, healthy) for group in groups]
        axes.bar(places - 0.2, peer, 0.4, color=RED, hatch="//", edgecolor="white", label="WeightWatcher: alpha 2 to 6")
        axes.bar(places + 0.2, ours, 0.4, color=BLUE, label="eigentail: verdict well-trained")
        axes.axhline(5, color=GREY, linewidth=0.8, linestyle="--", label="5 %")
        axes.set_xticks(places, [str(m) for m in sizes])
        axes.set(xlabel="eigenvalues M of untrained matrices", ylabel="called well trained, %")

    _save("trust_untrained", draw)


def _plain(axes: Axes, x: Sequence[int], y: Sequence[int]) -> None:
    """Ticks that are written as numbers, not as powers of ten."""
    axes.minorticks_off()
    axes.set_xticks(x, [f"{value:,}" for value in x])
    axes.set_yticks(y, [str(value) for value in y])


def _save(name: str, draw: Callable[[Axes], None]) -> Path:
    """One figure, the same bytes for the same numbers."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "none", "font.size": 9, "font.family": "sans-serif"}):
        figure = Figure(figsize=(6.4, 3.6), layout="constrained")
        axes = figure.add_subplot()
        draw(axes)
        axes.legend(frameon=False, fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        FIGURES.mkdir(exist_ok=True)
        path = FIGURES / f"{name}.svg"
        figure.savefig(path, metadata={"Date": None, "Creator": None})
    return path
