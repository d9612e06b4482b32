"""What the docs site is made of: pages of the repository, pages made from the program, and a check of the result."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
