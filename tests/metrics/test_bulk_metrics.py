"""The metrics of the bulk: read off the fit, scaled as declared, silent where there is no bulk."""

from __future__ import annotations

import math

import numpy as np
import pytest

from eigentail.metrics.families.bulk import METRICS
from eigentail.numerics import spectrum_of
from eigentail.numerics.marchenko_pastur import Bulk, fit_bulk
from eigentail.records import Spectrum

BULK = Bulk(sigma=0.5, lower=0.25, upper=9.0, margin=0.5, spikes=2, distance=0.03, share=0.9)
SPECTRUM = Spectrum(eigenvalues=np.array([0.5, 3.0, 36.0]), shape=(9, 3), rank=3)


def values_of(bulk: Bulk, spectrum: Spectrum) -> dict[str, float]:
    have = {"bulk": bulk, "spectrum": spectrum}
    return {metric.name: metric.compute(**{name: have[name] for name in metric.needs}) for metric in METRICS}


def test_by_hand() -> None:
    assert values_of(BULK, SPECTRUM) == {
        "sigma_mp": 0.5,
        "bulk_max": 9.0,
        "bulk_min": 0.25,
        "num_spikes": 2.0,
        "mp_softrank": 0.25,
        "mp_distance": 0.03,
    }


@pytest.mark.parametrize("c", [1e-6, 0.125, 3.0, 1e6])
@pytest.mark.parametrize("shape", [(2, 40, 40), (1, 90, 30)])
def test_they_scale_as_declared(c: float, shape: tuple[int, int, int]) -> None:
    weights = np.random.default_rng(0).standard_normal(shape)
    weights[0, 0] *= 6
    before, after = (values_of(fit_bulk(found), found) for found in (spectrum_of(weights), spectrum_of(c * weights)))
    expected = {metric.name: metric.scaling.apply(before[metric.name], c=c, alpha=3.0) for metric in METRICS}
    assert before["num_spikes"] >= 1
    assert after == pytest.approx(expected, rel=1e-9, abs=1e-15 * c)


@pytest.mark.parametrize("weights", [np.zeros((1, 20, 20)), np.eye(20)[None], np.ones((1, 7, 7))])
def test_where_there_is_no_bulk_there_is_no_number(weights: np.ndarray) -> None:
    spectrum = spectrum_of(weights)
    assert all(math.isnan(value) for value in values_of(fit_bulk(spectrum), spectrum).values())
