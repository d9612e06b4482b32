"""THE RIVER: from a target to a report. The only room that knows the others."""

from typing import TYPE_CHECKING

from eigentail.door import open_door

if TYPE_CHECKING:
    from eigentail.analysis.analyze import Interrupted, analyze
    from eigentail.analysis.compare import compare
    from eigentail.analysis.cost import cost
    from eigentail.analysis.describe import describe
    from eigentail.analysis.diff import DiffInterrupted, diff
    from eigentail.analysis.document import load
    from eigentail.analysis.merge import merge
    from eigentail.analysis.progress import SILENT, Progress
    from eigentail.analysis.reading import reading_of
    from eigentail.analysis.stream import stream
    from eigentail.analysis.study import studies, study
    from eigentail.records.description import Description

__all__ = [
    "SILENT",
    "Description",
    "DiffInterrupted",
    "Interrupted",
    "Progress",
    "analyze",
    "compare",
    "cost",
    "describe",
    "diff",
    "load",
    "merge",
    "reading_of",
    "stream",
    "studies",
    "study",
]

open_door(
    __name__,
    {
        "analyze": ("Interrupted", "analyze"),
        "compare": ("compare",),
        "cost": ("cost",),
        "describe": ("describe",),
        "diff": ("DiffInterrupted", "diff"),
        "document": ("load",),
        "merge": ("merge",),
        "progress": ("SILENT", "Progress"),
        "reading": ("reading_of",),
        "stream": ("stream",),
        "study": ("studies", "study"),
        "eigentail.records.description": ("Description",),
    },
)
