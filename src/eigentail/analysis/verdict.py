"""What the numbers say about a layer, in the literature's words, and one sentence why."""

from __future__ import annotations

import math
from typing import Final

from eigentail.numerics import looks_random
from eigentail.records import Fit, FitStatus, Layer, Spectrum, Verdict

# Below this many eigenvalues the exponent of noise looks healthy (DESIGN, section 5), so none is judged.
FEWEST_TO_JUDGE: Final = 50
OVER_TRAINED: Final = 2.0
UNDER_TRAINED: Final = 6.0
# A tail is called no power law when its distance is both large and beyond the 5 % point of Kolmogorov's law.
_LARGE_DISTANCE: Final = 0.1
_KOLMOGOROV_5_PERCENT: Final = 1.358
_COLLAPSED_SHARE: Final = 0.5

_WITHOUT_FIT: Final = {
    FitStatus.TOO_FEW: Verdict.TOO_SMALL,
    FitStatus.FLAT: Verdict.NOT_POWER_LAW,
    FitStatus.RANK_ONE: Verdict.RANK_COLLAPSE,
    FitStatus.ZERO: Verdict.RANK_COLLAPSE,
    FitStatus.NON_FINITE: Verdict.FAILED,
    FitStatus.UNREADABLE: Verdict.FAILED,
}


def judge(layer: Layer, spectrum: Spectrum | None, fit: Fit) -> tuple[Verdict, str]:
    """The verdict and its reason. Thresholds on alpha apply only where everything before them allows one.

    In this order: what failed; what collapsed (half of the eigenvalues zero); what is too small (fewer than 50
    eigenvalues); what is not told apart from noise; what is no power law (D above 0.1 and above 1.358 / sqrt(tail));
    then alpha below 2 over-trained, 2 to 6 well trained, above 6 under-trained.

    Source: thresholds of Martin, Peng & Mahoney 2021 and WeightWatcher; the order is this project's.

    Example:
        >>> from eigentail.analysis import describe
        >>> import numpy as np
        >>> layer = describe({"fc.weight": np.eye(64)}).layers[0]
        >>> judge(layer, None, Fit(status=FitStatus.FLAT))[0].value
        'not-power-law'
    """
    if spectrum is not None and spectrum.rank and spectrum.rank < _COLLAPSED_SHARE * layer.num_evals:
        return Verdict.RANK_COLLAPSE, f"{layer.num_evals - spectrum.rank} of {layer.num_evals} eigenvalues are zero"
    if spectrum is None or not fit.ok:
        return _WITHOUT_FIT[fit.status], fit.detail or fit.status.sentence
    if layer.num_evals < FEWEST_TO_JUDGE:
        return Verdict.TOO_SMALL, f"{layer.num_evals} eigenvalues are too few to judge: {FEWEST_TO_JUDGE} are needed"
    if looks_random(spectrum):
        return Verdict.UNTRAINED, "largest eigenvalue and second moment are those of random weights"
    if max(_LARGE_DISTANCE, _KOLMOGOROV_5_PERCENT / math.sqrt(fit.tail)) < fit.D:
        return Verdict.NOT_POWER_LAW, f"the tail is {fit.D:.2f} away from a power law"
    return _by_alpha(fit)


def _by_alpha(fit: Fit) -> tuple[Verdict, str]:
    if fit.alpha < OVER_TRAINED:
        return Verdict.OVER_TRAINED, f"alpha {fit.alpha:.2f} is below {OVER_TRAINED:g}"
    if fit.alpha > UNDER_TRAINED:
        return Verdict.UNDER_TRAINED, f"alpha {fit.alpha:.2f} is above {UNDER_TRAINED:g}"
    return Verdict.WELL_TRAINED, f"alpha {fit.alpha:.2f} is between {OVER_TRAINED:g} and {UNDER_TRAINED:g}"
