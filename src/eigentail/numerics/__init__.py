"""MATRIX -> spectrum -> fit. Pure functions on arrays; estimators of the tail lie one to a file in `estimators/`."""

from eigentail.numerics.noise import Noise, noise_of
from eigentail.numerics.spectrum import spectrum_of
from eigentail.numerics.tail import Estimator, fit_tail

__all__ = ["Estimator", "Noise", "fit_tail", "noise_of", "spectrum_of"]
