"""Where the weights of a published series lie on this machine: a folder the user names, or the cache of the Hub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from eigentail.errors import UsageError
from eigentail.records.study import Series, SeriesModel
from eigentail.settings import Settings
from eigentail.sources.far.hub_cache import snapshots
from eigentail.sources.targets import HUB

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


def from_the_hub(series: Series) -> Series:
    """The series with the models that are not on this machine read from the Hugging Face Hub, where that has them.

    Args:
        series: as `on_disk` returns it.

    Example:
        >>> from eigentail.analysis.study_file import series_named
        >>> missing = replace(series_named("nature2021-gpt")[0].models[0], metrics={}, missing="not here")
        >>> from_the_hub(Series(name="gpt", title="gpt", higher_is_better=True, models=(missing,))).models[0].target
        'hf://openai-community/openai-gpt'
    """
    return replace(series, models=tuple(_streamed(model) for model in series.models))


def _streamed(model: SeriesModel) -> SeriesModel:
    if model.target is not None or "/" not in model.provider:
        return model
    return replace(model, target=f"{HUB}://{model.provider}", missing="")


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
        yield from snapshots(model.provider)


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
        fetch = f"hf download {model.provider} fetches them"
        return f"its weights are not here: {fetch}, --stream reads them from the Hub without keeping them"
    return "its weights are not here, and nothing is known that provides them"
