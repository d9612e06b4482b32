"""The JSON of `compare`, `diff` and `study` -> the page it was written from, but for what only a live record has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from eigentail.errors import UsageError
from eigentail.records import NAN, Fit, Layer, LayerTable, ModelReport, Summary
from eigentail.records.comparison import Alignment, Comparison, Finding
from eigentail.records.difference import Change, Difference, Drift, LayerDifference, Overlap, Side, TensorDifference
from eigentail.records.study import Measured, PrintedCheck, Series, SeriesModel, Study
from eigentail.reports.compare_page import ComparedModel, ComparisonDocument, comparison_page
from eigentail.reports.diff_document import ChangeDocument, DifferenceDocument, LayerDocument
from eigentail.reports.diff_page import difference_page
from eigentail.reports.restored import restored
from eigentail.reports.study_page import StudiedModel, StudiesDocument, StudyDocument, studies_page
from eigentail.reports.table import Page, visible


def saved_page(document: Mapping[str, Any]) -> Page | None:
    """The page of a saved comparison, difference or study.

    Args:
        document: the decoded JSON.

    Returns:
        The page, or None where the document is none of the three. Its JSON is the document itself.

    Raises:
        msgspec.ValidationError: it is one of them, but with parts that make no sense.

    Example:
        >>> import eigentail as et
        >>> saved = et.compare(et.example(), et.example(), names=["a", "b"]).to_json()
        >>> saved_page(msgspec.json.decode(saved)).title
        'a against b'
        >>> saved_page({"schema_version": 1}) is None
        True
    """
    page_of = next((found for name, found in _BY_FIELD.items() if name in document), None)
    if page_of is None:
        return None
    try:
        page = page_of(document)
    except UsageError as error:  # settings that no analysis can have had
        raise msgspec.ValidationError(str(error)) from error
    return msgspec.structs.replace(page, json=lambda: _text(document))


def _text(document: Mapping[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _comparison_page(document: Mapping[str, Any]) -> Page:
    saved = restored(document, ComparisonDocument)
    _check_models(saved)
    comparison = Comparison(
        names=tuple(model.name for model in saved.models),
        reports=tuple(map(_report, saved.models)),
        alignment=Alignment(
            matches=tuple(layer.match for layer in saved.layers),
            unmatched=tuple(model.unmatched for model in saved.models),
        ),
        layers=saved.layers,
        paired=saved.paired,
        rankings=saved.rankings,
        flows=tuple(model.flow for model in saved.models),
        findings=saved.findings,
        marks=saved.marks,
        identical=saved.identical,
    )
    return comparison_page(comparison)


def _check_models(saved: ComparisonDocument) -> None:
    """Models are told by their places: each must be one, and every list as long as there are models."""
    models = len(saved.models)
    places = [place for pair in saved.identical for place in pair]
    places += [place for ranking in saved.rankings for place in ranking.order]
    places += [paired.model for paired in saved.paired]
    lengths = [len(layer.match.names) for layer in saved.layers]
    lengths += [len(values) for layer in saved.layers for values in layer.values.values()]
    lengths += [len(ranking.values) for ranking in saved.rankings]
    steps = [len(values) for layer in saved.layers for values in layer.differences.values()]
    steps += [len(ranking.chances) for ranking in saved.rankings if ranking.chances]
    named = {name for layer in saved.layers for name in layer.values}
    alike = all(named == set(layer.values) == set(layer.differences) for layer in saved.layers)
    if not (
        models > 1
        and alike
        and all(0 <= place < models for place in places)
        and all(length == models for length in lengths)
        and all(length == models - 1 for length in steps)
    ):
        raise msgspec.ValidationError("the parts of the comparison do not fit together")


def _report(model: ComparedModel) -> ModelReport:
    """What a comparison says of a model: all but its layers."""
    names = [name for name in Summary.__struct_fields__ if name in model.summary]
    means = {name: value for name, value in model.summary.items() if name not in names}
    summary = restored({"mean": means, **{name: model.summary[name] for name in names}}, Summary)
    versions = {name: version for name, version in model.tool.items() if name != "name"}
    return ModelReport(
        source=model.source,
        settings=model.settings,
        layers=LayerTable(),
        skipped=(),
        summary=summary,
        versions=versions,
    )


def _difference_page(document: Mapping[str, Any]) -> Page:
    saved = restored(document, DifferenceDocument)
    difference = Difference(
        base=saved.base,
        other=saved.other,
        settings=saved.settings,
        layers=tuple(map(_layer, saved.layers)),
        tensors=tuple(restored(tensor, TensorDifference) for tensor in msgspec.convert(saved.tensors, list[Any])),
        skipped=tuple(saved.skipped),
        whole=saved.verdict,
        sentence=saved.sentence,
        deed=saved.deed,
        done=saved.done,
        relative=restored({"value": saved.relative}, Drift).value,
        by_kind={kind: restored({"value": value}, Drift).value for kind, value in saved.by_kind.items()},
        outcomes=saved.outcomes,
        versions={name: version for name, version in saved.tool.items() if name != "name"},
    )
    return difference_page(difference)


def _layer(row: LayerDocument) -> LayerDifference:
    layer = Layer(
        index=row.index, name=row.name, kind=row.kind, block=row.block, tensors=(), shape=row.shape, count=row.count
    )
    return LayerDifference(
        layer=layer,
        outcome=row.outcome,
        reason=row.reason,
        base=None if row.base is None else restored(row.base, Side),
        other=None if row.other is None else restored(row.other, Side),
        change=Change() if row.change is None else _change(row.change),
        alpha_drift=Drift() if row.alpha_drift is None else restored(row.alpha_drift, Drift),
        log_norm_drift=restored({"value": row.log_norm_drift}, Drift).value,
        overlap=Overlap() if row.overlap is None else restored(row.overlap, Overlap),
    )


def _change(value: Any) -> Change:
    """The numbers of the change; its tail is written among them, its eigenvalues are not."""
    saved = msgspec.convert(value, ChangeDocument)
    fit = restored({name: value[name] for name in ("status", "alpha", "xmin", "D", "tail")}, Fit)
    known = {name: value[name] for name in Change.__struct_fields__ if name not in ("spectrum", "fit")}
    numbers = {name: NAN if known[name] is None else known[name] for name in known if name not in ("rank", "deed")}
    return msgspec.structs.replace(Change(), **numbers, rank=saved.rank, deed=saved.deed, fit=fit)


def _study_page(document: Mapping[str, Any]) -> Page:
    saved = restored(document, StudyDocument)
    return _with_problems(studies_page((_study(saved),)), (saved,))


def _studies_page(document: Mapping[str, Any]) -> Page:
    saved = restored(document, StudiesDocument).studies
    if not saved:
        raise msgspec.ValidationError("the document has no study")
    return _with_problems(studies_page(tuple(map(_study, saved))), saved)


def _with_problems(page: Page, saved: tuple[StudyDocument, ...]) -> Page:
    """The page with what was wrong in layers, of which the document has the sentences only."""
    said = "\n".join(page.lead)
    more = [f"{visible(problem)}." for study in saved for problem in study.problems if visible(problem) not in said]
    return msgspec.structs.replace(page, lead=(*page.lead, *dict.fromkeys(more)))


def _study(saved: StudyDocument) -> Study:
    models = tuple(map(_model, saved.models))
    return Study(
        series=Series(
            name=saved.series,
            title=saved.title,
            higher_is_better=saved.higher_is_better,
            models=tuple(found.model for found in models),
            dataset=saved.dataset,
            metric=saved.metric,
            source=saved.source,
            license=saved.license,
            caveats=saved.caveats,
        ),
        settings=saved.settings,
        counting=saved.counting,
        models=models,
        metrics=saved.metrics,
        baselines=saved.baselines,
        groups=saved.groups,
        checks=tuple(restored(check, PrintedCheck) for check in saved.printed),
        findings=tuple(
            Finding(name=finding.get("name", ""), models=(), sentence=finding.get("sentence", ""))
            for finding in saved.findings
        ),
    )


def _model(found: StudiedModel) -> Measured:
    model = SeriesModel(
        name=found.name,
        value=found.value,
        target=found.source or None,
        group=found.group,
        step=found.step,
        provider=found.provider,
    )
    return Measured(
        model=model,
        metrics=found.metrics,
        parameters=found.parameters,
        layers=found.layers,
        reading=found.reading,
        reason=found.reason,
    )


# A field that no other document has.
_BY_FIELD: Final[Mapping[str, Callable[[Mapping[str, Any]], Page]]] = {
    "rankings": _comparison_page,
    "deed": _difference_page,
    "baselines": _study_page,
    "studies": _studies_page,
}
