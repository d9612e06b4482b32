"""Make the tables of docs/evidence.md: every number there is printed by this script.

    python scripts/evidence.py

Under a minute on one core. What comes from other people's nets is made where those are, and else left as it stands.
"""

from __future__ import annotations

import sys

from measured import ROOT, exponents, page, related
from threadpoolctl import threadpool_limits

PAGE = ROOT / "docs" / "evidence.md"


def main() -> int:
    """Study every series at hand, and put what was found on the page."""
    with threadpool_limits(1):
        for origin, studies in related.everything().items():
            tables = related.tables(origin, studies) | exponents.tables(origin, studies)
            print("\n\n".join(tables.values()), flush=True)
            page.write(tables, PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
