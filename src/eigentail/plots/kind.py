"""What a plot is, and the registry of all of them."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import msgspec

from eigentail.plots.drawing import Drawing
from eigentail.records import ModelReport
from eigentail.registry import Registry


class Takes(StrEnum):
    """What a plot is made of. `sentence` says it to the user.

    Example:
        >>> Takes.LAYER.sentence
        "one layer: a layer's report, or a model's with layer="
    """

    LAYER = "layer"
    CHANGE = "change"
    MODEL = "model"
    MODELS = "models"
    COMPARISON = "comparison"
    STUDY = "study"

    @property
    def sentence(self) -> str:
        """What it takes, in plain words."""
        return _SENTENCES[self]


_SENTENCES = {
    Takes.LAYER: "one layer: a layer's report, or a model's with layer=",
    Takes.CHANGE: "a layer that changed: a difference with layer=, or the report of a difference of two sources",
    Takes.MODEL: "the report of a model",
    Takes.MODELS: "reports of one model at several times: a list, a comparison, or a study",
    Takes.COMPARISON: "a comparison",
    Takes.STUDY: "a study",
}


class Stage(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """A model at one time.

    Attributes:
        name: what to call it.
        report: of the model then.
        step: of training, or None.

    Example:
        >>> import eigentail as et
        >>> Stage(name="last", report=et.analyze(et.example())).step is None
        True
    """

    name: str
    report: ModelReport
    step: int | None = None


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of plot. A module of `plots/kinds` offers one as `PLOT`.

    Attributes:
        name: the word users write ("esd").
        title: what it shows, in a few words.
        takes: what it is made of.
        prepare: from that, and the name of a metric, to a drawing. It is given a `LayerReport`, a `LayerReport` or
            `LayerDifference`, a `ModelReport`, a tuple of `Stage`, a `Comparison` or a `Study`.
        metric: the one it shows when none is named; "" for a plot that has no choice.
        needs: words for `Settings.metrics` without which a report has nothing for it to show.

    Example:
        >>> plots["esd"].takes.value
        'layer'
    """

    name: str
    title: str
    takes: Takes
    prepare: Callable[[Any, str], Drawing]
    metric: str = ""
    needs: tuple[str, ...] = ()


plots: Registry[Plot] = Registry("plot", "eigentail.plots.kinds", "PLOT")
