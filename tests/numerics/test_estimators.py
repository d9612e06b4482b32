"""What holds for every estimator: its name, its status on odd spectra, and that the unit does not matter."""

from __future__ import annotations

import numpy as np
import pytest
from spectra import Values, synthetic, with_ties

from eigentail.errors import UsageError
from eigentail.numerics import Estimator, fit_tail
from eigentail.numerics.tail import estimator_named, estimators
from eigentail.records import FitStatus, Spectrum

NAMES = (
    "E-TPL",
    "clauset",
    "clauset-min-tail",
    "clip-fingers",
    "farms",
    "hill",
    "peak",
    "truncated-power-law",
    "upper-truncated",
)
EVERY = [*NAMES, "hill:0.1"]
RNG = np.random.default_rng(0)
TINY = np.nextafter(0.0, 1.0)
ODD = {
    "none": [],
    "one": [3.0],
    "two": [1.0, 2.0],
    "three": [1.0, 2.0, 3.0],
    "seven": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 70.0],
    "all equal": [2.0] * 30,
    "one above": [1.0] * 9 + [2.0],
    "one below": [1.0] + [2.0] * 9,
    "two levels": [1.0] * 20 + [3.0] * 20,
    "ties": np.repeat([1.0, 2, 4, 8, 16], 10),
    "a unit in the last place": [1 - 2.0**-53, 1.0],
    "units in the last place": 1 + np.arange(30) * 2.0**-52,
    "nearly equal": 1 + 1e-9 * RNG.random(50),
    "a little apart": 1 + 1e-6 * RNG.random(50),
    "30 decades": np.logspace(-30, 0, 60),
    "30 decades at random": 10 ** RNG.uniform(-30, 0, 300),
    "600 decades": np.logspace(-300, 300, 200),
    "subnormal": np.arange(1, 40) * TINY,
    "subnormal and huge": [TINY, 2 * TINY, 1.0, 2.0, *[3.0] * 20, 1e300],
    "all but one subnormal": [TINY] * 30 + [1.0],
    "near the largest float": np.linspace(1e307, 1.7e308, 50),
    "a spike": [*(1 + RNG.random(60)), 1e12],
    "a hole": [1e-20, *(1 + RNG.random(50))],
    "rising": RNG.random(200) ** 0.1,
    "uniform": np.linspace(1, 2, 100),
}


def fitted(values: Values, estimator: Estimator, fewest: int = 2) -> dict[str, float]:
    """The numbers of a fit by way of `fit_tail`, which are checked to go with its status."""
    spectrum = Spectrum(eigenvalues=values, shape=(len(values), len(values)), rank=len(values))
    fit = fit_tail(spectrum, estimator, fewest=fewest)
    numbers = {"alpha": fit.alpha, "sigma": fit.sigma, "xmin": fit.xmin, "xmax": fit.xmax, "D": fit.D}
    found = np.array(list(numbers.values()))
    assert np.isfinite(found).all() if fit.ok else np.isnan(found).all()
    if fit.ok:
        assert 0 <= fit.D <= 1
        assert fit.tail == np.count_nonzero((values >= fit.xmin) & (values <= fit.xmax))
        assert values[0] <= fit.xmin < fit.xmax <= values[-1]
    else:
        assert (fit.tail, fit.fingers) == (0, 0)
        assert np.isnan([fit.rate, fit.raw_alpha]).all()
    return numbers


def test_the_estimators_are_these() -> None:
    assert tuple(sorted(estimators)) == NAMES


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("odd", ODD)
def test_odd_spectra_end_in_a_status(odd: str, name: str) -> None:
    values = np.sort(np.array(ODD[odd], dtype=np.float64))
    fitted(values, estimator_named(name))
    if len(values) > 1 and values[0] < values[-1]:
        fit = estimator_named(name).fit(values)  # also what fit_tail would have called flat
        assert np.isnan(fit.alpha) != fit.ok


@pytest.mark.parametrize("name", EVERY)
def test_a_spectrum_with_a_tail_is_fitted(name: str) -> None:
    for i in range(0, 200, 13):
        assert estimators["hill"].fit(synthetic(i)).ok
        numbers = fitted(synthetic(i), estimator_named(name))
        assert numbers["sigma"] > 0


@pytest.mark.parametrize("factor", [1e-12, 1e12])
@pytest.mark.parametrize("name", EVERY)
def test_the_unit_does_not_matter(name: str, factor: float) -> None:
    """Weights times 1e-6 or 1e6 are eigenvalues times 1e-12 or 1e12."""
    estimator = estimator_named(name)
    for i in range(0, 200, 29):
        for values in (synthetic(i), with_ties(i)):
            plain, scaled = estimator.fit(values), estimator.fit(values * factor)
            assert plain.status is scaled.status
            if plain.ok:
                shape = (plain.alpha, plain.sigma, plain.D, plain.tail, plain.fingers)
                assert (scaled.alpha, scaled.sigma, scaled.D, scaled.tail, scaled.fingers) == pytest.approx(
                    shape, rel=1e-9, abs=1e-9
                )
                assert (scaled.xmin, scaled.xmax) == pytest.approx((plain.xmin * factor, plain.xmax * factor))
                assert scaled.rate == pytest.approx(plain.rate / factor, nan_ok=True, rel=1e-6)


@pytest.mark.parametrize("name", sorted(set(EVERY) - {"clip-fingers"}))
def test_only_the_right_fields_are_filled(name: str) -> None:
    fit = estimator_named(name).fit(synthetic(6))
    assert np.isnan(fit.raw_alpha)
    assert np.isnan(fit.rate) == (name not in ("E-TPL", "truncated-power-law"))
    assert (fit.law == "power_law") == (name not in ("E-TPL", "truncated-power-law", "upper-truncated"))


def test_a_number_chooses_a_variant() -> None:
    assert estimator_named("hill").name == "hill"
    assert estimator_named("hill:0.25").name == "hill:0.25"
    assert estimator_named("hill:0.25").fit(synthetic(50)).tail < estimator_named("hill").fit(synthetic(50)).tail


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("hil", "unknown tail estimator 'hil': did you mean hill?"),
        ("hil:0.1", "unknown tail estimator 'hil': did you mean hill?"),
        ("", "unknown tail estimator ''"),
        ("clauset:2", "clauset takes no number: write clauset"),
        ("clauset:", "clauset takes no number: write clauset"),
        ("hill:", "'' is not a number"),
        ("hill:half", "'half' is not a number"),
        ("hill:0", "0 is not between 0 and 1"),
        ("hill:1", "1 is not between 0 and 1"),
        ("hill:nan", "nan is not between 0 and 1"),
        ("hill:-inf", "-inf is not between 0 and 1"),
    ],
)
def test_a_word_that_is_none_is_told(word: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        estimator_named(word)
    assert told in str(caught.value)


def test_an_exponent_needs_two_different_values_where_it_looks() -> None:
    one_above, one_below = np.array([1.0] * 9 + [2.0]), np.array([1.0] + [2.0] * 9)
    assert estimators["upper-truncated"].fit(one_above).status is FitStatus.TOO_FEW
    assert estimators["hill"].fit(one_below).status is FitStatus.FLAT
    assert estimators["hill"].fit(one_below).detail == "the 6 largest values are all equal"
