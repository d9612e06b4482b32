"""THE RIVER: from a target to a report. The only room that knows the others."""

from eigentail.analysis.analyze import Interrupted, analyze
from eigentail.analysis.compare import compare
from eigentail.analysis.describe import Description, describe
from eigentail.analysis.diff import DiffInterrupted, diff
from eigentail.analysis.document import load
from eigentail.analysis.merge import merge
from eigentail.analysis.progress import SILENT, Progress
from eigentail.analysis.stream import stream

__all__ = [
    "SILENT",
    "Description",
    "DiffInterrupted",
    "Interrupted",
    "Progress",
    "analyze",
    "compare",
    "describe",
    "diff",
    "load",
    "merge",
    "stream",
]
