"""Each metric by hand, on spectra small enough to count on."""

from __future__ import annotations

import math
from types import ModuleType

import msgspec
import numpy as np
import pytest
from evidence_of import values_of, values_of_weights

from eigentail.errors import UsageError
from eigentail.metrics import Metric, chosen, metrics
from eigentail.metrics.families import bulk, erg, jackknife, laws, shuffles, trust, vectors
from eigentail.metrics.metric import INGREDIENTS, metric
from eigentail.records import Fit, FitStatus, Spectrum

# Two of six are zero; the four others are 1, 2, 4, 8.
SMALL = Spectrum(eigenvalues=np.array([0.0, 0.0, 1.0, 2.0, 4.0, 8.0]), shape=(8, 3), count=2, rank=4)
P = np.array([1, 2, 4, 8]) / 15

# With ln 2 = 1: the logs are 0 1 2 3, alpha of the tails from each is 1 + n / (0+1+2+..n-1) in units of ln 2.
ALPHAS = [1 + 4 / (6 * math.log(2)), 1 + 3 / (3 * math.log(2)), 1 + 2 / math.log(2)]
BY_HAND = {
    "N": 8,
    "M": 3,
    "Q": 8 / 3,
    "rf": 2,
    "num_evals": 6,
    "matrix_rank": 4,
    "rank_loss": 2,
    "lambda_max": 8,
    "log_spectral_norm": math.log10(8),
    "log_norm": math.log10(15),
    "stable_rank": 15 / 8,
    "entropy": -sum(p * math.log(p) for p in P) / math.log(4),
    "xmax": 8,
    "alpha_hill": 1 + 2 / (math.log(4 / 2) + math.log(8 / 2)),
}


def distance(start: int) -> float:
    """The Kolmogorov-Smirnov distance of the tail that begins at 2^start."""
    n = 4 - start
    return max(abs(1 - 2.0 ** (k * (1 - ALPHAS[start])) - k / n) for k in range(n))


@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(name: str) -> None:
    assert values_of(SMALL)[name] == pytest.approx(BY_HAND[name], rel=1e-14)


def test_the_fit_by_hand() -> None:
    best = min(range(3), key=distance)
    alpha = ALPHAS[best]
    found = values_of(SMALL)
    expected = {
        "alpha": alpha,
        "D": distance(best),
        "xmin": 2.0**best,
        "num_pl_spikes": 4 - best,
        "sigma": (alpha - 1) / math.sqrt(4 - best),
        "alpha_weighted": alpha * math.log10(8),
        "log_alpha_norm": math.log10(sum(x**alpha for x in (1, 2, 4, 8))),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-13)


def test_every_metric_is_checked_by_hand_or_with_what_it_needs() -> None:
    by_fit = {"alpha", "D", "xmin", "num_pl_spikes", "sigma", "alpha_weighted", "log_alpha_norm"}
    # metrics that only hand on what an ingredient says are checked in the ingredient's own file of tests
    elsewhere = {name for family in (bulk, erg, jackknife, laws, shuffles, trust, vectors) for name in names_of(family)}
    assert set(metrics) == by_fit | set(BY_HAND) | elsewhere


def names_of(family: ModuleType) -> list[str]:
    return [found.name for found in family.METRICS]


def test_default_leaves_out_what_costs_more_than_the_spectrum() -> None:
    usual, all_of_them = chosen(["default"]), chosen(["*"])
    assert {found.name for found in all_of_them} == set(metrics)
    assert [found for found in all_of_them if not found.on_request] == list(usual)
    assert {"alpha", "alpha_lo", "alpha_p", "num_spikes", "num_ERG_spikes"} <= {found.name for found in usual}
    assert metrics["num_traps"].on_request
    assert [found.name for found in chosen(["default", "num_traps"])] == [
        found.name for found in all_of_them if not found.on_request or found.name == "num_traps"
    ]


def test_zeros_have_counts_but_no_logarithms() -> None:
    found = values_of_weights(np.zeros((1, 12, 10)))
    numbers = {"N": 12, "M": 10, "Q": 1.2, "rf": 1, "num_evals": 10, "matrix_rank": 0, "rank_loss": 10, "lambda_max": 0}
    numbers |= {"rand_num_spikes": 0, "num_traps": 0, "max_rand_eval": 0, "ww_maxdist": 0}
    by_shape = {"alpha_null", "alpha_null_sd", "D_null", "lambda_max_null", "stable_rank_null"}
    assert {name: value for name, value in found.items() if not math.isnan(value) and name not in by_shape} == numbers


def test_rank_one_has_no_entropy_and_no_exponent() -> None:
    found = values_of_weights(np.ones((1, 12, 10)))
    assert all(math.isnan(found[name]) for name in ("entropy", "alpha", "alpha_weighted", "alpha_hill"))
    assert (found["matrix_rank"], found["stable_rank"]) == (1, pytest.approx(1))


def test_equal_eigenvalues_have_entropy_one() -> None:
    assert values_of_weights(np.eye(16)[None])["entropy"] == pytest.approx(1, rel=1e-14)


def test_log_alpha_norm_does_not_overflow() -> None:
    fit = Fit(status=FitStatus.OK, alpha=900.0)
    spectrum = Spectrum(eigenvalues=np.array([1.0, 10.0]), shape=(2, 2), rank=2)
    assert metrics["log_alpha_norm"].compute(fit=fit, spectrum=spectrum) == pytest.approx(900)


def test_chosen_keeps_the_order_of_the_registry_and_takes_each_once() -> None:
    names = [metric.name for metric in chosen(["stable_rank", "alpha*", "alpha"])]
    assert names == [name for name in metrics if name.startswith("alpha") or name == "stable_rank"]


def test_an_unknown_metric_is_told_with_the_nearest_known_one() -> None:
    with pytest.raises(UsageError, match="unknown metric 'stabel_rank': did you mean stable_rank"):
        chosen(["alpha", "stabel_rank"])
    with pytest.raises(UsageError, match="unknown metric 'qq\\*'"):
        chosen(["qq*"])


def test_a_metric_that_needs_what_nobody_makes_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match=r"metric f needs \['gradients'\]"):

        @metric("x")
        def f(spectrum: Spectrum, gradients: object) -> float:
            return 0.0


@pytest.mark.parametrize("name", list(metrics))
def test_a_metric_says_what_it_is(name: str) -> None:
    found = metrics[name]
    assert isinstance(found, Metric)
    assert found.name == name
    assert found.compute.__doc__
    assert set(found.needs) <= INGREDIENTS
    assert msgspec.structs.replace(found) == found
