"""Columns that a user's own processes record: a value over time, held until the next one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sim.binning import Bins
from sim.interfaces import FloatArray
from sim.metrics.series import RECORDED, SeriesBlock

KIND = "process"


class RecordedColumns:
    """Values by name, each held from the time at which it was recorded until the next."""

    def __init__(self) -> None:
        self._values: dict[str, list[tuple[float, float]]] = {}

    def record(self, name: str, value: float, now_s: float) -> None:
        """Set the value of a column from now on.

        Args:
            name: name of the column; a new name begins a new column.
            value: a finite number, or NaN for nothing.
            now_s: the present [s], not before that of the last value.
        """
        self._values.setdefault(name, []).append((now_s, value))

    def blocks(self, bins: Bins, end_s: float) -> Iterator[SeriesBlock]:
        """Yield the columns as means over the bins of a run; NaN where nothing was recorded.

        Args:
            bins: the bins of the run's series, complete up to its end.
            end_s: end of the run [s].
        """
        if not self._values:
            return
        means = [
            _means(values, bins.width_s, bins.count, end_s) for values in self._values.values()
        ]
        yield SeriesBlock(KIND, tuple(self._values), {RECORDED: np.array(means)})


def _means(
    values: list[tuple[float, float]], width_s: float, bins: int, end_s: float
) -> FloatArray:
    start_s, value = np.array(values, dtype=np.float64).T
    until_s = np.append(start_s[1:], max(end_s, float(start_s[-1])))
    known = np.isfinite(value) & (until_s > start_s)
    own = Bins(1, 2, width_s)
    start_s, until_s, value = start_s[known], until_s[known], value[known]
    own.add(np.zeros(len(value), dtype=np.int64), start_s, until_s, value, np.ones(len(value)))
    own.cover(end_s)
    held, covered_s = own.integrals(0)[0, :bins], own.integrals(1)[0, :bins]
    return np.asarray(held / np.where(covered_s > 0.0, covered_s, np.nan))
