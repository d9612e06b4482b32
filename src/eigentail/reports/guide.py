"""How to read a page: a few sentences for people who see one for the first time."""

from __future__ import annotations

from typing import Final

_LIMITS: Final = (
    "Limits: these numbers compare related models, trained in the same way on the same data. They do not rank models "
    "of different architectures, and they replace no test set."
)

ANALYSIS: Final = (
    "Eigenvalues: each layer is a weight matrix W, and the spectrum is the set of eigenvalues of W^T W, the squared "
    "singular values. Untrained weights give a compact bulk; training pulls eigenvalues out of it into a tail.",
    "alpha: how fast the density of that tail falls, density ~ eigenvalue^-alpha from xmin upwards. In the literature "
    "2 to 6 is a well-trained layer, 2 to 4 the best of them, above 6 under-trained, below 2 over-trained.",
    "Interval and null: alpha_lo to alpha_hi is how far alpha may be off. alpha_null is what untrained weights of this "
    "very shape show; small matrices of pure noise have an alpha that looks healthy, so a verdict has to beat it.",
    "The charts of a layer: steps are the eigenvalues, the dashed line is the fitted law from xmin, the shaded "
    "area is what untrained weights of this shape and size would show (Marchenko-Pastur), the dotted line the bulk.",
    _LIMITS,
)

COMPARISON: Final = (
    "Layers are matched by name and structure; a difference is the number of a further model less that of the first.",
    "Smaller alpha, alpha_weighted and log_norm went with better models in the papers' series of related models.",
    "A difference whose interval (from, to) includes 0 may be chance.",
    _LIMITS,
)

DIFFERENCE: Final = (
    "change: the norm of what was added to a layer over the norm of the layer before, 0 where nothing happened.",
    "rank and overlap: how many directions the change has, and how much of the layer's leading directions is left.",
    "A change that is like noise (noise_p not small) was not learned: rounding, pruning or added noise.",
)

STUDY: Final = (
    "tau: Kendall's rank correlation between a number and the quality; -1 where every smaller number goes with a "
    "better model, 0 where there is no order. p: how often chance alone does as well.",
    "A metric is worth something only where it tells more than the size does: see parameters and layers in the table.",
    _LIMITS,
)
