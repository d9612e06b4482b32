"""HOW MANY hands: the same work by one thread or several, with the same numbers. One way to a file."""

from eigentail.execution.executor import Executor
from eigentail.execution.serial import serial
from eigentail.execution.threads import threads

__all__ = ["Executor", "serial", "threads"]
