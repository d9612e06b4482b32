"""A second analysis of the same file: spectra come from the store, the bytes are read and hashed.

python benchmarks/again.py
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from checkpoints import gpt2_small, heavy
from timing import analysis, process, ratio_line, time_line

TARGET = 10.0


def main() -> int:
    """Two files: many middling layers, and a few large ones."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("48 matrices of GPT-2 small", "two 4096x4096"):
            home = Path(folder) / name
            home.mkdir()
            path = home / "model.safetensors"
            if name.startswith("48"):
                gpt2_small(path)
            else:
                heavy(path, {f"fc{i}.weight": (4096, 4096) for i in range(2)})
            first, second, third = (process(analysis(path, store=True), home / "home").wall for _ in range(3))
            print(f"{name}, float32, whole processes that keep spectra")
            time_line("first", first)
            time_line("second and third", min(second, third))
            ratio_line("first over second", [(second, first), (third, first)], TARGET)
    return 0


if __name__ == "__main__":
    sys.exit(main())
