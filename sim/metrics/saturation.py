"""Overload, told from a run: a backlog that grows as long as requests come.

Where more arrives than a pool gets through, the queue grows with time, and every latency is a
figure of how long the run was. The mark compares means of the queue over the first, second and
third part of the arrivals; it is set where they rise, by more than random arrivals explain.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.binning import EventBins
from sim.interfaces import FloatArray
from sim.metrics.flow import PoolFlow

PARTS = 3
LEAST_BINS = 2 * PARTS  # fewer say nothing about a trend
LEAST_SHARE = 0.02  # of the arrivals that stay behind; below it chance and trend look alike
DEVIATIONS = 2.0  # of a Poisson count of the arrivals that chance alone may pile up


@dataclass(frozen=True, slots=True)
class Backlog:
    """The queue of a pool that grew while requests came.

    Attributes:
        pool: its name.
        first, last: mean of requests that waited in the first and in the last part [1].
        arrived_per_s: requests that came [1/s].
        served_per_s: requests that left the queue [1/s].
    """

    pool: str
    first: float
    last: float
    arrived_per_s: float
    served_per_s: float

    def __str__(self) -> str:
        """Return the finding as a sentence without a full stop."""
        return (
            f"the queue of pool {self.pool} grew from {self.first:,.0f} to {self.last:,.0f} "
            f"requests: {self.arrived_per_s:.3g} came each second and {self.served_per_s:.3g} "
            f"were taken on"
        )


def backlogs(flow: PoolFlow, pools: Sequence[str], start_s: float, end_s: float) -> list[Backlog]:
    """Return the pools whose queue grew as long as requests came.

    Args:
        flow: arrivals and queues of the pools, complete.
        pools: their names.
        start_s: end of the warm-up [s].
        end_s: end of the arrivals, infinite where only the traffic itself knows it [s].
    """
    last_s = min(end_s, _last_s(flow.arrivals))
    starts_s = flow.waiting.starts_s()
    whole = (starts_s >= start_s) & (starts_s + flow.waiting.width_s <= last_s * (1.0 + 1e-9))
    inside = np.flatnonzero(whole)
    if len(inside) < LEAST_BINS:
        return []
    parts = np.array_split(inside, PARTS)
    arrived, waiting = flow.arrivals.totals(), flow.waiting.level_integrals(last_s)
    return list(_grown(pools, arrived, waiting, parts, flow.waiting.width_s))


def _grown(
    pools: Sequence[str],
    arrived: FloatArray,
    waiting: FloatArray,
    parts: Sequence[NDArray[np.signedinteger]],
    width_s: float,
) -> Iterator[Backlog]:
    first, last = parts[0][0], parts[-1][-1]
    length_s = (last - first + 1) * width_s
    between_s = length_s * (PARTS - 1) / PARTS  # from the middle of the first part to the last's
    for at, pool in enumerate(pools):
        came = float(arrived[at, first : last + 1].sum())
        means = [float(waiting[at, part].mean()) / width_s for part in parts]
        piled = means[-1] - means[0]
        rises = all(before < after for before, after in itertools.pairwise(means))
        rate_per_s, growth_per_s = came / length_s, piled / between_s
        by_chance = DEVIATIONS * math.sqrt(came)
        if rises and piled > by_chance and growth_per_s > LEAST_SHARE * rate_per_s:
            yield Backlog(pool, means[0], means[-1], rate_per_s, rate_per_s - growth_per_s)


def _last_s(arrivals: EventBins) -> float:
    """Return the end of the last bin in which anything arrived [s]."""
    some = np.flatnonzero(arrivals.totals().sum(axis=0))
    return float((some[-1] + 1) * arrivals.width_s) if len(some) else 0.0


def saturation(found: Sequence[Backlog]) -> dict[str, Any]:
    """Return what the summary says of overload; empty where there is none."""
    if not found:
        return {}
    worst = max(found, key=lambda each: each.last - each.first)
    pools = {
        each.pool: {
            "waiting_first": each.first,
            "waiting_last": each.last,
            "arrived_per_s": each.arrived_per_s,
            "served_per_s": each.served_per_s,
        }
        for each in found
    }
    return {"saturated": {"why": str(worst), "pools": pools}}


def saturation_warning(found: Sequence[Backlog]) -> Iterator[str]:
    """Yield what a reader of latencies should know."""
    if found:
        names = ", ".join(each.pool for each in found)
        yield (
            f"overload of {names}: latencies and shares within an SLO depend on how long the run "
            f"was; only throughput says what the fleet does"
        )
