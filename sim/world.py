"""The world of one run: everything that takes part, built in the order of the flow.

scenario -> traffic -> routing -> serving <-> facility -> metrics
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sim.catalog.catalog import catalog_of
from sim.clock import Clock
from sim.errors import InputError, ScenarioError
from sim.facility.build.assemble import assemble_facility
from sim.facility.facility import Facility
from sim.facility.metering.bounds import PowerBounds, bounds_of_replicas
from sim.facility.metering.meter import PowerMeter
from sim.facility.metering.pool_headroom import PoolHeadroom
from sim.facility.metering.power_room import PowerRoom
from sim.fleet.control import ReplicaControl
from sim.fleet.fleet import Fleet, Means, build_fleet
from sim.interfaces import FloatArray, PlacementPolicy, Request, RequestLog
from sim.metrics.assemble import build_recorder, build_series
from sim.metrics.attempts import AttemptLog
from sim.metrics.recorded import RecordedColumns
from sim.metrics.service import ServiceLog
from sim.plant.plant import Plant, build_plant
from sim.rng import Streams
from sim.routing.assemble import build_cascade, build_router
from sim.routing.policies import PLACEMENTS
from sim.scenario.checks.run import refuse_fine_series
from sim.scenario.schema.scenario import Scenario
from sim.serving.assemble import build_pools
from sim.serving.engine.activity import ActivityBuffer
from sim.serving.engine.observed import Observed
from sim.serving.queues.pool import Pool
from sim.serving.queues.pool_model import PoolModel
from sim.traffic.build.build import Traffic, build_workload
from sim.traffic.source import Source
from sim.traffic.users import Users

HEADROOM_EVERY_S = 5.0  # between two readings of power for a routing policy
SCALING_HEADROOM_EVERY_S = 60.0  # and for autoscalers, which act slowly
EVENTS_PER_TURN = 50_000  # between two looks at the outside: flush, progress, stop


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        simulated_s: simulated time so far [s].
        end_s: simulated time at which arrivals end; infinite where the trace decides [s].
        arrived: requests that have arrived.
        ended: requests that have ended.
    """

    simulated_s: float
    end_s: float
    arrived: int
    ended: int


