"""Whether the cores are there to be had."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from eigentail.execution.pooled import cores

# What runs for a moment only is no one's work: the fewest of some looks count, so many seconds apart.
_LOOKS: Final = 4
_LOOK: Final = 0.001


def is_quiet() -> bool:
    """Whether others leave more than half of the cores: now, or in the last minute where a system tells only that.

    Threads of BLAS that wait for each other on a busy machine take many times as long as one thread would.

    Example:
        >>> is_quiet() in (True, False)
        True
    """
    try:
        others = min(_running() for _ in range(_LOOKS)) - 1
    except OSError:
        return not hasattr(os, "getloadavg") or os.getloadavg()[0] <= cores() / 2
    return others < cores() / 2


def _running() -> int:
    """How many threads of this machine have a core or wait for one: the one that asks among them."""
    time.sleep(_LOOK)
    return int(Path("/proc/loadavg").read_text(encoding="ascii").split()[3].partition("/")[0])
