"""How much room what is kept may take."""

from __future__ import annotations

import os
import re
from typing import Final

from eigentail.errors import UsageError

VARIABLE: Final = "EIGENTAIL_CACHE_SIZE"
DEFAULT_LIMIT: Final = 5 * 10**9
_SIZE: Final = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*(|k|M|G|T)B?", re.IGNORECASE)
_UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def bytes_of(size: str, where: str = "") -> int:
    """A size as people write it, in bytes; units are powers of 1000.

    Args:
        size: a number with or without a unit: "1.5GB", "500 MB", "0".
        where: the option or variable that said it, for the error.

    Raises:
        UsageError: it is no such thing.

    Example:
        >>> bytes_of("1.5 GB"), bytes_of("20k"), bytes_of("0")
        (1500000000, 20000, 0)
        >>> bytes_of("lots", "--size")
        Traceback (most recent call last):
        eigentail.errors.UsageError: --size: 'lots' is no size: write 500MB or 1GB
    """
    found = _SIZE.fullmatch(size.strip())
    if found is None:
        raise UsageError(f"{size!r} is no size", where=where, hint="write 500MB or 1GB")
    return round(float(found[1]) * _UNITS[found[2].lower()])


def user_limit() -> int:
    """The bytes that the user allows: EIGENTAIL_CACHE_SIZE, or 5 GB.

    Raises:
        UsageError: the variable holds no size.

    Example:
        >>> user_limit() >= 0
        True
    """
    said = os.environ.get(VARIABLE)
    return bytes_of(said, VARIABLE) if said else DEFAULT_LIMIT
