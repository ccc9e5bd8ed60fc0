"""Where the start of a run ends and its steady state begins: the MSER-5 rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

GROUP = 5


@dataclass(frozen=True, slots=True)
class Warmup:
    """What MSER-5 found.

    Attributes:
        observations: how many observations at the start to leave out.
        settled: False where the best cut is the latest one allowed (half of the series): the run
            is then too short, or the station has no steady state.
    """

    observations: int
    settled: bool


def mser5(series: ArrayLike) -> Warmup:
    """Return how much of the start of a series to cut so that its mean is known best.

    The series is averaged in groups of five; the cut d minimises the squared standard error of
    what remains, sum((y - mean)^2) / (n - d)^2, over the first half (White, Cobb and Spratt, WSC
    2000, doi 10.1109/WSC.2000.899926). One pass over cumulative sums finds all candidates.

    Args:
        series: observations in order of time, shape (n,).
    """
    numbers = np.asarray(series, dtype=float)
    groups = len(numbers) // GROUP
    if groups < 2:
        return Warmup(0, settled=False)
    means = numbers[: groups * GROUP].reshape(groups, GROUP).mean(axis=1)
    means = means - means[groups // 2 :].mean()  # keeps the difference of squares below exact
    left = np.arange(groups, 0, -1, dtype=float)
    sums = np.cumsum(means[::-1])[::-1]
    squares = np.cumsum((means**2)[::-1])[::-1]
    error = (squares - sums**2 / left) / left**2
    last = groups // 2
    cut = int(np.argmin(error[: last + 1]))
    return Warmup(cut * GROUP, settled=cut < last)
