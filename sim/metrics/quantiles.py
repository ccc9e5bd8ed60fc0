"""Quantiles of a stream: exact up to a stated number of values, then within a stated error.

A quantile is the linear one, numpy's default: with the n values sorted, the q-quantile lies at
position ``q * (n - 1)`` and is interpolated between its two neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import numpy as np

from sim.interfaces import FloatArray, IntArray

RELATIVE_ERROR = 0.005  # guaranteed by the histogram for every quantile
SMALLEST = 1e-12  # values below count as 0; far under the resolution of simulated time

# Buckets are a hair narrower than the guarantee needs: room for the rounding of the logarithm.
_ALPHA = RELATIVE_ERROR * (1.0 - 1e-9)
_LOG_GAMMA = log((1.0 + _ALPHA) / (1.0 - _ALPHA))


class LogHistogram:
    """Counts in buckets that grow geometrically, so that each value is known to 0.5 %.

    The mapping is that of DDSketch (Masson, Rim, Lee 2019, doi 10.14778/3352063.3352135): bucket
    i holds the values in ``(gamma**(i-1), gamma**i]`` with ``gamma = (1 + alpha) / (1 - alpha)``,
    and stands for ``2 * gamma**i / (gamma + 1)``. Histograms merge without loss, and the order of
    the values does not matter.
    """

    def __init__(self) -> None:
        self.zeros = 0
        self._low = 0  # index of the first bucket kept
        self._counts = np.zeros(0, dtype=np.int64)

    @property
    def count(self) -> int:
        """Number of values."""
        return self.zeros + int(self._counts.sum())

    def add(self, values: FloatArray, counts: IntArray | None = None) -> None:
        """Count the values.

        Args:
            values: finite and not negative, any shape (n,).
            counts: how often each one counts, shape (n,); once each if left out.

        Raises:
            ValueError: a value is negative, infinite or not a number.
        """
        if len(values) == 0:
            return
        if not (values.min() >= 0.0 and values.max() < np.inf):  # NaN fails both
            raise ValueError("values: expected finite numbers that are not negative")
        small = values < SMALLEST
        if small.any():
            self.zeros += int(np.count_nonzero(small) if counts is None else counts[small].sum())
            values = values[~small]
            counts = None if counts is None else counts[~small]
            if len(values) == 0:
                return
        bucket = np.ceil(np.log(values) / _LOG_GAMMA).astype(np.int64)
        low, high = int(bucket.min()), int(bucket.max())
        self._reach(low, high)
        if counts is None:
            self._counts[low - self._low : high - self._low + 1] += np.bincount(bucket - low)
        else:
            np.add.at(self._counts, bucket - self._low, counts)

    def merge(self, other: LogHistogram) -> None:
        """Add the other histogram's values to this one."""
        self.zeros += other.zeros
        if len(other._counts):
            self._reach(other._low, other._low + len(other._counts) - 1)
            begin = other._low - self._low
            self._counts[begin : begin + len(other._counts)] += other._counts

    def quantiles(self, shares: Sequence[float]) -> FloatArray:
        """Return the quantile at each share in [0, 1]; NaN if there are no values."""
        values, counts = self.to_arrays()
        if len(values) == 0:
            return np.full(len(shares), np.nan)
        ends = np.cumsum(counts)
        position = np.asarray(shares, dtype=np.float64) * float(ends[-1] - 1)
        below = np.floor(position)
        lower = values[np.searchsorted(ends, below, side="right")]
        upper = values[np.searchsorted(ends, np.ceil(position), side="right")]
        # Both neighbours are known to 0.5 %, hence everything between them is.
        return lower + (upper - lower) * (position - below)

    def to_arrays(self) -> tuple[FloatArray, IntArray]:
        """Return the value that each used bucket stands for, ascending, and its count."""
        used = np.flatnonzero(self._counts)
        gamma = np.exp(_LOG_GAMMA)
        values = np.exp((used + self._low) * _LOG_GAMMA) * (2.0 / (gamma + 1.0))
        np.maximum(values, SMALLEST, out=values)  # the lowest bucket holds nothing below it
        counts = self._counts[used]
        if self.zeros:
            return np.insert(values, 0, 0.0), np.insert(counts, 0, self.zeros)
        return values, counts

    @classmethod
    def from_arrays(cls, values: FloatArray, counts: IntArray) -> LogHistogram:
        """Return the histogram that `to_arrays` gave these arrays."""
        histogram = cls()
        histogram.add(values, counts)
        return histogram

    def _reach(self, low: int, high: int) -> None:
        """Extend the buckets to the indices from ``low`` to ``high``."""
        if len(self._counts) == 0:
            self._low = low
        before = max(0, self._low - low)
        after = max(0, high + 1 - self._low - len(self._counts))
        if before or after:
            self._counts = np.pad(self._counts, (before, after))
            self._low -= before


class Quantiles:
    """Quantiles and mean of a stream; keeps the values themselves as long as they are few.

    Args:
        exact_up_to: number of values up to which quantiles are exact. Beyond it the values turn
            into a `LogHistogram`, for good.
    """

    def __init__(self, exact_up_to: int) -> None:
        self.exact_up_to = exact_up_to
        self.count = 0
        self._sum = 0.0
        self._chunks: list[FloatArray] = []
        self._histogram: LogHistogram | None = None

    @property
    def exact(self) -> bool:
        """Whether quantiles are exact."""
        return self._histogram is None

    @property
    def guaranteed_error(self) -> float:
        """Largest relative error that a quantile can have."""
        return 0.0 if self.exact else RELATIVE_ERROR

    @property
    def mean(self) -> float:
        """Mean of the values, exact in either case; NaN if there are none."""
        return self._sum / self.count if self.count else float("nan")

    def add(self, values: FloatArray) -> None:
        """Take the values, finite and not negative, shape (n,); the array must not change later."""
        if len(values) == 0:
            return
        self.count += len(values)
        self._sum += float(values.sum())
        if self._histogram is not None:
            self._histogram.add(values)
            return
        self._chunks.append(values)
        if self.count > self.exact_up_to:
            self.make_histogram()

    def make_histogram(self) -> None:
        """Give up the values for their histogram now."""
        if self._histogram is None:
            self._histogram = LogHistogram()
            for chunk in self._chunks:
                self._histogram.add(chunk)
            self._chunks = []

    def merge(self, other: Quantiles) -> None:
        """Add the other accumulator's values to this one; the other one stays as it is."""
        if other._histogram is None:
            for chunk in other._chunks:
                self.add(chunk)
            return
        self.make_histogram()
        self.count += other.count
        self._sum += other._sum
        if self._histogram is not None:
            self._histogram.merge(other._histogram)

    def quantiles(self, shares: Sequence[float]) -> FloatArray:
        """Return the quantile at each share in [0, 1]; NaN if there are no values."""
        if self._histogram is not None:
            return self._histogram.quantiles(shares)
        if not self.count:
            return np.full(len(shares), np.nan)
        found: FloatArray = np.quantile(np.concatenate(self._chunks), shares)
        return found
