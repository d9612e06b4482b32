"""HOW MANY hands: the same work by one thread or a cluster, with the same numbers. One way to a file."""

from typing import Final

from eigentail.execution.blas import blas_libraries, blas_threads
from eigentail.execution.executor import Executor, Hands, LostError, Task, Way
from eigentail.execution.pooled import cores, pooled
from eigentail.execution.processes import processes
from eigentail.execution.ray import ray
from eigentail.execution.serial import serial
from eigentail.execution.threads import threads
from eigentail.registry import Registry

executors: Final[Registry[Way]] = Registry("executor", "eigentail.execution", "EXECUTOR")

__all__ = [
    "Executor",
    "Hands",
    "LostError",
    "Task",
    "Way",
    "blas_libraries",
    "blas_threads",
    "cores",
    "executors",
    "pooled",
    "processes",
    "ray",
    "serial",
    "threads",
]
