"""Delays of a control loop: telemetry shows the past, and a command takes time to act."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class DelayLine(Generic[T]):
    """Gives back what was put in, a fixed time later.

    Args:
        delay_s: how old a value is when it comes out [s].
    """

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._waiting: deque[tuple[float, T]] = deque()
        self._out: T | None = None

    def pass_on(self, now_s: float, value: T) -> T | None:
        """Put in a value and return the newest that is at least the delay old, or None.

        Args:
            now_s: time of the value [s], not before that of the last one.
            value: what is known at that time.
        """
        self._waiting.append((now_s, value))
        # Times are multiples of an interval: allow for the rounding of their difference.
        while self._waiting and self._waiting[0][0] <= now_s - self._delay_s + 1e-9:
            self._out = self._waiting.popleft()[1]
        return self._out
