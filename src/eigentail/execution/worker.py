"""Processes that wait for work at the end of a pipe, and are replaced when they die."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Final, final

from eigentail.errors import UsageError
from eigentail.execution.executor import LostError

# A worker that dies may have been killed for what others did; one that dies over the same work again was not.
_TRIES: Final = 3


@final
class Workers(Executor):
    """A pool of processes that outlives the death of any of them.

    Unlike the pool of the standard library, it loses nothing but the work of the one that died, and stops at once.

    Args:
        count: of processes; each is started when there is work for it.

    Example:
        >>> with Workers(1) as pool:
        ...     pool.submit(abs, -2).result()
        2
    """

    def __init__(self, count: int) -> None:
        self._threads = ThreadPoolExecutor(count)  # one waits for each process
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._alive: set[_Worker] = set()
        self._closed = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As every `concurrent.futures.Executor`; a future may end in `LostError`."""
        return self._threads.submit(self._call, partial(fn, *args, **kwargs))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End every process, whatever it is doing: nobody waits for its result any more."""
        with self._lock:
            self._closed = True
            alive = tuple(self._alive)
        for worker in alive:
            worker.end()
        self._threads.shutdown(wait=wait, cancel_futures=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()

    def _call(self, call: Callable[[], Any]) -> Any:
        for _ in range(_TRIES):
            worker = self._take()
            try:
                done, value = worker.ask(call)
            except (EOFError, OSError):
                self._drop(worker)
                continue
            except BaseException:  # what could not be sent: the worker waits as before
                self._give_back(worker)
                raise
            self._give_back(worker)
            if done:
                return value
            raise value
        hint = "is there enough memory? fewer workers need less"
        raise LostError(f"its worker process died {_TRIES} times while it was measured", hint=hint)

    def _take(self) -> _Worker:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        worker = _Worker()
        with self._lock:
            self._alive.add(worker)
            closed = self._closed
        if closed:
            worker.end()
        return worker

    def _give_back(self, worker: _Worker) -> None:
        with self._lock:
            self._idle.append(worker)

    def _drop(self, worker: _Worker) -> None:
        with self._lock:
            self._alive.discard(worker)
            closed = self._closed
        worker.end()
        if closed:
            raise LostError("stopped")


@final
class _Worker:
    """One process and the near end of its pipe."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would copy locks that BLAS holds
        self._pipe, far = context.Pipe()
        self._process = context.Process(target=_serve, args=(far,), daemon=True)
        try:
            self._process.start()
        finally:
            far.close()  # so that its death is the end of the pipe
        try:
            self._pipe.recv()
        except (EOFError, OSError) as error:
            self.end()
            hint = 'in a script, put the call under if __name__ == "__main__":, or use threads'
            raise UsageError("a worker process could not be started", where="processes", hint=hint) from error

    def ask(self, call: Callable[[], Any]) -> tuple[bool, Any]:
        self._pipe.send(call)
        answer: tuple[bool, Any] = self._pipe.recv()
        return answer

    def end(self) -> None:
        self._process.kill()
        self._process.join()


def _serve(pipe: Connection) -> None:
    """Do what comes through the pipe until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; ours ends the others
    with suppress(EOFError, OSError):
        pipe.send(True)
        while True:
            call = pipe.recv()
            try:
                answer = (True, call())
            except Exception as error:
                answer = (False, error)
            try:
                pipe.send(answer)
            except (pickle.PicklingError, TypeError, AttributeError) as error:
                pipe.send((False, UsageError(f"a result cannot travel between processes ({error})")))
