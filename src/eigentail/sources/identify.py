"""The one door: what a target is, and how it is opened."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlsplit

from eigentail.errors import SourceError
from eigentail.records import SourceRef
from eigentail.registry import Registry
from eigentail.sources.adapters.adapted import adapted, live_configs
from eigentail.sources.far.ollama import PREFIX, ollama_path
from eigentail.sources.live import LIVE, describe_live, open_live
from eigentail.sources.place import FarPath, Place, place
from eigentail.sources.protocol import Format, Probe, WeightSource, fingerprint
from eigentail.sources.quantised_source import dequantised
from eigentail.sources.targets import SUM, hub_name, is_local, scheme_of

if TYPE_CHECKING:
    from eigentail.sources.adapters.configuration import AdapterConfig

formats: Final[Registry[Format]] = Registry("format", "eigentail.sources.formats", "FORMAT")


def identify(target: object) -> SourceRef:
    """What a target is, by its content first and its name second; no weight is read.

    Args:
        target: the path of a file or folder; a model of the Hugging Face Hub (`org/name[@revision][/folder][:file]`,
            with "hf://" before it or not); an address (`https://`, `s3://`, `gs://`); `ollama:name[:tag]`;
            `base+adapter` (or more adapters) of those; a live model or mapping of arrays; or a source that is already
            open. A path that exists goes before a name of the Hub.

    Returns:
        A reference that `open_source` opens, on any machine that sees the same path, unless the target is live. One
        of the Hub names the commit that the revision stood for.

    Raises:
        SourceError: there is nothing at the path, nothing that is known how to read, or a server refuses it.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> path = Path(tempfile.mkdtemp()) / "weights"
        >>> with path.open("wb") as file:
        ...     np.savez(file, w=np.eye(2))
        >>> identify(path).format
        'npz'
        >>> identify({"w": np.eye(2)})
        SourceRef(format='live', target='dict', fingerprint='')
    """
    if isinstance(target, SourceRef):
        return target
    source = _already_open(target)
    if source is not None:
        return source.ref
    if isinstance(target, str | os.PathLike):
        text = os.fspath(cast("str | os.PathLike[str]", target))
        return (_identify_sum(text) if "+" in text else None) or _identify_place(located(text))
    return SourceRef(LIVE, describe_live(target))


def open_source(target: object) -> WeightSource:
    """Open a target: a path, a reference, a live model, or a source, which is handed back as it is.

    Quantised weights are shown as what they stand for, and decoded when they are read.

    Args:
        target: as for `identify`.

    Raises:
        SourceError: it cannot be opened, has changed since the reference was made, or is a reference to a live model.

    Example:
        >>> import numpy as np
        >>> source = open_source({"w": np.eye(2)})
        >>> source.tensors()[0].name, open_source(source) is source
        ('w', True)
    """
    already = _already_open(target)
    if already is not None:
        return already
    if not isinstance(target, SourceRef | str | os.PathLike):
        return _put_together(open_stored(target), live_configs(target))
    ref = identify(target)
    return _open_sum(ref) if ref.format == SUM else _put_together(open_stored(ref), None)


def open_stored(target: object) -> WeightSource:
    """Open a target with every tensor as it is stored: quantised weights and adapters in their parts.

    Args:
        target: as for `identify`, but not open yet, and no sum.

    Raises:
        SourceError: as `open_source`.

    Example:
        >>> import numpy as np
        >>> source = open_stored({"fc.weight": np.ones((2, 2), np.int8), "fc.weight_scale": np.ones(2)})
        >>> [spec.name for spec in source.tensors()]
        ['fc.weight', 'fc.weight_scale']
    """
    if not isinstance(target, SourceRef | str | os.PathLike):
        return open_live(target)
    ref = identify(target)
    if ref.format == LIVE:
        raise SourceError(
            "a live model cannot travel to another process", where=ref.target, hint="save it, or use threads"
        )
    form = formats[ref.format]
    try:
        if ref.fingerprint and ref.fingerprint != _fingerprint(place(ref.target)):
            raise SourceError("has changed since it was first looked at", where=ref.target, hint="start again")
        return form.open(ref)
    except OSError as error:
        raise SourceError(_system(error), where=ref.target) from error


def _identify_sum(text: str) -> SourceRef | None:
    """What `base+adapter` is; None where the plus sign is part of a path."""
    from eigentail.sources.adapters.merged import sum_of, summands  # few targets are sums

    parts = summands(text)
    return sum_of([identify(part) for part in parts]) if len(parts) > 1 else None


def _put_together(source: WeightSource, configs: Mapping[str, AdapterConfig] | None) -> WeightSource:
    """The weights that stored tensors are parts of; closed where this fails."""
    try:
        whole = dequantised(source)
    except BaseException:
        source.close()
        raise
    return adapted(whole, configs)


def _open_sum(ref: SourceRef) -> WeightSource:
    """A base and its adapters; none stays open when one fails."""
    from eigentail.sources.adapters.merged import Merged, summands

    found: list[WeightSource] = []
    try:
        if ref.fingerprint and ref.fingerprint != identify(ref.target).fingerprint:
            raise SourceError("has changed since it was first looked at", where=ref.target, hint="start again")
        found.extend(map(open_source, summands(ref.target)))  # one by one: on failure those opened so far are closed
        return Merged(found[0], found[1:])
    except BaseException:
        for source in found:
            source.close()
        raise


@contextmanager
def opened(target: object) -> Iterator[WeightSource]:
    """Open a target for the length of a `with` block; a source that was open before stays open.

    Args:
        target: as for `identify`.

    Yields:
        The source.

    Raises:
        SourceError: as `open_source`.

    Example:
        >>> import numpy as np
        >>> with opened({"w": np.eye(2)}) as source:
        ...     source.tensors()[0].name
        'w'
    """
    source = open_source(target)
    try:
        yield source
    finally:
        if source is not target:
            source.close()


def _already_open(target: object) -> WeightSource | None:
    """The target itself when it is an open source: only those carry a reference."""
    return cast(WeightSource, target) if isinstance(getattr(target, "ref", None), SourceRef) else None


def located(text: str) -> Place:
    """The place that the words of a user mean: a path that exists goes before everything else.

    Args:
        text: as for `identify`.

    Raises:
        SourceError: it can only be elsewhere, and is not there.

    Example:
        >>> located("/no/such.npz").name
        'such.npz'
    """
    if scheme_of(text) == "file":
        from urllib.request import url2pathname  # a client for every protocol comes with it: 6 ms of every start

        return Path(url2pathname(urlsplit(text).path))
    path = Path(text).expanduser().absolute()
    if is_local(text):
        return path
    if text.startswith(PREFIX):
        return ollama_path(text)
    name = hub_name(text)
    if name is not None and (scheme_of(text) or not _is_file_name(text)):
        from eigentail.sources.far.hub import meant_on_hub

        return meant_on_hub(text, name)
    return place(text) if scheme_of(text) else path


def _is_file_name(text: str) -> bool:
    """Whether words end as weights do: those name a file, and no model."""
    folder, _, name = text.rpartition("/")
    endings = tuple(suffix for form in formats.values() for suffix in form.suffixes)
    return "/" not in folder and ":" not in name and name.lower().endswith(endings)


def _identify_place(path: Place) -> SourceRef:
    """The first format that claims the path; claims exclude each other, so their order does not matter."""
    try:
        probe = Probe(path)
        if not (probe.is_folder or path.is_file()):
            raise SourceError("is neither a file nor a folder", where=str(path))
        form = formats.first(lambda form: form.claims(probe), near=path.name)
        if form is None:
            raise _unreadable(probe)
        return SourceRef(form.name, str(path), _fingerprint(path))
    except OSError as error:
        raise SourceError(_system(error), where=str(path)) from error


def _fingerprint(path: Place) -> str:
    """Of a file its size and time; of a folder those of the weights in it and one level below, whatever lies beside."""
    if isinstance(path, FarPath):
        return path.version()
    path = Path(str(path))
    if path.is_file():
        return fingerprint(path)
    suffixes = tuple(suffix for form in formats.values() for suffix in form.suffixes)
    stats = [file.stat() for file in (*path.glob("*"), *path.glob("*/*")) if file.name.endswith(suffixes)]
    return f"{sum(stat.st_size for stat in stats)}:{max((stat.st_mtime_ns for stat in stats), default=0)}"


def _unreadable(probe: Probe) -> SourceError:
    """What to say of a file that no format claims: what it is, then what could be read."""
    from eigentail.sources.formats.recognised import looks_like  # the formats' own room is read on first use

    look = looks_like(probe)
    begins = probe.head[:8].hex(" ")
    what = f"is {look.words}" if look else f"is no weights file that is known here (it begins with {begins})"
    remedy = look.hint if look else ""
    return SourceError(what, where=str(probe.path), hint=remedy or f"what can be read: {_readable(formats.values())}")


def _readable(known: Iterable[Format]) -> str:
    titles: dict[str, list[str]] = {}
    for form in known:
        titles.setdefault(form.title, []).extend(form.suffixes)
    return ", ".join(f"{title} ({' '.join(ends)})" if ends else title for title, ends in titles.items())


def _system(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
