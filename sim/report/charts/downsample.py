"""Fewer points for display: equal stretches of rows with their mean, lowest and highest value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.interfaces import FloatArray


@dataclass(frozen=True, slots=True)
class Buckets:
    """A series as stretches; no value of the original lies outside ``low .. high``.

    Attributes:
        start_s, end_s: each stretch [s].
        mean, low, high: of the values inside it; NaN where it has no value.
    """

    start_s: FloatArray
    end_s: FloatArray
    mean: FloatArray
    low: FloatArray
    high: FloatArray

    def __len__(self) -> int:
        """Return the number of stretches."""
        return len(self.start_s)


def bucket(
    time_s: FloatArray, mean: FloatArray, high: FloatArray, width_s: float, at_most: int
) -> Buckets:
    """Return a series in at most ``at_most`` stretches of the same number of rows.

    Args:
        time_s: start of each row [s], ascending.
        mean: mean over the row.
        high: highest value in the row; the same as ``mean`` where none is known.
        width_s: length of a row [s].
        at_most: number of stretches, at least 1.
    """
    if len(time_s) == 0:
        return Buckets(time_s, time_s, mean, mean, mean)
    per_bucket = -(-len(time_s) // at_most)
    firsts = np.arange(0, len(time_s), per_bucket)
    lasts = np.minimum(firsts + per_bucket, len(time_s)) - 1
    known = np.isfinite(mean)
    counts = np.add.reduceat(known.astype(np.float64), firsts)
    sums = np.add.reduceat(np.where(known, mean, 0.0), firsts)
    averages = np.divide(sums, counts, out=np.full(len(firsts), np.nan), where=counts > 0)
    # fmin and fmax pass over NaN; reduceat keeps the extremes of every stretch
    return Buckets(
        start_s=time_s[firsts],
        end_s=time_s[lasts] + width_s,
        mean=averages,
        low=np.fmin.reduceat(mean, firsts),
        high=np.fmax.reduceat(np.fmax(mean, high), firsts),
    )


def row_width_s(time_s: FloatArray) -> float:
    """Return the usual distance between two row starts [s]; 1 s for a single row."""
    distinct = np.unique(time_s)
    return float(np.median(np.diff(distinct))) if len(distinct) > 1 else 1.0
