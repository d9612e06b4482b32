"""The work before it is done: what would be measured, what not and why, and what is read of which far place."""

from __future__ import annotations

import msgspec

from eigentail.records.header import Layer, Skip, SourceRef
from eigentail.records.showing import Shown
from eigentail.settings import Settings


class Fetch(msgspec.Struct, frozen=True):
    """What is read of a source that is not on this machine.

    Attributes:
        origin: where it is ("org/name@0123456").
        nbytes: bytes of the tensors that are read, each counted once.
        stored: bytes of all tensors there are.

    Example:
        >>> Fetch("org/name@0123456", 80, 100).stored
        100
    """

    origin: str
    nbytes: int
    stored: int


class Description(Shown, msgspec.Struct, frozen=True, kw_only=True):
    """The work, before it is done.

    Attributes:
        source: where the weights are.
        settings: how they would be measured.
        layers: what would be measured, in model order.
        skipped: what would not, each with its reason.
        metrics: the numbers each layer would get.
        fetches: what is read of each source that is not on this machine: of one at most, in a diff of two.
        shard: (i, n): part i of n of the layers of the model.

    Example:
        >>> import numpy as np
        >>> from eigentail.analysis import describe
        >>> work = describe({"fc.weight": np.ones((64, 32)), "fc.bias": np.ones(64)})
        >>> [layer.name for layer in work.layers], [skip.name for skip in work.skipped], work.nbytes
        (['fc'], ['fc.bias'], 16384)
    """

    source: SourceRef
    settings: Settings
    layers: tuple[Layer, ...]
    skipped: tuple[Skip, ...]
    metrics: tuple[str, ...]
    fetches: tuple[Fetch, ...] = ()
    shard: tuple[int, int] = (0, 1)

    @property
    def nbytes(self) -> int:
        """Bytes of the tensors that would be read, each counted once."""
        read = {spec.name: spec.nbytes for layer in self.layers for spec in layer.tensors}
        return sum(read.values())

    @property
    def flops(self) -> float:
        """Floating-point operations of the exact spectra."""
        return sum(layer.flops for layer in self.layers)
