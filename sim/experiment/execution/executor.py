"""Where points run: here, in local processes, or on a Dask cluster, behind one interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any, TypeVar

from sim.experiment.execution.executor_name import cores, refused_executor
from sim.experiment.execution.processes import ProcessExecutor

T = TypeVar("T")


class SerialExecutor(Executor):
    """Runs each call at once in the caller's own process."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run ``fn(*args, **kwargs)`` and return its finished future."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def open_executor(where: str | Executor = "processes") -> Iterator[Executor]:
    """Provide the executor that ``where`` names, and close it afterwards.

    An interrupted block cancels what is left. An executor object is used as it is and stays open.

    Args:
        where: ``processes`` (one per core) or ``processes:N``, ``serial``, ``dask:local`` or
            ``dask:local:N`` (a cluster of N processes on this machine), ``dask:tcp://HOST:PORT``
            (a running scheduler), or any `concurrent.futures.Executor`.

    Raises:
        InputError: the name is unknown, or the Dask scheduler does not answer.
    """
    if isinstance(where, Executor):
        yield where
        return
    kind, _, rest = where.partition(":")
    if kind == "dask" and rest:
        from sim.experiment.execution.dask_cluster import dask_executor

        with dask_executor(rest) as executor:
            yield executor
        return
    executor = _local(where, kind, rest)
    finished = False
    try:
        yield executor
        finished = True
    finally:
        executor.shutdown(wait=True, cancel_futures=not finished)


def workers_of(where: str | Executor) -> int:
    """Return how many points run at a time, as far as that is known here (else 64)."""
    if isinstance(where, Executor):
        return 64
    kind, _, rest = where.partition(":")
    if kind == "processes":
        return int(rest or cores()) if (rest or "1").isdigit() else 1
    return 1 if kind == "serial" else 64


def _local(where: str, kind: str, rest: str) -> Executor:
    if where == "serial":
        return SerialExecutor()
    if where == "processes" or (kind == "processes" and rest.isdigit() and int(rest) > 0):
        return ProcessExecutor(int(rest or cores()))
    raise refused_executor(where)