class World:
    """Everything that takes part in one run, built in the order of the flow.

    Args:
        scenario: the validated scenario.
        seed: seed of all random streams.
        replication: index of the repetition.
        policy: placement policy to use instead of the scenario's.
        spool: file for request rows, or None to keep them in memory.
    """

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        replication: int = 0,
        policy: PlacementPolicy | None = None,
        spool: Path | None = None,
    ) -> None:
        self.started = time.perf_counter(), time.process_time()
        self.scenario, self.seed, self.replication = scenario, seed, replication
        self.clock = Clock()
        self.interrupted = False
        self.process_names: tuple[str, ...] = ()
        self.streams = Streams(seed, replication)
        with scenario.positions.told():
            self._build(scenario, policy, spool)

    def _build(
        self, scenario: Scenario, policy: PlacementPolicy | None, spool: Path | None
    ) -> None:
        self.catalog = catalog_of(scenario)
        # hardware and traffic
        self.plant, self.workload = self._inputs()
        self.models = scenario.routing.models(self.workload.model_names)
        self.arrivals_end_s = scenario.run.duration_s or math.inf
        # metrics
        self.recorder, self.request_sink = build_recorder(scenario, self.plant, self.models, spool)
        self.names = self.recorder.names
        self.attempts = AttemptLog(self.recorder.flow)
        self.recorded = RecordedColumns()
        # users, who see one answer where the system may see several attempts
        self.users = self._users()
        self.cascade = build_cascade(scenario, self.models, self.streams, self.users.log)
        log = self.cascade or self.users.log
        self.activity = ActivityBuffer()
        # serving
        self.pools, self.pool_numbers = self._pools(log)
        self.replicas = [replica for pool in self.pools for replica in pool.members]
        self.observed = Observed(len(self.replicas))
        kv_tokens = [numbers.kv_tokens for numbers in self.pool_numbers]
        self.series = build_series(scenario, self.plant, kv_tokens)
        # routing
        self.router = build_router(
            scenario,
            self.pools,
            self.models,
            clock=self.clock,
            streams=self.streams,
            requests=log,
            policy=policy,
        )
        self.control = ReplicaControl(self.pools)
        self.service = self._service_log()
        self.fleet = self._fleet()
        self.paid_before_s: dict[str, float] = {}  # in the warm-up, by pool that is scaled
        priorities = [tier.priority for tier in scenario.tiers.values()]
        self.source = Source(
            self.clock, self.workload, priorities, self._front_door(), self.arrivals_end_s
        )
        # facility
        self.meter = PowerMeter(
            self.plant, scenario.run.warmup_s, scenario.output.series_interval_s
        )
        self.facility, self.headroom = self._facility(), self._headroom(policy)

    def _inputs(self) -> tuple[Plant, Traffic]:
        """Return plant and traffic; what is wrong with either is told at once."""
        try:
            plant = build_plant(self.scenario, self.catalog)
        except ScenarioError as error:
            try:
                build_workload(self.scenario, self.streams)
            except InputError as other:
                raise ScenarioError([*error.problems, *other.problems]) from error
            raise
        traffic = build_workload(self.scenario, self.streams)
        if self.scenario.run.duration_s is None:
            refuse_fine_series(self.scenario, traffic.ends_s)
        return plant, traffic

    def run(
        self, progress: Callable[[Progress], None] | None, stop: Callable[[], bool] | None
    ) -> None:
        """Process all events: arrivals until their end, then, if asked for, the rest."""
        self.fleet.start()
        # A run that traces end may be over before its warm-up is; nothing is to prolong it.
        call = self.clock.call_at if self.scenario.run.duration_s else self.clock.call_in_background
        call(self.scenario.run.warmup_s, self._open_window)
        self.users.start(self.source)
        if self.headroom is not None:
            self.headroom.start()
        if self.facility is not None:
            self.facility.start(self.clock)
        horizon_s = math.inf if self.scenario.run.drain else self.arrivals_end_s
        more = True
        while more:
            more = self.clock.advance(horizon_s, EVENTS_PER_TURN)
            self.flush()
            if progress is not None:
                progress(self._progress())
            if more and stop is not None and stop():
                self.interrupted = True
                return
        if math.isfinite(self.arrivals_end_s):
            self.clock.rest_until(self.arrivals_end_s)
            self.flush()
        if self.facility is not None:
            self.facility.update(self.clock.now)

    def running(self) -> bool:
        """Return whether requests are still to come or to end."""
        to_come = not self.source.exhausted or self.users.still_to_come()
        return to_come or self.recorder.count < self.source.emitted

    def flush(self) -> None:
        """Bring the power meter and the series up to now."""
        now = self.clock.now
        for replica in self.replicas:
            replica.checkpoint(now)
        rows = self.activity.take()
        self.meter.advance(rows, now)
        self.series.advance(rows, now)
        self.observed.advance(rows)

    def unfinished(self) -> list[Request]:
        """Return the requests that wait, run or travel when the run ends."""
        inside = self.router.unfinished() + [
            request for pool in self.pools for request in pool.unfinished()
        ]
        return self.users.unfinished(inside)

    def _open_window(self, _event: Any) -> None:
        """Note at the end of the warm-up what is not to be counted."""
        self.paid_before_s = self.fleet.paid_s()

    def _users(self) -> Users:
        return Users(
            self.scenario,
            self.models,
            clock=self.clock,
            streams=self.streams,
            books=self.recorder,
            attempts=self.attempts,
        )

    def _pools(self, log: RequestLog) -> tuple[list[Pool], list[PoolModel]]:
        return build_pools(
            self.scenario,
            self.plant,
            self.catalog,
            clock=self.clock,
            streams=self.streams,
            activity=self.activity,
            requests=log,
        )

    def _front_door(self) -> Callable[[Request], None]:
        """Return what takes the requests of users: clients, cascade, router, where there are."""
        route = self.router.route
        if self.cascade is not None:
            self.cascade.connect(route)
            route = self.cascade.send
        return self.users.front(route, self.router.cancel)

    def _service_log(self) -> ServiceLog:
        """Return what is told of replicas that enter or leave service."""
        log = ServiceLog(
            [pool.in_service for pool in self.pools], self.scenario.output.series_interval_s
        )
        for pool in self.pools:
            pool.listeners.append(lambda p: log.changed(p.index, self.clock.now, p.in_service))
        return log

    def _fleet(self) -> Fleet:
        """Return what fails and scales, with its hands on pools and network."""
        tables = self.router.tables
        for pool in self.pools:
            pool.listeners.append(lambda p: tables.service_changed(p, p.takes_requests))
        room = PowerRoom(self.plant, self._peak_w())
        return build_fleet(
            self.scenario,
            self.plant,
            self.catalog,
            self.pools,
            clock=self.clock,
            streams=self.streams,
            means=Means(self.control, tables.cut, tables.mend, room.holds),
        )

    def _headroom(self, policy: PlacementPolicy | None) -> PoolHeadroom | None:
        """Return what reads power for policies and autoscalers; None if nobody asks for it."""
        asks = PLACEMENTS.get(self.scenario.routing.policy) if policy is None else policy
        routed = getattr(asks, "reads_headroom", False)
        if not routed and not self.fleet.scalers:
            return None
        return PoolHeadroom(
            self.meter,
            self.plant,
            self.pools,
            clock=self.clock,
            interval_s=HEADROOM_EVERY_S if routed else SCALING_HEADROOM_EVERY_S,
            checkpoint=self.flush,
        )

    def power_bounds(self) -> PowerBounds:
        """Return the power of racks to sites with every replica idle, and in prefill."""
        idle_w = np.array([replica.engine.idle_w for replica in self.replicas])
        return bounds_of_replicas(self.plant, idle_w, self._peak_w())

    def _peak_w(self) -> FloatArray:
        return np.array([replica.engine.prefill_w for replica in self.replicas])

    def _facility(self) -> Facility | None:
        return assemble_facility(
            self.scenario,
            self.plant,
            self.catalog,
            self.meter,
            [replica.engine.idle_w for replica in self.replicas],
            streams=self.streams,
            serving=self.control,
            checkpoint=self.flush,
            running=self.running,
        )

    def _progress(self) -> Progress:
        return Progress(
            self.clock.now, self.arrivals_end_s, self.source.emitted, self.recorder.count
        )
