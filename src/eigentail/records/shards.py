"""Which part of the work a report is of."""

from __future__ import annotations

from itertools import islice
from typing import Final

import msgspec

_SHOWN: Final = 8


class Shards(msgspec.Struct, frozen=True, kw_only=True):
    """Into how many parts the layers of a model were dealt, and which of them a report holds whole.

    Attributes:
        of: the parts; 1 where the layers were not dealt.
        held: those of which every layer is there, counted from 0, in order; none in the report of an analysis that
            was interrupted.

    Raises:
        ValueError: there are no such parts.

    Example:
        >>> Shards().is_whole, Shards(of=4, held=(0, 2)).is_whole
        (True, False)
        >>> Shards(of=4, held=(0, 2)).lacking
        'of 4 shards 1/4 and 3/4 are missing or not finished'
    """

    of: int = 1
    held: tuple[int, ...] = (0,)

    def __post_init__(self) -> None:
        steps = zip((-1, *self.held), (*self.held, self.of), strict=True)
        if self.of < 1 or not all(before < after for before, after in steps):
            raise ValueError(f"of {self.of} shards there are none called {self.held}")

    @property
    def is_whole(self) -> bool:
        """Whether no part is missing."""
        return len(self.held) == self.of

    @property
    def lacking(self) -> str:
        """What is missing, in words; "" where nothing is."""
        missing = self.of - len(self.held)
        if not missing:
            return ""
        if self.of == 1:
            return "the analysis was not finished"
        held = frozenset(self.held)
        names = [f"{i}/{self.of}" for i in islice((i for i in range(self.of) if i not in held), _SHOWN)]
        more = [f"{missing - _SHOWN:,} more"] if missing > _SHOWN else []
        listed = " and ".join(filter(None, [", ".join([*names, *more][:-1]), [*names, *more][-1]]))
        return f"of {self.of} shards {listed} {'is' if missing == 1 else 'are'} missing or not finished"
