"""A series from a TOML file or from a name: the published ones and the zoo come with the package."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from eigentail.errors import UsageError, did_you_mean
from eigentail.records.study import Series, SeriesModel
from eigentail.sources.targets import scheme_of

_PACKAGE: Final = Path(__file__).resolve().parents[1]
_PUBLISHED: Final = _PACKAGE / "studies"
# The zoo that comes with the package; in a checkout of the repository there is a second one, of larger nets.
_ZOO: Final = "zoo"
_STATISTICS: Final = ("rmse", "r2", "kendall_tau")


class _ModelEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A `[[models]]` table of a study file."""

    name: str
    value: float
    file: str = ""
    group: str = ""
    parameters: int | None = None
    layers: int | None = None
    step: int | None = None
    provider: str = ""
    metrics: dict[str, float] = {}


class _File(msgspec.Struct, frozen=True, kw_only=True):
    """A study file."""

    higher_is_better: bool
    models: list[_ModelEntry]
    title: str = ""
    dataset: str = ""
    metric: str = "value"
    source: str = ""
    license: str = ""
    caveats: list[str] = []
    printed: dict[str, dict[str, float]] = {}


def read_series(path: str | Path) -> Series:
    """A series as a study file tells it; no model is looked at.

    Args:
        path: a TOML file. `file` of a model is relative to it, or absolute.

    Returns:
        The series; its name is the file's without the suffix.

    Raises:
        UsageError: the file cannot be read or is not TOML; it has no models, two of one name, a field that is not
            known (with the nearest known one) or of the wrong type; or a model has neither file, metrics nor provider.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "series.toml"
        >>> _ = path.write_text('titel = "two nets"')
        >>> read_series(path)
        Traceback (most recent call last):
        eigentail.errors.UsageError: ...series.toml: unknown field 'titel': did you mean title?
    """
    path = Path(path)
    document = _toml(path)
    _check_fields(document, path)
    try:
        file = msgspec.convert(document, _File)
    except msgspec.ValidationError as error:
        raise UsageError(_said(error), where=str(path)) from error
    if not file.models:
        raise UsageError("has no models", where=str(path), hint=_A_MODEL)
    _check_names([entry.name for entry in file.models], path)
    return Series(
        name=path.stem,
        title=file.title or path.stem,
        higher_is_better=file.higher_is_better,
        models=tuple(_model(entry, path) for entry in file.models),
        dataset=file.dataset,
        metric=file.metric,
        source=file.source,
        license=file.license,
        caveats=tuple(file.caveats),
        printed=file.printed,
    )


def series_named(target: str | Path) -> tuple[Series, ...]:
    """The series that a word on the command line means: a study file, or a built-in study.

    Args:
        target: a path of a TOML file; or "nature2021" for its five series, "nature2021-vgg" for one; "sdm2020" and
            "sdm2020-resnet"; "zoo" and "zoo-digits_noise".

    Returns:
        One series or more, those of a built-in name in the order of their names.

    Raises:
        UsageError: as `read_series`, or neither a file nor a name that is known.

    Example:
        >>> [series.name for series in series_named("nature2021")][:2]
        ['nature2021-densenet', 'nature2021-gpt']
        >>> series_named("nature2012-vgg")
        Traceback (most recent call last):
        eigentail.errors.UsageError: nature2012-vgg: no study file, and no built-in study of this name: did you mean ...
    """
    known = dict(built_in())
    word = str(target)
    chosen = [path for name, path in known.items() if name == word or name.startswith(f"{word}-")]
    is_file = _is_file(Path(target))
    if chosen and not is_file:
        return tuple(_named(read_series(path), name) for name, path in known.items() if path in chosen)
    if is_file or Path(target).suffix.lower() == ".toml":
        return (read_series(target),)
    collections = {name.partition("-")[0] for name in known}
    raise UsageError(
        "no study file, and no built-in study of this name",
        where=word,
        hint=did_you_mean(word, [*known, *collections]),
    )


