"""From the word of a user to the cards that compute: what was asked for, what is there, and what pays."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import msgspec

from eigentail.errors import UsageError

# torch takes seconds to import and a card takes one to wake: `auto` leaves a model of fewer operations to the CPU, and
# of any model the layers that a card does no faster. Estimated: no GPU was at hand to measure either.
PAYS: Final = 1e12
PAYS_FOR_A_LAYER: Final = 1e9

# What the operating system shows of a driver: NVIDIA's own, AMD's, and the one of Linux under Windows.
_DRIVERS: Final = ("nvidia[0-9]*", "kfd", "dxg")
# torch's own CPU arithmetic: no faster than ours, but the same way as to a card, for machines that have none.
_TRIAL: Final = "torch:cpu"


class Device(msgspec.Struct, frozen=True):
    """Where a spectrum is computed.

    Attributes:
        cards: by the names that torch has for them, of which workers take turns; none is the CPU.

    Example:
        >>> Device().cards, Device(("cuda:0", "cuda:1")) == CPU
        ((), False)
    """

    cards: tuple[str, ...] = ()


CPU: Final = Device()


def settled(word: str, flops: float) -> str:
    """The word that workers are given: checked once, before any work, and decided where it was `auto`.

    Args:
        word: `Settings.device`.
        flops: of the whole work.

    Returns:
        The word; for `auto` it is `cpu` unless the work is large and torch drives a CUDA card here.

    Raises:
        UsageError: the device asked for is not here.

    Example:
        >>> settled("auto", 1e6), settled("cpu", 1e18)
        ('cpu', 'cpu')
    """
    if word != "auto":
        placed(word, flops)
        return word
    return "auto" if flops >= PAYS and _cuda() else "cpu"


def placed(word: str, flops: float) -> Device:
    """The device of one layer.

    Args:
        word: `Settings.device`, or what `settled` made of it.
        flops: of the layer's spectrum; with `auto` a small one stays on the CPU.

    Returns:
        The CPU, or the cards: all of a kind where the word has no number.

    Raises:
        UsageError: the device asked for is not here.

    Example:
        >>> placed("auto", 1e6) == placed("cpu", 1e18) == CPU
        True
    """
    if word == "cpu":
        return CPU
    if word == "auto":
        return Device(_cuda()) if flops >= PAYS_FOR_A_LAYER else CPU
    if find_spec("torch") is None:
        raise UsageError(f"{word} needs torch", where="device", hint='pip install "eigentail[torch]"')
    if word == _TRIAL:
        return Device(("cpu",))
    there = devices()
    cards = tuple(card for card in there if word in (card, card.partition(":")[0]))
    if not cards:
        seen = f"there is {', '.join(there)}" if there else "torch sees no GPU here"
        raise UsageError(f"no {word} here", where="device", hint=f"{seen}; cpu is always there")
    return Device(cards)


def devices() -> tuple[str, ...]:
    """Every card that torch can compute on here, by its name. Imports torch, which takes seconds.

    Returns:
        Names as `cuda:0`, `mps`, `xpu:0`; none without torch.

    Example:
        >>> "cpu" in devices()
        False
    """
    if find_spec("torch") is None:
        return ()
    try:
        import torch
    except (ImportError, OSError):  # installed, but not for this machine
        return ()
    counts = {"cuda": torch.cuda.device_count(), "xpu": torch.xpu.device_count()}
    numbered = [f"{kind}:{i}" for kind, count in counts.items() for i in range(count)]
    return (*numbered, *["mps"] * bool(torch.backends.mps.is_available()))


def driver_visible(system: Path = Path("/dev")) -> bool:
    """Whether the machine shows the driver of a card that torch calls CUDA; nothing is loaded to find out.

    Args:
        system: where the operating system shows its devices.

    Returns:
        False too where `CUDA_VISIBLE_DEVICES` hides every card.

    Example:
        >>> driver_visible(Path("/no/such/folder"))
        False
    """
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0") in ("", "-1"):
        return False
    if sys.platform == "win32":
        return (Path(os.environ.get("SYSTEMROOT", "C:/Windows")) / "System32" / "nvcuda.dll").exists()
    return any(True for pattern in _DRIVERS for _ in system.glob(pattern))


def _cuda() -> tuple[str, ...]:
    """The CUDA cards, looked for as cheaply as possible; Apple's have no float64 and are taken when asked for only."""
    if not driver_visible() or find_spec("torch") is None:
        return ()
    return tuple(card for card in devices() if card.startswith("cuda"))
