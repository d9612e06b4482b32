"""AWQ: as GPTQ, but packed along the outputs in an interleaved order (gemm), or along the inputs (gemv)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eigentail.records import TensorSpec
from eigentail.sources.quantised.qweight import mains, misfit, parts_of
from eigentail.sources.quantised.unpacked import Codes, grouped, runs_of, unpacked
from eigentail.sources.scheme import Fetch, Rows, Scheme, Stored, Weight, count_in, prefix_of, shown, unfit

TITLE: Final = "AWQ"
BITS: Final = 4
PER_WORD: Final = 32 // BITS
# Output k of eight lies in this field of its word.
_FIELD: Final = np.array([0, 4, 1, 5, 2, 6, 3, 7])
_USUAL_GROUP: Final = 128  # gemv pads its groups, so that their number does not tell their size


def is_awq(stored: Stored, prefix: str) -> bool:
    """Whether the parts of a weight have the shapes that AWQ gives them; GPTQ uses the same names.

    Args:
        stored: where the parts are.
        prefix: their name up to the last word.

    Example:
        >>> from eigentail.sources import open_source
        >>> made = {"qweight": np.zeros((32, 2), np.int32), "scales": np.ones((1, 16), np.float16)}
        >>> is_awq(Stored(open_source({f"fc.{role}": made[role] for role in made})), "fc.")
        True
    """
    codes, scales = stored.get(f"{prefix}qweight"), stored.get(f"{prefix}scales")
    zeros = stored.get(f"{prefix}qzeros")
    if str(stored.config.get("quant_method", "")).lower() == "awq":
        return True
    if codes is None or scales is None or len(codes.shape) != 2 or len(scales.shape) != 2:
        return False
    return codes.shape[1] * PER_WORD == scales.shape[1] or (zeros is not None and _is_gemv(codes, zeros, scales))


def _is_gemv(codes: TensorSpec, zeros: TensorSpec, scales: TensorSpec) -> bool:
    same = codes.shape[0] == scales.shape[0] == zeros.shape[0]
    return same and len(zeros.shape) == 2 and scales.shape[1] == zeros.shape[1] * PER_WORD


def _claims(stored: Stored) -> Iterator[str]:
    return (main.name for prefix, main in mains(stored) if is_awq(stored, prefix))


def _weight(stored: Stored, name: str) -> Weight:
    prefix = prefix_of(name)
    parts = parts_of(stored, prefix, TITLE)
    codes, zeros, scales = parts["qweight"], parts["qzeros"], parts["scales"]
    if _is_gemv(codes, zeros, scales):
        shape = (codes.shape[0], codes.shape[1] * PER_WORD)
        load = partial(_load_gemv, size=_gemv_group(shape[1], scales.shape[1], stored.config))
    else:
        shape = (codes.shape[1] * PER_WORD, codes.shape[0])
        load = partial(_load_gemm, size=_gemm_group(shape, parts))
    spec = shown(codes, parts, f"{prefix}weight", shape, f"awq-{BITS}")
    return Weight(spec=spec, parts=parts, load=load)


def _gemm_group(shape: tuple[int, int], parts: Mapping[str, TensorSpec]) -> int:
    """Inputs that share a scale."""
    outputs, inputs = shape
    groups = parts["scales"].shape[0]
    if parts["scales"].shape[1] != outputs or parts["qzeros"].shape != (groups, outputs // PER_WORD):
        raise misfit(parts, TITLE)
    if inputs % groups:
        raise unfit(TITLE, f"{groups} groups do not divide {inputs} inputs")
    return inputs // groups


def _gemv_group(inputs: int, padded: int, config: Mapping[str, Any]) -> int:
    size = count_in(config, "group_size") or _USUAL_GROUP
    if -(-inputs // size) > padded:
        raise unfit(TITLE, f"{padded} groups of {size} are too few for {inputs} inputs")
    return size


def _load_gemm(fetch: Fetch, rows: tuple[int, int], *, size: int) -> Rows:
    """Rows of the weight are columns of the parts, eight to a word: from the word that the first of them is in."""
    skip = rows[0] % PER_WORD
    begin, end = rows[0] // PER_WORD, -(-rows[1] // PER_WORD)
    codes, zeros = fetch("qweight")[:, begin:end], _in_order(fetch("qzeros")[:, begin:end])
    scales = fetch("scales")[:, begin * PER_WORD : end * PER_WORD]
    groups = runs_of(len(codes), size)

    def decode(first: int, last: int) -> NDArray[np.float32]:
        word, past = (skip + first) // PER_WORD, -(-(skip + last) // PER_WORD)
        of = slice(skip + first, skip + last)
        some = slice(of.start - word * PER_WORD, of.stop - word * PER_WORD)
        block = _in_order(codes[:, word:past])[:, some]
        return grouped(block.T, zeros[:, of].T, scales[:, of].T, groups)

    return decode


def _in_order(words: NDArray[Any]) -> Codes:
    """The codes of each word in the order of the outputs."""
    fields = unpacked(words, BITS, words.shape[1] * PER_WORD).reshape(len(words), -1, PER_WORD)
    return fields[..., _FIELD].reshape(len(words), -1)


def _load_gemv(fetch: Fetch, rows: tuple[int, int], *, size: int) -> Rows:
    """Rows of the weight are rows of every part."""
    codes, scales, words = fetch("qweight", rows), fetch("scales", rows), fetch("qzeros", rows)
    inputs = codes.shape[1] * PER_WORD
    zeros, groups = unpacked(words, BITS, scales.shape[1]), runs_of(inputs, size)

    def decode(first: int, last: int) -> NDArray[np.float32]:
        return grouped(unpacked(codes[first:last], BITS, inputs), zeros[first:last], scales[first:last], groups)

    return decode


SCHEME: Final = Scheme(name="awq", title=TITLE, claims=_claims, weight=_weight)