def built_in() -> Iterator[tuple[str, Path]]:
    """The name and the file of every study at hand.

    Yields:
        The published series, then those of the zoo.

    Example:
        >>> "nature2021-vgg" in dict(built_in())
        True
    """
    for path in sorted(_PUBLISHED.glob("*.toml")):
        yield path.stem, path
    repository = _PACKAGE.parents[1]
    folders = [_PACKAGE / _ZOO, *([repository / _ZOO] if (repository / "pyproject.toml").is_file() else [])]
    for path in sorted((path for folder in folders for path in folder.glob("*.toml")), key=lambda path: path.stem):
        yield f"{_ZOO}-{path.stem}", path


_A_MODEL: Final = 'give each a [[models]] table with name, file and value, as name = "a", file = "a.pt", value = 71.6'


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a word too long for a name, or with a null character in it
        return False


def _toml(path: Path) -> dict[str, Any]:
    try:
        text = path.read_bytes().decode("utf-8")
        document = tomllib.loads(text)
    except OSError as error:
        raise UsageError((error.strerror or str(error)).lower(), where=str(path)) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        said = " ".join(str(error).split())
        raise UsageError(
            f"is not TOML ({said})", where=str(path), hint="a study file is described by --help"
        ) from error
    if not document:
        raise UsageError("is empty", where=str(path), hint=_A_MODEL)
    return document


def _check_fields(document: Mapping[str, Any], path: Path) -> None:
    """One sentence for a field that is not known, or that is missing."""
    _check_known(document, _File.__struct_fields__, "", path)
    models = document.get("models", [])
    for at, entry in enumerate(models if isinstance(models, list) else [], 1):
        if isinstance(entry, dict):
            _check_known(entry, _ModelEntry.__struct_fields__, f" of model {at}", path)
            _check_there(entry, at, path)
    printed = document.get("printed", {})
    for metric, statistics in (printed if isinstance(printed, dict) else {}).items():
        if isinstance(statistics, dict):
            _check_known(statistics, _STATISTICS, f" of printed.{metric}", path)
    if not models:
        raise UsageError("has no models", where=str(path), hint=_A_MODEL)
    if "higher_is_better" not in document:
        hint = "write higher_is_better = true for an accuracy, false for an error or a loss"
        raise UsageError("does not say which value is the better one", where=str(path), hint=hint)


def _check_known(given: Mapping[str, Any], known: tuple[str, ...], of: str, path: Path) -> None:
    for field in given:
        if field not in known:
            raise UsageError(f"unknown field {field!r}{of}", where=str(path), hint=did_you_mean(field, known))


def _check_there(entry: Mapping[str, Any], at: int, path: Path) -> None:
    for field in ("name", "value"):
        if field not in entry:
            raise UsageError(f"model {at} has no {field}", where=str(path), hint=_A_MODEL)


def _check_names(names: list[str], path: Path) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"several models are named {json.dumps(twice[0])}", where=str(path), hint="name each apart")


def _model(entry: _ModelEntry, path: Path) -> SeriesModel:
    """A table as a model; its file is looked for beside the study file."""
    if not (entry.file or entry.metrics or entry.provider):
        raise UsageError(f"model {json.dumps(entry.name)} has no file", where=str(path), hint="add file = ...")
    return SeriesModel(
        name=entry.name,
        value=entry.value,
        target=_beside(path, entry.file) if entry.file else None,
        metrics=entry.metrics,
        group=entry.group,
        parameters=entry.parameters,
        layers=entry.layers,
        step=entry.step,
        provider=entry.provider,
    )


def _beside(path: Path, file: str) -> str:
    """The path of a file as the study file means it; a link is not followed: its own name tells the format."""
    if scheme_of(file):
        return file
    place = path.absolute().parent / Path(file).expanduser()
    return str(place.parent.resolve() / place.name)


def _named(series: Series, name: str) -> Series:
    return msgspec.structs.replace(series, name=name)


def _said(error: msgspec.ValidationError) -> str:
    """What is wrong, and in which table: `$.models[0].value` is the value of model 1."""
    what, _, place = str(error).partition(" - at ")
    field = place.strip("`").removeprefix("$.")
    return f"{field}: {what[:1].lower()}{what[1:]}" if field else f"{what[:1].lower()}{what[1:]}"
