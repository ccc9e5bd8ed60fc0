"""Time bins: exact integrals, maxima and levels of what happens over time, per group and bin.

Replica activity and power arrive as rows "from start to end at this rate"; queues change at time
stamps. Nothing is sampled: a row that crosses bin edges is split there, so the bins of a group add
up to the sum of ``rate * (end - start)`` over its rows, to 1e-12 relative, and a level counts to
the instant at which it changes. Bins that widen themselves keep the memory bounded for a run of
any length.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from sim.interfaces import FloatArray, IntArray

AUTO_WIDTH_S = 1.0  # width with which self-widening bins start
MOST_BINS = 2000  # self-widening bins double their width rather than become more than this
_PIECES_AT_ONCE = 1 << 20  # bounds the temporary arrays of a call


class TimeBins:
    """Bins of equal width from time 0 that grow, or widen, with the time they have to cover.

    Objects with the same setting that have covered the same time have the same bins, so series
    that are gathered apart line up.

    Args:
        width_s: width of a bin [s]; None starts at `AUTO_WIDTH_S` and doubles it, merging
            neighbours, whenever there would be more than `MOST_BINS` bins.

    Raises:
        ValueError: the width is not a positive number.
    """

    def __init__(self, width_s: float | None = None) -> None:
        if width_s is not None and not 0.0 < width_s < np.inf:
            raise ValueError(f"width_s: got {width_s}, expected a positive number of seconds")
        self.width_s = AUTO_WIDTH_S if width_s is None else float(width_s)
        self.count = 0
        self._widens = width_s is None
        self._capacity = 0

    def cover(self, end_s: float) -> None:
        """Make the bins reach ``end_s`` [s], widening them first if that is the setting."""
        while self._widens and _bins_until(end_s, self.width_s) > MOST_BINS:
            self._merge_pairs()
            self.width_s *= 2.0
            self.count = (self.count + 1) // 2
            self._capacity = (self._capacity + 1) // 2
        self.count = max(self.count, _bins_until(end_s, self.width_s))
        if self.count > self._capacity:
            more = max(self.count, 2 * self._capacity) - self._capacity
            self._grow(more)
            self._capacity += more

    def starts_s(self) -> FloatArray:
        """Return the start of each bin [s]."""
        return np.arange(self.count, dtype=np.float64) * self.width_s

    def lengths_s(self, end_s: float) -> FloatArray:
        """Return how much of each bin lies before ``end_s`` [s]; divide integrals by it."""
        lengths_s: FloatArray = np.clip(end_s - self.starts_s(), 0.0, self.width_s)
        return lengths_s

    def _merge_pairs(self) -> None:
        raise NotImplementedError

    def _grow(self, more: int) -> None:
        raise NotImplementedError


class Bins(TimeBins):
    """Integrals and maxima of piecewise-constant quantities, for several groups.

    Args:
        groups: number of groups, such as racks or pools.
        quantities: number of integrals kept per group.
        width_s: width of a bin [s], None for bins that widen themselves.
    """

    def __init__(self, groups: int, quantities: int = 1, width_s: float | None = None) -> None:
        super().__init__(width_s)
        self._integrals = np.zeros((quantities, groups, 0))
        self._maxima = np.zeros((groups, 0))

    def add(
        self, group: IntArray, start_s: FloatArray, end_s: FloatArray, *rates: FloatArray
    ) -> FloatArray:
        """Add the integral of each row's rate to the bins that the row crosses.

        Args:
            group: group of each row, shape (rows,).
            start_s: start of each row [s], not negative, shape (rows,).
            end_s: end of each row [s], not before its start, shape (rows,).
            *rates: for each quantity its value during the row, shape (rows,).

        Returns:
            What was added per quantity and group, over all bins.
        """
        groups = len(self._maxima)
        added = np.zeros((len(rates), groups))
        for row, bins, duration_s in self._pieces(start_s, end_s):
            low = int(bins.min())
            wide = int(bins.max()) + 1 - low
            slot = group[row] * wide + (bins - low)
            for quantity, rate in enumerate(rates):
                amount = rate[row] * duration_s
                sums = np.bincount(slot, amount, minlength=groups * wide).reshape(groups, wide)
                self._integrals[quantity, :, low : low + wide] += sums
                added[quantity] += sums.sum(axis=1)
        return added

    def add_max(
        self, group: IntArray, start_s: FloatArray, end_s: FloatArray, level: FloatArray
    ) -> None:
        """Raise the maximum of every bin that a row crosses to the row's level.

        Args:
            group: group of each row, shape (rows,).
            start_s: start of each row [s], not negative, shape (rows,).
            end_s: end of each row [s], shape (rows,); rows without length are ignored.
            level: value during the row, not negative, shape (rows,).
        """
        lasting = end_s > start_s
        if not lasting.all():
            group, level = group[lasting], level[lasting]
            start_s, end_s = start_s[lasting], end_s[lasting]
        for row, bins, _ in self._pieces(start_s, end_s):
            flat = self._maxima.reshape(-1)  # a view: the array is contiguous
            np.maximum.at(flat, group[row] * self._maxima.shape[1] + bins, level[row])

    def integrals(self, quantity: int = 0) -> FloatArray:
        """Return the integral per group and bin, shape (groups, count)."""
        return self._integrals[quantity, :, : self.count].copy()

    def maxima(self) -> FloatArray:
        """Return the largest level per group and bin, 0 where there was none, (groups, count)."""
        return self._maxima[:, : self.count].copy()

    def _merge_pairs(self) -> None:
        left, right = _pairs(self._integrals)
        self._integrals = left + right
        self._maxima = np.maximum(*_pairs(self._maxima))

    def _grow(self, more: int) -> None:
        self._integrals = _longer(self._integrals, more)
        self._maxima = _longer(self._maxima, more)

    def _pieces(self, start_s: FloatArray, end_s: FloatArray) -> Iterator[_Pieces]:
        """Cut the rows at the bin edges, a bounded number of pieces at a time."""
        if len(start_s) == 0:
            return
        self.cover(max(float(end_s.max()), self.width_s))
        first = (start_s / self.width_s).astype(np.int64)
        # A row of no length keeps its one bin, also at the far edge of the last one.
        np.minimum(first, self.count - 1, out=first)
        last = np.ceil(end_s / self.width_s).astype(np.int64) - 1
        cut = np.flatnonzero(last > first)
        # Few rows reach beyond their first bin, so that piece of all rows needs no look-up.
        head_end_s = end_s.copy()
        head_end_s[cut] = (first[cut] + 1) * self.width_s
        yield _Pieces(slice(None), first, head_end_s - start_s)
        ends = np.cumsum(last[cut] - first[cut])
        begin = 0
        while begin < len(cut):
            done = int(ends[begin - 1]) if begin else 0
            stop = int(np.searchsorted(ends, done + _PIECES_AT_ONCE, side="right"))
            rows = cut[begin : max(stop, begin + 1)]
            yield _tails(rows, end_s[rows], first[rows], last[rows], self.width_s)
            begin += len(rows)


class EventBins(TimeBins):
    """Changes at time stamps: how much changed in each bin, and the level in between.

    With +1 for each arrival and -1 for each departure the level is the number present, and
    `level_integrals` is exact for it however long somebody stays.

    Args:
        groups: number of groups, such as pools.
        width_s: width of a bin [s], None for bins that widen themselves.
    """

    def __init__(self, groups: int, width_s: float | None = None) -> None:
        super().__init__(width_s)
        self._changes = np.zeros((groups, 0))
        # What the changes of a bin add to the integral of the level, up to the bin's own end.
        self._areas = np.zeros((groups, 0))

    def add(self, group: IntArray, time_s: FloatArray, change: float = 1.0) -> None:
        """Change the level of each event's group by ``change`` at the event's time.

        Args:
            group: group of each event, shape (events,).
            time_s: time of each event [s], not negative, shape (events,).
            change: by how much the level changes, the same for all.
        """
        if len(time_s) == 0:
            return
        self.cover(max(float(time_s.max()), self.width_s))
        bins = np.minimum((time_s / self.width_s).astype(np.int64), self.count - 1)
        low = int(bins.min())
        wide = int(bins.max()) + 1 - low
        groups = len(self._changes)
        slot = group * wide + (bins - low)
        numbers = np.bincount(slot, minlength=groups * wide).reshape(groups, wide)
        left_s = (bins + 1) * self.width_s - time_s
        areas = np.bincount(slot, left_s, minlength=groups * wide).reshape(groups, wide)
        self._changes[:, low : low + wide] += change * numbers
        self._areas[:, low : low + wide] += change * areas

    def totals(self) -> FloatArray:
        """Return the sum of the changes per group and bin, shape (groups, count)."""
        return self._changes[:, : self.count].copy()

    def level_integrals(self, end_s: float) -> FloatArray:
        """Return the integral of the level over each bin up to ``end_s``, shape (groups, count).

        Args:
            end_s: end of the run [s], not before the last event; the level is 0 at time 0.
        """
        changes, areas = self._changes[:, : self.count], self._areas[:, : self.count]
        level = np.cumsum(changes, axis=1)
        beyond_s = self.width_s - self.lengths_s(end_s)
        integrals: FloatArray = areas + (level - changes) * self.width_s - level * beyond_s
        return integrals

    def _merge_pairs(self) -> None:
        left, right = _pairs(self._changes)
        area_left, area_right = _pairs(self._areas)
        self._areas = area_left + left * self.width_s + area_right
        self._changes = left + right

    def _grow(self, more: int) -> None:
        self._changes = _longer(self._changes, more)
        self._areas = _longer(self._areas, more)


class _Pieces(NamedTuple):
    """Rows cut at the bin edges: which row, which bin, and length [s] of each piece."""

    row: slice | IntArray
    bin: IntArray
    duration_s: FloatArray


def _tails(
    row: IntArray, end_s: FloatArray, first: IntArray, last: IntArray, width_s: float
) -> _Pieces:
    """Return the pieces that rows have in the bins from ``first + 1`` to ``last``."""
    counts = last - first
    ends = np.cumsum(counts)
    bins = np.arange(int(ends[-1])) - np.repeat(ends - counts - first - 1, counts)
    # Neighbours share their edge to the last bit, so a row's pieces add up to its length.
    right_s = (bins + 1) * width_s
    right_s[ends - 1] = end_s
    return _Pieces(np.repeat(row, counts), bins, right_s - bins * width_s)


def _bins_until(end_s: float, width_s: float) -> int:
    return int(np.ceil(end_s / width_s))


def _pairs(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the bins with even and those with odd index, as many of both."""
    even = _longer(values, values.shape[-1] % 2)
    return even[..., 0::2], even[..., 1::2]


def _longer(values: FloatArray, more: int) -> FloatArray:
    """Return the array with ``more`` empty bins at its end."""
    return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, more)])
