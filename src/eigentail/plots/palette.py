"""Role -> how it looks. No two roles differ by colour alone: dashes, markers and lightness tell them apart too.

The colours are those of Okabe & Ito (Color Universal Design, 2008), which people with any common colour vision tell
apart.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from eigentail.plots.drawing import Role

Dash = Literal["solid", "dash", "dot", "dashdot"]
Marker = Literal["circle", "square", "triangle-up", "diamond", "triangle-down", "x"]

_ORANGE, _SKY, _GREEN = "#e69f00", "#56b4e9", "#009e73"
_BLUE, _VERMILLION, _PURPLE = "#0072b2", "#d55e00", "#cc79a7"
INK: Final = ""


class Style(msgspec.Struct, frozen=True):
    """How the marks of a role look.

    Attributes:
        color: hexadecimal, or `INK` for that of the text.
        dash: of lines.
        marker: of points.
        width: of lines, in points.
        fill: opacity of areas.

    Example:
        >>> STYLES[Role.FIT].dash
        'solid'
    """

    color: str
    dash: Dash = "solid"
    marker: Marker = "circle"
    width: float = 1.5
    fill: float = 0.2


class Theme(msgspec.Struct, frozen=True):
    """Colours of everything that is no mark.

    Example:
        >>> LIGHT.paper
        '#ffffff'
    """

    ink: str
    paper: str
    grid: str
    shades: str = "cividis"


LIGHT: Final = Theme(ink="#1a1a1a", paper="#ffffff", grid="#d9d9d9")
DARK: Final = Theme(ink="#ececec", paper="#15181c", grid="#3a3f46")

STYLES: Final = {
    Role.DATA: Style(INK, width=1.2, fill=0.12),
    Role.FIT: Style(_VERMILLION, width=2.4, marker="diamond"),
    Role.NULL: Style(_SKY, dash="dot", width=1.2, fill=0.35),
    Role.BULK: Style(_BLUE, dash="dash", width=1.8),
    Role.SPIKE: Style(_PURPLE, marker="triangle-down"),
    Role.CHOSEN: Style(_VERMILLION, dash="dashdot", width=1.2),
    Role.INTERVAL: Style(_ORANGE, fill=0.3, width=0.8),
    Role.THRESHOLD: Style(INK, dash="dot", width=1.0),
    Role.LINK: Style(INK, width=0.9),
    Role.SERIES_1: Style(_BLUE, marker="circle"),
    Role.SERIES_2: Style(_VERMILLION, dash="dash", marker="square"),
    Role.SERIES_3: Style(_GREEN, dash="dashdot", marker="triangle-up"),
    Role.SERIES_4: Style(_PURPLE, dash="dot", marker="diamond"),
    Role.SERIES_5: Style(_ORANGE, marker="triangle-down"),
    Role.SERIES_6: Style(INK, dash="dash", marker="x"),
}


def color_of(style: Style, theme: Theme) -> str:
    """The colour of a style on a background.

    Example:
        >>> color_of(STYLES[Role.DATA], DARK)
        '#ececec'
    """
    return style.color or theme.ink
