"""A facility in a run whose replicas are stand-ins that draw a constant power."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sim.clock import Clock
from sim.facility.build.build import RunFacts, build_facility
from sim.facility.build.build_site import SitePlace
from sim.facility.capping.response import FULL_PACE
from sim.facility.facility import Facility
from sim.facility.incidents import CAUSES
from sim.facility.metering.meter import PowerMeter
from sim.rng import Streams
from sim.scenario.schema import facility as schema

IDLE_W, BUSY_W = 110.0, 650.0


class StandIn:
    """Replicas that draw full power whenever they run, and remember what they were told."""

    def __init__(self, plant, clock, meter):
        self.clock, self.meter = clock, meter
        count = len(plant.replica_pool)
        self.pace = [FULL_PACE] * count
        self.batch = np.ones(count)
        self.alive = [True] * count
        self.calls = []
        self._since_s = 0.0

    def checkpoint(self):
        now = self.clock.now
        if now > self._since_s:
            rows = np.zeros((len(self.pace), 8))
            rows[:, 0] = range(len(self.pace))
            rows[:, 1], rows[:, 2] = self._since_s, now
            rows[:, 3] = [
                (IDLE_W + (BUSY_W - IDLE_W) * pace.power * batch) * alive
                for pace, batch, alive in zip(self.pace, self.batch, self.alive, strict=True)
            ]
            self.meter.advance(rows, now)
            self._since_s = now

    def note(self, name, replica, value=None):
        self.checkpoint()
        self.calls.append((self.clock.now, name, replica))
        return value

    def set_pace(self, replica, pace):
        self.pace[replica] = self.note("pace", replica, pace)

    def set_batch_share(self, replica, share):
        self.batch[replica] = self.note("batch", replica, share)

    def fail(self, replica):
        self.alive[replica] = self.note("fail", replica, False)

    def restore(self, replica):
        self.alive[replica] = self.note("restore", replica, True)


def run(plant, until_s, *, urgency=(0, 0, 0), warmup_s=0.0, seed=1, signals_s=None, **sections):
    """Run a facility over the small plant and return it with its stand-in."""
    clock, meter = Clock(), PowerMeter(plant, warmup_s)
    serving = StandIn(plant, clock, meter)
    settings = schema.Facility.model_validate(sections)
    facts = RunFacts(
        urgency=np.array(urgency),
        idle_w=np.full(3, IDLE_W),
        places=(SitePlace(50.0, 8.0), SitePlace(59.0, 18.0)),
        base_dir=Path(),
        duration_s=until_s if signals_s is None else signals_s,
        warmup_s=warmup_s,
    )
    parts = build_facility(settings, plant, meter, facts)
    facility = Facility(
        parts, Streams(seed), serving, serving.checkpoint, lambda: clock.now < until_s
    )
    facility.start(clock)
    clock.advance(until_s)
    return facility, serving


def incidents(facility, *causes):
    """Return the incidents that no fault of the plant is the name of, or those with these causes."""
    return [event for event in facility.parts.incidents.events if event.cause in (causes or CAUSES)]


def fault(kind, at="10 s", **more):
    return {"kind": kind, "site": "a", "at": at, **more}
