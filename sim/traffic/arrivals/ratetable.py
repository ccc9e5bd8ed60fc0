"""A rate that changes with time, and arrivals that follow it by a change of clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from sim.interfaces import FloatArray
from sim.traffic.arrivals.arrivals import ArrivalProcess


@dataclass(frozen=True, slots=True)
class RateTable:
    """A piecewise constant rate.

    Attributes:
        edges_s: where the pieces begin and end, rising from 0, one more than pieces [s].
        rates_per_s: rate in each piece [requests/s].
        repeats: start again after the last edge; otherwise the last rate goes on for ever.
    """

    edges_s: FloatArray
    rates_per_s: FloatArray
    repeats: bool = False

    @property
    def mean_per_s(self) -> float:
        """Mean rate over the table [requests/s]."""
        return float(self.rates_per_s @ np.diff(self.edges_s) / self.edges_s[-1])

    def expected(self, time_s: FloatArray) -> FloatArray:
        """Return the expected number of arrivals from 0 to each time."""
        sums = self._sums()
        if not self.repeats:
            after = np.maximum(time_s - self.edges_s[-1], 0) * self.rates_per_s[-1]
            return np.asarray(np.interp(time_s, self.edges_s, sums) + after)
        rounds, rest_s = np.divmod(time_s, self.edges_s[-1])
        return np.asarray(rounds * sums[-1] + np.interp(rest_s, self.edges_s, sums))

    def time_of(self, expected: FloatArray) -> FloatArray:
        """Return the times by which this many arrivals are expected [s]; inf for never."""
        sums, rounds = self._sums(), np.zeros_like(expected)
        if self.repeats:
            rounds, expected = np.divmod(expected, sums[-1])
        # side="right" passes over pieces of rate zero, in which nothing is expected.
        piece = np.searchsorted(sums, expected, side="right") - 1
        piece = np.minimum(piece, len(self.rates_per_s) - 1)
        rate = self.rates_per_s[piece]
        rest = expected - sums[piece]
        with np.errstate(divide="ignore"):
            inside_s = np.where(rate > 0, rest / rate, np.inf)
        return np.asarray(rounds * self.edges_s[-1] + self.edges_s[piece] + inside_s)

    def _sums(self) -> FloatArray:
        per_piece = self.rates_per_s * np.diff(self.edges_s)
        return np.concatenate([[0.0], np.cumsum(per_piece)])


@dataclass(frozen=True, slots=True)
class Modulated:
    """A stationary process of rate 1 on a clock that runs at the rate of a table.

    With Poisson gaps this is the inhomogeneous Poisson process, by the time-change theorem (D. J.
    Daley and D. Vere-Jones, An Introduction to the Theory of Point Processes, 7.4); with gamma
    gaps it is a modulated renewal process.

    Args:
        base: the process of rate 1 that sets the local burstiness.
        table: the rate over time.
    """

    base: ArrivalProcess
    table: RateTable

    @property
    def rate_per_s(self) -> float:
        """Mean rate over the table [requests/s]."""
        return self.table.mean_per_s

    def times(self, generator: Generator) -> Iterator[FloatArray]:
        """Yield blocks of arrival times [s]."""
        for expected in self.base.times(generator):
            block = self.table.time_of(expected)
            if np.isinf(block[-1]):
                yield block[np.isfinite(block)]
                return
            yield block
