"""Sequential stopping: replicate until every watched number is known well enough, not longer."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sim.experiment.statistics.intervals import Interval, replication_interval

Sample = dict[str, float]
"""The watched numbers of one replication by name."""


@dataclass(frozen=True, slots=True)
class Precision:
    """When to stop.

    Attributes:
        relative: half-width over value that every watched number has to reach, such as 0.05.
        least: replications before the first look; few make the look itself unreliable.
        most: replications at which to give up.
    """

    relative: float = 0.05
    least: int = 5
    most: int = 200


def replications_needed(interval: Interval, relative: float) -> int:
    """Return the total number of replications expected to reach a relative half-width.

    The half-width shrinks with the square root of n (Law 2015, section 9.4.1).
    """
    width = interval.relative_half_width
    if width <= relative:
        return interval.n
    if not math.isfinite(width):
        return 2 * interval.n
    return max(interval.n + 1, math.ceil(interval.n * (width / relative) ** 2))


def next_size(samples: Sequence[Sample], precision: Precision) -> int:
    """Return how many replications there should be before the next look, or as many as there are.

    Growth is at most twofold per look, so that an early and wrong estimate of the spread costs
    little.

    Args:
        samples: what the replications so far gave; all have the same names.
        precision: when to stop.
    """
    done = len(samples)
    if done < precision.least:
        return precision.least
    columns = {name: [sample[name] for sample in samples] for name in samples[0]}
    needed = max(
        replications_needed(replication_interval(values), precision.relative)
        for values in columns.values()
    )
    return min(precision.most, 2 * done, max(done, needed)) if needed > done else done


def replicate_until(
    run: Callable[[Sequence[int]], list[Sample]], precision: Precision
) -> list[Sample]:
    """Return the replications that a precision took.

    Args:
        run: returns the samples of the given replication numbers; may run them in parallel.
        precision: when to stop.
    """
    samples: list[Sample] = []
    while (size := next_size(samples, precision)) > len(samples):
        samples += run(range(len(samples), size))
    return samples
