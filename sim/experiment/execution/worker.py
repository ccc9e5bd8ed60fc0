"""The process that runs points: ``python -m sim.experiment.execution.worker``.

Started by `sim.experiment.execution.processes`.

It reads calls from stdin and writes answers to stdout, each a length and a pickle. Both ends of
the pipe are the same program on the same machine; nothing here ever reads a pickle from a file.
"""

from __future__ import annotations

import os
import pickle
import queue
import sys
import threading
from typing import BinaryIO

from sim.experiment.execution.frames import read_frame, write_frame


def answer(call: bytes) -> bytes:
    """Run a pickled ``(function, arguments)`` and return the pickled ``(succeeded, outcome)``."""
    try:
        function, arguments = pickle.loads(call)  # noqa: S301 - from our own parent process
        return pickle.dumps((True, function(*arguments)))
    except Exception as error:
        return _pickled_error(error)


def _pickled_error(error: Exception) -> bytes:
    try:
        content = pickle.dumps((False, error))
        pickle.loads(content)  # noqa: S301 - some exceptions cannot be rebuilt
    except Exception:
        return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))
    return content


def main() -> None:
    """Answer calls until the parent closes the pipe or dies."""
    calls = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a model prints must not end up between the answers
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(calls, inbox), daemon=True).start()
    while True:
        write_frame(answers, answer(inbox.get()))


def _listen(calls: BinaryIO, inbox: queue.SimpleQueue[bytes]) -> None:
    while (call := read_frame(calls)) is not None:
        inbox.put(call)
    sys.stderr.flush()
    os._exit(0)  # also in the middle of a point: without a parent nobody waits for it


if __name__ == "__main__":
    main()
