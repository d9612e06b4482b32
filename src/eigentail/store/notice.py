"""What a store finds out where nobody listens, in the form in which it travels to where somebody does."""

from __future__ import annotations

import msgspec


class Notice(msgspec.Struct, frozen=True):
    """Something to be told.

    Attributes:
        sentence: for the user.
        is_trouble: whether nothing can be kept from now on, which is told once however many find it out.

    Example:
        >>> Notice("a.spectrum: this spectrum is damaged: it is computed again").is_trouble
        False
    """

    sentence: str
    is_trouble: bool = False
