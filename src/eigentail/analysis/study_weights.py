"""Where the weights of a published series lie on this machine: a folder the user names, or the cache of the Hub."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from eigentail.errors import UsageError
from eigentail.records.study import Series, SeriesModel
from eigentail.settings import Settings

# How the articles count: every kernel position is a matrix, from 50 eigenvalues on, all scaled alike.
AS_PUBLISHED: Final = Settings(conv="per-slice", conv_scale="paper", min_evals=50)
_SUFFIXES: Final = (".safetensors", ".pth", ".pt", ".bin", ".th", ".npz", ".json")
# Hub names are owner/name; what other libraries provide is written library:name.
_ELSEWHERE: Final = "pytorchcv:"


def on_disk(series: Series, folder: str | Path | None = None) -> Series:
    """The series with every model's weights in place of its published averages. Nothing is downloaded.

    A model is looked for in the folder as `NAME/` or `NAME.safetensors` (.pth, .pt, .bin, a saved report .json, or
    with a hash behind it as `vgg11-8a719046.pth`), by its provider's name first and its own second; then in the
    local cache of the Hugging Face Hub (HF_HUB_CACHE, HF_HOME).

    Args:
        series: built in, or with a provider for each model.
        folder: where the user keeps them; None for the cache alone.

    Returns:
        The series; a model that is not there says in `missing` how to fetch it.

    Raises:
        UsageError: the folder does not exist.

    Example:
        >>> import tempfile
        >>> from eigentail.analysis.study_file import series_named
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "vgg11-8a719046.pth").write_bytes(b"")
        >>> model = on_disk(series_named("nature2021-vgg")[0], folder).models[0]
        >>> Path(model.target).name, dict(model.metrics)
        ('vgg11-8a719046.pth', {})
    """
    place = None if folder is None else Path(folder).expanduser()
    if place is not None and not place.is_dir():
        raise UsageError("is not a folder", where=str(place), hint="name the one the weights lie in")
    return replace(series, models=tuple(_placed(model, place) for model in series.models))


def _placed(model: SeriesModel, folder: Path | None) -> SeriesModel:
    if model.target is not None:  # a study file that names its files needs no search
        return replace(model, metrics={})
    found = next((path for path in _candidates(model, folder)), None)
    if found is None:
        return replace(model, metrics={}, missing=_how_to_fetch(model))
    return replace(model, metrics={}, target=str(found))


def _candidates(model: SeriesModel, folder: Path | None) -> Iterator[Path]:
    """Every place in which the weights lie, the likeliest first."""
    if folder is not None:
        for name in dict.fromkeys((_last(model.provider), model.name)):
            yield from _in_folder(name, folder)
    if "/" in model.provider:
        yield from _in_cache(model.provider)


def _in_folder(name: str, folder: Path) -> Iterator[Path]:
    if not name:
        return
    if (folder / name).exists():
        whole = folder / name / "model.safetensors"
        yield whole if whole.is_file() and not _config(folder / name) else folder / name
    for suffix in _SUFFIXES:
        yield from (path for path in (folder / f"{name}{suffix}",) if path.is_file())
        yield from sorted(path for path in folder.glob(f"*-*{suffix}") if path.name.startswith(f"{name}-"))


def _config(folder: Path) -> bool:
    """Whether the folder tells the architecture too, which the file in it does not."""
    return (folder / "config.json").is_file()


def _in_cache(provider: str) -> Iterator[Path]:
    """The snapshot that the cache holds: that of the main branch, or else the newest."""
    stored = _cache() / f"models--{provider.replace('/', '--')}"
    main = stored / "refs" / "main"
    if main.is_file():
        yield from (
            path for path in (stored / "snapshots" / main.read_text(encoding="utf-8").strip(),) if path.is_dir()
        )
    snapshots = (path for path in (stored / "snapshots").glob("*") if path.is_dir())
    yield from sorted(snapshots, key=lambda path: path.stat().st_mtime, reverse=True)


def _cache() -> Path:
    """As the Hub's own client decides it."""
    if named := os.environ.get("HF_HUB_CACHE"):
        return Path(named).expanduser()
    if home := os.environ.get("HF_HOME"):
        return Path(home).expanduser() / "hub"
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "huggingface" / "hub"


def _last(provider: str) -> str:
    return provider.removeprefix(_ELSEWHERE).rpartition("/")[2]


def _how_to_fetch(model: SeriesModel) -> str:
    """One sentence with the command."""
    if model.provider.startswith(_ELSEWHERE):
        name = _last(model.provider)
        return (
            "its weights are not here: pip install pytorchcv, then python -c "
            f"\"from pytorchcv.model_provider import get_model; get_model('{name}', pretrained=True)\" "
            "and --weights ~/.torch/models"
        )
    if model.provider:
        return f"its weights are not here: hf download {model.provider} fetches them"
    return "its weights are not here, and nothing is known that provides them"
