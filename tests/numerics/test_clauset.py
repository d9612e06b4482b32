"""The power-law fit: a full scan written plainly, and two other programs, must say the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import oracles
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shared import NO_SHARED_DATA, shared_data
from spectra import SYNTHETIC, synthetic, trained, with_ties

from eigentail.numerics import smallest_distance as module
from eigentail.numerics.estimators.clauset import clauset

Values = NDArray[np.float64]
# Folder, files, and how many matrices with 20 eigenvalues or more each file must show at least.
NETS = (
    ("akamaster__pytorch_resnet_cifar10", "*.th", 14),
    ("Linzaer__Ultra-Light-Fast-Generic-Face-Detector-1MB", "*.pth", 16),
    ("ARM-software__keyword-transformer", "kwt1_non_stream.tflite", 73),
)


def nets() -> list[Any]:
    """A case for each file of the shared data; one that is skipped where it is absent."""
    data = shared_data()
    if data is None:
        return [pytest.param(Path(), 0, marks=pytest.mark.skip(reason=NO_SHARED_DATA))]
    return [
        pytest.param(path, matrices, id=path.name)
        for folder, glob, matrices in NETS
        for path in sorted((data / "models" / folder).glob(glob))
    ]


def assert_same(found: Values, expected: oracles.Tail, rel: float) -> None:
    """xmin is a member of the sample, so it is the same or it is another one."""
    fit = clauset(found)
    assert fit.xmin == expected.xmin
    assert (fit.alpha, fit.D, fit.sigma) == pytest.approx((expected.alpha, expected.D, expected.sigma), rel=rel)
    assert fit.tail == np.count_nonzero(found >= fit.xmin)
    assert (fit.xmax, fit.status.value) == (found[-1], "ok")


@pytest.mark.parametrize("i", SYNTHETIC)
def test_equals_a_full_scan(i: int) -> None:
    assert_same(synthetic(i), oracles.full_scan(synthetic(i)), 1e-12)


@pytest.mark.parametrize("i", SYNTHETIC)
def test_equals_a_full_scan_with_ties(i: int) -> None:
    values = with_ties(i)
    if values[0] < values[-1]:
        assert_same(values, oracles.full_scan(values), 1e-12)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(1e-6, 1e6), min_size=2, max_size=60, unique=True).map(sorted))
def test_equals_a_full_scan_on_anything(sample: list[float]) -> None:
    values = np.array(sample)
    assume((values[1:] > values[:-1] * (1 + 1e-9)).all())  # nearer than that, rounding decides alpha
    fit, scan = clauset(values), oracles.full_scan(values)
    assert pytest.approx(scan.D, rel=1e-9, abs=1e-12) == fit.D  # two candidates may tie: xmin is then a matter of ulps
    tail = values[values >= fit.xmin]
    assert fit.alpha == pytest.approx(1 + len(tail) / np.sum(np.log(tail / fit.xmin)), rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(-300, 300))
def test_a_power_of_two_changes_no_digit(seed: int, power: int) -> None:
    values = np.sort(np.random.default_rng(seed).lognormal(0, 1, 120))
    plain, scaled = clauset(values), clauset(np.ldexp(values, power))
    assert (scaled.alpha, scaled.D, scaled.sigma, scaled.tail) == (plain.alpha, plain.D, plain.sigma, plain.tail)
    assert (scaled.xmin, scaled.xmax) == (np.ldexp(plain.xmin, power), np.ldexp(plain.xmax, power))


@pytest.mark.parametrize("probe_block", [1, 7, 10**6])
@pytest.mark.parametrize("probes", [1, 5, 1000])
def test_the_number_of_probes_changes_nothing(monkeypatch: pytest.MonkeyPatch, probe_block: int, probes: int) -> None:
    samples = [synthetic(i) for i in range(12)]
    before = [clauset(values) for values in samples]
    monkeypatch.setattr(module, "_PROBE_BLOCK", probe_block)
    monkeypatch.setattr(module, "_PROBES", probes)
    assert [clauset(values) for values in samples] == before


@pytest.mark.parametrize("alpha", [1.5, 2.0, 3.0, 4.5])
def test_recovers_the_exponent_of_a_power_law(alpha: float) -> None:
    sample = np.sort((1 - np.random.default_rng(0).random(20_000)) ** (-1 / (alpha - 1)))
    fit = clauset(sample)
    assert abs(fit.alpha - alpha) < 4 * fit.sigma
    assert fit.sigma == pytest.approx((fit.alpha - 1) / np.sqrt(fit.tail), rel=1e-12)


def test_finds_where_the_tail_begins() -> None:
    tail = 5 * (1 - (np.arange(2000) + 0.5) / 2000) ** (-1 / 1.5)
    fit = clauset(np.sort(np.concatenate([np.linspace(0.1, 5, 2000, endpoint=False), tail])))
    assert fit.xmin == pytest.approx(5, rel=0.02)
    assert fit.alpha == pytest.approx(2.5, rel=0.02)


def test_equal_distances_go_to_the_smaller_xmin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "lower_bounds", lambda tails: np.zeros(len(tails.starts))[::-1])
    monkeypatch.setattr(module, "_raise_bounds", lambda *probe: None)
    monkeypatch.setattr(module, "_all_gaps", lambda tails, candidate: np.full(2, 0.25))
    fit = clauset(np.array([1.0, 2.0, 3.0, 5.0, 9.0]))
    assert (fit.xmin, fit.D) == (1.0, 0.25)


def test_two_values_are_enough() -> None:
    fit = clauset(np.array([1.0, np.e]))
    assert (fit.alpha, fit.xmin, fit.tail) == (pytest.approx(3.0), 1.0, 2)
    assert pytest.approx(1 - np.exp(-2) - 0.5) == fit.D


@pytest.mark.parametrize("i", SYNTHETIC)
def test_equals_powerlaw_and_weightwatcher(i: int) -> None:
    values = synthetic(i)
    assert_same(values, oracles.powerlaw_fit(values), 1e-9)
    assert_same(values, oracles.weightwatcher_fit(values), 1e-9)


@pytest.mark.parametrize(("path", "matrices"), nets())
def test_equals_powerlaw_and_weightwatcher_on_trained_nets(path: Path, matrices: int) -> None:
    spectra = trained(path)
    assert len(spectra) >= matrices
    for _, values in spectra:
        assert_same(values, oracles.powerlaw_fit(values), 1e-9)
        assert_same(values, oracles.weightwatcher_fit(values), 1e-9)


def test_there_are_nets_of_every_kind() -> None:
    if shared_data() is None:
        pytest.skip(NO_SHARED_DATA)
    assert len(nets()) == 4 + 8 + 1
