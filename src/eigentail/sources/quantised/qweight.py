"""The parts that GPTQ and AWQ both keep: qweight, scales and qzeros, under the same names and in different shapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from eigentail.errors import SourceError
from eigentail.records import TensorSpec
from eigentail.sources.scheme import FLOATS, WORDS, Stored, unfit

ROLES: Final = ("qweight", "scales", "qzeros")


def mains(stored: Stored) -> Iterator[tuple[str, TensorSpec]]:
    """Every weight that has such parts, as their name up to the last word, and the tensor that stands for it.

    Args:
        stored: where the parts are.

    Example:
        >>> import numpy as np
        >>> from eigentail.sources import open_source
        >>> made = {"fc.qweight": np.zeros((32, 2), np.int32), "fc.scales": np.ones((1, 16), np.float16)}
        >>> [prefix for prefix, _ in mains(Stored(open_source(made)))]
        ['fc.']
    """
    for prefix in stored.ending("qweight", "qzeros"):
        main = stored.get(f"{prefix}qweight") or stored.get(f"{prefix}qzeros")
        if main is not None and main.dtype in WORDS:
            yield prefix, main


def parts_of(stored: Stored, prefix: str, title: str) -> dict[str, TensorSpec]:
    """The three parts of one weight, by role.

    Args:
        stored: where they are.
        prefix: their name up to the last word.
        title: of the scheme, for errors.

    Raises:
        SourceError: one is missing, or no matrix of the type it must have.

    Example:
        >>> import numpy as np
        >>> from eigentail.sources import open_source
        >>> parts_of(Stored(open_source({"fc.weight": np.eye(2)})), "fc.", "GPTQ")
        Traceback (most recent call last):
        eigentail.errors.SourceError: quantised (GPTQ), but its part 'qweight' is missing
    """
    types = {"qweight": WORDS, "scales": FLOATS, "qzeros": WORDS}
    return {role: stored.part(title, f"{prefix}{role}", types[role], {2}) for role in ROLES}


def misfit(parts: Mapping[str, TensorSpec], title: str) -> SourceError:
    """What to say of parts whose shapes contradict each other.

    Args:
        parts: by role.
        title: of the scheme.

    Example:
        >>> part = TensorSpec(name="fc.scales", shape=(2, 8), dtype="int32", nbytes=64)
        >>> str(misfit(dict.fromkeys(ROLES, part), "AWQ"))
        'quantised (AWQ), but the shapes of its parts do not fit together (qweight 2x8, scales 2x8, qzeros 2x8)'
    """
    shapes = ", ".join(f"{role} {'x'.join(map(str, parts[role].shape))}" for role in ROLES)
    return unfit(title, f"the shapes of its parts do not fit together ({shapes})")
