"""What float32 arithmetic costs in accuracy where weights are stored in 16 bits: real nets against float64.

python benchmarks/precision.py [FILE ...]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import ml_dtypes
import numpy as np

import eigentail as et
from eigentail.sources import opened

REPO = Path(__file__).resolve().parents[1]
SUFFIXES = (".safetensors", ".th", ".pth", ".pt")
METRICS = ("alpha", "lambda_max", "stable_rank", "alpha_weighted")


def main() -> int:
    """A row for every storage type: the largest difference over all layers, and how many fell back on float64."""
    files = [Path(word) for word in sys.argv[1:]] or list(nets())
    print(f"{len(files)} nets: the largest relative difference over the layers between float32 (auto) and float64")
    names = ("lambda_min+", *METRICS)
    print(f"{'stored':10}{'layers':>8}{'float64':>9}" + "".join(f"{name:>16}" for name in names))
    for dtype in ("bfloat16", "float16"):
        table, fell_back = differences(files, np.dtype(getattr(ml_dtypes, dtype, dtype)))
        worst = np.nanmax(table, axis=0)
        print(f"{dtype:10}{len(table):8}{fell_back:9}" + "".join(f"{value:16.1e}" for value in worst))
    return 0


def nets() -> Iterator[Path]:
    """The zoo of this project, and the nets of others where they lie beside the repository."""
    for folder in (REPO / "src" / "eigentail" / "zoo", REPO / "zoo", REPO.parent / "shared" / "data" / "models"):
        yield from sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)


def differences(files: list[Path], dtype: np.dtype) -> tuple[np.ndarray, int]:
    """A row for every layer measured in float32, and how many the guard computed in float64 after all.

    The smallest eigenvalue is that of those that count as positive in both.
    """
    rows: list[list[float]] = []
    fell_back = 0
    for file in files:
        weights = cast(file, dtype)
        single, double = et.analyze(weights), et.analyze(weights, et.Settings(precision="float64"))
        for one, two in zip(single.layers, double.layers, strict=True):
            if one.spectrum is None or two.spectrum is None or one.spectrum.precision == "float64":
                fell_back += one.spectrum is not None
                continue
            rank = min(one.spectrum.rank, two.spectrum.rank)
            smallest = [row.spectrum.eigenvalues[-rank] for row in (one, two)]
            pairs = [smallest, *((one.metrics[name], two.metrics[name]) for name in METRICS)]
            rows.append([abs(a - b) / abs(b) if np.isfinite(b) else np.nan for a, b in pairs])
    return np.array(rows), fell_back


def cast(file: Path, dtype: np.dtype) -> dict[str, np.ndarray]:
    """The matrices of a net, stored in another type."""
    with opened(file) as source:
        specs = [spec for spec in source.tensors() if len(spec.shape) > 1]
        return {spec.name: np.asarray(source.read(spec)).astype(dtype) for spec in specs}


if __name__ == "__main__":
    sys.exit(main())
