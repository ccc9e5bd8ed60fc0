"""Throws out the fleets that closed formulas already rule out, before any run.

Offered load above the roofline throughput of the pools that may serve it, for every set of tiers
(Hall's condition: a set is served by no more than its pools together); an answer that even an
empty replica cannot give in time; idle power above a limit; rent above a budget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np
from numpy.typing import NDArray

from sim.experiment.plan.constraints import Bound
from sim.experiment.plan.parts import Surveyed
from sim.experiment.plan.space import BoolArray
from sim.experiment.plan.survey import PoolSurvey

PRICE = "price_usd_per_h"
MOST_TIERS = 8  # of which every subset is looked at
# Statistics of a latency that are never below its value for a mean request.
_AT_LEAST_MEAN = ("mean", "p90", "p95", "p99", "p99_9")
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Hopeless:
    """One reason to throw out candidates.

    Attributes:
        reason: in words, the same for all of them.
        which: those that it rules out, shape (candidates,).
        number: what was computed, by candidate.
        limit: what it may at most be.
    """

    reason: str
    which: BoolArray
    number: FloatArray
    limit: float

    @property
    def closest(self) -> str:
        """How near to the limit the best candidate is, in words."""
        return f"{self.reason}: at least {self.number.min():.4g}, allowed {self.limit:.4g}"


def hopeless(
    surveyed: Surveyed, bounds: Sequence[Bound], prices: FloatArray | None
) -> list[Hopeless]:
    """Return every reason to throw out candidates without a run.

    Args:
        surveyed: the candidates.
        bounds: the constraints.
        prices: rent of each candidate, None where nobody asks for it [USD/h].
    """
    found = [
        Hopeless(reason, which, which.astype(float), 0.0) for reason, which in surveyed.reasons()
    ]
    measured = [*_loads(surveyed), *_latencies(surveyed, bounds), *_powers(surveyed, bounds)]
    if prices is not None:
        measured += [
            ("rent [USD/h]", prices, b.limit) for b in bounds if b.metric == PRICE and b.upper
        ]
    found += [Hopeless(name, number > limit, number, limit) for name, number, limit in measured]
    return [each for each in found if each.which.any()]


Measured = tuple[str, FloatArray, float]


def _loads(surveyed: Surveyed) -> Iterator[Measured]:
    """Yield offered load over capacity for every set of tiers of a model."""
    loads = [name for name in surveyed.names() if name[0] == "load"]
    pools = [name for name in surveyed.names() if name[0] == "pool"]
    for model in dict.fromkeys(model for _, _, model in loads):
        tiers = [tier for _, tier, other in loads if other == model]
        for chosen in _subsets(tiers):
            offered = sum(surveyed.each(("load", tier, model), float) for tier in chosen)

            able = sum(surveyed.each(name, _capacity_for(chosen, model)) for name in pools)
            with np.errstate(divide="ignore", invalid="ignore"):
                share = np.where(able > 0.0, np.divide(offered, able), np.inf)
            yield f"offered load of {' + '.join(chosen)} ({model}) over capacity", share, 1.0


def _capacity_for(tiers: Sequence[str], model: str) -> Callable[[PoolSurvey], float]:
    def capacity(pool: PoolSurvey) -> float:
        serves = pool.model == model and not set(pool.tiers).isdisjoint(tiers)
        return pool.capacity_per_s if serves else 0.0

    return capacity


def _speed_for(tier: str, latency: str) -> Callable[[PoolSurvey], float]:
    def speed(pool: PoolSurvey) -> float:
        fastest_s = pool.ttft_s if latency == "ttft_s" else pool.tpot_s
        return 1.0 / fastest_s if tier in pool.tiers else 0.0

    return speed


def _subsets(tiers: Sequence[str]) -> list[tuple[str, ...]]:
    if len(tiers) > MOST_TIERS:
        return [*((tier,) for tier in tiers), tuple(tiers)]
    sizes = range(1, len(tiers) + 1)
    return list(chain.from_iterable(combinations(tiers, size) for size in sizes))


def _latencies(surveyed: Surveyed, bounds: Sequence[Bound]) -> Iterator[Measured]:
    """Yield the fastest possible answer for each limit on TTFT or TPOT of a tier."""
    pools = [name for name in surveyed.names() if name[0] == "pool"]
    for bound in bounds:
        parts = bound.metric.split(".")
        if parts[:2] != ["latency", "tiers"] or len(parts) != 5 or not bound.upper:
            continue
        tier, latency, statistic = parts[2:]
        if latency not in ("ttft_s", "tpot_s") or statistic not in _AT_LEAST_MEAN:
            continue
        speeds = [surveyed.each(name, _speed_for(tier, latency)) for name in pools]
        fastest = np.max(speeds, axis=0)
        with np.errstate(divide="ignore"):
            yield f"fastest {latency} of {tier}", 1.0 / fastest, bound.limit


def _powers(surveyed: Surveyed, bounds: Sequence[Bound]) -> Iterator[Measured]:
    for bound in bounds:
        parts = bound.metric.split(".")
        if parts[0] == "power" and parts[2:] in (["peak_kw"], ["mean_kw"]) and bound.upper:
            name = ("site", parts[1])
            yield f"idle kW of {parts[1]}", surveyed.each(name, float) / 1e3, bound.limit
