"""Every series of related models at hand: which numbers tell the better model, and which point the wrong way."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from eigentail import Settings
from eigentail.analysis.study import studies, study
from eigentail.analysis.study_findings import EXPECTED
from eigentail.analysis.study_trends import HEADLINE
from eigentail.analysis.study_weights import AS_PUBLISHED
from eigentail.numerics.trend import holm
from eigentail.records.study import Study
from eigentail.records.trend import Trend
from measured.page import table

PER_LAYER = Settings(metrics=HEADLINE)
PER_POSITION = replace(AS_PUBLISHED, metrics=HEADLINE)
LEVEL = 0.05
DIRECTIONS = ("as expected", "against", "undecided")
# What the file of a series says where numbers of the papers are known to point the wrong way.
KNOWN_AGAINST = "norms grow"
# Findings that the tables say already, or that are about how it was measured.
IN_TABLES = ("as expected", "against the theory", "no order", "printed table", "embeddings")


def everything() -> dict[str, list[Study]]:
    """Origin to its studies; other people's nets only where they are."""
    from shared import shared_data

    found = {
        "published": [*studies("nature2021", PER_LAYER), *studies("sdm2020", PER_LAYER)],
        "zoo": list(studies("zoo", PER_LAYER)),
    }
    if (folder := shared_data()) is not None:
        files = sorted((folder / "series").glob("*.toml"))
        found["others"] = [one for path in files for one in counted(path)]
    return found


def counted(path: Path) -> list[Study]:
    """A series per layer, and per kernel position as the articles count, where it has such convolutions."""
    first = study(path, PER_LAYER)
    reports = [found.report for found in first.models if found.report is not None]
    if any(row.layer.count > 1 for report in reports for row in report.layers):
        return [first, study(path, PER_POSITION)]
    return [first]


def tables(origin: str, found: Sequence[Study]) -> dict[str, str]:
    """What stands on the page about the series of one origin."""
    made = {
        f"{origin}-summary": _summary(found) + "\n" + "\n".join(_counts(found)),
        f"{origin}-against": _against(found),
        f"{origin}-series": "\n".join(detail(one) for one in found if len(one.metrics) != 1),
    }
    if single := [one for one in found if len(one.metrics) == 1]:
        made[f"{origin}-single"] = _single(single)
    if missing := [one for one in found if one.n < len(one.models)]:
        made[f"{origin}-missing"] = _missing(missing)
    if printed := [one for one in found if one.checks]:
        made[f"{origin}-printed"] = _printed(printed)
    return made


def detail(one: Study) -> str:
    """The section of one series."""
    how = f"Counted {one.counting}." if one.n else "Not measured."
    about = f"{one.series.title}. {len(one.models)} models, {_quality(one)}. {how} Source: {one.series.source}."
    lines = [f"### {name(one)}", "", about, ""]
    if one.n:
        said = [finding.sentence for finding in one.findings if finding.name not in IN_TABLES]
        lines += [_trends(one), *(f"- {_sentence(sentence)}" for sentence in said), ""]
    if one.series.caveats:
        lines += ["Its own caveats:", "", *(f"- {caveat}" for caveat in one.series.caveats), ""]
    return "\n".join(lines)


def name(one: Study) -> str:
    """The series, and how convolutions were counted where that is not per layer."""
    return f"{one.series.name}{', per kernel position' if one.counting == 'per conv slice' else ''}"


def direction(trend: Trend | None) -> str:
    """Whether a smaller number goes with the better model, as the papers expect."""
    if trend is None or math.isnan(trend.kendall_tau):
        return "-"
    if trend.kendall_tau == 0 or trend.tau_low < 0 < trend.tau_high:
        return "undecided"
    return "as expected" if trend.kendall_tau < 0 else "against"


def _summary(found: Sequence[Study]) -> str:
    """Each series in a line."""
    shown = ("alpha_weighted", "alpha")
    head = ("series", "n", *(column for metric in shown for column in (metric, "p < 0.05")), "parameters")
    rows = []
    for one in found:
        cells = [cell for metric in shown for cell in _verdict(one.metrics.get(metric))]
        rows.append((name(one), str(one.n), *cells, _tau(one.baselines["parameters"].kendall_tau)))
    return table(head, rows)


def _verdict(trend: Trend | None) -> tuple[str, str]:
    """Tau with its direction, and whether it is told apart from chance."""
    if trend is None or math.isnan(trend.kendall_tau):
        return "-", "-"
    below = "yes" if trend.kendall_p < LEVEL else "no"
    return f"{_tau(trend.kendall_tau)} {direction(trend)}", f"{below} ({_p(trend.kendall_p)})"


def _counts(found: Sequence[Study]) -> Iterator[str]:
    """The table above in numbers; a series that was counted in two ways counts once, per layer."""
    once = [one for one in found if one.counting != "per conv slice"]
    for metric in ("alpha_weighted", "alpha"):
        having = [(one, one.metrics[metric]) for one in once if direction(one.metrics.get(metric)) != "-"]
        told = {word: [pair for pair in having if direction(pair[1]) == word] for word in DIRECTIONS}
        right, wrong = told["as expected"], told["against"]
        holm_p = holm(trend.kendall_p for _, trend in having)
        kept = [direction(trend) for (_, trend), p in zip(having, holm_p, strict=True) if p < LEVEL]
        sized = [_as_good(one.baselines["parameters"], trend) for one, trend in right if _is_sized(one)]
        yield (
            f"- {metric}: {len(having)} series of three models or more. {_share(right, 'as expected')}, "
            f"{_share(wrong, 'against the theory')}, {len(told['undecided'])} undecided. Corrected (Holm) for these "
            f"{len(having)} series, p stays below {LEVEL} in {kept.count('as expected')} as expected and "
            f"{kept.count('against')} against. Of those as expected, {len(sized)} have models of different and known "
            f"size; in {sum(sized)} of them the number of parameters orders the models as well or better."
        )


