"""A dictionary that fills itself from a folder and from entry points.

Built-ins come in through the same door as a stranger's plug-in: a module that holds the attribute the registry looks
for. To add a variant, add a file to the folder; nothing else is touched.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import metadata
from typing import Any, Protocol, TypeVar

from eigentail.errors import UsageError, did_you_mean


class Named(Protocol):
    """Anything a registry can hold."""

    @property
    def name(self) -> str:
        """The word users write."""


T = TypeVar("T", bound=Named)


class Registry(Mapping[str, T]):
    """Every variant of one kind, by name; read on first use.

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
        self.broken: dict[str, str] = {}

    def __getitem__(self, name: str) -> T:
        entries = self._filled()
        if name not in entries:
            raise UsageError(f"unknown {self._noun} {name!r}", hint=did_you_mean(name, entries))
        return entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._filled()

    def __iter__(self) -> Iterator[str]:
        return iter(self._filled())

    def __len__(self) -> int:
        return len(self._filled())

    def _filled(self) -> dict[str, T]:
        if self._entries is None:
            entries = {entry.name: entry for entry in self._built_in()}
            for entry in self._third_party():
                entries.setdefault(entry.name, entry)
            self._entries = entries  # marked as read last: a broken module raises every time, never only once
        return self._entries

    def _built_in(self) -> Iterator[T]:
        folder = importlib.import_module(self._package)
        for module in sorted(info.name for info in pkgutil.iter_modules(folder.__path__)):
            loaded = importlib.import_module(f"{self._package}.{module}")
            yield from _as_tuple(getattr(loaded, self._attribute, ()))

    def _third_party(self) -> Iterator[T]:
        for point in entry_points(group=f"eigentail.{self._attribute.lower()}"):
            try:
                found = {entry.name: entry for entry in _as_tuple(point.load())}
            except Exception as error:  # a stranger's code may raise anything, or offer what has no name
                self.broken[point.name] = f"{type(error).__name__}: {error}"
            else:
                yield from found.values()


def entry_points(group: str) -> metadata.EntryPoints:
    """What the installed packages offer to a group.

    Args:
        group: its name.

    Example:
        >>> list(entry_points("eigentail.none"))
        []
    """
    found: metadata.EntryPoints = _installed().select(group=group)
    return found


@cache
def _installed() -> Any:  # of two kinds, before Python 3.12 and since
    """Of all packages; kept, since every look reads the metadata of each of them."""
    return metadata.entry_points()


def _as_tuple(found: T | tuple[T, ...]) -> tuple[T, ...]:
    return found if isinstance(found, tuple) else (found,)
