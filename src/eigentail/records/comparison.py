"""Several models side by side: which layer is which, what differs, who ranks before whom, what is not comparable."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from eigentail.errors import UsageError, did_you_mean
from eigentail.records.finding import NAN
from eigentail.records.report import ModelReport
from eigentail.records.showing import Drawn, Shown


class MatchedBy(StrEnum):
    """Why layers of different models are taken for the same one. `sentence` says it to the user.

    Example:
        >>> MatchedBy("name").sentence
        'the same name'
    """

    NAME = "name"
    PREFIX = "prefix"
    ROLE = "role"
    KIND = "kind"
    SHAPE = "shape"
    POSITION = "position"

    @property
    def sentence(self) -> str:
        """What was found equal, in plain words."""
        return _SENTENCES[self]


_SENTENCES: Final = {
    MatchedBy.NAME: "the same name",
    MatchedBy.PREFIX: "the same name but for what a wrapper puts around it",
    MatchedBy.ROLE: "the same kind, block and last word of the name",
    MatchedBy.KIND: "the only layer of this kind in this block",
    MatchedBy.SHAPE: "the only layer of this kind and shape in this block",
    MatchedBy.POSITION: "the same number in an unnamed sequence, though the shape differs",
}


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """One layer as several models have it.

    Attributes:
        names: in the order of the models; None where a model has no such layer.
        how: the weakest of the reasons that joined them.
        same_shape: whether all have the same shape and as many matrices pooled.

    Example:
        >>> Match(names=("fc1", "net.fc1", None), how=MatchedBy.PREFIX, same_shape=True).name
        'fc1'
    """

    names: tuple[str | None, ...]
    how: MatchedBy
    same_shape: bool

    @property
    def name(self) -> str:
        """As the first model that has it calls it."""
        return next(name for name in self.names if name is not None)


class Alignment(msgspec.Struct, frozen=True, kw_only=True):
    """Which layers of several models are the same.

    Attributes:
        matches: layers that two models or more have, in the order of the first model that has them.
        unmatched: for each model the layers that no other has, in its order.

    Example:
        >>> match = Match(names=("fc1", "fc1", None), how=MatchedBy.NAME, same_shape=True)
        >>> alignment = Alignment(matches=(match,), unmatched=((), (), ("conv",)))
        >>> alignment.shared(0, 1), alignment.shared(0, 2)
        (1, 0)
    """

    matches: tuple[Match, ...]
    unmatched: tuple[tuple[str, ...], ...]

    def shared(self, one: int, other: int) -> int:
        """How many layers two of the models share."""
        return sum(match.names[one] is not None and match.names[other] is not None for match in self.matches)


class Difference(msgspec.Struct, frozen=True):
    """A number of one model minus that of the first, and its 90 % interval where both numbers have one.

    Example:
        >>> Difference(0.5).low
        nan
    """

    value: float
    low: float = NAN
    high: float = NAN


class MatchedLayer(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """A layer and its numbers in every model that has it.

    Attributes:
        match: the names, and how they were found to be the same layer.
        kind: in the first model that has it.
        block: its depth there, or None.
        shapes: (N, M) in each model, None where it has none.
        values: metric to its value in each model; NaN where there is none.
        differences: metric to each further model's value minus the first model's.

    Example:
        >>> import numpy as np
        >>> from eigentail.analysis.compare import compare
        >>> layer = compare({"fc.weight": np.eye(64)}, {"fc.weight": 10 * np.eye(64)}).layers[0]
        >>> layer.name, round(layer.differences["log_norm"][0].value, 9)
        ('fc', 2.0)
    """

    match: Match
    kind: str
    block: int | None
    shapes: tuple[tuple[int, int] | None, ...]
    values: Mapping[str, tuple[float, ...]]
    differences: Mapping[str, tuple[Difference, ...]]

    @property
    def name(self) -> str:
        """As the first model that has it calls it."""
        return self.match.name


class Paired(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of two models over the layers that are the same and of one shape: the layers as pairs.

    Attributes:
        metric: its name.
        model: the index of the model; it is held against the first.
        layers: how many pairs have the number on both sides.
        median: the median difference, the model's minus the first's.
        smaller: in how many pairs the model has the smaller number.
        larger: in how many it has the larger one.

    Example:
        >>> Paired(metric="alpha", model=1, layers=3, median=-0.5, smaller=2, larger=1).smaller
        2
    """

    metric: str
    model: int
    layers: int
    median: float
    smaller: int
    larger: int


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """The models in the order of one metric of the summary.

    Attributes:
        metric: its name.
        smaller_is_better: what the papers found within their series; None where they claim nothing.
        order: indices of the models, the smallest value first; models without the number last.
        values: of the summary, in the order of the models.
        deviations: standard deviation of each value, from the intervals of the layers; NaN where there is none.
        chances: for each neighbouring pair of `order` the chance that its order holds; NaN without deviations.

    Example:
        >>> Ranking(metric="alpha", order=(1, 0), values=(3.0, 2.0)).order
        (1, 0)
    """

    metric: str
    order: tuple[int, ...]
    values: tuple[float, ...]
    smaller_is_better: bool | None = None
    deviations: tuple[float, ...] = ()
    chances: tuple[float, ...] = ()


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """The correlation flow: alpha over depth, for one kind of matrix of one model.

    Attributes:
        kind: of matrix, or "" for all of them together.
        blocks: how many blocks have an alpha.
        level: the mean over layers.
        std: the standard deviation over layers (of the population: divided by their number).
        slope: of the block means over depth, per block (Theil-Sen); NaN below two blocks.
        slope_low: lower end of its 90 % interval.
        slope_high: upper end.
        jump: the largest step between neighbouring blocks, with its sign.
        jump_to: the block it leads to, or None.
        stable: neither slope nor jump; None below five blocks, where it cannot be told.

    Example:
        >>> Flow(kind="conv", blocks=1, level=3.0, std=0.0).stable is None
        True
    """

    kind: str
    blocks: int
    level: float
    std: float
    slope: float = NAN
    slope_low: float = NAN
    slope_high: float = NAN
    jump: float = NAN
    jump_to: int | None = None
    stable: bool | None = None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something the literature has a name for.

    Attributes:
        name: that name ("scale collapse", "correlation flow").
        models: indices of the models it concerns.
        layers: names of the layers it concerns, in the last of these models.
        sentence: what was seen.

    Example:
        >>> Finding(name="scale collapse", models=(0, 1), layers=("fc1",), sentence="fc1 jumps").layers
        ('fc1',)
    """

    name: str
    models: tuple[int, ...]
    sentence: str
    layers: tuple[str, ...] = ()


class Mark(msgspec.Struct, frozen=True):
    """Something that makes models hard to compare, as a sentence.

    Example:
        >>> Mark("dtype", "the models are stored in different types").about
        'dtype'
    """

    about: str
    sentence: str


class Comparison(Shown, Drawn, msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """Two models or more, as a whole and layer by layer.

    Attributes:
        names: of the models, each different.
        reports: what each was compared by.
        alignment: which layers are the same.
        layers: these layers with their numbers.
        paired: metric by metric, the layers as pairs.
        rankings: metric by metric, the models in order.
        flows: for each model, alpha over depth by kind of matrix.
        findings: what the literature has a name for.
        marks: what is not comparable.
        identical: pairs of models that have the same numbers in every layer.

    Example:
        >>> import eigentail as et
        >>> from eigentail.analysis.compare import compare
        >>> compare(et.example(), et.example()).identical
        ((0, 1),)
    """

    names: tuple[str, ...]
    reports: tuple[ModelReport, ...]
    alignment: Alignment
    layers: tuple[MatchedLayer, ...]
    paired: tuple[Paired, ...]
    rankings: tuple[Ranking, ...]
    flows: tuple[tuple[Flow, ...], ...]
    findings: tuple[Finding, ...]
    marks: tuple[Mark, ...]
    identical: tuple[tuple[int, int], ...]

    def ranking(self, metric: str) -> Ranking:
        """The models in the order of one metric.

        Raises:
            UsageError: not every model has it.
        """
        found = {ranking.metric: ranking for ranking in self.rankings}
        if metric not in found:
            raise UsageError(f"no ranking by {metric!r}", hint=did_you_mean(metric, found))
        return found[metric]
