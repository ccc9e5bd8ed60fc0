"""Local worker processes behind the standard executor interface.

`concurrent.futures.ProcessPoolExecutor` starts its children by importing the caller's script
again, which a notebook and a script without a main guard do not survive, and one dead child
breaks the whole pool. Here a worker is a plain ``python -m`` command, and a dead one is replaced
and its call repeated.
"""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import IO, Any, BinaryIO, TypeVar, cast

from sim.errors import InputError, LoadbankError, Problem
from sim.experiment.execution.frames import read_frame, write_frame

T = TypeVar("T")

ATTEMPTS = 3
# One point is one thread of work: libraries that start a thread per core only get in the way.
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class WorkerDiedError(LoadbankError):
    """The process that ran a point died every time it was tried."""


@dataclass(frozen=True, slots=True)
class _Call:
    content: bytes
    future: Future[Any]


class ProcessExecutor(Executor):
    """Runs calls of importable functions in worker processes.

    Args:
        workers: number of processes; each is started when the first call reaches it.
    """

    def __init__(self, workers: int) -> None:
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._closed = False
        self._threads = [
            threading.Thread(target=self._serve, args=(number,), daemon=True)
            for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Schedule ``fn(*args)`` in a worker.

        Raises:
            InputError: ``fn`` lives in the caller's script, where no worker can import it.
        """
        if kwargs:
            raise TypeError("keyword arguments are not passed on to workers")
        if getattr(fn, "__module__", None) == "__main__":
            expected = "a function of a module that a worker can import, not of the script itself"
            raise InputError([Problem("run", getattr(fn, "__qualname__", str(fn)), expected)])
        if self._closed:
            raise RuntimeError("cannot schedule new calls after shutdown")
        future: Future[T] = Future()
        self._calls.put(_Call(pickle.dumps((fn, args)), future))
        return future

    def worker_pids(self) -> list[int]:
        """Return the process ids of the workers that are running now."""
        with self._lock:
            return [process.pid for process in self._processes.values()]

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers: after the calls they have, or at once where those are cancelled."""
        with self._lock:
            first, self._closed = not self._closed, True
        if cancel_futures:
            self._cancel_all()
        if first:
            for _ in self._threads:
                self._calls.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def _cancel_all(self) -> None:
        while not self._calls.empty():
            call = self._calls.get()
            if call is not None:
                call.future.cancel()
        with self._lock:
            for process in self._processes.values():
                process.kill()
        for _ in self._threads:
            self._calls.put(None)

    def _serve(self, number: int) -> None:
        while (call := self._calls.get()) is not None:
            if call.future.set_running_or_notify_cancel():
                self._run(number, call)
        self._end(number)

    def _run(self, number: int, call: _Call) -> None:
        code: int | None = None
        for _ in range(ATTEMPTS):
            process = self._process(number)
            reply = _exchange(process, call.content) if process else None
            if reply is not None:
                _settle(call.future, reply)
                return
            code = self._end(number)
            if self._closed and code is not None:
                break
        text = f"the worker process died {ATTEMPTS} times (exit code {code})"
        call.future.set_exception(WorkerDiedError(text))

    def _process(self, number: int) -> subprocess.Popen[bytes] | None:
        with self._lock:
            process = self._processes.get(number)
            if process is None:
                process = self._processes[number] = _start()
            return process

    def _end(self, number: int) -> int | None:
        with self._lock:
            process = self._processes.pop(number, None)
        if process is None:
            return None
        for pipe in (process.stdin, process.stdout):
            _close(pipe)
        return process.wait()


def _start() -> subprocess.Popen[bytes]:
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    for name in _ONE_THREAD:
        environment.setdefault(name, "1")
    return subprocess.Popen(
        [sys.executable, "-m", "sim.experiment.execution.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        start_new_session=True,  # Ctrl-C is for the parent, which then ends the workers
    )


def _exchange(process: subprocess.Popen[bytes], call: bytes) -> bytes | None:
    try:
        write_frame(cast("BinaryIO", process.stdin), call)
        return read_frame(cast("BinaryIO", process.stdout))
    except OSError:
        return None


def _settle(future: Future[Any], reply: bytes) -> None:
    succeeded, outcome = pickle.loads(reply)  # noqa: S301 - from our own child process
    if succeeded:
        future.set_result(outcome)
    else:
        future.set_exception(outcome)


def _close(pipe: IO[bytes] | None) -> None:
    try:
        if pipe is not None:
            pipe.close()
    except OSError:
        return
