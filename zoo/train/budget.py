"""A bound on a script's own time: past it the script stops with a sentence and writes nothing more."""

import time


class OutOfTimeError(RuntimeError):
    """The time allowed for this run is used up."""


class Budget:
    """Counts wall-clock minutes from its creation."""

    def __init__(self, minutes: float) -> None:
        """Start counting; `minutes` is the most the run may take."""
        self.minutes = minutes
        self._start = time.monotonic()

    def spent(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start

    def check(self, doing: str) -> None:
        """Raise when the time is up; a net is saved only after its last check, so none is half trained."""
        if self.spent() > 60 * self.minutes:
            raise OutOfTimeError(
                f"{self.minutes:g} minutes are over while {doing}: nothing of this net was written. "
                "Nets finished before it are kept; allow more with --max-minutes."
            )
