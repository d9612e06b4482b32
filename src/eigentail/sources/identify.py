"""The one door: what a target is, and how it is opened."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

from eigentail.errors import SourceError
from eigentail.records import SourceRef
from eigentail.registry import Registry
from eigentail.sources.adapter import adapted, live_configs
from eigentail.sources.live import LIVE, describe_live, open_live
from eigentail.sources.merged import SUM, Merged, sum_of, summands
from eigentail.sources.protocol import Format, Probe, WeightSource, fingerprint

_HUB_NAME: Final = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")

formats: Final[Registry[Format]] = Registry("format", "eigentail.sources.formats", "FORMAT")


def identify(target: object) -> SourceRef:
    """What a target is, by its content first and its name second; no weight is read.

    Args:
        target: the path of a file or folder, `base+adapter` (or more adapters) of those, a live model or mapping of
            arrays, or a source that is already open.

    Returns:
        A reference that `open_source` opens, on any machine that sees the same path, unless the target is live.

    Raises:
        SourceError: there is nothing at the path, or nothing that is known how to read.

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
        parts = summands(os.fspath(cast("str | os.PathLike[str]", target)))
        if len(parts) > 1:
            return sum_of([identify(part) for part in parts])
        return _identify_path(_local(os.fspath(cast("str | os.PathLike[str]", target))))
    return SourceRef(LIVE, describe_live(target))


def open_source(target: object) -> WeightSource:
    """Open a target: a path, a reference, a live model, or a source, which is handed back as it is.

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
    source = _already_open(target)
    if source is not None:
        return source
    if not isinstance(target, SourceRef | str | os.PathLike):
        return adapted(open_live(target), live_configs(target))
    ref = identify(target)
    return _open_sum(ref) if ref.format == SUM else adapted(open_stored(ref))


def open_stored(target: SourceRef | str) -> WeightSource:
    """Open a file or folder as it is stored: the tensors of an adapter are not put together.

    Args:
        target: a path, or a reference to one.

    Raises:
        SourceError: as `open_source`.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> path = Path(tempfile.mkdtemp()) / "adapter.npz"
        >>> np.savez(path, **{"fc.lora_A.weight": np.eye(2), "fc.lora_B.weight": np.eye(2)})
        >>> source = open_stored(str(path))
        >>> [spec.name for spec in source.tensors()]
        ['fc.lora_A.weight', 'fc.lora_B.weight']
        >>> source.close()
    """
    ref = identify(target)
    if ref.format == LIVE:
        raise SourceError(
            "a live model cannot travel to another process", where=ref.target, hint="save it, or use threads"
        )
    form = formats[ref.format]
    try:
        if ref.fingerprint and ref.fingerprint != _fingerprint(Path(ref.target)):
            raise SourceError("has changed since it was first looked at", where=ref.target, hint="start again")
        return form.open(ref)
    except OSError as error:
        raise SourceError(_system(error), where=ref.target) from error


def _open_sum(ref: SourceRef) -> WeightSource:
    """A base and its adapters; none stays open when one fails."""
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


def _local(text: str) -> Path:
    """The path that the words of a user mean; a name that can only be elsewhere is told so."""
    if "://" in text:
        raise SourceError("is an address, and only local files are read", where=text, hint="download it first")
    path = Path(text).expanduser().absolute()
    if _HUB_NAME.fullmatch(text) and not path.parent.exists():
        hint = f"if it is a model of the Hugging Face Hub, download it first (hf download {text} --local-dir FOLDER)"
        raise SourceError("no such file or folder", where=text, hint=hint)
    return path


def _identify_path(path: Path) -> SourceRef:
    """The first format that claims the path; claims exclude each other, so their order does not matter."""
    try:
        probe = Probe(path)
        if not (probe.is_folder or path.is_file()):
            raise SourceError("is neither a file nor a folder", where=str(path))
        for name, form in formats.items():
            if form.claims(probe):
                return SourceRef(name, str(path), _fingerprint(path))
        raise _unreadable(probe)
    except OSError as error:
        raise SourceError(_system(error), where=str(path)) from error


def _fingerprint(path: Path) -> str:
    """Of a file its size and time; of a folder those of the weights in it and one level below, whatever lies beside."""
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
