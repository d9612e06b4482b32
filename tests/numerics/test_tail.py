"""What has no tail is told so, in the right words, before any estimator sees it."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from eigentail.numerics import Estimator, fit_tail, spectrum_of
from eigentail.numerics.tail import estimators
from eigentail.records import Fit, FitStatus, Spectrum

ESTIMATOR = estimators["clauset"]
RNG = np.random.default_rng(0)
ORTHOGONAL = np.linalg.qr(RNG.standard_normal((64, 64)))[0]
LOW_RANK = RNG.standard_normal((40, 5)) @ RNG.standard_normal((5, 30))


@pytest.mark.parametrize(
    ("weights", "status"),
    [
        (np.zeros((20, 16)), FitStatus.ZERO),
        (np.outer(np.arange(1.0, 31), np.arange(1.0, 21)), FitStatus.RANK_ONE),
        (np.ones((64, 64), np.float32), FitStatus.RANK_ONE),
        (LOW_RANK, FitStatus.TOO_FEW),
        (np.eye(50), FitStatus.FLAT),
        (3 * ORTHOGONAL, FitStatus.FLAT),
        (ORTHOGONAL.astype(np.float32), FitStatus.FLAT),
        (ORTHOGONAL.astype(np.float32).astype(np.float64), FitStatus.FLAT),
        (ORTHOGONAL.astype(ml_dtypes.bfloat16), FitStatus.FLAT),
        (RNG.standard_normal((60, 40)), FitStatus.OK),
    ],
)
def test_degenerate_spectra_end_in_their_status(weights: np.ndarray, status: FitStatus) -> None:
    fit = fit_tail(spectrum_of(weights[None]), ESTIMATOR)
    assert fit.status is status
    assert fit.ok == (status is FitStatus.OK)
    numbers = np.array([fit.alpha, fit.sigma, fit.xmin, fit.xmax, fit.D])
    assert np.isfinite(numbers).all() if fit.ok else np.isnan(numbers).all()


def test_too_few_says_how_many_there_are() -> None:
    assert fit_tail(spectrum_of(LOW_RANK[None]), ESTIMATOR).detail == "5 of 30 are not zero"


def test_the_fewest_is_a_choice() -> None:
    spectrum = spectrum_of(LOW_RANK[None])
    assert fit_tail(spectrum, ESTIMATOR, fewest=5).ok
    assert fit_tail(spectrum, ESTIMATOR, fewest=6).status is FitStatus.TOO_FEW


def test_a_matrix_that_is_nearly_orthogonal_has_a_spectrum() -> None:
    assert fit_tail(spectrum_of((ORTHOGONAL * np.linspace(1, 1.1, 64))[None]), ESTIMATOR).ok


def test_the_estimator_is_given_the_values_that_are_not_zero() -> None:
    seen: list[np.ndarray] = []

    def remember(values: np.ndarray) -> Fit:
        seen.append(values)
        return Fit(status=FitStatus.OK, alpha=2.0)

    eigenvalues = np.concatenate([[0.0, 1e-30], np.arange(1.0, 11)])
    spectrum = Spectrum(eigenvalues=eigenvalues, shape=(20, 12), rank=10)
    fit = fit_tail(spectrum, Estimator(name="x", title="x", fit=remember))
    assert fit.alpha == 2.0
    np.testing.assert_array_equal(seen[0], np.arange(1.0, 11))
