"""Weights with a heavy tail, for command-line tests."""

from __future__ import annotations

import numpy as np


def heavy(seed: int, n: int = 96, m: int = 64) -> np.ndarray:
    """Student's t with few degrees of freedom."""
    return np.random.default_rng(seed).standard_t(2.5, (n, m)).astype(np.float32)
