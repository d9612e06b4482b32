"""A model of the Hub, fetched into the cache of the Hub's own client: the files that would be read, and no others."""

from __future__ import annotations

import glob
from pathlib import Path

from eigentail._version import __version__
from eigentail.errors import SourceError
from eigentail.sources.far.hub import meant_on_hub
from eigentail.sources.place import Place
from eigentail.sources.targets import HubName, hub_name, is_local


def fetched(target: str) -> str:
    """The files of a model that would be read, and no others, fetched into the cache of the Hub's client.

    Args:
        target: what a user wrote.

    Returns:
        Where they lie now; the target itself where it is no model of the Hub.

    Raises:
        SourceError: they may not be had, or the download was cut short.

    Example:
        >>> fetched("./model.npz")
        './model.npz'
    """
    name = None if is_local(target) else hub_name(target)
    if name is None:
        return target
    found = meant_on_hub(target, name)
    if isinstance(found, Path):
        return str(found)
    import huggingface_hub

    base = f"{HubName(name.repo, found.version())}/"
    chosen = [str(path).removeprefix(base) for path in _with_facts(found)]
    try:
        folder = huggingface_hub.snapshot_download(
            name.repo,
            revision=name.revision,
            allow_patterns=[glob.escape(path) for path in chosen],
            library_name="eigentail",
            library_version=__version__,
        )
    except Exception as error:  # the client has a dozen kinds, and those of what it rests on
        what = f"the download was cut short ({type(error).__name__})"
        raise SourceError(what, where=str(name), hint="run the same again: it goes on from there") from error
    if Path(folder).name != found.version():
        raise SourceError("has changed while it was being fetched", where=str(name), hint="start again")
    return str(Path(folder) / name.path)


def _with_facts(found: Place) -> list[Place]:
    """The weights, and what tells the architecture beside them."""
    from eigentail.sources.formats.folder import facts_of, files_of

    weights = files_of(found)
    if not weights and found.is_dir():  # a folder that is a format of its own comes whole
        return [each for each in _everything(found) if not each.name.startswith(".")]
    return [*weights, *facts_of(found if found.is_dir() else found.parent)]


def _everything(folder: Place) -> list[Place]:
    found: list[Place] = []
    for each in folder.iterdir():
        found.extend(_everything(each) if each.is_dir() else [each])
    return found
