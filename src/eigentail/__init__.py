"""How well was a network trained? Told from its weights alone: no data, no forward pass.

    import eigentail as et
    report = et.analyze("model.safetensors")
    report.summary["alpha_weighted"]

Importing this loads nothing heavy: every name arrives when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from eigentail._version import __version__

if TYPE_CHECKING:
    from eigentail.analysis import Description as Description
    from eigentail.analysis import Interrupted as Interrupted
    from eigentail.analysis import analyze as analyze
    from eigentail.analysis import compare as compare
    from eigentail.analysis import cost as cost
    from eigentail.analysis import describe as describe
    from eigentail.analysis import diff as diff
    from eigentail.analysis import load as load
    from eigentail.analysis import merge as merge
    from eigentail.analysis import reading_of as reading_of
    from eigentail.analysis import stream as stream
    from eigentail.analysis import study as study
    from eigentail.errors import EigentailError as EigentailError
    from eigentail.errors import LayerError as LayerError
    from eigentail.errors import SourceError as SourceError
    from eigentail.errors import UsageError as UsageError
    from eigentail.examples import example as example
    from eigentail.execution import pooled as pooled
    from eigentail.execution import processes as processes
    from eigentail.execution import ray as ray
    from eigentail.execution import serial as serial
    from eigentail.execution import threads as threads
    from eigentail.plots import plot as plot
    from eigentail.records import LayerReport as LayerReport
    from eigentail.records import ModelReport as ModelReport
    from eigentail.settings import Settings as Settings

_ROOMS: Final = {
    "analysis": (
        "Description",
        "Interrupted",
        "analyze",
        "compare",
        "cost",
        "describe",
        "diff",
        "load",
        "merge",
        "reading_of",
        "stream",
        "study",
    ),
    "errors": ("EigentailError", "LayerError", "SourceError", "UsageError"),
    "examples": ("example",),
    "execution": ("pooled", "processes", "ray", "serial", "threads"),
    "plots": ("plot",),
    "records": ("LayerReport", "ModelReport"),
    "settings": ("Settings",),
}
_HOME: Final = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [*sorted(_HOME), "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'eigentail' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"eigentail.{_HOME[name]}"), name)
    globals()[name] = value  # so that the next access is a plain one
    return value


def __dir__() -> list[str]:
    return list(__all__)
