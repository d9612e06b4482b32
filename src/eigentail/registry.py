"""A dictionary that fills itself from a folder and from entry points.

Built-ins come in through the same door as a stranger's plug-in: a module that holds the attribute the registry looks
for. To add a variant, add a file to the folder; nothing else is touched.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from eigentail.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from importlib import metadata


class Named(Protocol):
    """Anything a registry can hold."""

    @property
    def name(self) -> str:
        """The word users write."""


T = TypeVar("T", bound=Named)


class Registry(Mapping[str, T]):
    """Every variant of one kind, by name; read on first use, and of a module of that very name no other one with it.

    Args:
        noun: what one entry is, in a user's word ("metric").
        package: the folder to scan, as a dotted name.
        attribute: what each module of the folder offers: one entry, or a tuple of them.

    Third parties register under the entry-point group `eigentail.<attribute in lower case>`. A broken third-party
    plug-in never stops the others: it is kept in `broken` with the reason.

    Example:
        >>> from eigentail.metrics import metrics
        >>> metrics["stable_rank"].name
        'stable_rank'
    """

    def __init__(self, noun: str, package: str, attribute: str) -> None:
        self._noun, self._package, self._attribute = noun, package, attribute
        self._entries: dict[str, T] | None = None
        self._alone: dict[str, T] = {}  # what was asked for by name before all of them were read
        self.broken: dict[str, str] = {}

    def __getitem__(self, name: str) -> T:
        if name in self._alone:
            return self._alone[name]
        if self._entries is None and name in self._modules():
            self._alone |= {entry.name: entry for entry in self._in_module(name) if entry.name == name}
        entries = self._alone if name in self._alone else self._filled()
        if name not in entries:
            raise UsageError(f"unknown {self._noun} {name!r}", hint=did_you_mean(name, entries))
        return entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._filled()

    def __iter__(self) -> Iterator[str]:
        return iter(self._filled())

    def __len__(self) -> int:
        return len(self._filled())

    def first(self, fits: Callable[[T], bool], *, near: str) -> T | None:
        """The first entry that fits, where at most one does; no module is read after the one that holds it.

        Args:
            fits: what is asked of each.
            near: words in which the name of the right module may lie ("model.safetensors"): those are asked first.

        Returns:
            The entry, or None.

        Example:
            >>> from eigentail.metrics import metrics
            >>> metrics.first(lambda metric: metric.name == "stable_rank", near="ranks").name
            'stable_rank'
        """
        return next(filter(fits, self._one_by_one(near.lower())), None)

    def _one_by_one(self, near: str) -> Iterator[T]:
        asked: set[str] = set()
        if self._entries is None:
            for module in sorted(self._modules(), key=lambda name: name not in near):
                for entry in self._in_module(module):
                    asked.add(entry.name)
                    yield entry
        yield from (entry for name, entry in self._filled().items() if name not in asked)

    def _filled(self) -> dict[str, T]:
        if self._entries is None:
            entries = {entry.name: entry for entry in self._built_in()}
            for entry in self._third_party():
                entries.setdefault(entry.name, entry)
            self._entries = entries  # marked as read last: a broken module raises every time, never only once
        return self._entries

    def _modules(self) -> list[str]:
        folder = importlib.import_module(self._package)
        return sorted(info.name for info in pkgutil.iter_modules(folder.__path__))

    def _built_in(self) -> Iterator[T]:
        for module in self._modules():
            yield from self._in_module(module)

    def _in_module(self, module: str) -> tuple[T, ...]:
        loaded = importlib.import_module(f"{self._package}.{module}")
        return _as_tuple(getattr(loaded, self._attribute, ()))

    def _third_party(self) -> Iterator[T]:
        for point in entry_points(group=f"eigentail.{self._attribute.lower()}"):
            try:
                found = {entry.name: entry for entry in _as_tuple(point.load())}
            except Exception as error:  # a stranger's code may raise anything, or offer what has no name
                self.broken[point.name] = f"{type(error).__name__}: {error}"
            else:
                yield from found.values()


def entry_points(group: str) -> Sequence[metadata.EntryPoint]:
    """What the installed packages offer to a group.

    Args:
        group: its name.

    Example:
        >>> list(entry_points("eigentail.none"))
        []
    """
    if not _may_be_offered(group):
        return ()
    from importlib import metadata  # and with it a parser of mail: as long as reading all that is asked for here

    return tuple(metadata.entry_points(group=group))


def _may_be_offered(group: str) -> bool:
    """Whether a file of entry points speaks of a group: a look into a few texts, where to read all metadata is slow."""
    texts = _texts(tuple(sys.path))
    found_otherwise = any(hasattr(finder, "find_distributions") for finder in sys.meta_path if finder is not PathFinder)
    return texts is None or found_otherwise or any(group in text for text in texts)


@cache
def _texts(path: tuple[str, ...]) -> tuple[str, ...] | None:
    """The entry points of every package in the folders; None where one is an archive, which only metadata can read."""
    if any(Path(folder).is_file() for folder in path):
        return None
    return tuple(text for folder in path for package in _packages(folder or ".") for text in _entry_points_in(package))


def _packages(folder: str) -> list[str]:
    """Where the packages of a folder say what they are."""
    try:
        with os.scandir(folder) as entries:
            return [entry.path for entry in entries if entry.name.endswith((".dist-info", ".egg-info", "EGG-INFO"))]
    except OSError:  # as of the standard library's own archive, which need not exist
        return []


def _entry_points_in(package: str) -> Iterator[str]:
    with suppress(OSError):  # most packages have none
        yield Path(package, "entry_points.txt").read_text("utf-8", errors="replace")


def _as_tuple(found: T | tuple[T, ...]) -> tuple[T, ...]:
    return found if isinstance(found, tuple) else (found,)
