"""Confidence intervals for means and quantiles, from replications or from batches of one run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import ModelLimitError
from sim.experiment.statistics.numbers import is_share

FloatArray = NDArray[np.float64]

LEVEL = 0.95
BATCHES = 20  # few enough that batch means are close to independent (Schmeiser 1982)


@dataclass(frozen=True, slots=True)
class Interval:
    """A number with its confidence interval.

    Attributes:
        value: the estimate.
        low: lower end of the interval, -inf where there is too little data.
        high: upper end of the interval, +inf where there is too little data.
        n: independent observations (replications or batches) behind it.
        method: how it was found, such as ``replications``.
    """

    value: float
    low: float
    high: float
    n: int
    method: str

    @property
    def half_width(self) -> float:
        """Half of the distance between the ends, in the unit of the value."""
        return (self.high - self.low) / 2.0

    @property
    def relative_half_width(self) -> float:
        """Half-width over the absolute value; 0 for an exact zero, inf for a zero that is not."""
        if self.half_width == 0.0:
            return 0.0
        return self.half_width / abs(self.value) if self.value else math.inf

    def contains(self, number: float) -> bool:
        """Return whether ``number`` lies between the ends."""
        return self.low <= number <= self.high

    def as_dict(self) -> dict[str, object]:
        """Return ``value, ci95, n, method`` for summary.json; what is not finite becomes None."""
        numbers = (self.value, self.low, self.high)
        value, *ends = (number if math.isfinite(number) else None for number in numbers)
        return {"value": value, "ci95": ends, "n": self.n, "method": self.method}


def t_quantile(freedom: int, level: float = LEVEL) -> float:
    """Return the two-sided Student-t factor for ``freedom`` degrees of freedom, inf for none."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1.0 + level) / 2.0)) if freedom >= 1 else math.inf


def replication_interval(values: ArrayLike, level: float = LEVEL) -> Interval:
    """Return the Student-t interval of the mean of independent replications.

    Args:
        values: one number per replication, shape (n,), n >= 1; NaN entries are left out.
        level: confidence level.

    Source: Law, Simulation Modeling and Analysis, 5th ed. 2015, section 9.4.1.
    """
    numbers = np.asarray(values, dtype=float)
    return _around_mean(numbers[~np.isnan(numbers)], level, "replications")


def share_interval(values: ArrayLike, level: float = LEVEL) -> Interval:
    """Return the interval of the mean of shares, which never leaves 0 to 1.

    The Student-t interval of the mean is taken on the logit scale, by the delta method, and brought
    back; far from both ends it is the plain one (Agresti, Categorical Data Analysis, 3rd ed. 2013,
    section 3.1). Where every replication gave 0 or every one gave 1 nothing says how wide it is.

    Args:
        values: one share per replication, shape (n,), n >= 1; NaN entries are left out.
        level: confidence level.
    """
    plain = replication_interval(values, level)
    mean, half = plain.value, plain.half_width
    if not (0.0 < mean < 1.0 and math.isfinite(half)):
        return replace(plain, low=max(0.0, plain.low), high=min(1.0, plain.high))
    centre, reach = math.log(mean / (1.0 - mean)), half / (mean * (1.0 - mean))
    low, high = (1.0 / (1.0 + math.exp(min(-at, 700.0))) for at in (centre - reach, centre + reach))
    return Interval(mean, low, high, plain.n, "replications (logit)")


def interval_of(name: str, values: ArrayLike) -> Interval:
    """Return the interval of a number of the summary over replications, by what it is.

    Args:
        name: its dotted name.
        values: one per replication, shape (n,); NaN entries are left out.
    """
    return share_interval(values) if is_share(name) else replication_interval(values)


def batch_interval(series: ArrayLike, batches: int = BATCHES, level: float = LEVEL) -> Interval:
    """Return the interval of the mean of one correlated series by non-overlapping batch means.

    Args:
        series: observations in order of time, warm-up removed, shape (n,).
        batches: number of batches; the first n mod batches observations are left out.
        level: confidence level.

    Source: Law 2015, section 9.5.3.
    """
    return _around_mean(_batched(series, batches).mean(axis=1), level, "batch means")


