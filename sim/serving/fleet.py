"""The fleet at work: what fails, which replicas are on, and what that did to the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sim.interfaces import Scheduler
from sim.rng import Streams
from sim.scenario.catalog import Catalog
from sim.scenario.memory_fit import WEIGHT_BYTES
from sim.scenario.plant import Plant
from sim.scenario.schema import Scenario
from sim.scenario.schema_pools import Pool as PoolSection
from sim.serving.autoscaling import Autoscaler
from sim.serving.fault_units import random_faults, scheduled_faults
from sim.serving.faults import FaultInjector, Hand
from sim.serving.pool import LOSE, RESTART, RESUME, Pool
from sim.serving.scaling import SCALING_RULES
from sim.serving.spares import SpareKeeper

_AFTER_FAILURE: Mapping[str, int] = {"lose": LOSE, "restart": RESTART, "resume": RESUME}


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

    def report(self) -> dict[str, Any]:
        """Return what happened, as plain values; empty where nothing could."""
        found: dict[str, Any] = {}
        if self.injector is not None:
            found["faults"] = {
                "by_kind": dict(self.injector.faults),
                "replica_faults": self.injector.replica_faults,
                "failed_over": sum(pool.failed_over for pool in self.pools.values()),
            }
        for scaler in self.scalers.values():
            scaler.count_on()
        if self.scalers:
            found["autoscaling"] = {
                name: {"starts": scaler.starts, "replica_hours": scaler.on_s / 3600.0}
                for name, scaler in self.scalers.items()
            }
        if self.spares:
            found["spares"] = {name: keeper.starts for name, keeper in self.spares.items()}
        return found


def build_fleet(
    scenario: Scenario,
    plant: Plant,
    catalog: Catalog,
    pools: Sequence[Pool],
    *,
    clock: Scheduler,
    streams: Streams,
    hand: Hand,
) -> Fleet:
    """Return what moves the fleet of a scenario.

    Raises:
        ScenarioError: an outage names a rack that does not exist.
        PolicyError: a scaling policy is unknown.
    """
    by_name = dict(zip(scenario.pools, pools, strict=True))
    injector, faults = None, scenario.faults
    if faults is not None:
        scheduled = scheduled_faults(faults, plant)
        injector = FaultInjector(clock, hand, scheduled, random_faults(scenario, plant, streams))
        for pool in pools:
            pool.after_failure = _AFTER_FAILURE[faults.in_flight]
    scalers: dict[str, Autoscaler] = {}
    spares: dict[str, SpareKeeper] = {}
    for name, section in scenario.pools.items():
        start_s = cold_start_s(section, catalog)
        if section.autoscaling is not None:
            settings = section.autoscaling
            lead_s = start_s if settings.lead_s is None else settings.lead_s
            rule = SCALING_RULES.get(settings.policy)(settings, lead_s)  # type: ignore[call-arg]
            scalers[name] = Autoscaler(clock, by_name[name], rule, settings, start_s)
        if section.spares:
            spares[name] = SpareKeeper(clock, by_name[name], section.spares, start_s)
    return Fleet(by_name, injector, scalers, spares)


def cold_start_s(section: PoolSection, catalog: Catalog) -> float:
    """Return how long a replica of a pool takes from off to its first request [s]."""
    start = section.cold_start
    weights = catalog.models[section.model].params * WEIGHT_BYTES[section.precision]
    return start.boot_s + weights / start.weights_bytes_per_s + start.warmup_s
