"""Words of the command line that stand for numbers."""

from __future__ import annotations

import re
from typing import Final

from eigentail.errors import UsageError

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_SHARD: Final = re.compile(r"(\d{1,9})/(\d{1,9})")


def memory_of(word: str) -> int:
    """A size as people write it, in bytes; units are powers of 1000.

    Args:
        word: "4GB", "1.5 GB", "800M".

    Raises:
        UsageError: it is no size, or none at all.

    Example:
        >>> memory_of("4GB"), memory_of("1.5 g")
        (4000000000, 1500000000)
        >>> memory_of("much")
        Traceback (most recent call last):
        eigentail.errors.UsageError: --max-memory: 'much' is no size: write 800MB or 4GB
    """
    found = _SIZE.fullmatch(word.strip())
    size = round(float(found[1]) * _UNITS[found[2].lower()]) if found else 0
    if size < 1:
        raise UsageError(f"{word!r} is no size", where="--max-memory", hint="write 800MB or 4GB")
    return size


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
