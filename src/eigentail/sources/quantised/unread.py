"""Kinds of quantisation that are recognised and not undone: each is named, so that nobody has to guess."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NoReturn

from eigentail.errors import SourceError
from eigentail.sources.scheme import WORDS, Scheme, Stored

# Last word of the name that stands for the weight, another part of it ("" for none): what people call it.
_MARKS: Final = (
    ("W_q", "", "HQQ"),
    ("_data", "_scale", "Quanto"),
    ("_weight_qdata", "", "torchao"),
    ("weight_qdata", "", "torchao"),
    ("codes", "codebooks", "AQLM"),
    ("Qidxs", "", "QuIP#"),
    ("centroids", "indices", "VPTQ"),
    ("q_weight", "q_scale", "EXL2"),
    ("trellis", "suh", "EXL3"),
    ("dense_weights", "row_offsets", "SpQR"),
    ("B", "s", "Marlin"),
)


def _claims(stored: Stored) -> Iterator[str]:
    for name, _ in _found(stored):
        yield name


def _found(stored: Stored) -> Iterator[tuple[str, str]]:
    """Name of a tensor, and what quantised it."""
    for end, other, title in _MARKS:
        for prefix in stored.ending(end):
            if not other or stored.get(f"{prefix}{other}") is not None:
                yield f"{prefix}{end}", title
    for prefix in stored.ending("qweight"):
        name = f"{prefix}qweight"
        if stored.specs[name].dtype not in WORDS:
            yield name, f"codes of {stored.specs[name].dtype} called qweight"


def _weight(stored: Stored, name: str) -> NoReturn:
    title = dict(_found(stored))[name]
    raise SourceError(f"quantised ({title}), which this version does not undo")


SCHEME: Final = Scheme(name="unread", title="other kinds", claims=_claims, weight=_weight)
