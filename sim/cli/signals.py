"""Ctrl-C, and what batch systems, terminals and shells send instead of it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

# A time limit sends SIGTERM, a closed terminal SIGHUP (which not every system has).
ENDING: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class SignalledError(KeyboardInterrupt):
    """A signal that asks the command to end, as Ctrl-C does.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class StopFlag:
    """Becomes true when the user presses Ctrl-C, or another signal asks the command to end.

    Attributes:
        number: of the signal, 0 as long as there was none.
    """

    def __init__(self) -> None:
        self.number = 0

    def __call__(self) -> bool:
        """Return whether to stop."""
        return self.number != 0


@contextmanager
def interruptible() -> Iterator[None]:
    """Have every signal that asks for an end raise where the command is."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise SignalledError(number)

    with _handled(end):
        yield


@contextmanager
def stop_on_interrupt() -> Iterator[StopFlag]:
    """Turn the first signal into a flag, so that a run ends between events; a second one kills."""
    flag = StopFlag()

    def note(number: int, _frame: FrameType | None) -> None:
        if flag():
            raise SignalledError(number)
        flag.number = number

    with _handled(note):
        yield flag


@contextmanager
def _handled(handler: signal._HANDLER) -> Iterator[None]:
    # What the shell was told to ignore (nohup, a job in the background) stays ignored, and only
    # the main thread may ask for signals.
    main = threading.current_thread() is threading.main_thread()
    heard = [each for each in ENDING if main and signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, handler) for each in heard}
    try:
        yield
    finally:
        for each, old in before.items():
            signal.signal(each, old)
