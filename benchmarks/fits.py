"""The power-law fit against `powerlaw` 1.5, on the spectra of heavy matrices; its interval, with kernels or without.

python benchmarks/fits.py
"""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from unittest.mock import patch

import numpy as np
from timing import ratio_line, seconds, time_line

from eigentail.numerics import interval, refit, spectrum_of
from eigentail.numerics.tail import estimators


def main() -> int:
    """Print the sizes, and that the exponents agree."""
    for m in (768, 2048):
        one(m)
    for m in (32, 768, 2048):
        ends(m)
    return 0


def ends(m: int) -> None:
    """The interval of one exponent."""
    values = spectrum_of(np.random.default_rng(0).standard_t(3.0, (1, m, m))).positive
    estimator = estimators["clauset"]
    fit = estimator.fit(values)

    def work() -> object:
        return interval.interval_of(values, fit, estimator, seed=0)

    mine = seconds(work)
    with patch.object(interval, "kernels", lambda: None), patch.object(refit, "kernels", lambda: None):
        plain = seconds(work)
    print(f"the interval of an exponent, {m} eigenvalues, {1e3 * mine:.2f} ms")
    ratio_line("by numpy alone over with kernels", [(mine, plain)])


def one(m: int) -> None:
    """One spectrum."""
    import powerlaw

    values = spectrum_of(np.random.default_rng(0).standard_t(3.0, (1, m, m))).positive
    fit = estimators["clauset"].fit
    mine = seconds(lambda: fit(values))
    with warnings.catch_warnings(record=True), contextlib.redirect_stdout(io.StringIO()):  # it divides by zero
        peer = powerlaw.Fit(values, verbose=False)
        theirs = seconds(lambda: powerlaw.Fit(values, verbose=False).alpha, 1)
    print(f"the tail of {m} eigenvalues; the two exponents differ by {abs(peer.alpha - fit(values).alpha):.1e}")
    time_line("eigentail", mine)
    time_line("powerlaw 1.5", theirs)
    ratio_line("powerlaw over eigentail", [(mine, theirs)])


if __name__ == "__main__":
    sys.exit(main())
