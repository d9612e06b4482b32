"""What the papers would read in a model's exponents, beside what they would read in an untrained one of its shapes."""

from __future__ import annotations

import msgspec

from eigentail.records.finding import NAN


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """The exponents of a model against the ranges of the literature.

    Attributes:
        layers: layers with a fit, embeddings apart.
        share_2_4: share of their exponents from 2 to 4.
        share_2_6: share from 2 to 6.
        alpha: mean exponent.
        null_layers: layers of whose shape the null is known.
        null_2_4: the share from 2 to 4 to be expected of untrained copies of those.
        null_2_6: the share from 2 to 6.
        null_alpha: the mean exponent to be expected of them.
        universal: whether 80 % of the exponents or more lie from 2 to 4, as is claimed of well-trained nets; None
            without a fit.

    Example:
        >>> print(Reading(layers=10, share_2_4=0.9, share_2_6=1.0, alpha=3.0, universal=True).sentence)
        90 % of 10 exponents lie from 2 to 4 and 100 % from 2 to 6: the claim of 80 to 90 % from 2 to 4 holds
    """

    layers: int
    share_2_4: float = NAN
    share_2_6: float = NAN
    alpha: float = NAN
    null_layers: int = 0
    null_2_4: float = NAN
    null_2_6: float = NAN
    null_alpha: float = NAN
    universal: bool | None = None

    @property
    def sentence(self) -> str:
        """The reading in plain words, without a full stop."""
        if self.universal is None:
            return "no layer has an exponent to read"
        holds = "holds" if self.universal else "does not hold"
        said = (
            f"{_percent(self.share_2_4)} of {self.layers} exponents lie from 2 to 4 and {_percent(self.share_2_6)} "
            f"from 2 to 6: the claim of 80 to 90 % from 2 to 4 {holds}"
        )
        if not self.null_layers:
            return said
        return said + (
            f"; of untrained copies {_percent(self.null_2_4)} and {_percent(self.null_2_6)} would, "
            f"with a mean alpha of {self.null_alpha:.2f} instead of {self.alpha:.2f}"
        )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
