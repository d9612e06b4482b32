"""Build the docs site: pages into build/pages, the site into site/; no network is used.

    python scripts/docs_site.py [--pages-only]

Ends with an error where a script of the gallery fails, zensical warns, or the finished site has a link to nothing.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from website import ROOT, made
from website.check import faults
from website.pages import assemble

PAGES: Final = ROOT / "build" / "pages"
SITE: Final = ROOT / "site"


def main() -> int:
    """Make the pages, build the site of them, and check it."""
    parser = argparse.ArgumentParser(description="Build the docs site.")
    parser.add_argument("--pages-only", action="store_true", help="make build/pages and stop")
    asked = parser.parse_args()
    write_pages(PAGES)
    if asked.pages_only:
        return 0
    shutil.rmtree(SITE, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "zensical", "build", "--clean", "--strict"], cwd=ROOT, check=True)
    found = faults(SITE)
    print("\n".join([*found, f"{SITE / 'index.html'}: {len(found)} faults"]))
    return 1 if found else 0


def write_pages(target: Path) -> None:
    """Write every page of the site as Markdown; what was there before goes."""
    shutil.rmtree(target, ignore_errors=True)
    assemble(target)
    made.gallery(target / "gallery")
    (target / "reference").mkdir()
    (target / "reference" / "command_line.md").write_text(made.command_line(), encoding="utf-8")
    (target / "reference" / "python.md").write_text(made.python(), encoding="utf-8")
    (target / "decisions" / "index.md").write_text(made.decisions(), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
