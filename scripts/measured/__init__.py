"""What docs/trust.md and docs/evidence.md state, measured: a pure function of seeds and files that returns rows."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The peers, kept from changing warning filters and loggers, and the place of other people's nets.
sys.path.append(str(ROOT / "tests"))
