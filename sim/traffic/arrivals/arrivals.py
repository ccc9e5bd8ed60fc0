"""Arrival processes: endless streams of arrival times, drawn in blocks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.random import Generator

from sim.interfaces import FloatArray

BLOCK = 8192


class ArrivalProcess(Protocol):
    """Says when requests arrive."""

    @property
    def rate_per_s(self) -> float:
        """Long-run mean rate [requests/s]."""
        ...

    def times(self, generator: Generator) -> Iterator[FloatArray]:
        """Yield blocks of arrival times [s], non-decreasing, from time 0 on.

        There is no end unless the rate stays zero from some time on.
        """
        ...


class Renewal(Protocol):
    """A process whose gaps are independent and alike."""

    def gaps(self, count: int, generator: Generator) -> FloatArray:
        """Return ``count`` inter-arrival times [s]."""
        ...

    def first_gap(self, generator: Generator) -> float:
        """Return the time from 0 to the first arrival when the process has run for ever [s]."""
        ...


def renewal_times(process: Renewal, generator: Generator) -> Iterator[FloatArray]:
    """Yield arrival times of a stationary renewal process.

    Only the first gap differs: at a random instant one finds long gaps more often than they
    occur, and a uniform part of the gap is left (D. R. Cox, Renewal Theory, 1962, chapter 5).
    """
    clock_s = process.first_gap(generator)
    yield np.array([clock_s])
    while True:
        block = clock_s + np.cumsum(process.gaps(BLOCK, generator))
        clock_s = float(block[-1])
        yield block


@dataclass(frozen=True, slots=True)
class Poisson:
    """Independent arrivals at a constant rate.

    Args:
        rate_per_s: mean rate [requests/s].
    """

    rate_per_s: float

    def gaps(self, count: int, generator: Generator) -> FloatArray:
        """Return exponential gaps [s]."""
        return generator.standard_exponential(count) / self.rate_per_s

    def first_gap(self, generator: Generator) -> float:
        """Return the first gap [s], as long as any other."""
        return float(self.gaps(1, generator)[0])

    def times(self, generator: Generator) -> Iterator[FloatArray]:
        """Yield blocks of arrival times [s]."""
        return renewal_times(self, generator)


@dataclass(frozen=True, slots=True)
class GammaRenewal:
    """Independent gamma-distributed gaps: bursty for cv above 1, regular below.

    Args:
        rate_per_s: mean rate [requests/s].
        cv: coefficient of variation of the gaps, above 0.
    """

    rate_per_s: float
    cv: float

    @property
    def shape(self) -> float:
        """Shape parameter of the gamma distribution."""
        return self.cv**-2

    def gaps(self, count: int, generator: Generator) -> FloatArray:
        """Return gamma gaps [s]."""
        scale_s = 1 / (self.rate_per_s * self.shape)
        return generator.standard_gamma(self.shape, count) * scale_s

    def first_gap(self, generator: Generator) -> float:
        """Return a uniform part of a length-biased gap [s], which is gamma of shape + 1."""
        scale_s = 1 / (self.rate_per_s * self.shape)
        return float(generator.standard_gamma(self.shape + 1) * scale_s * generator.random())

    def times(self, generator: Generator) -> Iterator[FloatArray]:
        """Yield blocks of arrival times [s]."""
        return renewal_times(self, generator)


@dataclass(frozen=True, slots=True)
class WeibullRenewal:
    """Independent Weibull-distributed gaps: bursty for a shape below 1, regular above.

    Args:
        rate_per_s: mean rate [requests/s].
        shape: shape parameter, above 0.
    """

    rate_per_s: float
    shape: float

    @property
    def scale_s(self) -> float:
        """Scale parameter of the Weibull distribution [s]."""
        return 1 / (self.rate_per_s * math.gamma(1 + 1 / self.shape))

    def gaps(self, count: int, generator: Generator) -> FloatArray:
        """Return Weibull gaps [s]."""
        return self.scale_s * generator.weibull(self.shape, count)

    def first_gap(self, generator: Generator) -> float:
        """Return a uniform part of a length-biased gap [s].

        The power of a length-biased Weibull gap is gamma-distributed with shape 1 + 1 / shape.
        """
        power = generator.standard_gamma(1 + 1 / self.shape)
        return float(self.scale_s * power ** (1 / self.shape) * generator.random())

    def times(self, generator: Generator) -> Iterator[FloatArray]:
        """Yield blocks of arrival times [s]."""
        return renewal_times(self, generator)
