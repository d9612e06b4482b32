"""Measurements that other processes can be given: they are found by name there."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import msgspec


class Job(msgspec.Struct, frozen=True):
    """A piece of work that leaves a mark in a folder each time it is begun."""

    number: int
    folder: str
    shape: tuple[int, int] = (8, 8)
    memory: int = 10**6
    flops: float = 1.0
    spreads: bool = False

    def begun(self) -> int:
        """How many times, this one included."""
        marks = list(Path(self.folder).glob(f"{self.number}.*"))
        (Path(self.folder) / f"{self.number}.{len(marks)}").touch()
        return len(marks) + 1


def jobs(folder: Path, count: int) -> list[Job]:
    return [Job(number, str(folder)) for number in range(count)]


def marks(folder: Path, number: int) -> int:
    return len(list(folder.glob(f"{number}.*")))


def busy(folder: Path) -> int:
    """How many are begun and not ended, of work that says so."""
    ended = len(list(folder.glob("end-*")))
    return len(list(folder.glob("[0-9]*.*"))) - ended


def number(job: Job) -> int:
    job.begun()
    return job.number


def process(job: Job) -> int:
    return os.getpid()


def slow(job: Job) -> int:
    job.begun()
    time.sleep(0.3)
    return job.number


def slower(job: Job) -> int:
    job.begun()
    time.sleep(1.5)
    (Path(job.folder) / f"end-{job.number}").touch()
    return job.number


def endless(job: Job) -> int:
    job.begun()
    time.sleep(600)
    return job.number


def dies_once(job: Job) -> int:
    if job.begun() == 1 and job.number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return job.number


def dies_always(job: Job) -> int:
    job.begun()
    if job.number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return job.number


def is_bad(job: Job) -> int:
    if job.number == 1:
        raise ValueError("layer 1 is bad")
    return job.number


def cannot_travel(job: Job) -> Any:
    return lambda: job.number


def blas_threads(job: Job) -> int:
    import numpy as np
    from threadpoolctl import threadpool_info

    assert np.eye(2).sum() == 2
    return max(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas")
