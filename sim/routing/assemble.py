"""From a scenario's routing section and topology to a router."""

from __future__ import annotations

from collections.abc import Sequence

from sim.interfaces import PlacementPolicy, RequestLog, Scheduler, Station
from sim.rng import Streams
from sim.routing.network import Path, route_table
from sim.routing.policies import PLACEMENTS, PolicySettings
from sim.routing.router import Key, Router
from sim.scenario.schema import Scenario
from sim.scenario.topology import network_graph


def build_router(
    scenario: Scenario,
    stations: Sequence[Station],
    models: Sequence[str],
    *,
    clock: Scheduler,
    streams: Streams,
    requests: RequestLog,
    policy: PlacementPolicy | None = None,
) -> Router:
    """Return the router of a scenario.

    Args:
        scenario: the validated scenario.
        stations: its pools, in the scenario's order.
        models: names of the models that traffic asks for, by index.
        clock: runs calls at absolute times.
        streams: the run's random streams.
        requests: log of requests that ended.
        policy: used instead of the one that the scenario names.

    Raises:
        PolicyError: the scenario names a policy that nobody registered.
    """
    regions, sites = list(scenario.topology.regions), list(scenario.topology.sites)
    paths = route_table(network_graph(scenario.topology), regions, sites)
    if policy is None:
        settings = PolicySettings(
            spill_at=scenario.routing.spill_at, uniform=streams.uniform("routing")
        )
        policy = PLACEMENTS.get(scenario.routing.policy)(settings)  # type: ignore[call-arg]
    return Router(
        clock,
        policy,
        _candidates(scenario, stations, models, paths),
        paths,
        requests,
        streams.exponential("network"),
        scenario.run.warmup_s,
    )


def _candidates(
    scenario: Scenario,
    stations: Sequence[Station],
    models: Sequence[str],
    paths: Sequence[Sequence[Path | None]],
) -> dict[Key, tuple[Station, ...]]:
    """Return the pools for each (region, model, tier), nearest first, ties in file order."""
    table: dict[Key, tuple[Station, ...]] = {}
    sections = list(scenario.pools.values())
    for region, row in enumerate(paths):
        near = [
            (path.latency_s, station.index, station)
            for station in stations
            if (path := row[station.site]) is not None
        ]
        near.sort(key=lambda entry: entry[:2])
        for model, model_name in enumerate(models):
            for tier, tier_name in enumerate(scenario.tiers):
                table[region, model, tier] = tuple(
                    station
                    for _, index, station in near
                    if sections[index].serves(model_name, tier_name)
                )
    return table
