"""The fleet at work: what fails, which replicas are on, and what that did to the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from sim.catalog.catalog import Catalog
from sim.fleet.autoscaling import Autoscaler
from sim.fleet.control import ReplicaControl
from sim.fleet.fault_units import random_faults, scheduled_faults
from sim.fleet.faults import Casualties, FaultInjector, Hand
from sim.fleet.scaling import SCALING_RULES
from sim.fleet.spares import SpareKeeper
from sim.fleet.start_gate import StartGate
from sim.fleet.tensor_groups import GroupRules, TensorGroups
from sim.interfaces import Scheduler
from sim.plant.memory_fit import WEIGHT_BYTES, layout_of, memory_fit
from sim.plant.plant import Plant
from sim.rng import Streams
from sim.scenario.schema.pools import Pool as PoolSection
from sim.scenario.schema.scenario import Scenario
from sim.serving.queues.pool import LOSE, RESTART, RESUME, Pool
from sim.units import S_PER_H

_AFTER_FAILURE: Mapping[str, int] = {"lose": LOSE, "restart": RESTART, "resume": RESUME}


@dataclass(frozen=True, slots=True)
class Means:
    """What the fleet acts with, and asks, outside serving.

    Attributes:
        control: the hand on the replicas.
        cut: takes the link between two places out of service.
        mend: ends one cut of a link.
        has_power: tells whether a replica may run beside others within all power limits.
    """

    control: ReplicaControl
    cut: Callable[[str, str], None]
    mend: Callable[[str, str], None]
    has_power: Callable[[Sequence[int], int], bool]


class Fleet:
    """Faults, autoscalers and spares of a run; empty where the scenario has none.

    Args:
        pools: all pools, by name.
        injector: makes faults happen, or None.
        scalers: autoscalers by pool.
        spares: spare keepers by pool.
    """

    def __init__(
        self,
        pools: Mapping[str, Pool],
        injector: FaultInjector | None,
        scalers: Mapping[str, Autoscaler],
        spares: Mapping[str, SpareKeeper],
    ) -> None:
        self.pools, self.injector = pools, injector
        self.scalers, self.spares = scalers, spares

    def start(self) -> None:
        """Switch off what is not needed, and schedule what is to come."""
        for scaler in self.scalers.values():
            scaler.start()
        for keeper in self.spares.values():
            keeper.start()
        if self.injector is not None:
            self.injector.start()

    def paid_s(self) -> dict[str, float]:
        """Return the time that replicas were on or starting so far, by pool that is scaled [s]."""
        for scaler in self.scalers.values():
            scaler.count_on()
        return {name: scaler.on_s for name, scaler in self.scalers.items()}

    def report(self) -> dict[str, Any]:
        """Return what happened, as plain values; empty where nothing could."""
        found: dict[str, Any] = {}
        if self.injector is not None:
            found["faults"] = self._faults(self.injector)
        for scaler in self.scalers.values():
            scaler.count_on()
        if self.scalers:
            found["autoscaling"] = {
                name: {
                    "starts": scaler.starts,
                    "refused_starts": scaler.refused_starts,
                    "replica_hours": scaler.on_s / S_PER_H,
                }
                for name, scaler in self.scalers.items()
            }
        if self.spares:
            found["spares"] = {name: keeper.starts for name, keeper in self.spares.items()}
        return found

    def _faults(self, injector: FaultInjector) -> dict[str, Any]:
        return {
            "by_kind": dict(injector.faults),
            "replica_faults": injector.replica_faults,
            "lost": injector.casualties.lost,
            "failed_over": sum(pool.failed_over for pool in self.pools.values()),
            "events": [event.report() for event in injector.events],
        }


def build_fleet(
    scenario: Scenario,
    plant: Plant,
    catalog: Catalog,
    pools: Sequence[Pool],
    *,
    clock: Scheduler,
    streams: Streams,
    means: Means,
) -> Fleet:
    """Return what moves the fleet of a scenario.

    Args:
        scenario: the validated scenario.
        plant: its plant.
        catalog: has the models of its pools.
        pools: in the order of the scenario.
        clock: runs calls at absolute times.
        streams: the run's random streams.
        means: what the fleet acts with.

    Raises:
        ScenarioError: an outage names a rack or node that does not exist.
        PolicyError: a scaling policy is unknown.
    """
    by_name = dict(zip(scenario.pools, pools, strict=True))
    injector, faults = None, scenario.faults
    if faults is not None:
        control = means.control
        fail = partial(_fail, control, [pool for pool in pools for _ in pool.members])
        hand = Hand(fail, control.restore, fail, control.restore, means.cut, means.mend)
        if faults.lost_accelerator == "degrade":
            rules = list(_group_rules(scenario, plant, catalog))
            groups = TensorGroups(clock, control, fail, rules)
            hand = replace(hand, weaken=groups.weaken, heal=groups.heal)
        scheduled = scheduled_faults(faults, plant)
        injector = FaultInjector(clock, hand, scheduled, random_faults(scenario, plant, streams))
        for pool in pools:
            pool.after_failure = _AFTER_FAILURE[faults.in_flight]
    first = np.searchsorted(plant.placement_replica, np.arange(len(plant.replica_pool)))
    rack_of = plant.node_rack[plant.placement_node[first]]
    scalers: dict[str, Autoscaler] = {}
    spares: dict[str, SpareKeeper] = {}
    for name, section in scenario.pools.items():
        start_s = cold_start_s(section, catalog)
        if section.autoscaling is not None:
            settings = section.autoscaling
            lead_s = start_s if settings.lead_s is None else settings.lead_s
            rule = SCALING_RULES.get(settings.policy)(settings, lead_s)  # type: ignore[call-arg]
            has_power = means.has_power if settings.within_power else _always
            gate = StartGate(has_power, rack_of, pools, scalers)
            scalers[name] = Autoscaler(
                clock, by_name[name], rule, settings, start_s, gate, scenario.run.duration_s or 0.0
            )
        if section.spares:
            spares[name] = SpareKeeper(clock, by_name[name], section.spares, start_s)
    return Fleet(by_name, injector, scalers, spares)


def _always(_on: Sequence[int], _candidate: int) -> bool:
    return True


def _fail(control: ReplicaControl, pool_of: Sequence[Pool], replica: int) -> Casualties:
    """Take a replica out of service; requests leave a pool in this call only by ending."""
    pool = pool_of[replica]
    inside, sent_on = pool.outstanding, pool.failed_over
    control.fail(replica)
    lost = inside - pool.outstanding
    in_vain = 0 if pool.after_failure == LOSE else lost  # sent on, and found nobody
    return Casualties(lost, pool.failed_over - sent_on - in_vain)


def _group_rules(scenario: Scenario, plant: Plant, catalog: Catalog) -> Iterator[GroupRules]:
    """Yield for each replica how it goes on without some of its accelerators."""
    for number, section in enumerate(scenario.pools.values()):
        model, size = catalog.models[section.model], section.tensor_parallel
        accelerator = plant.pool_accelerator(number, catalog)
        batched = section.batching.max_num_batched_tokens
        shares, part = {size: 1.0}, size
        layout = layout_of(section, catalog.models)
        whole = memory_fit(model, accelerator, size, section.precision, batched, layout)
        while part % (2 * layout.data_parallel) == 0:
            part //= 2
            fit = memory_fit(model, accelerator, part, section.precision, batched, layout)
            if fit.kv_tokens > 0:
                shares[part] = min(1.0, fit.kv_tokens / max(1, whole.kv_tokens))
        rules = GroupRules(size, cold_start_s(section, catalog), shares)
        yield from [rules] * plant.pool_replicas(number)


def cold_start_s(section: PoolSection, catalog: Catalog) -> float:
    """Return how long a replica of a pool takes from off to its first request [s]."""
    start = section.cold_start
    weights = catalog.models[section.model].params * WEIGHT_BYTES[section.precision]
    return start.boot_s + weights / start.weights_bytes_per_s + start.warmup_s
