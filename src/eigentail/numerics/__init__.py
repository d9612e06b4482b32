"""MATRIX -> spectrum -> fit. Pure functions on arrays; estimators of the tail lie one to a file in `estimators/`."""

from eigentail.numerics.noise import looks_random
from eigentail.numerics.spectrum import spectrum_of
from eigentail.numerics.tail import Estimator, fit_tail

__all__ = ["Estimator", "fit_tail", "looks_random", "spectrum_of"]
