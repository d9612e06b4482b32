"""llama2.c checkpoints of its three versions, written from arrays."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray[Any, Any]]
HEADS = 4


def sizes_of(arrays: Arrays) -> tuple[int, ...]:
    """dim, hidden, layers, heads, key heads, vocabulary, context."""
    vocab, dim = arrays["tok_embeddings.weight"].shape
    layers = sum(name.endswith("attention.wq.weight") for name in arrays)
    hidden = arrays["layers.0.feed_forward.w1.weight"].shape[0]
    kv_heads = arrays["layers.0.attention.wk.weight"].shape[0] * HEADS // dim
    context = arrays["freqs_cos"].shape[0] if "freqs_cos" in arrays else 16
    return dim, hidden, layers, HEADS, kv_heads, vocab, context


def each(arrays: Arrays, *names: str) -> Iterator[np.ndarray[Any, Any]]:
    """Block after block of one kind, kind after kind."""
    for name in names:
        yield from (arrays[f"layers.{at}.{name}.weight"] for at in range(sizes_of(arrays)[2]))


ATTENTION = tuple(f"attention.{name}" for name in ("wq", "wk", "wv", "wo"))
FEED_FORWARD = tuple(f"feed_forward.{name}" for name in ("w1", "w2", "w3"))


def version_0(arrays: Arrays) -> bytes:
    *sizes, vocab, context = sizes_of(arrays)
    ends = ("norm.weight", "freqs_cos", "freqs_sin", *(["output.weight"] if "output.weight" in arrays else []))
    order = (
        arrays["tok_embeddings.weight"],
        *each(arrays, "attention_norm", *ATTENTION, "ffn_norm", *FEED_FORWARD),
        *(arrays[name] for name in ends),
    )
    signed = -vocab if "output.weight" in arrays else vocab
    return struct.pack("<7i", *sizes, signed, context) + b"".join(array.tobytes() for array in order)


def header(arrays: Arrays, version: int, group: int = 0) -> bytes:
    shared = "output.weight" not in arrays
    return struct.pack("<4s8iBi", b"24ka", version, *sizes_of(arrays), shared, group).ljust(256, b"\0")


def version_1(arrays: Arrays) -> bytes:
    return header(arrays, 1) + b"".join(array.tobytes() for array in (*norms(arrays), *matrices(arrays)))


def version_2(arrays: Arrays, group: int, *, apart: bool = False) -> bytes:
    """int8 with a scale a group: behind every tensor, or, as at first, behind all of them."""
    pairs = [quantised(array, group) for array in matrices(arrays)]
    blobs = [codes.tobytes() for codes, _ in pairs], [scales.tobytes() for _, scales in pairs]
    coded = b"".join((*blobs[0], *blobs[1]) if apart else (part for both in zip(*blobs, strict=True) for part in both))
    return header(arrays, 2, group) + b"".join(array.tobytes() for array in norms(arrays)) + coded


def norms(arrays: Arrays) -> Iterator[np.ndarray[Any, Any]]:
    yield from each(arrays, "attention_norm", "ffn_norm")
    yield arrays["norm.weight"]


def matrices(arrays: Arrays) -> Iterator[np.ndarray[Any, Any]]:
    yield arrays["tok_embeddings.weight"]
    yield from each(arrays, *ATTENTION, *FEED_FORWARD)
    if "output.weight" in arrays:
        yield arrays["output.weight"]


def quantised(array: np.ndarray[Any, Any], group: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    groups = array.reshape(-1, group)
    scales = (np.abs(groups).max(axis=1) / 127).astype(np.float32)
    return np.rint(groups / scales[:, None]).astype(np.int8), scales


def random_arrays(dim: int = 64, hidden: int = 96, layers: int = 2, *, head: bool = False) -> dict[str, Any]:
    """A small model, in the order of version 0."""
    rng = np.random.default_rng(5)
    kv, context, vocab = dim // 2, 16, 50
    shapes = {
        "tok_embeddings.weight": (vocab, dim),
        **{f"layers.{at}.attention_norm.weight": (dim,) for at in range(layers)},
        **{f"layers.{at}.attention.wq.weight": (dim, dim) for at in range(layers)},
        **{f"layers.{at}.attention.wk.weight": (kv, dim) for at in range(layers)},
        **{f"layers.{at}.attention.wv.weight": (kv, dim) for at in range(layers)},
        **{f"layers.{at}.attention.wo.weight": (dim, dim) for at in range(layers)},
        **{f"layers.{at}.ffn_norm.weight": (dim,) for at in range(layers)},
        **{f"layers.{at}.feed_forward.w1.weight": (hidden, dim) for at in range(layers)},
        **{f"layers.{at}.feed_forward.w2.weight": (dim, hidden) for at in range(layers)},
        **{f"layers.{at}.feed_forward.w3.weight": (hidden, dim) for at in range(layers)},
        "norm.weight": (dim,),
        "freqs_cos": (context, dim // HEADS // 2),
        "freqs_sin": (context, dim // HEADS // 2),
        **({"output.weight": (vocab, dim)} if head else {}),
    }
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
