"""A series of related models with the quality that was measured of each, and how well the spectra tell it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from eigentail.records.comparison import Finding
from eigentail.records.reading import Reading
from eigentail.records.report import ModelReport
from eigentail.records.showing import Drawn, Shown
from eigentail.records.trend import Trend
from eigentail.settings import Settings


class SeriesModel(msgspec.Struct, frozen=True, kw_only=True):
    """One model of a series, before it is measured.

    Attributes:
        name: what to call it.
        value: the quality that was measured.
        target: what to analyse: a path, a report, a saved report, a live model; None where there is none.
        metrics: published averages instead of a target; empty where it is measured.
        group: of models that belong together, or "".
        parameters: how many it has, or None.
        layers: how many it has, or None.
        step: of training, or None.
        provider: where its weights can be had ("timm/vgg11.tv_in1k", "pytorchcv:resnet10"), or "".
        missing: why it cannot be measured, or "".

    Example:
        >>> SeriesModel(name="a", value=71.6, target="a.safetensors").group
        ''
    """

    name: str
    value: float
    target: object = None
    metrics: Mapping[str, float] = {}
    group: str = ""
    parameters: int | None = None
    layers: int | None = None
    step: int | None = None
    provider: str = ""
    missing: str = ""


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """What a study file says.

    Attributes:
        name: of the file, or of the built-in study.
        title: what varies, in a line.
        higher_is_better: whether a larger value is the better model.
        models: in the order of the file.
        dataset: on which the quality was measured.
        metric: what the value is.
        source: where the figures come from.
        license: of the weights.
        caveats: what the series cannot show, to be repeated with every result.
        printed: metric to statistic (`rmse`, `r2`, `kendall_tau`) to its value in print, two significant digits.

    Example:
        >>> Series(name="s", title="two nets", higher_is_better=True, models=()).caveats
        ()
    """

    name: str
    title: str
    higher_is_better: bool
    models: tuple[SeriesModel, ...]
    dataset: str = ""
    metric: str = "value"
    source: str = ""
    license: str = ""
    caveats: tuple[str, ...] = ()
    printed: Mapping[str, Mapping[str, float]] = {}


class Measured(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """One model of a series, with its numbers.

    Attributes:
        model: as the series has it.
        metrics: means over its layers; empty where it could not be measured.
        report: what they come from; None where they were published or could not be measured.
        parameters: of the model where the series says so of every model, else weights in the analysed layers; or None.
        layers: the same of layers, a convolution counted once.
        reading: of its exponents; None without a report.
        reason: why there are no numbers, or why the value cannot be used; "" where all is well.

    Example:
        >>> Measured(model=SeriesModel(name="a", value=1.0), reason="no such file").metrics
        {}
    """

    model: SeriesModel
    metrics: Mapping[str, float] = {}
    report: ModelReport | None = None
    parameters: int | None = None
    layers: int | None = None
    reading: Reading | None = None
    reason: str = ""

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.name


class PrintedCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One number of a published table beside the same number computed now.

    Attributes:
        metric: its row or column.
        statistic: `rmse`, `r2` or `kendall_tau`.
        printed: as published.
        recomputed: from the averages of the models.
        agrees: whether it rounds to the two significant digits in print.

    Example:
        >>> check = PrintedCheck(metric="alpha", statistic="r2", printed=0.96, recomputed=0.957, agrees=True)
        >>> round(check.difference, 6)
        -0.003
    """

    metric: str
    statistic: str
    printed: float
    recomputed: float
    agrees: bool

    @property
    def difference(self) -> float:
        """Recomputed minus printed."""
        return self.recomputed - self.printed


class Study(Shown, Drawn, msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """How well each metric tells the quality of the models of one series.

    Attributes:
        series: what was studied.
        settings: how it was measured; None for published averages.
        counting: how convolutions were counted, in words.
        models: with their numbers, in the order of the series.
        metrics: metric to its trend: those of the papers first.
        baselines: the same of `parameters` and `layers`: what a metric has to beat.
        groups: group to metric to its trend within the group; empty where there are no groups.
        checks: published statistics beside the same computed now.
        findings: what can and cannot be concluded.

    Example:
        >>> from eigentail.analysis.study import study
        >>> round(study("nature2021-resnet").metrics["alpha_weighted"].r2, 3)
        0.961
    """

    series: Series
    settings: Settings | None
    counting: str
    models: tuple[Measured, ...]
    metrics: Mapping[str, Trend]
    baselines: Mapping[str, Trend]
    groups: Mapping[str, Mapping[str, Trend]]
    checks: tuple[PrintedCheck, ...]
    findings: tuple[Finding, ...]

    @property
    def n(self) -> int:
        """Models that have both numbers and a value that can be used."""
        return len(self._usable)

    @property
    def problems(self) -> tuple[str, ...]:
        """One sentence for everything that kept the study from being whole; empty when it is."""
        said = [f"{found.name}: {found.reason}" for found in self.models if found.reason]
        said += [
            f"{found.name}: {row.name}: {row.reason}"
            for found in self.models
            if found.report is not None
            for row in found.report.layers
            if row.fit.status.is_failure
        ]
        if self.n < 2:
            said.append(f"{self.n} of {len(self.models)} models can be used: nothing to compare")
        elif len({found.model.value for found in self._usable}) == 1:
            said.append("all values are equal: there is nothing to order")
        return tuple(said)

    @property
    def _usable(self) -> list[Measured]:
        return [found for found in self.models if found.metrics and math.isfinite(found.model.value)]
