"""What an analysis tells while it runs."""

from __future__ import annotations

from typing import Final, Protocol, final

from eigentail.records import LayerReport
from eigentail.records.description import Description


class Progress(Protocol):
    """Someone who wants to know how far the work is."""

    def started(self, description: Description, /) -> None:
        """The headers are read: this is what will be measured."""

    def finished(self, row: LayerReport, /) -> None:
        """One layer is done."""


@final
class Silent:
    """Nobody wants to know.

    Example:
        >>> SILENT.finished(None)
    """

    def started(self, description: Description, /) -> None:
        """Say nothing."""

    def finished(self, row: object, /) -> None:
        """Say nothing."""


SILENT: Final = Silent()
