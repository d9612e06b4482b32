"""What a page draws on request: charts of the whole, and the spectrum behind each row of its main table."""

from __future__ import annotations

import math
from typing import Final, Literal

import msgspec

# Numbers that are only drawn: a thousandth of what the eye can tell on a screen.
_DIGITS: Final = 6


class Axis(msgspec.Struct, frozen=True):
    """One axis of a chart.

    Attributes:
        label: what it shows, with the unit where there is one.
        log: whether it is logarithmic.
        whole: whether only whole numbers are written beside it.

    Example:
        >>> Axis("block").log
        False
    """

    label: str
    log: bool = False
    whole: bool = False


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """Points of one kind, drawn with one mark, or the line through them.

    Attributes:
        name: what the points are.
        kind: how they are drawn.
        x: horizontal positions.
        y: vertical positions, as many; NaN leaves a gap.
        low: lower ends of the intervals of y; empty for none.
        high: upper ends.
        rows: the row of the main table behind each point; empty for none.
        names: what each point is, where there is no row for it.

    Example:
        >>> Series(name="q", x=(0.0, 1.0), y=(3.0, 3.5)).kind
        'points'
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    kind: Literal["points", "line"] = "points"
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    rows: tuple[int, ...] = ()
    names: tuple[str, ...] = ()


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """A picture, told by what is in it. One of several that share a place is chosen by its name.

    Attributes:
        name: by which it is chosen.
        x: the horizontal axis.
        y: the vertical axis.
        series: what is drawn.
        across: heights at which a line crosses, each with its label.
        caption: what there is to see, in sentences.
        row: the row of the main table it belongs to, by which it is chosen too; None for no row.

    Example:
        >>> Chart(name="all", x=Axis("block"), y=Axis("alpha")).series
        ()
    """

    name: str
    x: Axis
    y: Axis
    series: tuple[Series, ...] = ()
    across: tuple[tuple[float, str], ...] = ()
    caption: str = ""
    row: int | None = None


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A spectrum and its fit as they are drawn: a few hundred bytes whatever the number of eigenvalues.

    Attributes:
        name: whose it is, where a row has several; else "".
        n: eigenvalues that are not zero.
        zeros: eigenvalues that are.
        low: the smallest of those that are not, as log10.
        high: the largest, as log10.
        counts: eigenvalues in each of as many equal parts of the way from low to high.
        above: positions on that way in 65535ths, as base64 of little-endian uint16, of the values that have `ranks`
            of the page values at or above them.
        law: the law fitted.
        alpha: its exponent; NaN without a fit.
        rate: of its cutoff; NaN without one.
        xmin: where the tail begins; NaN without a fit.
        xmax: the largest value fitted.
        tail: eigenvalues fitted.
        D: distance between tail and law.
        noise: variance of the entries of noise with the same mean eigenvalue; NaN where the spectrum is not noise's
            to be compared with.
        N: longer side of one matrix.
        M: shorter side.
        bulk: variance of the entries that explain the bulk; NaN where there is none.
        bulk_min: lower edge of the bulk.
        bulk_max: upper edge.

    Example:
        >>> Seen(n=0, zeros=4).counts
        ()
    """

    n: int
    zeros: int
    name: str = ""
    low: float = math.nan
    high: float = math.nan
    counts: tuple[int, ...] = ()
    above: bytes = b""
    law: str = ""
    alpha: float = math.nan
    rate: float = math.nan
    xmin: float = math.nan
    xmax: float = math.nan
    tail: int = 0
    D: float = math.nan
    noise: float = math.nan
    N: int = 0
    M: int = 0
    bulk: float = math.nan
    bulk_min: float = math.nan
    bulk_max: float = math.nan


class Exhibit(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a page draws.

    Attributes:
        title: what the charts show.
        charts: one of them is shown at a time; empty where there is nothing to show.
        seen: for each row of the main table its spectra; empty where no row has any.
        missing: why a row without a spectrum has none.

    Example:
        >>> Exhibit(title="Alpha over depth").charts
        ()
    """

    title: str
    charts: tuple[Chart, ...] = ()
    seen: tuple[tuple[Seen, ...], ...] = ()
    missing: str = ""


def rounded(value: float) -> float:
    """A number with the digits that can be drawn.

    Example:
        >>> rounded(1 / 3)
        0.333333
    """
    return float(f"{value:.{_DIGITS}g}")
