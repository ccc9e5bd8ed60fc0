"""Scaling rules: how many replicas a pool should have on. A new one is one class in any module."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from math import ceil
from typing import Protocol

from sim.registry import Registry
from sim.scenario.schema.autoscaling import Autoscaling


@dataclass(frozen=True, slots=True)
class Load:
    """What a rule sees of its pool.

    Attributes:
        now_s: time [s].
        outstanding: requests that were sent to the pool and have not ended.
        on: replicas in service or starting.
        slots: requests that one replica can run at the same time.
    """

    now_s: float
    outstanding: int
    on: int
    slots: int


class ScalingRule(Protocol):
    """Says how many replicas should be on; limits and hold time are kept by the autoscaler."""

    def wanted(self, load: Load) -> int:
        """Return the number of replicas that this load asks for."""
        ...


SCALING_RULES: Registry[ScalingRule] = Registry("scaling policy")


@SCALING_RULES.register("reactive")
class Reactive:
    """One more above a share of the slots taken, one fewer below another."""

    def __init__(self, settings: Autoscaling, lead_s: float) -> None:
        self._up_at, self._down_at = settings.up_at, settings.down_at

    def wanted(self, load: Load) -> int:
        """Return one more, one fewer or as many as there are."""
        taken = load.outstanding / load.slots
        if taken > self._up_at * load.on:
            return load.on + 1
        return load.on - 1 if taken < self._down_at * load.on else load.on


@SCALING_RULES.register("target-utilisation")
class TargetUtilisation:
    """As many as keep the share of slots taken at a target."""

    def __init__(self, settings: Autoscaling, lead_s: float) -> None:
        self._target = settings.target

    def wanted(self, load: Load) -> int:
        """Return the number that the load of this moment asks for."""
        return ceil(load.outstanding / (self._target * load.slots))


@SCALING_RULES.register("scheduled")
class Scheduled:
    """A number for each time of the day, week, or whatever the plan repeats."""

    def __init__(self, settings: Autoscaling, lead_s: float) -> None:
        self._plan = settings.plan or ()
        self._repeat_after_s = settings.repeat_after_s
        self._lead_s = lead_s

    def wanted(self, load: Load) -> int:
        """Return what the plan says for the time at which a replica started now is ready."""
        when_s = load.now_s + self._lead_s
        if self._repeat_after_s is not None:
            when_s %= self._repeat_after_s
        past = [entry.replicas for entry in self._plan if entry.at_s <= when_s]
        return past[-1] if past else load.on


@SCALING_RULES.register("predictive")
class Predictive:
    """As many as a forecast asks for, made for the time at which a replica started now is ready.

    The forecast is the load of one season ago at that time of the season, scaled by how much more
    there is now than then; in the first season it goes on in the line of the last two leads.
    """

    def __init__(self, settings: Autoscaling, lead_s: float) -> None:
        self._target = settings.target
        self._lead_s, self._season_s = lead_s, settings.season_s
        self._past = History(self._season_s + 2.5 * lead_s)

    def wanted(self, load: Load) -> int:
        """Return the number that the forecast asks for, at least that for the load of now."""
        self._past.add(load.now_s, load.outstanding)
        expected = max(self._forecast(load.now_s, load.outstanding), float(load.outstanding))
        return ceil(expected / (self._target * load.slots))

    def _forecast(self, now_s: float, outstanding: int) -> float:
        past, lead_s, last_s = self._past, self._lead_s, now_s - self._season_s
        then = past.mean(last_s - lead_s, last_s)
        ahead = past.mean(last_s + 0.5 * lead_s, last_s + 1.5 * lead_s)
        recent = past.mean(now_s - lead_s, now_s)
        if then is not None and ahead is not None and recent is not None:
            return ahead * (recent + 1.0) / (then + 1.0)
        before = past.mean(now_s - 2.5 * lead_s, now_s - 1.5 * lead_s)
        return outstanding if before is None else outstanding + (outstanding - before) / 2.0


class History:
    """Loads of the past, and their mean over any stretch of it.

    Args:
        length_s: how far back it reaches [s].
    """

    def __init__(self, length_s: float) -> None:
        self._length_s = length_s
        self._times_s: list[float] = []
        self._sums = [0]  # of the loads before each time

    def add(self, now_s: float, load: int) -> None:
        """Note a load; times rise."""
        self._times_s.append(now_s)
        self._sums.append(self._sums[-1] + load)
        old = bisect_left(self._times_s, now_s - self._length_s)
        if old > len(self._times_s) // 2:  # now and then, so that forgetting costs little
            del self._times_s[:old]
            del self._sums[:old]

    def mean(self, start_s: float, end_s: float) -> float | None:
        """Return the mean load from ``start_s`` to ``end_s`` [s], None if none was seen."""
        first = bisect_left(self._times_s, start_s)
        stop = bisect_right(self._times_s, end_s)
        return (self._sums[stop] - self._sums[first]) / (stop - first) if stop > first else None
