"""The text that the small GPTs read: the source of the running Python's standard library."""

import hashlib
import platform
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

VOCABULARY = 128  # ASCII; code 127 stands for every other character
LEFT_OUT = frozenset(
    {"test", "tests", "idlelib", "lib2to3", "site-packages", "turtledemo", "pydoc_data", "__pycache__"}
)
HELD_OUT_ONE_IN = 20
SEED = 0


@dataclass(frozen=True, eq=False)
class Corpus:
    """Character codes for training and, from other files, for measuring."""

    train: NDArray[np.uint8]
    held_out: NDArray[np.uint8]
    sha256: str
    python: str


def is_kept(relative: Path) -> bool:
    """Leave out tests, data written as code, and what the build wrote on this very machine."""
    if LEFT_OUT & set(relative.parts) or relative.name.startswith("_sysconfigdata"):
        return False
    return not relative.parts[0].startswith("config-")


def codes(raw: bytes) -> NDArray[np.uint8]:
    """One code below 128 for each character."""
    text = raw.replace(b"\r\n", b"\n").decode("utf-8", errors="replace")
    points = np.frombuffer(text.encode("utf-32-le"), dtype="<u4")
    kept: NDArray[np.uint8] = np.minimum(points, VOCABULARY - 1).astype(np.uint8)
    return kept


def read_corpus() -> Corpus:
    """Read the sources in the order of their paths; one file in twenty, chosen by a seeded draw, is held out."""
    root = Path(sysconfig.get_paths()["stdlib"])
    found = {path.relative_to(root).as_posix(): path for path in root.rglob("*.py") if is_kept(path.relative_to(root))}
    texts = [codes(found[name].read_bytes()) for name in sorted(found)]
    drawn = np.random.default_rng(SEED).permutation(len(texts))[: len(texts) // HELD_OUT_ONE_IN]
    held_out = set(drawn.tolist())
    return Corpus(
        train=np.concatenate([text for i, text in enumerate(texts) if i not in held_out]),
        held_out=np.concatenate([text for i, text in enumerate(texts) if i in held_out]),
        sha256=hashlib.sha256(b"".join(text.tobytes() for text in texts)).hexdigest(),
        python=platform.python_version(),
    )
