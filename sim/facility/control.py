"""Power control: from meter readings to the pace of every replica, through delays both ways."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sim.facility.capping.delay import DelayLine
from sim.facility.capping.policies import (
    CAPPING,
    CappingPolicy,
    CappingSettings,
    Caps,
    NoCap,
    PowerReading,
)
from sim.interfaces import FloatArray, IntArray
from sim.plant.plant import Plant

CLOCK_STEP = 0.01  # clocks are set in steps, so that a control that has settled stops acting


@dataclass(frozen=True, slots=True)
class ReplicaMap:
    """Where replicas are and how urgent their work is.

    Attributes:
        urgency: class of each replica, 0 the most urgent.
        classes: number of classes.
        replica: replica of each placement.
        rack: rack of each placement.
        accelerators: accelerators of each placement [1].
        idle_w: idle power of one accelerator of each replica [W].
    """

    urgency: IntArray
    classes: int
    replica: IntArray
    rack: IntArray
    accelerators: FloatArray
    idle_w: FloatArray

    def dynamic_w(self, mean_w: FloatArray, rack_w: FloatArray, floor_w: FloatArray) -> FloatArray:
        """Split what racks draw above their floor among the classes (classes, racks) [W].

        In proportion to what the accelerators of each class draw above idle.

        Args:
            mean_w: mean power of one accelerator of each replica [W].
            rack_w: mean power of each rack [W].
            floor_w: power of each rack while its replicas idle [W].
        """
        above_w = np.maximum(mean_w - self.idle_w, 0.0)[self.replica] * self.accelerators
        racks = len(rack_w)
        slot = self.urgency[self.replica] * racks + self.rack
        chips_w = np.bincount(slot, above_w, minlength=self.classes * racks)
        chips_w = chips_w.reshape(self.classes, racks)
        whole_w = chips_w.sum(axis=0)
        factor = np.maximum(rack_w - floor_w, 0.0) / np.where(whole_w > 0.0, whole_w, 1.0)
        return np.asarray(chips_w * factor)

    def slowest(self, by_rack: FloatArray) -> FloatArray:
        """Return for each replica the lowest of a value (classes, racks) over its racks."""
        lowest = np.ones(len(self.urgency))
        np.minimum.at(lowest, self.replica, by_rack[self.urgency[self.replica], self.rack])
        return lowest


def replica_map(plant: Plant, urgency: IntArray, idle_w: FloatArray) -> ReplicaMap:
    """Return the map of a plant's replicas.

    Args:
        plant: what stands where.
        urgency: class of each replica, 0 the most urgent.
        idle_w: idle power of one accelerator of each replica [W].
    """
    return ReplicaMap(
        urgency,
        int(urgency.max(initial=0)) + 1,
        plant.placement_replica,
        plant.node_rack[plant.placement_node],
        plant.placement_count.astype(np.float64),
        idle_w,
    )


@dataclass(frozen=True, slots=True)
class _Ordered:
    """Power limits that a user's process has set on one level.

    Attributes:
        domain: place of each rack.
        limit_w: limit of each place [W], infinite where there is none.
        fewer: what stops work where the clock is not enough.
    """

    domain: IntArray
    limit_w: FloatArray
    fewer: CappingPolicy


class PowerControl:
    """A capping policy on one level of the plant, and load targets on its sites.

    Attributes:
        enforces: whether limits are enforced at all, load targets aside.

    Args:
        policy: enforces the limits of the level.
        settings: response and target of all policies.
        domain: domain of each rack on the level.
        limit_w: limit of each domain [W].
        rack_site: site of each rack, for load targets.
        telemetry_delay_s: how old readings are [s].
        actuation_delay_s: from a decision until it acts [s].
    """

    def __init__(
        self,
        policy: CappingPolicy,
        settings: CappingSettings,
        domain: IntArray,
        limit_w: FloatArray,
        rack_site: IntArray,
        *,
        telemetry_delay_s: float = 0.0,
        actuation_delay_s: float = 0.0,
    ) -> None:
        self._policy, self._domain, self._limit_w = policy, domain, limit_w
        self.enforces = not isinstance(policy, NoCap)
        self._rack_site, self._settings = rack_site, settings
        self._shed = CAPPING.get("priority")(settings)  # type: ignore[call-arg]
        self._fewer = self._concurrency()
        self._ordered: dict[int, _Ordered] = {}
        self._seen: DelayLine[PowerReading] = DelayLine(telemetry_delay_s)
        self._said: DelayLine[Caps] = DelayLine(actuation_delay_s)

    def order(self, level: int, domain: IntArray, place: int, limit_w: float) -> None:
        """Keep a place of the plant under a power limit from the next decision on.

        Beside the limits of the plant and whatever the policy: the least urgent work slows first,
        and where the lowest clock is not enough, fewer requests run at the same time.

        Args:
            level: number of the level.
            domain: place on that level of each rack.
            place: the one to limit.
            limit_w: most that its racks may draw [W]; infinite to end the order.
        """
        known = self._ordered.get(level)
        if known is None:
            size = int(domain.max(initial=0)) + 1
            known = _Ordered(domain, np.full(size, np.inf), self._concurrency())
            self._ordered[level] = known
        known.limit_w[place] = limit_w
        if not np.isfinite(known.limit_w).any():
            del self._ordered[level]

    def decide(
        self,
        now_s: float,
        dynamic_w: FloatArray,
        floor_w: FloatArray,
        clock: FloatArray,
        site_limit_w: FloatArray,
        strict_limit_w: FloatArray,
    ) -> Caps:
        """Return the caps that act from now on.

        Args:
            now_s: the present [s].
            dynamic_w: what the clock can change (classes, racks) [W].
            floor_w: power of each rack while its replicas idle [W].
            clock: clock during the reading (classes, racks) [1].
            site_limit_w: load target of each site's IT, met by slower clocks [W]; infinite
                without one.
            strict_limit_w: the part of it for which work is also stopped if that is not enough.
        """
        fresh = PowerReading(dynamic_w, floor_w, clock, self._domain, self._limit_w)
        seen = self._seen.pass_on(now_s, fresh)
        full = np.ones_like(dynamic_w)
        caps = Caps(full, full.copy())
        if not np.isfinite(strict_limit_w).any():
            self._fewer = self._concurrency()  # the next strict target starts from full batches
        if seen is not None:
            caps = self._policy.decide(seen)
            if np.isfinite(site_limit_w).any():
                caps = self._meet_target(seen, caps, site_limit_w, strict_limit_w)
            for ordered in self._ordered.values():
                caps = self._obey(seen, caps, ordered)
        acting = self._said.pass_on(now_s, caps)
        return Caps(full, full.copy()) if acting is None else acting

    def _meet_target(
        self,
        seen: PowerReading,
        caps: Caps,
        site_limit_w: FloatArray,
        strict_limit_w: FloatArray,
    ) -> Caps:
        of_site = replace(seen, domain=self._rack_site, limit_w=site_limit_w)
        clock = np.minimum(caps.clock, self._shed.decide(of_site).clock)
        if not np.isfinite(strict_limit_w).any():
            return Caps(clock, caps.batch)
        fewer = self._fewer.decide(replace(of_site, limit_w=strict_limit_w))
        return Caps(clock, np.minimum(caps.batch, fewer.batch))

    def _obey(self, seen: PowerReading, caps: Caps, ordered: _Ordered) -> Caps:
        reading = replace(seen, domain=ordered.domain, limit_w=ordered.limit_w)
        clock = self._shed.decide(reading).clock
        # Fewer requests only where the clock is at its end.
        exhausted = clock.min(axis=0) <= self._settings.response.lowest + CLOCK_STEP
        batch = ordered.fewer.decide(reading).batch
        batch = np.where(exhausted, batch, 1.0)
        return Caps(np.minimum(caps.clock, clock), np.minimum(caps.batch, batch))

    def _concurrency(self) -> CappingPolicy:
        return CAPPING.get("concurrency")(self._settings)  # type: ignore[call-arg]


def in_steps(clock: FloatArray) -> FloatArray:
    """Return clocks rounded down to what can be set [1]."""
    return np.asarray(np.minimum(np.floor(clock / CLOCK_STEP + 1e-6) * CLOCK_STEP, 1.0))
