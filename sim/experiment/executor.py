"""Where points run: here, in local processes, or on a Dask cluster, behind one interface."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any, TypeVar

from sim.errors import InputError, Problem
from sim.experiment.processes import ProcessExecutor

T = TypeVar("T")

EXPECTED = (
    "'processes', 'processes:N', 'serial', 'dask:local', 'dask:local:N' or 'dask:tcp://HOST:PORT'"
)
_CONNECT_TIMEOUT_S = "10s"


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
        with _dask(rest, where) as executor:
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
        return int(rest or _cores()) if (rest or "1").isdigit() else 1
    return 1 if kind == "serial" else 64


def _local(where: str, kind: str, rest: str) -> Executor:
    if where == "serial":
        return SerialExecutor()
    if where == "processes" or (kind == "processes" and rest.isdigit() and int(rest) > 0):
        return ProcessExecutor(int(rest or _cores()))
    raise _refused(where)


def _refused(where: str, hint: str = "") -> InputError:
    return InputError([Problem("executor", repr(where), EXPECTED, hint=hint)])


def _cores() -> int:
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1


@contextmanager
def _dask(address: str, where: str) -> Iterator[Executor]:
    try:
        import distributed
    except ImportError:
        raise _refused(where, "Dask is not installed: pip install 'loadbank[dask]'") from None
    kind, _, count = address.partition(":")
    if kind == "local" and (count.isdigit() or not count):
        with _local_cluster(int(count or _cores())) as cluster:
            yield from _client(distributed, cluster.scheduler_address, where)
    elif "://" in address:
        yield from _client(distributed, address, where)
    else:
        raise _refused(where)


@contextmanager
def _local_cluster(workers: int) -> Iterator[Any]:
    """Provide a Dask cluster of subprocesses, which need no main guard in the caller's script."""
    from distributed import SubprocessCluster

    no_dashboard: Any = None
    with SubprocessCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address=no_dashboard, host="127.0.0.1"
    ) as cluster:
        yield cluster


def _client(distributed: Any, address: str, where: str) -> Iterator[Executor]:
    try:
        client = distributed.Client(address, timeout=_CONNECT_TIMEOUT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise _refused(where, f"no scheduler answers there: {error}") from None
    with client:
        # pure=False: equal calls stay separate calls; a lost worker's calls are run again by Dask.
        yield client.get_executor(pure=False)
