"""Drawing -> file: the suffix chooses what it becomes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from eigentail.errors import UsageError
from eigentail.plots.drawing import Drawing
from eigentail.plots.renderer import renderers
from eigentail.store import write_atomically

# The drawing itself, for programs.
_JSON: Final = ".json"
_DARK: Final = "-dark"


def save(drawing: Drawing, path: str | Path, *, dark: bool = False) -> None:
    """Write a drawing: a picture, a page, or its numbers. The file appears whole or not at all.

    Args:
        drawing: from `drawing_of`.
        path: ends in .png, .svg, .pdf (matplotlib), .html (plotly, one file) or .json (the drawing itself).
        dark: for a dark background.

    Raises:
        UsageError: nothing has this suffix, the file cannot be written there, or the library is missing.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "nothing.json"
        >>> save(Drawing(plot="esd", title="fc1", missing="There is no spectrum."), path)
        >>> msgspec.json.decode(path.read_bytes(), type=Drawing).title
        'fc1'
    """
    suffix = checked_suffix(path)
    if suffix == _JSON:
        content = msgspec.json.format(msgspec.json.encode(drawing), indent=1)
    else:
        name = next(name for name, renderer in renderers.items() if suffix in renderer.suffixes)
        content = renderers[name + _DARK if dark else name].save(drawing, suffix)
    write_atomically(path, content)


def checked_suffix(path: str | Path) -> str:
    """The ending of a file, once it is sure that a drawing can become such a file.

    Raises:
        UsageError: nothing has this suffix.

    Example:
        >>> checked_suffix("esd.SVG")
        '.svg'
    """
    known = sorted({_JSON, *(suffix for renderer in renderers.values() for suffix in renderer.suffixes)})
    suffix = Path(path).suffix.lower()
    if suffix not in known:
        what = f"no plot ends in {suffix!r}" if suffix else "the name has no suffix to choose the form by"
        raise UsageError(what, where=str(path), hint=f"choose from {', '.join(known)}")
    return suffix
