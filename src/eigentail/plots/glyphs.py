"""Text as the fonts of matplotlib can draw it: what they lack is written as an escape, not as a box."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

_INVISIBLE = ("\u2068", "\u2069")


def drawable(text: str) -> str:
    r"""The text without what the font in use does not have.

    Args:
        text: any.

    Returns:
        Escapes in place of missing characters; the marks that isolate a name are left out, for they draw nothing.

    Example:
        >>> drawable("fc1 " + chr(0x1F642))
        'fc1 \\U0001f642'
    """
    if text.isascii():
        return text
    faces = _faces()
    return "".join(char if _has(faces, char) else _escape(char) for char in text)


def _has(faces: tuple[Any, ...], char: str) -> bool:
    return char == "\n" or any(face.get_char_index(ord(char)) for face in faces)


def _escape(char: str) -> str:
    return "" if char in _INVISIBLE else char.encode("unicode_escape", "surrogatepass").decode("ascii")


def _faces() -> tuple[Any, ...]:
    from matplotlib import rcParams

    return _loaded(tuple(rcParams["font.family"]))


@lru_cache(maxsize=4)
def _loaded(families: tuple[str, ...]) -> tuple[Any, ...]:
    """The fonts that matplotlib falls back on, in its order."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return tuple(get_font(findfont(FontProperties(family=[family]))) for family in families)
