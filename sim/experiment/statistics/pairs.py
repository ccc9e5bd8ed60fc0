"""Differences between two variants that saw the same random numbers, and what they prove."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sim.errors import ModelLimitError
from sim.experiment.statistics.intervals import LEVEL, Interval, replication_interval, t_quantile

MOST_REPLICATIONS = 1_000_000


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """How much variant B differs from variant A under common random numbers.

    Attributes:
        difference: B minus A with its interval.
        relative: difference over the mean of A (nan where that is zero).
        variance_reduction: variance of the difference if both had been independent, over the one
            observed; inf where the difference is the same in every pair.
        verdict: ``better``, ``worse``, ``same`` (equal in every pair) or ``cannot tell yet``.
        more_replications: how many more are expected to settle it, 0 where it is settled.
    """

    difference: Interval
    relative: float
    variance_reduction: float
    verdict: str
    more_replications: int

    def __str__(self) -> str:
        """Return the verdict in plain words."""
        if self.verdict != "cannot tell yet":
            return self.verdict
        if self.more_replications >= MOST_REPLICATIONS:
            return "cannot tell yet: no difference in sight"
        return f"cannot tell yet: {self.more_replications} more replications"


def paired_difference(
    first: ArrayLike, second: ArrayLike, *, lower_is_better: bool = True, level: float = LEVEL
) -> PairedDifference:
    """Return the difference between two variants, replication by replication.

    Args:
        first: the number of interest in each replication of variant A, shape (n,).
        second: the same of variant B, with the same seeds in the same order, shape (n,).
        lower_is_better: which direction counts as better.
        level: confidence level.

    Source: the paired-t interval, Law 2015, sections 10.2.1 and 11.2.
    """
    before, after = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if before.shape != after.shape or before.ndim != 1 or not len(before):
        text = f"pairs need equally many replications, got {before.shape} and {after.shape}"
        raise ModelLimitError(text)
    both = ~(np.isnan(before) | np.isnan(after))
    before, after = before[both], after[both]
    change = after - before
    interval = replication_interval(change, level)
    mean = float(before.mean()) if len(before) else math.nan
    verdict = _verdict(change, interval, lower_is_better)
    return PairedDifference(
        difference=Interval(*_ends(interval), n=interval.n, method="paired replications"),
        relative=interval.value / abs(mean) if mean else math.nan,
        variance_reduction=_variance_reduction(before, after),
        verdict=verdict,
        more_replications=_more(change, level) if verdict == "cannot tell yet" else 0,
    )


def _ends(interval: Interval) -> tuple[float, float, float]:
    return interval.value, interval.low, interval.high


def _verdict(change: np.ndarray, interval: Interval, lower_is_better: bool) -> str:
    if len(change) >= 2 and not change.any():
        return "same"
    if interval.high < 0.0:
        return "better" if lower_is_better else "worse"
    if interval.low > 0.0:
        return "worse" if lower_is_better else "better"
    return "cannot tell yet"


def _variance_reduction(before: np.ndarray, after: np.ndarray) -> float:
    if len(before) < 2:
        return math.nan
    independent = float(before.var(ddof=1) + after.var(ddof=1))
    paired = float((after - before).var(ddof=1))
    if paired == 0.0:
        return math.inf if independent else math.nan
    return independent / paired


def _more(change: np.ndarray, level: float) -> int:
    """Return the replications still missing until the interval is expected to leave out zero."""
    count = len(change)
    if count < 2:
        return 2 - count + 3
    mean, spread = abs(float(change.mean())), float(change.std(ddof=1))
    if mean == 0.0:
        return MOST_REPLICATIONS
    total = count
    for _ in range(4):  # the t factor depends on the answer; it settles at once
        total = math.ceil(
            min(MOST_REPLICATIONS, (t_quantile(total - 1, level) * spread / mean) ** 2)
        )
        total = max(total, 3)
    return max(1, total - count)
