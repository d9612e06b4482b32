"""Matrices that no training makes: every metric and every estimator answers with a number or NaN, and never warns."""

from __future__ import annotations

import math

import numpy as np
import pytest

import eigentail as et
from eigentail.metrics import Scaling, metrics
from eigentail.numerics.tail import estimators
from eigentail.records import Verdict

RNG = np.random.default_rng(0)


def with_eigenvalues(values: np.ndarray) -> np.ndarray:
    """A matrix whose W^T W has these eigenvalues, exactly."""
    return np.diag(np.sqrt(values))


ODD = {
    "zeros": np.zeros((12, 10)),
    "ones": np.ones((12, 10)),
    "orthogonal": np.linalg.qr(RNG.standard_normal((16, 16)))[0],
    "identity": np.eye(60),
    "two columns": RNG.standard_normal((40, 2)),
    "two equal columns": np.ones((40, 2)) + np.eye(40, 2) * 1e-12,
    "seven columns": RNG.standard_normal((9, 7)),
    "ties": with_eigenvalues(np.repeat([1.0, 2.0, 4.0, 8.0], 16)),
    "all but one equal": with_eigenvalues(np.array([1.0] * 63 + [9.0])),
    "thirty orders": with_eigenvalues(np.logspace(-15, 15, 64)),
    "sixty orders": with_eigenvalues(np.logspace(-30, 30, 64)),
    "subnormal": np.full((10, 9), 5e-324),
    "tiny": 1e-160 * RNG.standard_normal((20, 10)),
    "huge": 1e150 * RNG.standard_normal((20, 10)),
    "one entry": np.eye(60, 50) * (np.arange(60) == 3)[:, None],
    "half rank": RNG.standard_normal((60, 30)) @ RNG.standard_normal((30, 60)),
    "sparse": RNG.standard_normal((80, 60)) * (RNG.random((80, 60)) < 0.02),
    "signs": np.sign(RNG.standard_normal((64, 64))),
}


@pytest.mark.parametrize("null", ["table", "shuffle", "none"])
@pytest.mark.parametrize("name", ODD)
def test_every_metric_answers(name: str, null: str) -> None:
    settings = et.Settings(metrics=("*",), min_evals=2, shuffles=3, null=null)  # type: ignore[arg-type]
    row = et.analyze({"w.weight": ODD[name]}, settings).layers[0]
    assert set(row.metrics) == set(metrics)
    assert row.verdict in Verdict
    assert row.reason
    assert not any(math.isinf(value) for value in row.metrics.values())
    assert row.fit.ok == (not math.isnan(row.fit.alpha))


@pytest.mark.parametrize("tail", [*sorted(estimators), "hill:0.1"])
@pytest.mark.parametrize("name", ODD)
def test_every_estimator_answers(name: str, tail: str) -> None:
    settings = et.Settings(tail=tail, min_evals=2)
    row = et.analyze({"w.weight": ODD[name]}, settings).layers[0]
    assert row.fit.ok == (not math.isnan(row.fit.alpha))
    assert row.verdict in Verdict
    assert math.isnan(row.metrics["alpha_lo"]) or row.metrics["alpha_lo"] <= row.fit.alpha <= row.metrics["alpha_hi"]


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_the_scale_of_the_weights_changes_no_metric_of_shape(factor: float) -> None:
    weights = np.random.default_rng(1).standard_normal((90, 64)) ** 3
    settings = et.Settings(metrics=("*",), shuffles=3)
    plain = et.analyze({"w": weights}, settings).layers[0].metrics
    scaled = et.analyze({"w": weights * factor}, settings).layers[0].metrics
    of_shape = [name for name, metric in metrics.items() if metric.scaling == Scaling()]
    assert len(of_shape) > 40
    assert {name: scaled[name] for name in of_shape} == pytest.approx(
        {name: plain[name] for name in of_shape}, rel=1e-9, abs=1e-9, nan_ok=True
    )


def test_the_same_seed_gives_the_same_numbers_with_any_executor() -> None:
    rng = np.random.default_rng(2)
    weights = {f"{i}.weight": rng.standard_normal((60 + i, 50)) for i in range(6)}
    settings = et.Settings(metrics=("*",), shuffles=3, null="shuffle", seed=7)
    serial = et.analyze(weights, settings)
    threaded = et.analyze(weights, settings, using=et.threads(2))
    for one, other in zip(serial.layers, threaded.layers, strict=True):
        assert dict(other.metrics) == pytest.approx(dict(one.metrics), rel=1e-10, nan_ok=True)
    reseeded = et.analyze(weights, et.Settings(metrics=("num_traps", "alpha_lo"), shuffles=3, seed=8))
    assert reseeded.layers[0].metrics["alpha_lo"] != serial.layers[0].metrics["alpha_lo"]
