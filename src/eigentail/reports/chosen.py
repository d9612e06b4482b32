"""The settings of a record in a user's words."""

from __future__ import annotations

from collections.abc import Iterator

from eigentail.settings import Settings


def chosen_words(settings: Settings) -> Iterator[tuple[str, str]]:
    """Every setting and its value, as a user would write them.

    Args:
        settings: of the record.

    Yields:
        Name and value; a list with commas, "none" for no limit.

    Example:
        >>> dict(chosen_words(Settings()))["metrics"]
        'default'
    """
    for name in settings.__struct_fields__:
        value = getattr(settings, name)
        if isinstance(value, tuple):
            yield name, ", ".join(value)
        else:
            yield name, "none" if value is None else str(value)


def chosen_line(settings: Settings) -> str:
    """All settings on one line.

    Args:
        settings: of the record.

    Example:
        >>> chosen_line(Settings()).startswith("metrics default; layers *")
        True
    """
    return "; ".join(f"{name} {value}" for name, value in chosen_words(settings))
