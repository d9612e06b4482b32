"""Who did the arithmetic."""

from __future__ import annotations

import platform

import numpy as np

from eigentail._version import __version__


def versions() -> dict[str, str]:
    """The versions a report depends on.

    Example:
        >>> sorted(versions())
        ['eigentail', 'numpy', 'python']
    """
    return {"eigentail": __version__, "python": platform.python_version(), "numpy": np.__version__}