def overlapping_batch_interval(
    series: ArrayLike, batches: int = BATCHES, level: float = LEVEL
) -> Interval:
    """Return the interval of the mean of one correlated series by overlapping batch means.

    The variance estimate uses every window of n / batches observations, and has 1.5 times the
    degrees of freedom of plain batch means (Meketon and Schmeiser, WSC 1984).

    Args:
        series: observations in order of time, warm-up removed, shape (n,).
        batches: windows that fit side by side.
        level: confidence level.
    """
    numbers = np.asarray(series, dtype=float)
    size = _batched(numbers, batches).shape[1]
    total = len(numbers)
    sums = np.concatenate(([0.0], np.cumsum(numbers - numbers.mean())))
    windows = (sums[size:] - sums[:-size]) / size
    spread = float((windows**2).sum()) * size / ((total - size + 1) * (total - size))
    half = t_quantile(max(1, int(1.5 * (total / size - 1.0))), level) * math.sqrt(spread)
    mean = float(numbers.mean())
    return Interval(mean, mean - half, mean + half, batches, "overlapping batch means")


def quantile_by_replications(
    samples: Sequence[FloatArray], probability: float, level: float = LEVEL
) -> Interval:
    """Return the interval of a quantile from independent replications, by sectioning.

    The estimate is the quantile of all observations together, which has a smaller bias than the
    mean of the replications' quantiles; their spread around it gives the width (Asmussen and
    Glynn, Stochastic Simulation 2007, section III.5; Nakayama, doi 10.1145/2558328).

    Args:
        samples: the observations of each replication.
        probability: level of the quantile, such as 0.99.
        level: confidence level.
    """
    parts = np.array([np.quantile(sample, probability) for sample in samples])
    value = float(np.quantile(np.concatenate(samples), probability))
    return _sectioned(value, parts, level, "replications (sectioning)")


def quantile_by_batches(
    series: ArrayLike, probability: float, batches: int = BATCHES, level: float = LEVEL
) -> Interval:
    """Return the interval of a quantile of one correlated series, by sectioning it into batches.

    Args:
        series: observations in order of time, warm-up removed, shape (n,).
        probability: level of the quantile, such as 0.99.
        batches: number of batches.
        level: confidence level.

    Source: as `quantile_by_replications`.
    """
    blocks = _batched(series, batches)
    value = float(np.quantile(blocks, probability))
    parts = np.quantile(blocks, probability, axis=1)
    return _sectioned(value, parts, level, "batches (sectioning)")


def _around_mean(numbers: FloatArray, level: float, method: str) -> Interval:
    count = len(numbers)
    if count == 0:
        return Interval(math.nan, -math.inf, math.inf, 0, method)
    mean = float(numbers.mean())
    if count == 1:
        return Interval(mean, -math.inf, math.inf, 1, method)
    half = t_quantile(count - 1, level) * float(numbers.std(ddof=1)) / math.sqrt(count)
    return Interval(mean, mean - half, mean + half, count, method)


def _sectioned(value: float, parts: FloatArray, level: float, method: str) -> Interval:
    count = len(parts)
    if count < 2:
        return Interval(value, -math.inf, math.inf, count, method)
    spread = math.sqrt(float(((parts - value) ** 2).sum()) / (count - 1) / count)
    half = t_quantile(count - 1, level) * spread
    return Interval(value, value - half, value + half, count, method)


def _batched(series: ArrayLike, batches: int) -> FloatArray:
    numbers = np.asarray(series, dtype=float)
    size = len(numbers) // batches if batches >= 2 else 0
    if size < 1:
        text = f"{batches} batches need at least 2 batches of 1 observation, got {len(numbers)}"
        raise ModelLimitError(text)
    blocks: FloatArray = numbers[len(numbers) - size * batches :].reshape(batches, size)
    return blocks
