"""Signals: a value over time, with the exact mean over any interval."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np

from sim.errors import ModelLimitError
from sim.interfaces import FloatArray


class Signal(Protocol):
    """A value over simulated time."""

    def mean(self, start_s: float, end_s: float) -> float:
        """Return the mean over an interval; the value itself when it has no length."""
        ...


class Constant:
    """The same value at all times."""

    def __init__(self, value: float) -> None:
        self._value = value

    def mean(self, start_s: float, end_s: float) -> float:
        """Return the value."""
        return self._value


class Sampled:
    """Values at time stamps, held until the next one or joined by straight lines.

    Args:
        name: what it is, for messages.
        time_s: time stamps, increasing [s].
        value: value at each of them.
        between: ``step`` holds a value until the next stamp (prices, carbon); ``line`` joins them
            (temperatures).
        end_s: end of the last value where it is held; the last stamp unless given.
    """

    def __init__(
        self,
        name: str,
        time_s: FloatArray,
        value: FloatArray,
        between: Literal["step", "line"] = "step",
        end_s: float | None = None,
    ) -> None:
        if between == "step":
            last_s = float(time_s[-1]) if end_s is None else end_s
            time_s = np.append(time_s, last_s)
            value = np.append(value, value[-1])
        self._name, self._time_s, self._value, self._between = name, time_s, value, between
        self._area = np.concatenate([[0.0], np.cumsum(self._pieces(time_s[1:], slice(None)))])

    def mean(self, start_s: float, end_s: float) -> float:
        """Return the exact mean over an interval.

        Raises:
            ModelLimitError: the interval is not inside the time stamps.
        """
        first_s, last_s = float(self._time_s[0]), float(self._time_s[-1])
        if start_s < first_s or end_s > last_s:
            raise ModelLimitError(
                f"signal {self._name} covers {first_s:g} s to {last_s:g} s of the run, "
                f"but {start_s:g} s to {end_s:g} s is needed"
            )
        if end_s <= start_s:
            return self._at(start_s)
        return (self._integral(end_s) - self._integral(start_s)) / (end_s - start_s)

    def _at(self, time_s: float) -> float:
        if self._between == "line":
            return float(np.interp(time_s, self._time_s, self._value))
        return float(self._value[np.searchsorted(self._time_s, time_s, side="right") - 1])

    def _integral(self, time_s: float) -> float:
        piece = int(np.searchsorted(self._time_s, time_s, side="right")) - 1
        piece = min(piece, len(self._time_s) - 2)
        return float(self._area[piece] + self._pieces(np.array([time_s]), slice(piece, piece + 1)))

    def _pieces(self, until_s: FloatArray, pieces: slice) -> FloatArray:
        """Integrate pieces from their start until given times."""
        start_s, left = self._time_s[:-1][pieces], self._value[:-1][pieces]
        passed_s = until_s - start_s
        if self._between == "step":
            return np.asarray(left * passed_s).squeeze()
        slope = np.diff(self._value)[pieces] / np.diff(self._time_s)[pieces]
        return np.asarray((left + 0.5 * slope * passed_s) * passed_s).squeeze()
