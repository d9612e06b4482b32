"""What the charts draw is what the record holds: every function of the page beside a twin in Python."""

from __future__ import annotations

import base64
import math
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_reports import layer_row
from shown import net

from eigentail.numerics import marchenko_pastur
from eigentail.numerics.tail import estimators
from eigentail.records import Fit, FitStatus, Spectrum
from eigentail.reports.seen import ranks, seen_layer, seen_spectrum

HEAVY = np.sort(np.random.default_rng(0).pareto(1.7, 2000) + 0.01)
SPECTRUM = Spectrum(eigenvalues=HEAVY, shape=(4000, 2000), rank=2000)


def plain(seen: Any) -> Any:
    """As the page gets it."""
    return msgspec.json.decode(msgspec.json.encode(seen))


def test_every_eigenvalue_is_in_one_bin() -> None:
    seen = seen_spectrum(SPECTRUM, Fit(status=FitStatus.TOO_FEW))
    edges = np.linspace(seen.low, seen.high, len(seen.counts) + 1)
    slow = [int(sum((low <= np.log10(HEAVY)) & (np.log10(HEAVY) < high))) for low, high in pairwise(edges)]
    slow[-1] += 1  # the largest closes the last bin
    assert sum(seen.counts) == len(HEAVY)
    assert sum(abs(a - b) for a, b in zip(seen.counts, slow, strict=True)) <= 2  # one value on an edge


def test_the_density_has_area_one(workbench: Any) -> None:
    seen = plain(seen_spectrum(SPECTRUM, Fit(status=FitStatus.TOO_FEW)))
    edges = workbench.evaluate("seen => edgesOf(seen)", seen)
    density = workbench.evaluate("seen => densityOf(seen, edgesOf(seen))", seen)
    assert float(np.sum(np.diff(edges) * density)) == pytest.approx(1)
    assert (edges[0], edges[-1]) == (pytest.approx(HEAVY[0]), pytest.approx(HEAVY[-1]))


def test_the_ranks_are_those_of_the_program(workbench: Any) -> None:
    sizes = [*range(1, 300), *range(300, 20_000, 37), 2**20]
    theirs = workbench.evaluate("sizes => sizes.map((n) => ranksOf(n, n))", sizes)
    assert theirs == [list(ranks(n)) for n in sizes]


def test_the_positions_are_the_eigenvalues(workbench: Any) -> None:
    seen = seen_spectrum(SPECTRUM, Fit(status=FitStatus.TOO_FEW))
    places = workbench.evaluate("text => positions(text)", base64.b64encode(seen.above).decode())
    logs = seen.low + (seen.high - seen.low) * np.array(places) / 65535
    expected = np.log10(HEAVY[len(HEAVY) - np.array(ranks(len(HEAVY)))])
    assert np.max(np.abs(logs - expected)) <= (seen.high - seen.low) / 65535


@pytest.mark.parametrize("name", ["clauset", "truncated-power-law", "upper-truncated", "hill"])
def test_the_law_is_that_of_the_fit(workbench: Any, name: str) -> None:
    fit = estimators[name].fit(HEAVY)
    law = workbench.evaluate("seen => lawOf(seen)", plain(seen_spectrum(SPECTRUM, fit)))
    x, density, above = (np.array(law[key]) for key in ("xs", "density", "above"))
    assert above[0] == pytest.approx(fit.tail / len(HEAVY), rel=1e-9)
    assert (x[0], x[-1]) == (pytest.approx(fit.xmin, rel=1e-4), pytest.approx(fit.xmax, rel=1e-4))
    falls = np.diff(np.log(density)) / np.diff(np.log(x))
    rate = 0.0 if math.isnan(fit.rate) else fit.rate
    expected = -fit.alpha - rate * np.diff(x) / np.diff(np.log(x))
    assert falls == pytest.approx(expected, rel=1e-3)
    area = np.sum((density[1:] + density[:-1]) / 2 * np.diff(x))
    assert area == pytest.approx(above[0] - above[-1], rel=0.01)
    if fit.law == "upper_truncated_power_law":
        assert above[-1] == 0


