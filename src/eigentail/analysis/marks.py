"""What makes models hard to compare, a sentence each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations
from typing import Final

from eigentail.records import LayerReport, ModelReport, Verdict
from eigentail.records.comparison import Alignment, Mark, Match

# Models that share a smaller part of the layers of the smaller one are not of one series.
LEAST_SHARED: Final = 0.5
_EXAMPLES: Final = 3
# Settings without which numbers of two reports mean different things, and what they change.
_SETTINGS: Final = {
    "tail": "every exponent is another estimator's",
    "conv": "convolutions are other matrices",
    "conv_scale": "norms and weighted exponents differ by the factor on the spectrum",
    "embeddings": "other layers enter the mean",
    "min_evals": "other layers are left out",
    "max_evals": "other layers are left out",
    "layers": "other layers were asked for",
    "kinds": "other layers were asked for",
    "null": "alpha_null, alpha_z and alpha_p are held against another null",
}


def marks(names: Sequence[str], reports: Sequence[ModelReport], alignment: Alignment) -> tuple[Mark, ...]:
    """Every reason for which numbers of these models may not be held against each other.

    Args:
        names: of the models.
        reports: of the models.
        alignment: of their layers.

    Returns:
        At most one mark for each reason: settings, architecture, depth, width, no training, vocabulary, dtype.

    Example:
        >>> import numpy as np
        >>> from eigentail.analysis import analyze
        >>> from eigentail.analysis.align import align
        >>> reports = [analyze({"fc.weight": np.eye(n)}) for n in (16, 32)]
        >>> [mark.about for mark in marks(("a", "b"), reports, align(reports))]
        ['width']
    """
    found = [
        *_settings(names, reports),
        *_architecture(names, reports, alignment),
        *_differing("depth", "of different depth, in blocks", names, reports, _depth),
        *_width(names, reports, alignment),
        *_untrained(names, reports),
        *_differing("vocabulary", "with token embeddings of different numbers of rows", names, reports, _vocabulary),
        *_differing(
            "dtype", "stored in different types, and rounding adds noise to a spectrum", names, reports, _dtype
        ),
    ]
    return tuple(found)


def strangers(names: Sequence[str], alignment: Alignment) -> tuple[str, ...]:
    """The models that share no layer with any other.

    Example:
        >>> strangers(("a", "b"), Alignment(matches=(), unmatched=(("x",), ("y",))))
        ('a', 'b')
    """
    known = {model for match in alignment.matches for model, name in enumerate(match.names) if name is not None}
    return tuple(name for model, name in enumerate(names) if model not in known)


def _settings(names: Sequence[str], reports: Sequence[ModelReport]) -> Iterator[Mark]:
    for field, effect in _SETTINGS.items():
        words = [str(getattr(report.settings, field)) for report in reports]
        if len(set(words)) > 1:
            yield Mark(field, f"measured with different settings of {field} ({_each(names, words)}): {effect}")


def _architecture(names: Sequence[str], reports: Sequence[ModelReport], alignment: Alignment) -> Iterator[Mark]:
    alone = strangers(names, alignment)
    if alone:
        yield Mark("architecture", f"no layer is shared with another model: {', '.join(alone)}")
        return
    said = []
    for one, other in combinations(range(len(names)), 2):
        shared = alignment.shared(one, other)
        fewest = min(len(reports[one].layers), len(reports[other].layers))
        if shared < LEAST_SHARED * fewest:
            said.append(f"{names[one]} and {names[other]} share {shared} of {fewest} layers")
    if said:
        yield Mark("architecture", f"of different architecture: {_some(said)}")


def _width(names: Sequence[str], reports: Sequence[ModelReport], alignment: Alignment) -> Iterator[Mark]:
    odd = [match for match in alignment.matches if not match.same_shape]
    if odd:
        seen = ", ".join(_shapes(odd[0], names, reports))
        yield Mark(
            "width",
            f"{len(odd)} of {len(alignment.matches)} matched layers differ in shape ({odd[0].name}: {seen}): their "
            "norms and stable ranks grow with size, and an alpha is read against the null of its shape (alpha_z)",
        )


def _untrained(names: Sequence[str], reports: Sequence[ModelReport]) -> Iterator[Mark]:
    """The means of noise may be anything: small norms make an untrained model look the better one."""
    noise = [name for name, report in zip(names, reports, strict=True) if report.summary.verdict is Verdict.UNTRAINED]
    if noise:
        yield Mark(
            "untrained", f"not told apart from random weights, so that no order says anything: {', '.join(noise)}"
        )


def _differing(
    about: str,
    what: str,
    names: Sequence[str],
    reports: Sequence[ModelReport],
    fact: Callable[[ModelReport], str],
) -> Iterator[Mark]:
    """A mark where a fact that is known of two models or more is not the same."""
    known = [(name, word) for name, report in zip(names, reports, strict=True) if (word := fact(report))]
    if len({word for _, word in known}) > 1:
        yield Mark(about, f"{what} ({_each(*zip(*known, strict=True))})")


def _depth(report: ModelReport) -> str:
    """The number of blocks."""
    return str(len({row.layer.block for row in report.layers} - {None}))


def _vocabulary(report: ModelReport) -> str:
    """The rows of the token embedding; of a saved report, which has no tensors, the larger side."""
    rows = (row.layer for row in report.layers if row.layer.kind == "embedding.token")
    return next((str(layer.tensors[0].shape[0] if layer.tensors else layer.shape[0]) for layer in rows), "")


def _dtype(report: ModelReport) -> str:
    """The types that weights are stored in, if the report tells."""
    return " and ".join(sorted({found for row in report.layers if (found := _stored(row))}))


def _stored(row: LayerReport) -> str:
    if row.quantised:
        return row.quantised
    if row.spectrum is not None:
        return row.spectrum.stored
    return row.layer.tensors[0].dtype if row.layer.tensors else ""


def _shapes(match: Match, names: Sequence[str], reports: Sequence[ModelReport]) -> Iterator[str]:
    for name, layer, report in zip(names, match.names, reports, strict=True):
        if layer is not None:
            yield f"{name} {'x'.join(map(str, report.layers[layer].layer.shape))}"


def _each(names: Iterable[str], words: Iterable[str]) -> str:
    """Every model with its word."""
    return ", ".join(f"{name}: {word}" for name, word in zip(names, words, strict=True))


def _some(said: Sequence[str]) -> str:
    more = f" and {len(said) - _EXAMPLES} more pairs" if len(said) > _EXAMPLES else ""
    return "; ".join(said[:_EXAMPLES]) + more
