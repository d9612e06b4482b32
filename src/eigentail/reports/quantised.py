"""What the weights of a model are decoded from, where they are quantised: one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def quantised_line(words: Sequence[str]) -> str:
    """How many layers are quantised, and in which way.

    Args:
        words: of every layer, "" for one that is not quantised.

    Returns:
        "" where none is.

    Example:
        >>> quantised_line(["gptq-4", "gptq-4", ""]), quantised_line(["nf4", "llm-int8"]), quantised_line([""])
        ('quantised: 2 of 3 layers, gptq-4', 'quantised: 2 of 2 layers, llm-int8 (1), nf4 (1)', '')
    """
    counts = Counter(word for word in words if word)
    if not counts:
        return ""
    kinds = list(counts) if len(counts) == 1 else [f"{word} ({n})" for word, n in sorted(counts.items())]
    return f"quantised: {counts.total()} of {len(words)} layers, {', '.join(kinds)}"
