"""The facility at work in a run: it reads the meter, moves the physics, and acts on serving.

Order of events whenever it looks, at its interval or when something fails:

1. the meter is brought up to now, which gives the exact mean power of every rack since last time;
2. the physics moves over that time with the plant as it was: temperatures, losses, grid;
3. tripped breakers, racks that got too hot and sites without power are switched off, others that
   have waited long enough are switched on again;
4. capping, load targets and throttling choose a clock and a batch share for every replica.

Without limits, faults or heat it never touches a replica, so a run is bit-equal to one without it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.facility.account import Account
from sim.facility.build.physics import FacilityPhysics, SiteStep
from sim.facility.capping.response import FrequencyResponse
from sim.facility.control import PowerControl, ReplicaMap, in_steps
from sim.facility.cooling.protection import Protection
from sim.facility.faults import POWER_STAGES, FaultPlan, outages
from sim.facility.grid.curtailment import Compliance, LoadTarget, compliance, limit_at
from sim.facility.incidents import IncidentLog
from sim.facility.metering.levels import LEVELS
from sim.facility.metering.meter import PowerMeter
from sim.facility.ports import ServingControl
from sim.facility.power_path import PowerPath
from sim.facility.service import SiteService
from sim.facility.switching import RackSwitches
from sim.interfaces import FloatArray, Scheduler
from sim.rng import Streams
from sim.signals import Signal


@dataclass(frozen=True, slots=True)
class FacilityParts:
    """Everything that a facility is made of; `sim.facility.build.build` makes it from a scenario.

    Attributes:
        interval_s: time between two looks [s].
        meter: the power meter of the run.
        physics: racks and sites.
        protection: temperatures at which racks protect themselves.
        response: how accelerators answer to a clock.
        control: capping policy and load targets.
        replicas: where replicas are.
        switches: which racks are on, and why not.
        path: power stages and feeds, and what they can carry.
        services: what of each site's cooling plant and supply is in service.
        faults: what can fail.
        targets: load targets by site number.
        methods: how each rack is cooled, by name.
        densest_w: power at which the cooling of each rack is at its end (racks,) [W].
        account: energies and series.
        incidents: what went wrong.
    """

    interval_s: float
    meter: PowerMeter
    physics: FacilityPhysics
    protection: Protection
    response: FrequencyResponse
    control: PowerControl
    replicas: ReplicaMap
    switches: RackSwitches
    path: PowerPath
    services: Sequence[SiteService]
    faults: Sequence[FaultPlan]
    targets: Sequence[tuple[int, LoadTarget]]
    methods: tuple[str, ...]
    densest_w: FloatArray
    account: Account
    incidents: IncidentLog


class Facility:
    """Moves the facility along with a run.

    Args:
        parts: what it is made of.
        streams: random streams, for random faults.
        serving: the hand on the replicas.
        checkpoint: brings the meter up to the present.
        running: whether the run still has requests to serve or to come; without it the facility's
            own events would keep the run going for ever.
    """

    def __init__(
        self,
        parts: FacilityParts,
        streams: Streams,
        serving: ServingControl,
        checkpoint: Callable[[], None],
        running: Callable[[], bool],
    ) -> None:
        self.parts = parts
        self._streams, self._serving = streams, serving
        self._checkpoint, self._running = checkpoint, running
        self._probe = parts.meter.probe("rack")
        self._now_s = 0.0
        self._replica_j = parts.meter.replica_j.copy()
        classes, racks = parts.replicas.classes, len(parts.physics.thermals.inlet_c)
        self._clock = np.ones((classes, racks))  # in force since the last look
        self._pace = np.ones(len(parts.replicas.urgency))
        self._batch = np.ones(len(parts.replicas.urgency))
        self._fewer = np.ones(racks)  # smallest share of the batch limit in force, by rack
        self._throttled = np.zeros(racks, dtype=np.bool_)
        self._overhead = np.zeros(len(parts.physics.sites))
        self._drawn: list[list[tuple[float, float, float]]] = [[] for _ in parts.targets]

    def start(self, clock: Scheduler) -> None:
        """Schedule the first look and all faults on the run's clock."""
        clock.call_at(clock.now + self.parts.interval_s, self._look, clock)
        for number, plan in enumerate(self.parts.faults):
            exponential = self._streams.exponential("fault", str(number), plan.kind)
            self._schedule(clock, plan, outages(plan, exponential).__next__)

    def update(self, now_s: float) -> None:
        """Bring everything up to ``now_s`` [s] and act; safe to call at any time."""
        self._checkpoint()
        parts = self.parts
        parts.switches.trip(parts.meter.breakers, parts.path.place, now_s)
        if now_s > self._now_s:
            rack_w = self._probe.mean_w()
            mean_w = (parts.meter.replica_j - self._replica_j) / (now_s - self._now_s)
            steps = parts.physics.step(rack_w, self._now_s, now_s)
            self._record(steps, now_s)
            self._replica_j = parts.meter.replica_j.copy()
            dark = [step.balance.unserved_w > 1e-6 * step.facility_w for step in steps]
            supply = [site.grid.level(now_s) for site in parts.physics.sites]
            parts.switches.protect(
                parts.physics.thermals, parts.protection, np.array(dark), np.array(supply), now_s
            )
            self._now_s = now_s
            self._cap(rack_w, mean_w, now_s)
        for service in parts.services:
            service.refresh(now_s)
        parts.switches.apply(parts.meter, self._serving, parts.replicas)

    def energy_report(self) -> dict[str, dict[str, float]]:
        """Return energy, PUE, water, cost and carbon by site over the measuring window."""
        return self.parts.account.report()

    def order_limit(self, place: str, limit_w: float) -> None:
        """Keep a rack, row, hall or site under a power limit of its IT from the next look on.

        Args:
            place: its full name, as metered.
            limit_w: the limit [W]; infinite to end the order.
        """
        points = self.parts.meter.points
        point = points.names.index(place)
        level = next(n for n, chain in enumerate(points.chains) if point in chain)
        first = points.spans[LEVELS[level]].start
        self.parts.control.order(level, points.chains[level] - first, point - first, limit_w)

    def set_price(self, site: int, price: Signal) -> Signal:
        """Change a site's price of energy from now on and return what it was [USD/kWh]."""
        grid = self.parts.physics.sites[site].grid
        before, grid.price = grid.price, price
        return before

    def compliance(self) -> list[Compliance]:
        """Return how every load target was met, in the order of the scenario."""
        return [
            compliance(target, *np.array(drawn, dtype=np.float64).reshape(-1, 3).T)
            for (_, target), drawn in zip(self.parts.targets, self._drawn, strict=True)
        ]

    def _look(self, clock: Scheduler) -> None:
        self.update(clock.now)
        if self._running():
            clock.call_at(clock.now + self.parts.interval_s, self._look, clock)

    def _schedule(
        self, clock: Scheduler, plan: FaultPlan, following: Callable[[], tuple[float, float]]
    ) -> None:
        try:
            start_s, end_s = following()
        except StopIteration:
            return

        def begin(_event: object) -> None:
            if not self._running():
                return
            self._change(plan, clock.now, begins=True)
            self._look_later(clock, plan)
            if np.isfinite(end_s):
                clock.call_at(end_s, end)

        def end(_event: object) -> None:
            self._change(plan, clock.now, begins=False)
            self._look_later(clock, plan)
            self._schedule(clock, plan, following)

        clock.call_at(max(start_s, clock.now), begin)

    def _change(self, plan: FaultPlan, now_s: float, *, begins: bool) -> None:
        self.update(now_s)
        log, place = self.parts.incidents, self._place(plan)
        if begins:
            log.begin(plan.kind, place, now_s)
        else:
            log.end(plan.kind, place, now_s)
        if plan.kind in POWER_STAGES:
            path = self.parts.path
            (path.begin if begins else path.end)(plan)
            self.parts.switches.feed(path.unfed, now_s)
        else:
            service = self.parts.services[plan.site]
            (service.begin if begins else service.end)(plan, now_s)
        self.update(now_s)

    def _place(self, plan: FaultPlan) -> str:
        points = self.parts.meter.points
        if plan.row is not None:
            row: str = points.names[points.spans["row"].start + plan.row]
            return row
        return self.parts.physics.sites[plan.site].name

    def _look_later(self, clock: Scheduler, plan: FaultPlan) -> None:
        """Cut the interval where a generator or a chiller starts after a loss of the utility."""
        if plan.kind == "utility":
            for after_s in self.parts.services[plan.site].changes_after_loss_s():
                clock.call_at(clock.now + after_s, lambda _event: self.update(clock.now))

    def _cap(self, rack_w: FloatArray, mean_w: FloatArray, now_s: float) -> None:
        parts, replicas = self.parts, self.parts.replicas
        floor_w = parts.meter.rack_floor_w(replicas.idle_w)
        dynamic_w = replicas.dynamic_w(mean_w, rack_w, floor_w)
        limits = self._site_limits(now_s), self._site_limits(now_s, strict=True)
        if parts.control.enforces:
            limits = np.minimum(limits[0], parts.path.capacity_w), limits[1]
        caps = parts.control.decide(now_s, dynamic_w, floor_w, self._clock, *limits)
        thermals = parts.physics.thermals
        lowest = parts.response.lowest
        heat = parts.protection.clock(thermals.inlet_c, thermals.plate_c, lowest)
        self._note_throttling(heat < 1.0, now_s)
        self._fewer = caps.batch.min(axis=0)
        self._clock = in_steps(np.minimum(caps.clock, heat))
        self._act(replicas.slowest(self._clock), in_steps(replicas.slowest(caps.batch)))

    def _note_throttling(self, hot: NDArray[np.bool_], now_s: float) -> None:
        names, log = self.parts.meter.points.names, self.parts.incidents
        for rack in np.flatnonzero(hot != self._throttled).tolist():
            if hot[rack]:
                log.begin("throttle", names[rack], now_s)
            else:
                log.end("throttle", names[rack], now_s)
        self._throttled = hot

    def _act(self, clock: FloatArray, batch: FloatArray) -> None:
        """Tell serving what has changed, and only that."""
        for replica in np.flatnonzero(clock != self._pace).tolist():
            self._serving.set_pace(replica, self.parts.response.pace(float(clock[replica])))
        for replica in np.flatnonzero(batch != self._batch).tolist():
            self._serving.set_batch_share(replica, max(float(batch[replica]), 0.01))
        self._pace, self._batch = clock, batch

    def _site_limits(self, now_s: float, *, strict: bool = False) -> FloatArray:
        """Return what load targets leave for each site's IT [W]; of the strict ones if so asked."""
        mine: list[list[LoadTarget]] = [[] for _ in self._overhead]
        for site, target in self.parts.targets:
            if target.strict or not strict:
                mine[site].append(target)
        limits = np.array([limit_at(targets, now_s) for targets in mine])
        return np.maximum(limits - self._overhead, 1.0)

    def _record(self, steps: Sequence[SiteStep], now_s: float) -> None:
        parts = self.parts
        thermals = parts.physics.thermals
        clock = self._clock.min(axis=0)
        racks = (thermals.inlet_c, thermals.plate_c, self._fewer, clock)
        parts.account.add(steps, racks, self._now_s, now_s)
        # What the grid gives beyond the racks' own power: on-site sources make it smaller.
        self._overhead = np.array(
            [step.balance.grid_w - step.it_w + step.server_fans_w for step in steps]
        )
        for (site, _), drawn in zip(parts.targets, self._drawn, strict=True):
            drawn.append((self._now_s, now_s, steps[site].balance.grid_w))
