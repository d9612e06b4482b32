"""What a metric is, and the registry of all of them."""

from __future__ import annotations

import fnmatch
import inspect
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

import msgspec

from eigentail.errors import UsageError, did_you_mean
from eigentail.registry import Registry
from eigentail.settings import DEFAULT

# What a metric may ask for by the name of an argument; `analysis.Evidence` makes each at most once.
INGREDIENTS: Final = frozenset({"layer", "spectrum", "fit", "interval", "null", "noise", "bulk"}) | (
    # these cost another decomposition of the weights, or many fits: made only for a metric that was asked for by name
    ON_REQUEST := frozenset({"shuffled", "vectors", "laws", "goodness", "jackknife"})
)


class Scaling(msgspec.Struct, frozen=True):
    """How a metric answers to W -> cW: value -> c^power * value + log10(c) * per_decade, exactly.

    Attributes:
        power: the exponent of c; 0 for a metric that does not scale.
        per_decade: what log10(c) is multiplied by and added: a number, or "2alpha" for twice the layer's alpha.

    Example:
        >>> Scaling(power=2).apply(5.0, c=2.0, alpha=3.0)
        20.0
    """

    power: int = 0
    per_decade: float | str = 0.0

    def apply(self, value: float, *, c: float, alpha: float) -> float:
        """The value that the metric must have after the weights were multiplied by c."""
        import math

        slope = 2 * alpha if self.per_decade == "2alpha" else float(self.per_decade)
        return c**self.power * value + math.log10(c) * slope


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One number about a layer.

    Attributes:
        name: the column; WeightWatcher's where the quantity is the same.
        title: what it is, in a few words.
        scaling: how it answers to W -> cW.
        needs: what it is computed from, a subset of `INGREDIENTS`.
        compute: the function; it returns NaN where the number does not exist.

    Example:
        >>> metrics["alpha_weighted"].needs
        ('fit', 'spectrum')
    """

    name: str
    title: str
    scaling: Scaling
    needs: tuple[str, ...]
    compute: Callable[..., float]

    @property
    def on_request(self) -> bool:
        """Whether it costs more than the spectrum, so that it is computed only when asked for."""
        return not ON_REQUEST.isdisjoint(self.needs)


def metric(title: str, scaling: Scaling = Scaling()) -> Callable[[Callable[..., float]], Metric]:
    """Make a metric of a function: its name is the column, its arguments are what it needs.

    Raises:
        TypeError: an argument is not one of `INGREDIENTS`.

    Example:
        >>> @metric("eigenvalues above one", Scaling())
        ... def large(spectrum):
        ...     return float((spectrum.eigenvalues > 1).sum())
        >>> large.name, large.needs
        ('large', ('spectrum',))
    """

    def made(compute: Callable[..., float]) -> Metric:
        needs = tuple(inspect.signature(compute).parameters)
        unknown = set(needs) - INGREDIENTS
        if unknown:
            raise TypeError(f"metric {compute.__name__} needs {sorted(unknown)}; there are {sorted(INGREDIENTS)}")
        return Metric(name=compute.__name__, title=title, scaling=scaling, needs=needs, compute=compute)

    return made


metrics: Registry[Metric] = Registry("metric", "eigentail.metrics.families", "METRICS")


def chosen(patterns: Sequence[str]) -> tuple[Metric, ...]:
    """The metrics that names or globs stand for, in the registry's order.

    Args:
        patterns: names, globs, or `default` for every metric that is not on request.

    Raises:
        UsageError: a pattern matches nothing.

    Example:
        >>> [metric.name for metric in chosen(["log_*_norm"])]
        ['log_alpha_norm', 'log_spectral_norm']
    """
    return _chosen(tuple(patterns), tuple(metrics.values()))


@cache  # asked for every layer of a model, and a tenth of the time of a small one
def _chosen(patterns: tuple[str, ...], known: tuple[Metric, ...]) -> tuple[Metric, ...]:
    """The same of what is registered at the time."""
    wanted: set[str] = set()
    for pattern in patterns:
        found = [metric.name for metric in known if _stands_for(pattern, metric)]
        if not found:
            raise UsageError(f"unknown metric {pattern!r}", hint=did_you_mean(pattern, [*metrics, DEFAULT]))
        wanted.update(found)
    return tuple(metric for metric in known if metric.name in wanted)


def _stands_for(pattern: str, metric: Metric) -> bool:
    """Whether a word of the settings means this metric."""
    return not metric.on_request if pattern == DEFAULT else fnmatch.fnmatchcase(metric.name, pattern)
