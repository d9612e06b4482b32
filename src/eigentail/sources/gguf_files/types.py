"""The types of GGUF tensors: how many bytes a block of values takes, and how the bytes become numbers."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.errors import SourceError
from eigentail.sources.dtypes import dtype_of

# Values turned into float32 at a time: what is worked on besides the result stays small, and in the cache.
_AT_ONCE: Final = 1 << 16
# Types of sums, never of weights; and one that llama.cpp does not write.
_NOT_DECODED: Final = frozenset({"q8_1", "q8_k", "q1_0"})
_INSTALL: Final = 'pip install "eigentail[gguf]"'


class GgufType(msgspec.Struct, frozen=True):
    """One type of tensor.

    Attributes:
        dtype: what is stored: a numpy name, or llama.cpp's own in lower case ("q4_k").
        block: the values in a block; a row is a whole number of blocks.
        nbytes: the bytes of a block.

    Source: llama.cpp, ggml/include/ggml.h (`enum ggml_type`) and ggml/src/ggml-common.h (the blocks).

    Example:
        >>> TYPES[12]
        GgufType(dtype='q4_k', block=256, nbytes=144)
        >>> TYPES[12].is_coded, TYPES[1].is_coded
        (True, False)
    """

    dtype: str
    block: int
    nbytes: int

    @property
    def is_coded(self) -> bool:
        """Whether the values are codes in blocks."""
        return self.block > 1

    @property
    def is_decoded(self) -> bool:
        """Whether they are codes that the `gguf` package turns into numbers."""
        return self.is_coded and self.dtype not in _NOT_DECODED


TYPES: Final[Mapping[int, GgufType]] = {
    0: GgufType("float32", 1, 4),
    1: GgufType("float16", 1, 2),
    2: GgufType("q4_0", 32, 18),
    3: GgufType("q4_1", 32, 20),
    6: GgufType("q5_0", 32, 22),
    7: GgufType("q5_1", 32, 24),
    8: GgufType("q8_0", 32, 34),
    9: GgufType("q8_1", 32, 40),
    10: GgufType("q2_k", 256, 84),
    11: GgufType("q3_k", 256, 110),
    12: GgufType("q4_k", 256, 144),
    13: GgufType("q5_k", 256, 176),
    14: GgufType("q6_k", 256, 210),
    15: GgufType("q8_k", 256, 292),
    16: GgufType("iq2_xxs", 256, 66),
    17: GgufType("iq2_xs", 256, 74),
    18: GgufType("iq3_xxs", 256, 98),
    19: GgufType("iq1_s", 256, 50),
    20: GgufType("iq4_nl", 32, 18),
    21: GgufType("iq3_s", 256, 110),
    22: GgufType("iq2_s", 256, 82),
    23: GgufType("iq4_xs", 256, 136),
    24: GgufType("int8", 1, 1),
    25: GgufType("int16", 1, 2),
    26: GgufType("int32", 1, 4),
    27: GgufType("int64", 1, 8),
    28: GgufType("float64", 1, 8),
    29: GgufType("iq1_m", 256, 56),
    30: GgufType("bfloat16", 1, 2),
    34: GgufType("tq1_0", 256, 54),
    35: GgufType("tq2_0", 256, 66),
    39: GgufType("mxfp4", 32, 17),
    40: GgufType("nvfp4", 64, 36),
    41: GgufType("q1_0", 128, 18),
}
# Numbers that files of 2023 and 2024 may still have; llama.cpp no longer reads them either.
WITHDRAWN: Final[Mapping[int, str]] = {
    4: "q4_2",
    5: "q4_3",
    31: "q4_0_4_4",
    32: "q4_0_4_8",
    33: "q4_0_8_8",
    36: "iq4_nl_4_4",
    37: "iq4_nl_4_8",
    38: "iq4_nl_8_8",
}


def check_decoder(kinds: set[GgufType], where: str) -> None:
    """Refuse quantised tensors at once where what turns them into numbers is not installed.

    Args:
        kinds: the types of all tensors.
        where: the file, for the error.

    Raises:
        SourceError: there are quantised ones, and no `gguf` package.

    Example:
        >>> check_decoder({TYPES[0]}, "m.gguf")
    """
    coded = sorted(kind.dtype for kind in kinds if kind.is_decoded)
    if coded and find_spec("gguf") is None:
        raise SourceError(
            f"is quantised ({', '.join(coded)}), which needs the gguf package", where=where, hint=_INSTALL
        )


def numbers(data: memoryview, kind: GgufType, big: bool = False) -> NDArray[Any]:
    """The values that whole rows of a tensor hold, one after the other.

    Args:
        data: their bytes.
        kind: their type.
        big: the bytes of a plain number are in big-endian order.

    Returns:
        One axis: a view in the stored type where the values are plain, float32 where they are codes.

    Raises:
        SourceError: the `gguf` package is missing, or cannot turn this type into numbers.

    Example:
        >>> block = np.float16(0.5).tobytes() + np.arange(32, dtype=np.int8).tobytes()  # a scale and 32 codes
        >>> numbers(memoryview(block), TYPES[8])[:4].tolist()
        [0.0, 0.5, 1.0, 1.5]
    """
    if kind.is_coded:
        return _decoded(np.frombuffer(data, np.uint8).reshape(-1, kind.nbytes), kind)
    if not big:
        return np.frombuffer(data, dtype_of(kind.dtype))
    return np.frombuffer(data, f">u{kind.nbytes}").astype(f"=u{kind.nbytes}").view(dtype_of(kind.dtype))


def _decoded(blocks: NDArray[np.uint8], kind: GgufType) -> NDArray[np.float32]:
    """Blocks of codes as float32, some at a time: the package holds what it makes twice."""
    try:
        from gguf import GGMLQuantizationType
        from gguf.quants import dequantize
    except ImportError as error:
        raise SourceError(f"{kind.dtype} needs the gguf package", hint=_INSTALL) from error
    values = np.empty((len(blocks), kind.block), np.float32)
    step = max(1, _AT_ONCE // kind.block)
    try:
        known = GGMLQuantizationType[kind.dtype.upper()]
        with np.errstate(all="ignore"):  # a damaged scale becomes NaN or infinite, which is told of the whole matrix
            for at in range(0, len(blocks), step):
                row = blocks[at : at + step].reshape(1, -1)  # one row: the package goes through rows by sixteens
                values[at : at + step] = dequantize(row, known).reshape(-1, kind.block)
    except (KeyError, NotImplementedError) as error:
        what = f"is stored as {kind.dtype}, which the gguf package that is installed cannot turn into numbers"
        raise SourceError(what, hint="try a newer one: pip install -U gguf") from error
    return values.reshape(-1)
