"""Files and folders that are known by sight but not read: what they are, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from eigentail.sources.protocol import Probe
from eigentail.sources.ranges import open_range

BEGINNING: Final = 512  # a tar archive says what it is at byte 257


class Look(msgspec.Struct, frozen=True):
    """What something looks like.

    Attributes:
        words: with an article ("a web page").
        hint: what the user can do, or "".

    Example:
        >>> Look("a web page", "was the download behind a login?").words
        'a web page'
    """

    words: str
    hint: str = ""


_EXPORT: Final = "save its weights as safetensors, a PyTorch state dict or npz"
_UNPACK: Final = "unpack it and give the weights file inside"


def _unread(words: str, hint: str = _EXPORT) -> Look:
    """A model, but in a form that is not read."""
    return Look(f"{words}, which is not read", hint)


# (first bytes, from which offset, what it is); the first match wins.
_MAGIC: Final[tuple[tuple[bytes, int, Look], ...]] = (
    (
        b"version https://git-lfs",
        0,
        Look("a Git LFS pointer, not the weights themselves", "run git lfs pull in that repository"),
    ),
    (b"\x89HDF\r\n\x1a\n", 0, Look("an HDF5 file")),
    (b"GGUF", 0, Look("a GGUF file")),
    (b"lmgg", 0, _unread("a GGML file")),
    (b"tjgg", 0, _unread("a GGML file")),
    (b"TFL3", 4, Look("a TensorFlow Lite model")),
    (b"ustar", 257, Look("a tar archive", _UNPACK)),
    (b"\x93NUMPY", 0, Look("a numpy array")),
    (b"PK\x03\x04", 0, Look("a zip archive without tensors in it", _UNPACK)),
    (b"PK\x05\x06", 0, Look("an empty zip archive")),
    (b"\x80\x02\x8a\n", 0, Look("a PyTorch file from before version 1.6")),
    (b"\x1f\x8b", 0, Look("a gzip archive", _UNPACK)),
    (b"BZh", 0, Look("a bzip2 archive", _UNPACK)),
    (b"\xfd7zXZ\0", 0, Look("an xz archive", _UNPACK)),
    (b"\x28\xb5\x2f\xfd", 0, Look("a zstandard archive", _UNPACK)),
    (b"7z\xbc\xaf\x27\x1c", 0, Look("a 7-zip archive", _UNPACK)),
    (b"%PDF", 0, Look("a PDF document")),
    (b"\x89PNG", 0, Look("an image")),
    (b"\xff\xd8\xff", 0, Look("an image")),
    (b"SQLite format 3\0", 0, Look("a database")),
    (b"\x7fELF", 0, Look("a program")),
)

# Compiled, and kept, by the call that first needs them.
_PATTERNS: Final[tuple[tuple[bytes, Look], ...]] = (
    (rb"(?i)\s*<(!doctype\s+html|html)", Look("a web page", "was the download behind a login?")),
    (rb"\s*<\?xml", Look("an XML document", "was the download refused?")),
    # Pickles of protocol 2 and later begin with their protocol and, from 4 on, with a frame.
    (
        rb"\x80([\x02\x03][\x28\x5d\x63\x71\x7d\x58]|[\x04\x05]\x95)",
        Look("a plain pickle, not a PyTorch checkpoint", "pickles are not loaded; " + _EXPORT),
    ),
    (rb"\s*[{\[]\s*(\"|[{\[\]}])", Look("a JSON file, not weights", "give the folder it lies in")),
)

_BY_NAME: Final = ((".mlmodel", _unread("a Core ML model")),)

# A file name that gives a kind of folder away, and the kind.
_FOLDERS: Final = (
    (r"saved_model\.pbtxt$", _unread("a TensorFlow SavedModel written as text")),
    (
        r"manifest\.ocdbt$",
        Look("an OCDBT database without the list _METADATA of its arrays", "save it again with Orbax 0.3 or later"),
    ),
    (r"target\..+", _unread("a T5X checkpoint", "convert it to Orbax or safetensors")),
    (
        r".*\.data-\d{5}-of-\d{5}$",
        Look("a TensorFlow checkpoint without its index", "fetch the file that ends in .index into the same folder"),
    ),
    (
        r".*\.distcp$",
        Look("a distributed PyTorch checkpoint without its list .metadata", "was it copied without hidden files?"),
    ),
    (
        r"(bf16_)?zero_pp_rank_.*|zero_to_fp32\.py$",
        _unread("a DeepSpeed ZeRO checkpoint", "convert it: python zero_to_fp32.py . OUTPUT"),
    ),
)


def looks_like(probe: Probe) -> Look | None:
    """What a file is, as far as its first bytes and then its name tell; None for bytes that say nothing.

    Args:
        probe: the file.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> path = Path(tempfile.mkdtemp()) / "model.bin"
        >>> _ = path.write_text("<!DOCTYPE html><html>")
        >>> looks_like(Probe(path)).words
        'a web page'
    """
    head = _beginning(probe)
    if not head:
        return Look("an empty file", "was the download or the copy finished?")
    for magic, offset, look in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return look
    for pattern, look in _PATTERNS:
        if re.match(pattern, head):
            return look
    for suffix, look in _BY_NAME:
        if probe.name.endswith(suffix):
            return look
    return Look("a text file, not weights") if _is_text(head) else None


def folder_looks_like(names: Iterable[str]) -> Look | None:
    """What kind of folder, by the names in it, when it is one that is known but not read.

    Args:
        names: the files in the folder.

    Example:
        >>> folder_looks_like(["rank0.distcp"]).words
        'a distributed PyTorch checkpoint without its list .metadata'
    """
    listed = tuple(names)
    return next((look for pattern, look in _FOLDERS if any(re.match(pattern, name) for name in listed)), None)


def _beginning(probe: Probe) -> bytes:
    """The first bytes of a file."""
    reader = open_range(str(probe.path))
    try:
        return bytes(reader.read(0, min(reader.size, BEGINNING)))
    finally:
        reader.close()


def _is_text(head: bytes) -> bool:
    """Whether the bytes are UTF-8 without control characters; a character may be cut off at the end."""
    text = head.decode("utf-8", errors="replace").rstrip("\ufffd")
    return "\ufffd" not in text and all(letter.isprintable() or letter in "\t\n\r\f\x1b\ufeff" for letter in text)
