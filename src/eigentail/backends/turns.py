"""Workers take turns: each thread keeps to one card, and a card does one piece of work at a time."""

from __future__ import annotations

import itertools
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from eigentail.backends.backend import Backend
from eigentail.backends.device import Device

# Beside a card's name: whoever holds it may fill the card's memory.
_LOCKS: Final[dict[str, threading.Lock]] = {}


def _first_turn() -> int:
    """Processes that do not know of each other start at different cards."""
    started = sys.modules.get("multiprocessing")  # loaded in every process that it has started
    return 0 if started is None or started.parent_process() is None else os.getpid()


class _Turn(threading.local):
    """The number of a thread among those that have asked for a card."""

    numbers = itertools.count(_first_turn())

    def __init__(self) -> None:
        self.number = next(self.numbers)


_TURN: Final = _Turn()


@contextmanager
def held(device: Device) -> Iterator[Backend]:
    """The card that is this thread's, for as long as the block runs; other threads with that card wait.

    Args:
        device: with at least one card.

    Yields:
        What computes there.

    Example:
        >>> with held(Device(("cpu",))) as backend:  # torch's own CPU arithmetic
        ...     backend.name
        'torch:cpu'
    """
    from eigentail.backends.cards import Card

    name = device.cards[_TURN.number % len(device.cards)]
    with _LOCKS.setdefault(name, threading.Lock()):
        yield Card(name)
