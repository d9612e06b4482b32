"""Every machine of a Ray cluster, or the cores of this one."""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from math import inf
from typing import Any, Final, final

from eigentail.errors import SourceError, UsageError
from eigentail.execution.carry import Carried
from eigentail.execution.cluster import cluster
from eigentail.execution.executor import Executor, Hands, LostError, Result, Way, Work
from eigentail.execution.schedule import Limits, scheduled

# As for processes: a layer whose worker or machine is lost is done again, twice at most.
_AGAIN: Final = 2
# So many layers a CPU are handed out, so that none waits for the next.
_AHEAD: Final = 2


def ray(workers: int | None = None, *, memory: int | None = None, address: str = "", gpus: float = 0.0) -> Executor:
    """An executor on Ray: the cluster at the address, else the one this machine is part of, else a Ray of its own.

    Workers open the source themselves: every machine needs this package and must see the same path. Layers of a worker
    or a machine that is lost are done again elsewhere. A Ray that was running before is left running.

    Args:
        workers: layers at a time; None for the CPUs of the cluster.
        memory: bytes of working memory of all layers that run at once, over all machines; None for what each machine
            says it has. Of a Ray that is started here, what it may hand out.
        address: "host:port", "ray://host:port", or "local" to start a Ray of its own in any case.
        gpus: GPUs, or a share of one, that each layer occupies.

    Raises:
        UsageError: fewer than one worker, or Ray is not installed; later, if there is no cluster at the address
            (within 10 seconds), or it has too few GPUs.
        SourceError: later, if the model is live (it cannot travel), or a machine cannot read the path.

    Example:
        >>> ray(0)
        Traceback (most recent call last):
        eigentail.errors.UsageError: workers: 0 is too few: use 1 or more
    """
    return _ray(Hands(workers=workers, memory=memory, address=address, gpus=gpus))


def _ray(hands: Hands) -> Executor:
    if importlib.util.find_spec("ray") is None:
        raise UsageError("Ray is not installed", where="ray", hint='pip install "eigentail[ray]"')

    def run(measure: Callable[[Work], Result], work: Sequence[Work]) -> Iterator[Result]:
        if not work:
            return
        call = Carried(measure)  # a live model is told before a cluster is started
        with cluster(hands) as size:
            tasks = _Tasks(call, hands.gpus, size.largest)
            limits = Limits(hands.workers or _AHEAD * size.cpus, inf if hands.memory is None else hands.memory)
            try:
                yield from scheduled(tasks.start, work, limits)
            finally:
                tasks.stop()

    return run


@final
class _Tasks:
    """Starts remote tasks as `concurrent.futures` has them, and stops those that are left."""

    def __init__(self, call: Callable[[Any], Any], gpus: float, largest: float) -> None:
        import ray as engine

        self._engine, self._largest = engine, largest
        self._call = call  # a few hundred bytes with each layer: an object of its own could be lost with its owner
        self._remote = engine.remote(num_cpus=1, num_gpus=gpus, max_retries=_AGAIN)(_answer)
        self._refs: dict[Future[Any], Any] = {}

    def start(self, task: Any) -> Future[Any]:
        ref = self._remote.options(memory=min(task.memory, self._largest)).remote(self._call, task)
        future: Future[Any] = Future()
        self._refs[future] = ref
        ref.future().add_done_callback(partial(self._settle, future))
        return future

    def stop(self) -> None:
        for ref in tuple(self._refs.values()):
            self._engine.cancel(ref, force=True)

    def _settle(self, future: Future[Any], came: Future[Any]) -> None:
        """Hand over what came, in our own words."""
        self._refs.pop(future, None)
        if not future.set_running_or_notify_cancel():
            return
        error = came.exception()
        if error is not None:
            future.set_exception(self._told(error))
            return
        done, value = came.result()
        if done:
            future.set_result(value)
        else:
            future.set_exception(value)

    def _told(self, error: BaseException) -> BaseException:
        known = self._engine.exceptions
        lost = (known.WorkerCrashedError, known.NodeDiedError, known.OutOfMemoryError, known.ObjectLostError)
        if isinstance(error, (*lost, known.LocalRayletDiedError)):
            return LostError(f"its worker was lost {_AGAIN + 1} times", hint="is there enough memory on the machines?")
        reason = next((line for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)
        return UsageError(
            f"a worker could not run ({reason.strip()[:200]})", where="ray", hint="every machine needs eigentail"
        )


def _answer(call: Callable[[Any], Any], task: Any) -> tuple[bool, Any]:
    """What a remote worker does: whatever measuring raises comes back as it is."""
    try:
        return True, call(task)
    except SourceError as error:
        return False, SourceError(f"{error.what} (on {socket.gethostname()})", where=error.where, hint=error.hint)
    except Exception as error:
        return False, error


EXECUTOR: Final = Way(name="ray", make=_ray)
