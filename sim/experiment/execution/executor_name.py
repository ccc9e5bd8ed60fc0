"""Names of executors: what they are, and the error for one that there is not."""

from __future__ import annotations

import os

from sim.errors import InputError, Problem

EXPECTED = (
    "'processes', 'processes:N', 'serial', 'dask:local', 'dask:local:N' or 'dask:tcp://HOST:PORT'"
)


def refused_executor(where: str, hint: str = "") -> InputError:
    """Return the error that says which executors there are."""
    return InputError([Problem("executor", repr(where), EXPECTED, hint=hint)])


def cores() -> int:
    """Return the number of cores that this process may use."""
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1
