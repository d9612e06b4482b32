"""A layer as executors see it."""

from __future__ import annotations

from math import prod

import msgspec

from eigentail.records import Layer
from eigentail.settings import Settings


class Piece(msgspec.Struct, frozen=True):
    """A layer, and whether its numbers stand however many threads BLAS has.

    Attributes:
        layer: the layer.
        spreads: true in float64; in float32, another order of adding moves numbers by more than the 1e-10 promised.

    Example:
        >>> from eigentail.analysis import describe
        >>> import numpy as np
        >>> piece_of(describe({"fc.weight": np.eye(16)}).layers[0], Settings()).spreads
        True
    """

    layer: Layer
    spreads: bool

    @property
    def shape(self) -> tuple[int, int]:
        """Of one matrix."""
        return self.layer.shape

    @property
    def memory(self) -> int:
        """Bytes of working memory."""
        return self.layer.memory

    @property
    def flops(self) -> float:
        """Floating-point operations of the exact spectrum."""
        return self.layer.flops


def piece_of(layer: Layer, settings: Settings) -> Piece:
    """A layer to be measured so.

    Args:
        layer: the layer.
        settings: whose `precision` says what the arithmetic is in: `auto` takes float32 for weights that are stored in
            16 bits or fewer.

    Example:
        >>> from eigentail.analysis import describe
        >>> import numpy as np
        >>> layer = describe({"fc.weight": np.eye(16, dtype=np.float16)}).layers[0]
        >>> piece_of(layer, Settings()).spreads, piece_of(layer, Settings(precision="float64")).spreads
        (False, True)
    """
    short = any(spec.nbytes <= 2 * prod(spec.shape) for spec in layer.tensors)
    return Piece(layer, settings.precision == "float64" or (settings.precision == "auto" and not short))