def _share(found: Sequence[tuple[Study, Trend]], words: str) -> str:
    return f"{len(found)} {words} ({sum(trend.kendall_p < LEVEL for _, trend in found)} with p < {LEVEL})"


def _is_sized(one: Study) -> bool:
    """Whether the size is known, and not the same for all."""
    return not math.isnan(one.baselines["parameters"].kendall_tau)


def _as_good(size: Trend, trend: Trend) -> bool:
    """Whether the size orders the models as well as a metric."""
    return abs(size.kendall_tau) > abs(trend.kendall_tau) - 1e-9


def _against(found: Sequence[Study]) -> str:
    """The series in which a number of the papers does not point as they expect, or is known not to."""
    rows = []
    for one in found:
        wrong = [f"{metric} {_tau(trend.kendall_tau)} (p {_p(trend.kendall_p)})" for metric, trend in _wrong(one)]
        if wrong:
            rows.append((name(one), str(one.n), ", ".join(wrong), _concluded(one)))
        elif not one.n and (known := [caveat for caveat in one.series.caveats if KNOWN_AGAINST in caveat]):
            rows.append((name(one), "0", "not measured", f"its file says: {'; '.join(known)}"))
    return table(("series", "n", "tau not below zero", "what that shows"), rows)


def _wrong(one: Study) -> Iterator[tuple[str, Trend]]:
    for metric in EXPECTED:
        if metric in one.metrics and one.metrics[metric].kendall_tau >= 0:
            yield metric, one.metrics[metric]


def _concluded(one: Study) -> str:
    """What the number of models allows to say, in one cell."""
    said = [finding.sentence for finding in one.findings if finding.name in ("few models", "correction")]
    return "; ".join(said)


def _concluded_alone(one: Study, p: float) -> str:
    """The same for a series with a single number, corrected for the other series instead."""
    said = [finding.sentence for finding in one.findings if finding.name == "few models"]
    return said[0] if said else f"{'told' if p < LEVEL else 'not told'} apart from chance"


def _trends(one: Study) -> str:
    head = ("number", "n", "tau", "p", "p, Holm", "tau given size", "tau with one left out", "R2")
    trends = [*one.metrics.items(), *((f"*{word}*", trend) for word, trend in one.baselines.items())]
    return table(head, ((word, str(trend.n), *_numbers(trend)) for word, trend in trends))


def _numbers(trend: Trend) -> tuple[str, ...]:
    spread = "-" if math.isnan(trend.tau_low) else f"{_tau(trend.tau_low)} to {_tau(trend.tau_high)}"
    r2 = "-" if math.isnan(trend.r2) else f"{trend.r2:.2f}"
    return (
        _tau(trend.kendall_tau),
        _p(trend.kendall_p),
        _p(trend.kendall_p_holm),
        _tau(trend.partial_tau),
        spread,
        r2,
    )


def _single(found: Sequence[Study]) -> str:
    """The series of which one number is published, a line each."""
    head = ("series", "n", "quality", "tau", "p", "p, Holm over these", "tau given size", "*parameters*", "concluded")
    trends = [next(iter(one.metrics.values())) for one in found]
    kept = holm(trend.kendall_p for trend in trends)
    rows = (
        (
            name(one), str(one.n), _quality(one), _tau(trend.kendall_tau), _p(trend.kendall_p), _p(p),
            _tau(trend.partial_tau), _tau(one.baselines["parameters"].kendall_tau), _concluded_alone(one, p),
        )
        for one, trend, p in zip(found, trends, kept, strict=True)
    )  # fmt: skip
    return table(head, rows)


def _missing(found: Sequence[Study]) -> str:
    """Series with models that could not be measured, and why; no path of any machine."""
    rows = []
    for one in found:
        without = [model for model in one.models if not model.metrics]
        reasons = dict.fromkeys(_reason(model.model.target, model.reason) for model in without)
        rows.append((name(one), f"{len(without)} of {len(one.models)}", _quality(one), "; ".join(reasons)))
    return table(("series", "not measured", "quality", "because"), rows)


def _reason(target: object, reason: str) -> str:
    return reason.removeprefix(f"{target}: ").partition(": ")[0]


def _printed(found: Sequence[Study]) -> str:
    """The printed table against the same numbers recomputed."""
    rows = []
    for one in found:
        right = sum(check.agrees for check in one.checks)
        wrong = [finding.sentence for finding in one.findings if finding.name == "printed table"][1:]
        rows.append((name(one), str(len(one.checks)), str(right), "; ".join(wrong) or "-"))
    checks = [check for one in found for check in one.checks]
    total = f"{sum(check.agrees for check in checks)} of {len(checks)} printed numbers come out to the digits printed."
    return table(("series", "printed", "agree", "the one that does not"), rows) + "\n" + total + "\n"


def _quality(one: Study) -> str:
    """What was measured of the models, and how far they lie apart."""
    values = [model.model.value for model in one.models]
    better = "more" if one.series.higher_is_better else "less"
    return f"{one.series.metric}, from {min(values):g} to {max(values):g} ({better} is better)"


def _tau(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:+.2f}"


def _p(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.3f}" if value >= 0.001 else f"{value:.0e}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
