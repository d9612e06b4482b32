"""A Ray cluster for the length of a `with` block: joined where there is one, started where there is none."""

from __future__ import annotations

import builtins
import os
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from eigentail.errors import UsageError
from eigentail.execution.executor import Hands
from eigentail.execution.pooled import cores

# A cluster that does not answer within these seconds, 10 together, is taken for absent: left to itself Ray waits for
# ever.
_REACH: Final = 2.0
_JOIN: Final = 7.5
# Words of Ray for an address: start one, and whichever this machine is part of.
_LOCAL: Final = "local"
_ANY: Final = "auto"
# Records travel, weights do not.
_OBJECT_STORE: Final = 128 * 2**20
# Read by what is started: no word to anyone, and no advice about GPUs.
_QUIET: Final = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}


class Size(msgspec.Struct, frozen=True):
    """What a cluster has.

    Attributes:
        cpus: that may work.
        gpus: that may work.
        largest: bytes of memory of the machine that has the most.

    Example:
        >>> Size(2, 0.0, 1e9).cpus
        2
    """

    cpus: int
    gpus: float
    largest: float


@contextmanager
def cluster(hands: Hands) -> Iterator[Size]:
    """Be connected to a Ray cluster; afterwards everything is as it was.

    Args:
        hands: the address, and the size of a Ray that has to be started.

    Yields:
        What it has.

    Raises:
        UsageError: there is no cluster at the address, or not what was asked for.

    Example:
        >>> with cluster(Hands(address="localhost")):
        ...     pass
        Traceback (most recent call last):
        eigentail.errors.UsageError: localhost: is no address of a Ray cluster: write host:port, as 10.0.0.1:6379
    """
    address = hands.address or os.environ.get("RAY_ADDRESS", "")
    if address not in ("", _ANY, _LOCAL):
        _check_place(address)
    import ray as engine

    ours = not engine.is_initialized()
    printing = builtins.print
    if ours:
        address = _chosen(address)
        with _environment(_QUIET), warnings.catch_warnings(action="ignore"):
            _begin(engine, address, hands)
    try:
        yield _checked(_size(engine), hands)
    finally:
        if ours:
            engine.shutdown()
            builtins.print = printing  # Ray puts one of its own there, for its progress bars


def _chosen(address: str) -> str:
    """An address that answers; that of a Ray to be started where none was asked for and none does."""
    if address == _LOCAL:
        return address
    try:
        _check_answers(address or _ANY)
    except UsageError:
        if address:
            raise
        return _LOCAL
    return address or _ANY


def _begin(engine: Any, address: str, hands: Hands) -> None:
    """Connect, or start one."""
    quiet = {"logging_level": "CRITICAL", "log_to_driver": False}
    if address != _LOCAL:
        engine.init(address=address, **quiet)
        return
    memory = {} if hands.memory is None else {"_memory": hands.memory}
    engine.init(
        address=_LOCAL,
        num_cpus=hands.workers or cores(),
        object_store_memory=_OBJECT_STORE,
        include_dashboard=False,
        **memory,
        **quiet,
    )


def _check_place(address: str) -> None:
    """Whether there is anyone at the address."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        hint = "write host:port, as 10.0.0.1:6379"
        raise UsageError("is no address of a Ray cluster", where=address, hint=hint)
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_REACH).close()
    except (OSError, OverflowError) as error:
        raise _absent(address) from error


def _check_answers(address: str) -> None:
    """Whether it is a Ray of our version: asked by a process that can be ended when it waits."""
    program = f"import ray; ray.init(address={address!r}, log_to_driver=False)"
    try:
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=_JOIN, check=False)
    except subprocess.TimeoutExpired as error:
        raise _absent(address) from error
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        if reason.startswith("ConnectionError"):
            raise _absent(address)
        raise UsageError(f"the Ray cluster refuses ({reason[:200]})", where=address)


def _absent(address: str) -> UsageError:
    return UsageError("no Ray cluster answers", where=address, hint="is it running, and the port that of its head?")


def _size(engine: Any) -> Size:
    nodes = [node["Resources"] for node in engine.nodes() if node["Alive"]]
    return Size(
        int(sum(node.get("CPU", 0) for node in nodes)),
        sum(node.get("GPU", 0) for node in nodes),
        max((node.get("memory", 0) for node in nodes if node.get("CPU", 0)), default=0),
    )


def _checked(size: Size, hands: Hands) -> Size:
    if not size.cpus:
        raise UsageError("the Ray cluster has no CPU that may work", where="ray", hint="start a worker node")
    if hands.gpus > size.gpus:
        raise UsageError(f"{hands.gpus:g} GPUs a layer, and the cluster has {size.gpus:g}", where="ray")
    return size


@contextmanager
def _environment(words: Mapping[str, str]) -> Iterator[None]:
    """Variables that whatever is started meanwhile inherits; those of the user stand."""
    added = {name: word for name, word in words.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
