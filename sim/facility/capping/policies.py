"""Capping policies: one class each, found by name; a new one changes no other file.

A policy sees power by domain (everything below one limit: a rack, a row, a hall or a site) and by
rack, and answers with a clock and a batch limit for each priority class of each rack. It is asked
again at every control interval, with the state that its own last answer led to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sim.facility.capping.allotment import fill_level, lowest_first
from sim.facility.capping.response import DEFAULT_RESPONSE, FrequencyResponse
from sim.interfaces import FloatArray, IntArray
from sim.registry import Registry


@dataclass(frozen=True, slots=True)
class PowerReading:
    """What a policy knows: mean power since the last reading, as old as telemetry is.

    Attributes:
        dynamic_w: what the clock can change, by priority class and rack (classes, racks) [W];
            class 0 is the most urgent.
        floor_w: what a rack draws at no load, which no cap removes (racks,) [W].
        clock: relative clock that was in force (classes, racks) [1].
        domain: domain of each rack (racks,).
        limit_w: power limit of each domain (domains,) [W], infinite where there is none.
    """

    dynamic_w: FloatArray
    floor_w: FloatArray
    clock: FloatArray
    domain: IntArray
    limit_w: FloatArray

    def domain_w(self, rack_w: FloatArray) -> FloatArray:
        """Return the sum of a power of racks over each domain [W]."""
        return np.asarray(np.bincount(self.domain, rack_w, len(self.limit_w)), dtype=np.float64)

    @property
    def power_w(self) -> FloatArray:
        """Power of each domain [W]."""
        return self.domain_w(self.floor_w + self.dynamic_w.sum(axis=0))

    def demand_w(self, response: FrequencyResponse) -> FloatArray:
        """Return the dynamic power that the racks would draw without a cap, (classes, racks)."""
        return np.asarray(self.dynamic_w / self.clock**response.exponent)


@dataclass(frozen=True, slots=True)
class Caps:
    """What a policy asks for.

    Attributes:
        clock: relative clock by class and rack (classes, racks) [1].
        batch: share of the batch limit that may be used (classes, racks) [1].
    """

    clock: FloatArray
    batch: FloatArray


@dataclass(frozen=True, slots=True)
class CappingSettings:
    """What every capping policy is built from.

    Attributes:
        response: how accelerators answer to a clock.
        target: share of a limit at which a policy aims [1].
        first: lower threshold, as a share of the limit [1].
        second: upper threshold, as a share of the limit [1].
        release: how far below a threshold power has to fall before its cap is lifted [1].
        first_clock: clock of low-priority work above the first threshold [1].
        second_clock: clock of low-priority work above the second threshold [1].
        urgent_clock: clock of high-priority work above the second threshold [1].
    """

    response: FrequencyResponse = DEFAULT_RESPONSE
    target: float = 0.98
    first: float = 0.80
    second: float = 0.89
    release: float = 0.05
    first_clock: float = 0.90
    second_clock: float = 0.79
    urgent_clock: float = 0.93


class CappingPolicy(Protocol):
    """Chooses clocks and batch limits at each control interval."""

    def decide(self, reading: PowerReading) -> Caps:
        """Return the caps for the next interval."""
        ...


CAPPING: Registry[CappingPolicy] = Registry("capping policy")


def no_caps(reading: PowerReading) -> Caps:
    """Return full clocks and full batches."""
    return Caps(np.ones_like(reading.clock), np.ones_like(reading.clock))


@CAPPING.register("none")
class NoCap:
    """Limits are watched, not enforced."""

    def __init__(self, settings: CappingSettings) -> None:
        """Need nothing from the settings."""

    def decide(self, reading: PowerReading) -> Caps:
        """Return no caps."""
        return no_caps(reading)


@CAPPING.register("uniform")
class Uniform:
    """One clock for everything in a domain, as high as its limit allows."""

    def __init__(self, settings: CappingSettings) -> None:
        self._settings = settings

    def decide(self, reading: PowerReading) -> Caps:
        """Return the same clock for all classes and racks of a domain."""
        response = self._settings.response
        demand_w = reading.domain_w(reading.demand_w(response).sum(axis=0))
        room_w = self._settings.target * reading.limit_w - reading.domain_w(reading.floor_w)
        kept_w = np.clip(room_w, 0.0, demand_w)
        share = np.where(demand_w > 0.0, kept_w / np.where(demand_w > 0.0, demand_w, 1.0), 1.0)
        clock = response.clock_for(share)[reading.domain]
        caps = no_caps(reading)
        return Caps(caps.clock * clock, caps.batch)


@CAPPING.register("two-threshold")
class TwoThreshold:
    """Low-priority work first, high-priority work only above the second threshold.

    After POLCA (Patel et al., arXiv 2308.12908): the least urgent class is slowed above the first
    threshold, all classes above the second, and a cap is lifted once power is clearly below its
    threshold. Above the limit itself everything runs at the lowest clock, as with a power brake.
    Where all work has the same urgency, all of it counts as low priority. The default clocks are
    guesses: the paper's thresholds were not at hand.
    """

    def __init__(self, settings: CappingSettings) -> None:
        self._settings = settings
        self._stage: IntArray | None = None

    def decide(self, reading: PowerReading) -> Caps:
        """Return the clocks of the stage in which each domain is."""
        settings = self._settings
        used = reading.power_w / reading.limit_w
        enter = np.array([settings.first, settings.second, 1.0])
        reached = (used[:, None] > enter).sum(axis=1)
        held = (used[:, None] > enter - settings.release).sum(axis=1)
        before = np.zeros_like(reached) if self._stage is None else self._stage
        self._stage = np.maximum(reached, np.minimum(before, held))
        stage = self._stage[reading.domain]
        brake = settings.response.lowest
        urgent = np.array([1.0, 1.0, settings.urgent_clock, brake])[stage]
        low = np.array([1.0, settings.first_clock, settings.second_clock, brake])[stage]
        caps = no_caps(reading)
        caps.clock[:] = urgent
        caps.clock[-1] = low
        return caps


@CAPPING.register("steering")
class Steering:
    """The budget of a domain goes to the racks that need it; idle racks give theirs away.

    Every rack gets what it asks for up to one common level, so that the sum meets the budget
    (max-min fairness), as in power reservation steering between the racks of a feed.
    """

    def __init__(self, settings: CappingSettings) -> None:
        self._settings = settings

    def decide(self, reading: PowerReading) -> Caps:
        """Return one clock per rack."""
        response = self._settings.response
        demand_w = reading.demand_w(response).sum(axis=0)
        room_w = self._settings.target * reading.limit_w - reading.domain_w(reading.floor_w)
        level_w = fill_level(demand_w, reading.domain, np.maximum(room_w, 0.0))[reading.domain]
        share = np.minimum(level_w, demand_w) / np.where(demand_w > 0.0, demand_w, 1.0)
        clock = response.clock_for(np.where(demand_w > 0.0, share, 1.0))
        caps = no_caps(reading)
        return Caps(caps.clock * clock, caps.batch)


@CAPPING.register("priority")
class Priority:
    """The least urgent class gives what is missing, down to its lowest clock, then the next."""

    def __init__(self, settings: CappingSettings) -> None:
        self._settings = settings

    def decide(self, reading: PowerReading) -> Caps:
        """Return one clock per class and domain."""
        response = self._settings.response
        demand_w = np.stack([reading.domain_w(row) for row in reading.demand_w(response)])
        room_w = self._settings.target * reading.limit_w - reading.domain_w(reading.floor_w)
        share = lowest_first(demand_w, room_w, response.floor_share)
        return Caps(response.clock_for(share)[:, reading.domain], no_caps(reading).batch)


@CAPPING.register("concurrency")
class Concurrency:
    """Clocks stay; fewer requests run at the same time while a domain is over its budget."""

    def __init__(self, settings: CappingSettings) -> None:
        self._settings = settings
        self._batch: FloatArray | None = None

    def decide(self, reading: PowerReading) -> Caps:
        """Return one batch share per domain, moved by half of the relative error each time."""
        floor_w = reading.domain_w(reading.floor_w)
        dynamic_w = np.maximum(reading.power_w - floor_w, 1e-9)
        room_w = np.maximum(self._settings.target * reading.limit_w - floor_w, 0.0)
        batch = np.ones_like(room_w) if self._batch is None else self._batch
        step = np.sqrt(np.minimum(room_w / dynamic_w, 4.0))
        self._batch = np.clip(batch * step, 0.01, 1.0)
        caps = no_caps(reading)
        return Caps(caps.clock, caps.batch * self._batch[reading.domain])
