"""A room whose names are loaded when they are first used: what a run never calls, it does not read."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any


class Door(ModuleType):
    """A package that offers names of its modules; see `open_door`.

    Example:
        >>> import eigentail.analysis
        >>> isinstance(eigentail.analysis, Door)
        True
    """

    _homes: Mapping[str, str]

    def __getattr__(self, name: str) -> Any:
        home = self._homes.get(name)
        if home is None:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(home), name)
        super().__setattr__(name, value)  # so that the next access is a plain one
        return value

    def __setattr__(self, name: str, value: object) -> None:
        if isinstance(value, ModuleType) and name in self._homes:
            return  # a module is put here as it is loaded, and the function of its name would be hidden by it
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *self._homes})


def open_door(room: str, homes: Mapping[str, tuple[str, ...]]) -> None:
    """Let a package load its names when they are first used.

    Args:
        room: the package, which is being loaded.
        homes: module, as seen from the package ("compare") or from the top ("eigentail.records"), to its names.

    Example:
        >>> import eigentail.analysis
        >>> callable(eigentail.analysis.compare)  # a function, and the module that it comes from is called the same
        True
    """
    package = sys.modules[room]
    package.__class__ = Door
    vars(package)["_homes"] = {
        name: home if home.startswith("eigentail.") else f"{room}.{home}"
        for home, names in homes.items()
        for name in names
    }
