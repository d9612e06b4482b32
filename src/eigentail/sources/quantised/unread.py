"""Kinds of quantisation that are recognised and not undone: each is named, so that nobody has to guess."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NoReturn

from eigentail.sources.scheme import BYTES, FLOAT8, INTEGERS, WORDS, Scheme, Stored, prefix_of, unfit

# Last word of the name that stands for the weight, another part of it ("" for none): what people call it.
_MARKS: Final = (
    ("W_q", "", "HQQ"),
    ("_data", "_scale", "Quanto"),
    ("_weight_qdata", "", "torchao"),
    ("weight_qdata", "", "torchao"),
    ("codes", "codebooks", "AQLM"),
    ("Qidxs", "", "QuIP#"),
    ("indices", "centroids", "VPTQ"),
    ("q_weight", "q_scale", "EXL2"),
    ("trellis", "suh", "EXL3"),
    ("dense_weights", "row_offsets", "SpQR"),
    ("B", "s", "Marlin"),
)
_CODES: Final = BYTES | FLOAT8 | INTEGERS | WORDS | {"int8", "int16"}


def _claims(stored: Stored) -> Iterator[str]:
    for end in dict.fromkeys((*(end for end, _, _ in _MARKS), "qweight")):
        for prefix in stored.ending(end):
            if _title(stored, prefix, end):
                yield f"{prefix}{end}"


def _title(stored: Stored, prefix: str, end: str) -> str:
    """What quantised a tensor, or "" where it is none of these: numbers of the same name are what they are."""
    dtype = stored.specs[f"{prefix}{end}"].dtype
    if dtype not in _CODES:
        return ""
    if end == "qweight":
        return "" if dtype in WORDS else f"codes of {dtype} called qweight"
    marks = (title for mark, other, title in _MARKS if mark == end and (not other or stored.get(f"{prefix}{other}")))
    return next(marks, "")


def _weight(stored: Stored, name: str) -> NoReturn:
    prefix = prefix_of(name)
    raise unfit(_title(stored, prefix, name.removeprefix(prefix)), "this version does not undo that kind")


SCHEME: Final = Scheme(name="unread", title="other kinds", claims=_claims, weight=_weight)
