"""What draws a drawing, and the registry of all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from eigentail.plots.drawing import Drawing
from eigentail.registry import Registry


class Renderer(msgspec.Struct, frozen=True, kw_only=True):
    """One way to draw. A module of `plots/draw` offers one or more as `RENDERERS`.

    Attributes:
        name: the word users write.
        draw: from a drawing, and axes to draw into or None, to a figure of a library.
        save: from a drawing and the ending of a file, to the bytes of that file.
        suffixes: the endings of files it makes.

    Example:
        >>> renderers["plotly"].suffixes
        ('.html',)
    """

    name: str
    draw: Callable[[Drawing, Any], Any]
    save: Callable[[Drawing, str], bytes]
    suffixes: tuple[str, ...]


renderers: Final[Registry[Renderer]] = Registry("plotting backend", "eigentail.plots.draw", "RENDERERS")
