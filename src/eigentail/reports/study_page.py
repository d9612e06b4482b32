"""STUDIES -> page: what can be concluded in sentences, the tables in order, and the JSON document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from eigentail.records.reading import Reading
from eigentail.records.study import Measured, Study
from eigentail.records.trend import Trend
from eigentail.reports.chosen import chosen_line
from eigentail.reports.guide import STUDY
from eigentail.reports.study_charts import studies_exhibit
from eigentail.reports.study_tables import (
    groups_table,
    headline_table,
    models_table,
    printed_table,
    reading_table,
    trends_table,
)
from eigentail.reports.table import Page, visible
from eigentail.settings import Settings

SCHEMA_VERSION: Final = 1


class StudiedModel(msgspec.Struct, frozen=True, kw_only=True):
    """One model in the JSON of a study; `value` is null where it is not a number.

    Example:
        >>> StudiedModel.__struct_fields__[0]
        'name'
    """

    name: str
    value: float
    group: str
    source: str
    provider: str
    parameters: int | None
    layers: int | None
    step: int | None
    metrics: Mapping[str, float]
    reading: Reading | None
    reason: str


class StudyDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON that `eigentail study --json` prints of one series. NaN is null.

    Example:
        >>> StudyDocument.__struct_fields__[:3]
        ('schema_version', 'series', 'title')
    """

    schema_version: int
    series: str
    title: str
    dataset: str
    metric: str
    higher_is_better: bool
    source: str
    license: str
    caveats: tuple[str, ...]
    counting: str
    settings: Settings | None
    n: int
    metrics: Mapping[str, Trend]
    baselines: Mapping[str, Trend]
    groups: Mapping[str, Mapping[str, Trend]]
    models: tuple[StudiedModel, ...]
    printed: tuple[dict[str, Any], ...]
    findings: tuple[dict[str, str], ...]
    problems: tuple[str, ...]


class StudiesDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON that `eigentail study --json` prints of several series, or of one that was counted in two ways.

    Example:
        >>> StudiesDocument.__struct_fields__
        ('schema_version', 'studies')
    """

    schema_version: int
    studies: tuple[StudyDocument, ...]


def studies_page(studies: Sequence[Study]) -> Page:
    """The page of one study or more.

    Args:
        studies: one at least.

    Example:
        >>> from eigentail.analysis.study import studies
        >>> studies_page(studies("nature2021")).lead[-1]
        'Of all printed numbers, 47 of 48 agree to the digits printed.'
    """
    overview = [table for make in (headline_table, models_table, printed_table) if (table := make(studies)).rows]
    appendix = [table for make in (groups_table, reading_table) if (table := make(studies)).rows]
    titles = dict.fromkeys(visible(study.series.title) for study in studies)
    return Page(
        title="; ".join(titles),
        lead=tuple(_lead(studies)),
        main=trends_table(studies),
        overview=tuple(overview),
        appendix=tuple(appendix),
        facts=tuple(_facts(studies)),
        json=lambda: _json(studies),
        guide=STUDY,
        exhibit=lambda: studies_exhibit(studies),
    )


def _lead(studies: Sequence[Study]) -> Iterator[str]:
    """Every finding of every study, and what kept them from being whole."""
    for study in studies:
        named = f"{_name(study, studies)}: " if len(studies) > 1 else ""
        for finding in study.findings:
            said = finding.sentence
            yield visible(f"{named}{said}." if named else f"{said[:1].upper()}{said[1:]}.")
        yield from (visible(f"{named}{problem}.") for problem in study.problems)
    checks = [check for study in studies for check in study.checks]
    if checks and len(studies) > 1:
        right = sum(check.agrees for check in checks)
        yield f"Of all printed numbers, {right} of {len(checks)} agree to the digits printed."


def _name(study: Study, studies: Sequence[Study]) -> str:
    """The series, and how it was counted where that is not the same for all."""
    counted = {other.counting for other in studies if other.series.name == study.series.name}
    return study.series.name if len(counted) == 1 else f"{study.series.name}, {study.counting}"


def _facts(studies: Sequence[Study]) -> Iterator[tuple[str, str]]:
    """Where the values come from, and everything needed to get the same numbers again."""
    for study in studies:
        name, series = visible(_name(study, studies)), study.series
        told = (("source", series.source), ("dataset", series.dataset), ("license", series.license))
        yield from ((f"{name}: {word}", visible(text)) for word, text in told if text)
        yield f"{name}: counted", study.counting
        if study.settings is not None:
            yield f"{name}: settings", chosen_line(study.settings)
        versions = next((found.report.versions for found in study.models if found.report is not None), {})
        if versions:
            yield f"{name}: versions", ", ".join(f"{word} {version}" for word, version in versions.items())


def _json(studies: Sequence[Study]) -> str:
    """The typed document as indented text."""
    documents = tuple(map(_document, studies))
    whole: StudyDocument | StudiesDocument = documents[0]
    if len(documents) > 1:
        whole = StudiesDocument(schema_version=SCHEMA_VERSION, studies=documents)
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode()


def _document(study: Study) -> StudyDocument:
    series = study.series
    return StudyDocument(
        schema_version=SCHEMA_VERSION,
        series=series.name,
        title=series.title,
        dataset=series.dataset,
        metric=series.metric,
        higher_is_better=series.higher_is_better,
        source=series.source,
        license=series.license,
        caveats=series.caveats,
        counting=study.counting,
        settings=study.settings,
        n=study.n,
        metrics=study.metrics,
        baselines=study.baselines,
        groups=study.groups,
        models=tuple(map(_model, study.models)),
        printed=tuple({**msgspec.structs.asdict(check), "difference": check.difference} for check in study.checks),
        findings=tuple({"name": finding.name, "sentence": finding.sentence} for finding in study.findings),
        problems=study.problems,
    )


def _model(found: Measured) -> StudiedModel:
    model = found.model
    target = model.target if isinstance(model.target, str) else ""
    return StudiedModel(
        name=model.name,
        value=model.value,
        group=model.group,
        source=found.report.source.target if found.report is not None else target,
        provider=model.provider,
        parameters=found.parameters,
        layers=found.layers,
        step=model.step,
        metrics=found.metrics,
        reading=found.reading,
        reason=found.reason,
    )
