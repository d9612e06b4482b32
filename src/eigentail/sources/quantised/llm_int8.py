"""bitsandbytes, 8 bits (LLM.int8): codes of one byte, the largest magnitude of each row beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eigentail.sources.scheme import FLOATS, Fetch, Rows, Scheme, Stored, Weight, prefix_of, shown, unfit

TITLE: Final = "bitsandbytes, 8 bits"
_STEP: Final = np.float32(1 / 127)


def _claims(stored: Stored) -> Iterator[str]:
    for prefix in stored.ending("SCB"):
        yield next(name for name in (f"{prefix}weight", f"{prefix}SCB") if stored.get(name) is not None)


def _weight(stored: Stored, name: str) -> Weight:
    prefix = prefix_of(name)
    parts = {
        "weight": stored.part(TITLE, f"{prefix}weight", frozenset({"int8"}), {2}),
        "SCB": stored.part(TITLE, f"{prefix}SCB", FLOATS, {1, 2}),
    }
    if (order := stored.get(f"{prefix}weight_format")) is not None:
        parts["weight_format"] = order
        if stored.values(order, 8).any():
            raise unfit(TITLE, "its codes are in the order of a tile of a GPU, not row by row")
    rows = parts["weight"].shape[0]
    if rows not in (size := parts["SCB"].shape) or set(size) - {1, rows}:
        raise unfit(TITLE, f"SCB has the shape {size} for {rows} rows")
    spec = shown(parts["weight"], parts, f"{prefix}weight", parts["weight"].shape, "llm-int8")
    return Weight(spec=spec, parts=parts, load=_load)


def _load(fetch: Fetch, rows: tuple[int, int]) -> Rows:
    codes = fetch("weight", rows)
    largest = fetch("SCB").reshape(-1)[rows[0] : rows[1]].astype(np.float32)[:, None]

    def decode(first: int, last: int) -> NDArray[np.float32]:
        found: NDArray[np.float32] = codes[first:last].astype(np.float32)
        found *= largest[first:last]
        found *= _STEP
        return found

    return decode


SCHEME: Final = Scheme(name="bitsandbytes-8", title=TITLE, claims=_claims, weight=_weight)
