"""How each metric answers to W -> cW, as it declares it itself."""

from __future__ import annotations

import numpy as np
import pytest
from evidence_of import values_of_weights
from hypothesis import given, settings
from hypothesis import strategies as st

from eigentail.metrics import Scaling, metrics

SIDES = st.integers(2, 40)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), SIDES, SIDES, st.integers(0, 2**32 - 1), st.sampled_from([2.0, 1 / 8]))
def test_every_metric_scales_as_declared(count: int, rows: int, columns: int, seed: int, c: float) -> None:
    weights = np.random.default_rng(seed).standard_normal((count, rows, columns))
    before, after = values_of_weights(weights), values_of_weights(c * weights)
    expected = {
        name: metric.scaling.apply(before[name], c=c, alpha=before["alpha"]) for name, metric in metrics.items()
    }
    assert after == pytest.approx(expected, rel=1e-12, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [(Scaling(), 5.0), (Scaling(power=2), 500.0), (Scaling(per_decade=2.0), 7.0), (Scaling(per_decade="2alpha"), 11.0)],
)
def test_a_declaration_means_what_it_says(scaling: Scaling, expected: float) -> None:
    assert scaling.apply(5.0, c=10.0, alpha=3.0) == expected