def test_noise_is_that_of_marchenko_and_pastur(workbench: Any) -> None:
    random = np.random.default_rng(0).standard_normal((200, 100)) * 0.3
    values = np.linalg.eigvalsh(random.T @ random)
    row = layer_row(0, "fc")
    row = msgspec.structs.replace(row, spectrum=Spectrum(eigenvalues=values, shape=(200, 100), rank=100))
    seen = plain(seen_layer(row))
    assert seen["noise"] == pytest.approx(0.09, rel=0.05)
    low, high = workbench.evaluate("seen => noiseEdges(seen.noise, seen)", seen)
    noise = workbench.evaluate("([s, low, high]) => noiseOf(s.noise, s, low, high, 1)", [seen, low, high])
    assert (low, high) == tuple(pytest.approx(seen["noise"] * 200 * edge) for edge in marchenko_pastur.edges(2.0))
    x, y = np.array(noise["xs"]), np.array([value or 0.0 for value in noise["ys"]])
    shares = marchenko_pastur.cdf(x / (seen["noise"] * 200), 2.0)
    slow = np.diff(shares) / np.diff(x)
    middle = slice(5, -5)  # the law is steep at its edges
    assert ((y[1:] + y[:-1]) / 2)[middle] == pytest.approx(slow[middle], rel=0.02)


def test_the_page_holds_the_numbers_of_the_record() -> None:
    for row in net().layers:
        seen = seen_layer(row)
        assert seen.n == len(row.spectrum.positive)
        assert 10**seen.high == pytest.approx(row.spectrum.lambda_max)
        for name in ("alpha", "xmin", "xmax", "D"):
            assert getattr(seen, name) == pytest.approx(getattr(row.fit, name), rel=1e-5)
        assert seen.tail == row.fit.tail
        assert seen.bulk == pytest.approx(row.metrics["sigma_mp"] ** 2, rel=1e-5, nan_ok=True)


def test_a_million_times_the_weights_moves_the_axis_only() -> None:
    seen = seen_spectrum(SPECTRUM, Fit(status=FitStatus.TOO_FEW))
    scaled = Spectrum(eigenvalues=HEAVY * 2.0**40, shape=(4000, 2000), rank=2000)
    other = seen_spectrum(scaled, Fit(status=FitStatus.TOO_FEW))
    assert sum(abs(a - b) for a, b in zip(other.counts, seen.counts, strict=True)) <= 2
    assert other.low - seen.low == pytest.approx(40 * math.log10(2))


@settings(max_examples=30, deadline=None)
@given(values=st.lists(st.floats(1e-300, 1e300), min_size=1, max_size=300))
def test_any_spectrum_is_seen(values: list[float]) -> None:
    spectrum = Spectrum(eigenvalues=np.sort(np.array(values)), shape=(len(values), len(values)), rank=len(values))
    seen = seen_spectrum(spectrum, Fit(status=FitStatus.TOO_FEW))
    assert sum(seen.counts) == seen.n == len(values)
    assert len(seen.above) == 2 * len(ranks(seen.n))


@pytest.mark.parametrize("order", ["ascending", "descending"])
@pytest.mark.parametrize("kind", ["number", "text"])
def test_the_order_is_that_of_a_slow_twin(workbench: Any, kind: str, order: str) -> None:
    random = np.random.default_rng(0)
    numbers = ["-" if x < -1.5 else f"{x:.3g}" for x in random.standard_normal(200)]
    cells = numbers if kind == "number" else [f"h.{i}" for i in random.integers(0, 30, 200)]
    code = "([cells, kind, order]) => ordered(cells.map((_, i) => i), (i) => cells[i], kind, order)"
    size = (lambda i: float(cells[i])) if kind == "number" else (lambda i: int(cells[i][2:]))
    known = [i for i in range(200) if cells[i] != "-"]
    sign = 1 if order == "ascending" else -1
    slow = sorted(known, key=lambda i: (sign * size(i), i)) + [i for i in range(200) if cells[i] == "-"]
    assert workbench.evaluate(code, [cells, kind, order]) == slow


@pytest.mark.parametrize(
    ("low", "high", "log"),
    [(0, 1, False), (-3.2, 7.9, False), (2, 2.0001, False), (1e-9, 1e9, True), (0.2, 0.9, True), (1e-300, 1e300, True)],
)
def test_ticks_are_round_few_and_inside(workbench: Any, low: float, high: float, log: bool) -> None:
    found = workbench.evaluate("([low, high, log]) => ticks([low, high], {log}, 8)", [low, high, log])
    assert 2 <= len(found) <= 12
    room = (high - low) * 1e-9
    assert all(low - room <= tick <= high + room for tick in found)
    assert len({f"{tick:.12g}" for tick in found}) == len(found)
    if log and high / low > 10:
        assert all(math.log10(tick) == pytest.approx(round(math.log10(tick))) for tick in found)


@pytest.mark.parametrize("value", [0.0, 1.0, -2.5, 0.001, 123456.0, 1e-7, 1e300, 99999.0])
def test_a_number_is_read_back(workbench: Any, value: float) -> None:
    assert float(workbench.evaluate("value => digits(value, 4)", value)) == pytest.approx(value, rel=1e-3)
