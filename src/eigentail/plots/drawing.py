"""What a plot shows, as numbers and words: no colour, no library. Every renderer draws any of these."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, TypeAlias

import msgspec

Numbers: TypeAlias = tuple[float, ...]
Limits: TypeAlias = tuple[float, float]
# `whole` is linear, and marked at whole numbers.
Scale: TypeAlias = Literal["linear", "log", "whole"]


class Role(StrEnum):
    """What a mark stands for; the palette decides how that looks.

    Example:
        >>> Role("fit") is Role.FIT
        True
    """

    DATA = "data"
    FIT = "fit"
    NULL = "null"
    BULK = "bulk"
    SPIKE = "spike"
    CHOSEN = "chosen"
    INTERVAL = "interval"
    THRESHOLD = "threshold"
    LINK = "link"
    SERIES_1 = "series-1"
    SERIES_2 = "series-2"
    SERIES_3 = "series-3"
    SERIES_4 = "series-4"
    SERIES_5 = "series-5"
    SERIES_6 = "series-6"


# Roles of things that differ only in their names: kinds of matrix, groups, models.
SERIES = tuple(role for role in Role if role.value.startswith("series-"))


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    """One direction of a panel.

    Attributes:
        label: what is measured, its unit included.
        limits: lowest and highest value shown; positive where the scale is logarithmic.
        scale: how values become lengths.
        names: of the values 0, 1, 2, ... where the axis counts things; else empty.

    Example:
        >>> Axis(label="alpha", limits=(1.0, 7.0)).scale
        'linear'
    """

    label: str
    limits: Limits
    scale: Scale = "linear"
    names: tuple[str, ...] = ()


class _Mark(msgspec.Struct, frozen=True, kw_only=True, tag_field="mark", tag=str.lower):
    """What all marks have."""

    role: Role
    label: str = ""


class Points(_Mark, frozen=True, kw_only=True):
    """Separate points; with `low` and `high` each has an interval of y.

    Example:
        >>> Points(role=Role.DATA, x=(1.0,), y=(2.0,)).names
        ()
    """

    x: Numbers
    y: Numbers
    low: Numbers = ()
    high: Numbers = ()
    names: tuple[str, ...] = ()


class Line(_Mark, frozen=True, kw_only=True):
    """Points joined from left to right.

    Example:
        >>> Line(role=Role.FIT, x=(0.0, 1.0), y=(0.0, 1.0)).label
        ''
    """

    x: Numbers
    y: Numbers


class Steps(_Mark, frozen=True, kw_only=True):
    """A histogram: one edge more than heights.

    Example:
        >>> Steps(role=Role.DATA, edges=(0.0, 1.0, 2.0), heights=(0.3, 0.7)).heights
        (0.3, 0.7)
    """

    edges: Numbers
    heights: Numbers


class Band(_Mark, frozen=True, kw_only=True):
    """What lies between two curves.

    Example:
        >>> Band(role=Role.NULL, x=(0.0, 1.0), low=(0.0, 0.0), high=(1.0, 2.0)).high
        (1.0, 2.0)
    """

    x: Numbers
    low: Numbers
    high: Numbers


class Links(_Mark, frozen=True, kw_only=True):
    """Horizontal lines from x to `end`, one at each y.

    Example:
        >>> Links(role=Role.LINK, x=(0.0,), end=(1.0,), y=(3.0,)).end
        (1.0,)
    """

    x: Numbers
    end: Numbers
    y: Numbers


class Rule(_Mark, frozen=True, kw_only=True):
    """A line across the whole panel at one place of an axis.

    Example:
        >>> Rule(role=Role.THRESHOLD, axis="y", at=2.0).at
        2.0
    """

    axis: Literal["x", "y"]
    at: float


class Cells(_Mark, frozen=True, kw_only=True):
    """A heat map: a row for each value of y from 0 on, a cell for each of x; None where there is no number.

    `low` and `high` are the ends of the scale of shades; `label` says what the shades mean.

    Example:
        >>> Cells(role=Role.DATA, values=((2.0, None),), low=2.0, high=6.0).values[0][1] is None
        True
    """

    values: tuple[tuple[float | None, ...], ...]
    low: float
    high: float


Mark: TypeAlias = Points | Line | Steps | Band | Links | Rule | Cells


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """A pair of axes and what lies between them; later marks cover earlier ones.

    Example:
        >>> axis = Axis(label="x", limits=(0.0, 1.0))
        >>> Panel(x=axis, y=axis, marks=()).marks
        ()
    """

    x: Axis
    y: Axis
    marks: tuple[Mark, ...]


class Drawing(msgspec.Struct, frozen=True, kw_only=True):
    """One plot: panels from top to bottom, and the words around them.

    Attributes:
        plot: the name of the plot ("esd").
        title: what is shown, in a line.
        caption: the numbers that belong to it, in sentences.
        panels: none where there is nothing to draw.
        missing: a sentence for what should be there and is not; "" where all is.

    Example:
        >>> drawing = Drawing(plot="esd", title="fc1", missing="there is no spectrum")
        >>> msgspec.json.decode(msgspec.json.encode(drawing), type=Drawing) == drawing
        True
    """

    plot: str
    title: str
    caption: str = ""
    panels: tuple[Panel, ...] = ()
    missing: str = ""

    @property
    def below(self) -> str:
        """What stands below the panels: what is missing in them, then the caption."""
        return " ".join(words for words in (self.missing if self.panels else "", self.caption) if words)
