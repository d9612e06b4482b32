"""Eigenvectors: by hand, by the singular value decomposition, and as WeightWatcher measures them."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
import oracles
import pytest

from eigentail.errors import LayerError
from eigentail.metrics.families import vectors as family
from eigentail.numerics import fit_tail, spectrum_of
from eigentail.numerics.tail import estimators
from eigentail.numerics.vectors import Vectors, vectors_of
from eigentail.records import Fit, FitStatus

METRICS = {metric.name: metric for metric in family.METRICS}


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def columns_of(stack: np.ndarray, fit: Fit | None = None) -> dict[str, float]:
    spectrum, vectors = spectrum_of(stack), vectors_of(stack)
    fit = fit or fit_tail(spectrum, estimators["clauset"])
    return {name: metric.compute(vectors=vectors, spectrum=spectrum, fit=fit) for name, metric in METRICS.items()}


@pytest.mark.parametrize("shape", [(1, 50, 30), (1, 30, 50), (9, 12, 12), (200, 7, 5)])
def test_equals_the_singular_vectors(shape: tuple[int, ...]) -> None:
    stack = noise(*shape)
    expected = []
    for matrix in stack:
        tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
        _, s, right = np.linalg.svd(tall, full_matrices=False)
        for value, vector in zip(s**2, right, strict=True):
            p = vector**2
            entropy = -sum(x * math.log(x) for x in p) / math.log(len(p))
            expected.append((value, entropy, abs(vector).sum() / abs(vector).max(), 1 / (p**2).sum()))
    expected.sort()
    found = vectors_of(stack)
    got = np.stack([found.eigenvalues, found.entropy, found.localization, found.participation], axis=1)
    np.testing.assert_allclose(got, np.array(expected), rtol=1e-6)


@pytest.mark.parametrize("shape", [(80, 60), (60, 80)])
def test_equals_weightwatcher(shape: tuple[int, int]) -> None:
    weights = np.random.default_rng(1).standard_t(2, shape)
    tall = weights if shape[0] >= shape[1] else weights.T
    with oracles.quarantine():
        from weightwatcher.RMT_Util import localization_ratio, participation_ratio

        _, vectors = np.linalg.eigh(tall.T @ tall)
        localization = np.array([localization_ratio(v) for v in vectors.T])
        participation = np.array([participation_ratio(v) for v in vectors.T])
    found = vectors_of(weights[None])
    np.testing.assert_allclose(found.localization, localization, rtol=1e-7)
    np.testing.assert_allclose(found.participation**0.25, participation, rtol=1e-7)
    columns, fit = columns_of(weights[None]), fit_tail(spectrum_of(weights[None]), estimators["clauset"])
    bulk = 60 - fit.tail
    assert columns["bulk_mean_loc_ratio"] == pytest.approx(localization[:bulk].mean(), rel=1e-7)
    assert columns["tail_mean_part_ratio"] == pytest.approx(participation[bulk:].mean(), rel=1e-7)
    assert columns["tail_var_loc_ratio"] == pytest.approx(localization[bulk:].var(), rel=1e-6)


def test_the_columns_are_weightwatchers() -> None:
    kinds = ("vec_entropy", "loc_ratio", "part_ratio")
    assert set(METRICS) == {
        f"{part}_{m}_{kind}" for part in ("bulk", "tail") for m in ("mean", "var") for kind in kinds
    }


def test_random_vectors_use_a_third_of_their_components() -> None:
    found = vectors_of(noise(1, 400, 300))
    assert found.participation.mean() == pytest.approx(100, rel=0.05)
    # of a Porter-Thomas vector: ln M - (2 - gamma - ln 2)
    assert found.entropy.mean() == pytest.approx(1 - 0.7296 / math.log(300), abs=0.005)


def test_a_localised_vector_is_found() -> None:
    stack = noise(1, 200, 150)
    stack[0, :, 17] *= 5  # one column: its right vector is an axis
    found = vectors_of(stack)
    assert found.participation[-1] < 1.5
    assert found.participation[:-1].min() > 10
    assert found.entropy[-1] < 0.2 < found.entropy[:-1].min()


def test_equal_components_are_the_other_end() -> None:
    found = vectors_of(np.ones((1, 8, 8)))
    top = (found.entropy[-1], found.localization[-1], found.participation[-1])
    assert top == pytest.approx((1, 8, 8))


@pytest.mark.parametrize("factor", [1e-150, 1e-6, 1e6, 1e150])
def test_the_scale_does_not_matter(factor: float) -> None:
    stack = noise(3, 20, 15)
    before, after = vectors_of(stack), vectors_of(stack * factor)
    np.testing.assert_allclose(after.eigenvalues, before.eigenvalues * factor**2, rtol=1e-12)
    for name in ("entropy", "localization", "participation"):
        np.testing.assert_allclose(getattr(after, name), getattr(before, name), rtol=1e-9)


def test_the_values_are_those_of_the_spectrum() -> None:
    stack = noise(4, 20, 30).astype(ml_dtypes.bfloat16)
    expected = spectrum_of(stack, precision="float64", scale=0.5).eigenvalues
    np.testing.assert_allclose(vectors_of(stack, scale=0.5).eigenvalues, expected, rtol=1e-9)


def test_zeros_are_neither_bulk_nor_tail() -> None:
    stack = np.zeros((1, 60, 50))
    stack[0, :, :40] = noise(60, 40)
    spectrum = spectrum_of(stack)
    fit = Fit(status=FitStatus.OK, xmin=float(spectrum.positive[30]))
    found, whole = columns_of(stack, fit), vectors_of(stack)
    assert found["bulk_mean_loc_ratio"] == pytest.approx(whole.localization[10:40].mean())
    assert found["tail_mean_loc_ratio"] == pytest.approx(whole.localization[40:].mean())


def test_a_failed_fit_has_no_parts() -> None:
    assert all(math.isnan(value) for value in columns_of(np.eye(16)[None]).values())


def test_an_empty_bulk_is_no_number() -> None:
    stack = noise(1, 30, 20)
    found = columns_of(stack, Fit(status=FitStatus.OK, xmin=float(spectrum_of(stack).eigenvalues[0])))
    assert {name for name, value in found.items() if math.isnan(value)} == {n for n in METRICS if n.startswith("bulk")}


def test_one_component_has_no_entropy() -> None:
    found = vectors_of(np.array([[[3.0, 4.0]]]))
    assert (found.eigenvalues.tolist(), found.localization.tolist(), found.participation.tolist()) == ([25.0], [1], [1])
    assert np.isnan(found.entropy).all()


@pytest.mark.parametrize("stack", [np.zeros((1, 6, 5)), np.eye(6)[None], 10.0 ** noise(1, 9, 9) ** 3])
def test_odd_weights_have_numbers(stack: np.ndarray) -> None:
    found = vectors_of(stack)
    assert isinstance(found, Vectors)
    assert np.isfinite([found.entropy, found.localization, found.participation]).all()


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e200, 1e-200, 5e-324])
def test_what_float64_cannot_square_is_an_error(value: float) -> None:
    with pytest.raises(LayerError):
        vectors_of(np.full((1, 5, 4), value))
