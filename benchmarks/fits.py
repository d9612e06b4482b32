"""The power-law fit alone: eigentail against `powerlaw` 1.5 and WeightWatcher's own, on the spectra of heavy matrices.

python benchmarks/fits.py
"""

from __future__ import annotations

import contextlib
import io
import sys
import warnings

import numpy as np
from timing import ratio_line, seconds, time_line

from eigentail.numerics import spectrum_of
from eigentail.numerics.tail import estimators


def main() -> int:
    """Print both sizes, and that the exponents agree."""
    import powerlaw

    for m in (768, 2048):
        weights = np.random.default_rng(0).standard_t(3.0, (1, m, m))
        values = spectrum_of(weights).positive
        mine = seconds(lambda: estimators["clauset"].fit(values))  # noqa: B023 - called at once
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            fit = powerlaw.Fit(values, verbose=False)
            theirs = seconds(lambda: powerlaw.Fit(values, verbose=False).alpha, 1)  # noqa: B023
        difference = abs(fit.alpha - estimators["clauset"].fit(values).alpha)
        print(f"the tail of {m} eigenvalues; the two exponents differ by {difference:.1e}")
        time_line("eigentail", mine)
        time_line("powerlaw 1.5", theirs)
        ratio_line("powerlaw over eigentail", [(mine, theirs)])
    return 0


if __name__ == "__main__":
    sys.exit(main())
