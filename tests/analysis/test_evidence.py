"""Evidence: each ingredient once, and no lock between layers."""

from __future__ import annotations

from threading import Barrier
from typing import Any

import numpy as np
import pytest

import eigentail as et
from eigentail.analysis import evidence


def test_two_threads_measure_two_layers_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    both = Barrier(2, timeout=10)  # opens only when two threads are inside at once, else it breaks and raises
    original = evidence.spectrum_of

    def meets(*args: Any, **kwargs: Any) -> Any:
        both.wait()
        return original(*args, **kwargs)

    monkeypatch.setattr(evidence, "spectrum_of", meets)
    report = et.analyze({"a.weight": np.eye(16), "b.weight": np.eye(16)}, using=et.threads(2))
    assert len(report.layers) == 2


def test_each_ingredient_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    for name in ("spectrum_of", "fit_tail"):
        original = getattr(evidence, name)

        def counted(*args: Any, _name: str = name, _original: Any = original, **kwargs: Any) -> Any:
            made.append(_name)
            return _original(*args, **kwargs)

        monkeypatch.setattr(evidence, name, counted)
    et.analyze({"a.weight": np.random.default_rng(0).standard_normal((32, 16))})
    assert sorted(made) == ["fit_tail", "spectrum_of"]


def test_a_projection_kept_as_three_axes_is_no_convolution() -> None:
    # XLNet keeps its projections as (width, heads, size): flattened like a kernel, and not scaled like one
    rng = np.random.default_rng(0)
    names = ("q", "k", "v", "o", "r")
    weights = {f"transformer.layer.0.rel_attn.{name}": rng.standard_normal((64, 4, 16)) for name in names}
    weights["transformer.layer.0.ff.layer_1.weight"] = rng.standard_normal((128, 64))
    report = et.analyze(weights)
    row = report.layers["transformer.layer.0.rel_attn.q"]
    expected = float(np.square(weights["transformer.layer.0.rel_attn.q"]).sum())
    assert row.layer.kind == "attention.q"
    assert row.metrics["log_norm"] == pytest.approx(np.log10(expected), rel=1e-12)
