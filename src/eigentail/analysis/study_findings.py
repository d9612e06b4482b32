"""What a study does and does not show, in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

import numpy as np

from eigentail.analysis.summary import is_embedding
from eigentail.numerics.trend import trend_of
from eigentail.records.comparison import Finding
from eigentail.records.study import PrintedCheck, Study
from eigentail.records.trend import Trend

# A smaller one is said to go with the better model.
EXPECTED: Final = ("alpha_weighted", "log_alpha_norm", "log_norm", "log_spectral_norm", "alpha")
SIMPSON: Final = "Simpson's paradox"
_LEVEL: Final = 0.05
_SIGNIFICANT_DIGITS: Final = 2
_COMPARABLE: Final = ("conv", "conv_scale", "min_evals", "tail", "embeddings")
_WORDS: Final = {"parameters": "the number of parameters", "layers": "the number of layers"}


def checks_of(study: Study) -> tuple[PrintedCheck, ...]:
    """Each statistic that the series has in print beside the same statistic of the study.

    Args:
        study: with its trends.

    Returns:
        Nothing where a model is missing: the statistic would be of another series.

    Example:
        >>> from eigentail.analysis.study import study
        >>> [check.agrees for check in checks_of(study("nature2021-densenet"))].count(True)
        12
    """
    if study.n < len(study.models):
        return ()
    return tuple(
        _check(metric, statistic, printed, getattr(study.metrics[metric], statistic))
        for metric, statistics in study.series.printed.items()
        for statistic, printed in statistics.items()
        if metric in study.metrics
    )


def findings_of(study: Study) -> tuple[Finding, ...]:
    """What can and cannot be concluded, the outcome first.

    Args:
        study: with its trends and checks.

    Returns:
        Findings, each with a name and a sentence without a full stop.

    Source: the exact p-values of Kendall, Rank Correlation Methods (1970); Simpson's paradox between models of
        different size: Martin & Mahoney, arXiv:2106.00734.

    Example:
        >>> from eigentail.analysis.study import study
        >>> next(found.sentence for found in findings_of(study("nature2021-densenet")) if found.name == "few models")
        '4 models: even a perfect order has an exact p of 0.083: nothing can be concluded'
    """
    said = (_directions, _few, _corrected, _baselines, _single_models, _simpson, _printed, _gaps, _settings, _apart)
    return tuple(
        Finding(name=name, models=(), sentence=sentence)
        for name, sentence in chain.from_iterable(rule(study) for rule in said)
    )


Said = Iterator[tuple[str, str]]


def _check(metric: str, statistic: str, printed: float, recomputed: float) -> PrintedCheck:
    rounded = float(f"{recomputed:.{_SIGNIFICANT_DIGITS}g}")
    return PrintedCheck(
        metric=metric, statistic=statistic, printed=printed, recomputed=recomputed, agrees=rounded == printed
    )


def _directions(study: Study) -> Said:
    """Which metrics point as the papers say, and which do not."""
    trends = [(name, study.metrics[name]) for name in EXPECTED if name in study.metrics]
    known = [(name, trend.kendall_tau) for name, trend in trends if not _wavers(trend)]
    if right := [(name, tau) for name, tau in known if tau < 0]:
        yield "as expected", f"the better models have the smaller {_listed(right)}"
    if wrong := [(name, tau) for name, tau in known if tau > 0]:
        yield "against the theory", f"the better models have the larger {_listed(wrong)}: the papers expect the smaller"
    if level := [name for name, tau in known if tau == 0]:
        yield "no order", f"the models are in no order by {', '.join(level)} (tau 0)"


def _few(study: Study) -> Said:
    """What the number of models allows at best."""
    n = study.n
    if n < 3:
        yield "few models", f"{n} {'model' if n == 1 else 'models'}: a trend needs 3: nothing can be concluded"
        return
    values, best = _values(study), _least_p(study)
    repeated = len(values) - len(set(values))
    next_best = best if repeated else 2 * n / math.factorial(n)
    if best > _LEVEL:
        yield (
            "few models",
            f"{n} models: even a perfect order has an exact p of {best:.3f}: nothing can be concluded",
        )
    elif next_best > _LEVEL:
        yield (
            "few models",
            f"{n} models: a perfect order has an exact p of {best:.3f}, and one exchanged pair makes it "
            f"{next_best:.3f}: little can be concluded",
        )
    if 0 < repeated < len(values) - 1:
        yield "equal values", f"{repeated} of {n} values repeat another: such models have no order"


def _values(study: Study) -> list[float]:
    """The values that enter a trend."""
    return [found.model.value for found in study.models if found.metrics and math.isfinite(found.model.value)]


def _least_p(study: Study) -> float:
    """The p-value of a perfect order; NaN where there can be no order."""
    values = _values(study)
    return trend_of(values, values).kendall_p


def _corrected(study: Study) -> Said:
    """What is left of the p-values when all metrics are counted."""
    tried = [name for name, trend in study.metrics.items() if not math.isnan(trend.kendall_p)]
    if len(tried) < 2 or not _least_p(study) <= _LEVEL:  # one number needs no correction
        return
    alone = [name for name in tried if study.metrics[name].kendall_p < _LEVEL]
    kept = [name for name in tried if study.metrics[name].kendall_p_holm < _LEVEL]
    counted = f"after correction for {len(tried)} metrics (Holm)"
    if kept:
        yield "correction", f"{counted}, p stays below {_LEVEL} for {', '.join(kept)}"
    else:
        yield "correction", f"{counted}, no p is below {_LEVEL} (without it, {len(alone)})"


def _baselines(study: Study) -> Said:
    """Whether a metric tells more than the size."""
    pointing = {name: study.metrics[name].kendall_tau for name in EXPECTED if name in study.metrics}
    pointing = {name: tau for name, tau in pointing.items() if tau < 0}
    best = min(pointing, key=lambda name: pointing[name]) if pointing else ""
    for name, trend in study.baselines.items():
        if _constant(study, name):
            yield "size baseline", f"{_WORDS[name]} is the same for all: it cannot explain the order"
        elif not math.isnan(trend.kendall_tau):
            yield "size baseline", _against_size(study, name, best)


def _constant(study: Study, name: str) -> bool:
    sizes = {getattr(found, name) for found in study.models if found.metrics}
    return len(sizes) == 1 and None not in sizes and study.n > 1


def _against_size(study: Study, name: str, best: str) -> str:
    """One baseline against the metric that orders the models best in the direction that the papers expect."""
    words, tau = _WORDS[name], study.baselines[name].kendall_tau
    if not best:
        return f"{words} goes with quality with tau {tau:+.2f}; no metric of the papers points the way they expect"
    trend = study.metrics[best]
    against = f"(tau {tau:+.2f} against {trend.kendall_tau:+.2f} of {best})"
    given = ""
    if name == "parameters" and not math.isnan(trend.partial_tau):
        given = f"; with the number of parameters held fixed, the tau of {best} is {trend.partial_tau:+.2f}"
    gap = abs(trend.kendall_tau) - abs(tau)
    if abs(gap) < 1e-9:
        return f"{words} orders the models as well as the best metric of the papers {against}{given}"
    better = "worse" if gap > 0 else "better"
    return f"{words} orders the models {better} than the best metric of the papers {against}{given}"


def _single_models(study: Study) -> Said:
    """Trends whose direction one model decides."""
    trends = [(name, study.metrics[name]) for name in EXPECTED if name in study.metrics]
    found = [
        f"{name} (tau {trend.kendall_tau:+.2f}, with one left out from {trend.tau_low:+.2f} to {trend.tau_high:+.2f})"
        for name, trend in trends
        if _wavers(trend)
    ]
    if found:
        yield "one model decides", f"single models decide the direction of {', '.join(found)}"


def _wavers(trend: Trend) -> bool:
    """Whether tau changes its sign when one model is left out."""
    return trend.tau_low < 0 < trend.tau_high


def _simpson(study: Study) -> Said:
    """Metrics that point one way over all models and the other way inside most groups."""
    for name, pooled in study.metrics.items():
        signs = [np.sign(trends[name].kendall_tau) for trends in study.groups.values()]
        told = [sign for sign in signs if sign in (-1.0, 1.0)]
        contrary = sum(sign == -np.sign(pooled.kendall_tau) for sign in told)
        if len(told) > 1 and 2 * contrary > len(told):
            yield (
                SIMPSON,
                f"over all models {name} goes with quality with tau {pooled.kendall_tau:+.2f}, but inside "
                f"{contrary} of {len(told)} groups the other way: the pooled trend is that between the groups",
            )


def _printed(study: Study) -> Said:
    """How much of the published table comes out again, and what does not."""
    if not study.checks:
        return
    right = sum(check.agrees for check in study.checks)
    yield "printed table", f"{right} of {len(study.checks)} printed numbers agree to the digits printed"
    for check in study.checks:
        if not check.agrees:
            yield (
                "printed table",
                f"{check.statistic} of {check.metric}: printed {check.printed:g}, recomputed {check.recomputed:.3g}"
                f"{_implied(study, check)}",
            )


def _implied(study: Study, check: PrintedCheck) -> str:
    """R2 and RMSE of one line tell each other: what the printed RMSE says of the printed R2."""
    rmse = study.series.printed[check.metric].get("rmse", math.nan)
    if check.statistic != "r2" or math.isnan(rmse) or study.settings is not None:  # not of values measured anew
        return ""
    spread = float(np.var(_values(study)))
    if not spread > 0:  # of one model, or of equal ones
        return ""
    return f"; the printed RMSE of {rmse:g} in the same place implies {1 - rmse**2 / spread:.2f}"


def _gaps(study: Study) -> Said:
    """Metrics of the papers that some models do not have."""
    for name in EXPECTED:
        without = [
            found.name for found in study.models if found.metrics and math.isnan(found.metrics.get(name, math.nan))
        ]
        if without and name in study.metrics:
            yield "left out", f"{name} does not exist for {', '.join(without)}"


def _settings(study: Study) -> Said:
    """Saved reports may have been made in different ways."""
    used = [found.report.settings for found in study.models if found.report is not None]
    differ = [name for name in _COMPARABLE if len({getattr(settings, name) for settings in used}) > 1]
    if differ:
        yield (
            "settings",
            f"the models were not measured with the same {', '.join(differ)}: do not compare their numbers",
        )


def _apart(study: Study) -> Said:
    """The papers leave embeddings out of the mean."""
    reports = [found.report for found in study.models if found.report is not None]
    if any(report.settings.embeddings == "apart" and any(map(is_embedding, report.layers)) for report in reports):
        yield "embeddings", "embeddings stay out of the means"


def _listed(taus: Sequence[tuple[str, float]]) -> str:
    return ", ".join(f"{name} (tau {tau:+.2f})" for name, tau in taus)
