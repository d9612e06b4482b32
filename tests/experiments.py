"""The experiments behind docs/trust.md and docs/evidence.md, so that tests run them at a smaller size."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "scripts"))

from measured import coverage, exponents, matrices, null, page, readings, refits, related, trained, traps, untrained

__all__ = [
    "coverage",
    "exponents",
    "matrices",
    "null",
    "page",
    "readings",
    "refits",
    "related",
    "trained",
    "traps",
    "untrained",
]
