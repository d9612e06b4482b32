"""Words of the command line that stand for numbers."""

from __future__ import annotations

import re
from typing import Final

from eigentail.errors import UsageError

_SHARD: Final = re.compile(r"(\d{1,9})/(\d{1,9})")


def shard_of(word: str) -> tuple[int, int]:
    """Which part of the work: "0/8" is the first of eight.

    Args:
        word: two whole numbers with a stroke between.

    Raises:
        UsageError: it is no such thing, or there is no such part.

    Example:
        >>> shard_of("0/8")
        (0, 8)
        >>> shard_of("8/8")
        Traceback (most recent call last):
        eigentail.errors.UsageError: --shard: '8/8' is no part of the work: write 0/8 to 7/8 for eight parts
    """
    found = _SHARD.fullmatch(word.strip())
    if found is None or not int(found[1]) < int(found[2]):
        hint = "write 0/8 to 7/8 for eight parts"
        raise UsageError(f"{word!r} is no part of the work", where="--shard", hint=hint)
    return int(found[1]), int(found[2])
