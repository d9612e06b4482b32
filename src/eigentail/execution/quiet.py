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
# Where Linux tells of its processes.
_PROC: Final = Path("/proc")


def is_quiet() -> bool:
    """Whether others leave more than half of the cores: now, or in the last minute where a system tells only that.

    Threads of BLAS that wait for each other on a busy machine take many times as long as one thread would.

    Example:
        >>> is_quiet() in (True, False)
        True
    """
    try:
        others = min(_others() for _ in range(_LOOKS))
    except OSError:
        return not hasattr(os, "getloadavg") or os.getloadavg()[0] <= cores() / 2
    return others < cores() / 2


def _others() -> int:
    """How many threads of other processes have a core or wait for one. Ours may do so too: those of BLAS idle awake."""
    time.sleep(_LOOK)
    own = sum(_is_running(path) for path in (_PROC / "self/task").glob("*/stat"))
    return int((_PROC / "loadavg").read_text(encoding="ascii").split()[3].partition("/")[0]) - own


def _is_running(path: Path) -> bool:
    """From what Linux tells of a thread: its state follows its name, which may hold anything."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").rpartition(") ")[2].startswith("R")
    except OSError:  # it ended meanwhile
        return False
