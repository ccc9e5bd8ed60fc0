"""Faults of hardware and links: by schedule, or at random with repair, alone or whole racks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from numpy.random import Generator

from sim.interfaces import Scheduler

MOST_EVENTS = 200  # kept one by one; all of them are counted


@dataclass(frozen=True, slots=True)
class Hand:
    """What a fault does to the run; outages of one replica and cuts of one link may overlap.

    Attributes:
        fail: takes a replica out of service.
        restore: ends one outage of a replica.
        weaken: takes one accelerator from a replica.
        heal: gives one back.
        cut: takes the link between two places out of service.
        mend: ends one cut of a link.
    """

    fail: Callable[[int], Casualties]
    restore: Callable[[int], None]
    weaken: Callable[[int], Casualties]
    heal: Callable[[int], None]
    cut: Callable[[str, str], None]
    mend: Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Casualties:
    """Requests that were on replicas which went out of service.

    Attributes:
        lost: they ended as failed.
        moved: they go on, or start anew, on another replica.
    """

    lost: int = 0
    moved: int = 0

    def __add__(self, other: Casualties) -> Casualties:
        """Return both together."""
        return Casualties(self.lost + other.lost, self.moved + other.moved)


@dataclass(frozen=True, slots=True)
class Unit:
    """What goes out of service together.

    Attributes:
        replicas: replicas that need it, by index in the run.
        links: links that are part of it, by their two ends.
        weaker: replicas that lose one accelerator, once for each; they may go on without it.
    """

    replicas: tuple[int, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    weaker: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ScheduledFault:
    """A unit that is out of service from ``at_s`` to ``until_s`` [s]."""

    kind: str
    unit: Unit
    at_s: float
    until_s: float


@dataclass(frozen=True, slots=True)
class FaultEvent:
    """A fault that happened.

    Attributes:
        kind: accelerator, node, rack, site, link, or outage for one by schedule.
        unit: what it took.
        at_s: when [s].
        until_s: when that is repaired, infinite if never [s].
        casualties: requests that were on it.
    """

    kind: str
    unit: Unit
    at_s: float
    until_s: float
    casualties: Casualties

    def report(self) -> dict[str, Any]:
        """Return the event as plain values."""
        return {
            "kind": self.kind,
            "at_s": self.at_s,
            "until_s": self.until_s if self.until_s < math.inf else None,
            "replicas": len({*self.unit.replicas, *self.unit.weaker}),
            "links": len(self.unit.links),
            "lost": self.casualties.lost,
            "moved": self.casualties.moved,
        }


@dataclass(frozen=True, slots=True)
class RandomFault:
    """Equal units that fail on their own.

    Attributes:
        kind: accelerator, node, rack, site or link.
        units: each of them.
        around: what else fails if a fault of the unit spreads, by unit.
        mtbf_s: mean time between failures of one unit [s].
        mttr_s: mean time to repair [s].
        mttr_cv: standard deviation of that over its mean.
        spreads: chance that a fault spreads.
        generator: its own stream of random numbers.
    """

    kind: str
    units: Sequence[Unit]
    around: Sequence[Unit]
    mtbf_s: float
    mttr_s: float
    mttr_cv: float
    spreads: float
    generator: Generator

    def gap_s(self) -> float:
        """Draw the time to the next failure of any unit [s]."""
        return float(self.generator.exponential(self.mtbf_s / len(self.units)))

    def repair_s(self) -> float:
        """Draw a time to repair [s]: exponential for a cv of 1, else lognormal."""
        if self.mttr_cv == 1.0:
            return float(self.generator.exponential(self.mttr_s))
        variance = math.log1p(self.mttr_cv**2)
        mean = math.log(self.mttr_s) - variance / 2.0
        return float(self.generator.lognormal(mean, math.sqrt(variance)))


class FaultInjector:
    """Makes faults happen. None of its events keeps a run going by itself.

    Args:
        clock: runs calls at absolute times.
        hand: what a fault does.
        scheduled: faults at known times.
        random: faults at random times.

    Attributes:
        faults: faults so far, by kind.
        replica_faults: replicas that were taken out of service so far, each time counted.
        casualties: requests on replicas that failed so far.
        events: the first faults, `MOST_EVENTS` of them.
    """

    def __init__(
        self,
        clock: Scheduler,
        hand: Hand,
        scheduled: Sequence[ScheduledFault],
        random: Sequence[RandomFault],
    ) -> None:
        self._clock, self._hand = clock, hand
        self._scheduled, self._random = scheduled, random
        self.faults: dict[str, int] = {}
        self.replica_faults = 0
        self.casualties = Casualties()
        self.events: list[FaultEvent] = []

    def start(self) -> None:
        """Schedule the first faults."""
        for fault in self._scheduled:
            begin = partial(self._begin, fault.kind, fault.unit, fault.until_s)
            self._clock.call_in_background(fault.at_s, begin)
        for law in self._random:
            if law.units:
                self._schedule(law)

    def _schedule(self, law: RandomFault) -> None:
        when_s = self._clock.now + law.gap_s()
        self._clock.call_in_background(when_s, partial(self._strike, law))

    def _strike(self, law: RandomFault, event: Any) -> None:
        """Let one unit of a law fail, and schedule the law's next fault."""
        number = int(law.generator.integers(len(law.units)))
        unit = law.units[number]
        if law.spreads and law.generator.random() < law.spreads:
            unit = law.around[number]
        self._begin(law.kind, unit, self._clock.now + law.repair_s(), event)
        self._schedule(law)

    def _begin(self, kind: str, unit: Unit, until_s: float, _event: Any) -> None:
        self.faults[kind] = self.faults.get(kind, 0) + 1
        self.replica_faults += len(unit.replicas) + len(unit.weaker)
        for start, end in unit.links:
            self._hand.cut(start, end)
        hurt = Casualties()
        for replica in unit.replicas:
            hurt += self._hand.fail(replica)
        for replica in unit.weaker:
            hurt += self._hand.weaken(replica)
        self.casualties += hurt
        if len(self.events) < MOST_EVENTS:
            self.events.append(FaultEvent(kind, unit, self._clock.now, until_s, hurt))
        if until_s < math.inf:
            self._clock.call_in_background(until_s, partial(self._end, unit))

    def _end(self, unit: Unit, _event: Any) -> None:
        for start, end in unit.links:
            self._hand.mend(start, end)
        for replica in unit.replicas:
            self._hand.restore(replica)
        for replica in unit.weaker:
            self._hand.heal(replica)
