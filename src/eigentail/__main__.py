"""The command `eigentail`, and `python -m eigentail`: a process of its own."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import Final

# A start makes less than this, and all of it stays: to look through it for garbage, again and again, takes a tenth of
# a short run. From the first time that there is more, the collector comes as often as ever.
_AT_START: Final = 100_000
_USUAL: Final = gc.get_threshold()


def run() -> None:
    """Read the words of a command line, do what they say, and end the process."""
    gc.set_threshold(_AT_START, *_USUAL[1:])
    gc.callbacks.append(_as_ever)
    from eigentail.cli import main

    try:
        main(prog_name="eigentail")
    finally:
        gc.freeze()  # what is left goes with the process: nothing is gained by looking through it at the very end


def _as_ever(phase: str, _: Mapping[str, int]) -> None:
    if phase == "stop" and gc.get_threshold()[0] == _AT_START:
        gc.set_threshold(*_USUAL)


if __name__ == "__main__":
    run()
