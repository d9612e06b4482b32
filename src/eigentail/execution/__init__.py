"""HOW MANY hands: the same work by one thread or a cluster, with the same numbers. One way to a file."""

from typing import TYPE_CHECKING, Final

from eigentail.door import open_door
from eigentail.registry import Registry

if TYPE_CHECKING:
    from eigentail.execution.blas import blas_libraries, blas_threads
    from eigentail.execution.executor import Executor, Hands, LostError, Task, Way
    from eigentail.execution.pooled import cores, pooled
    from eigentail.execution.processes import processes
    from eigentail.execution.ray import ray
    from eigentail.execution.serial import serial
    from eigentail.execution.threads import threads

executors: Final["Registry[Way]"] = Registry("executor", "eigentail.execution", "EXECUTOR")

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

open_door(
    __name__,
    {
        "blas": ("blas_libraries", "blas_threads"),
        "executor": ("Executor", "Hands", "LostError", "Task", "Way"),
        "pooled": ("cores", "pooled"),
        "processes": ("processes",),
        "ray": ("ray",),
        "serial": ("serial",),
        "threads": ("threads",),
    },
)
