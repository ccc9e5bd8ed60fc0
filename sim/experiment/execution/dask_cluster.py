"""Points on a Dask cluster: one that runs somewhere, or one on this machine to try it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from sim.experiment.execution.executor_name import cores, refused_executor
from sim.experiment.execution.point import program_version

CONNECT_TIMEOUT_S = 10
# A lost scheduler means that the program that started the workers is gone.
WORKER_OPTIONS = ("--nthreads", "1", "--no-dashboard", "--death-timeout", "10")


@contextmanager
def dask_executor(address: str) -> Iterator[Executor]:
    """Provide an executor on a Dask cluster; Dask itself repeats the calls of lost workers.

    Scheduler and workers have to be able to import Loadbank and to see the same files.

    Args:
        address: ``tcp://HOST:PORT`` of a scheduler, or ``local`` or ``local:N``.

    Raises:
        InputError: Dask is not installed, or no scheduler answers.
    """
    where = f"dask:{address}"
    try:
        import distributed
    except ImportError:
        hint = "Dask is not installed: pip install 'loadbank[dask]'"
        raise refused_executor(where, hint) from None
    kind, _, count = address.partition(":")
    if kind == "local" and (count.isdigit() or not count):
        with _local_cluster(distributed, int(count or cores())) as scheduler:
            yield from _connected(distributed, scheduler, where, int(count or cores()))
    elif "://" in address:
        yield from _connected(distributed, address, where, 1)
    else:
        raise refused_executor(where)


def _connected(distributed: Any, address: str, where: str, workers: int) -> Iterator[Executor]:
    try:
        client = distributed.Client(address, timeout=CONNECT_TIMEOUT_S, set_as_default=False)
    except (OSError, ValueError):
        raise refused_executor(where, "no scheduler answers there") from None
    with client:
        try:
            client.wait_for_workers(workers, timeout=CONNECT_TIMEOUT_S)
        except TimeoutError:
            raise refused_executor(where, "the scheduler has no workers") from None
        _check_version(client, where)
        yield client.get_executor(pure=False)  # equal calls stay separate calls


def _check_version(client: Any, where: str) -> None:
    """Refuse a cluster that cannot import this version of Loadbank, on which calls would hang."""
    here = program_version()
    try:
        there = client.submit(program_version, pure=False).result(timeout=CONNECT_TIMEOUT_S)
    except Exception as error:
        hint = f"its workers cannot import Loadbank: {str(error).splitlines()[0]}"
        raise refused_executor(where, hint) from None
    if there != here:
        raise refused_executor(where, f"its workers have Loadbank {there}, here is {here}")


@contextmanager
def _local_cluster(distributed: Any, workers: int) -> Iterator[str]:
    """Provide the address of a scheduler in this process with workers that are plain commands.

    Dask's own local cluster starts workers by importing the caller's script again, which a script
    without a main guard does not survive.
    """
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    cluster = distributed.LocalCluster(
        n_workers=0, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address=None
    )
    with cluster:
        command = [sys.executable, "-m", "distributed.cli.dask_worker", cluster.scheduler_address]
        options = ["--nworkers", str(workers), *WORKER_OPTIONS]
        process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [*command, *options],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield cluster.scheduler_address
        finally:
            process.terminate()
            process.wait()
