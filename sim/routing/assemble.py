"""From a scenario's routing section and topology to a router."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from sim.interfaces import PlacementPolicy, RequestLog, Scheduler, Station
from sim.rng import Streams
from sim.routing import (  # noqa: F401 - they register themselves
    policies_cost,
    policies_latency,
    policies_session,
    policies_spill,
)
from sim.routing.admission import build_admission
from sim.routing.cascade import Cascade, CascadeSettings
from sim.routing.network import Path
from sim.routing.policies import PLACEMENTS, PolicySettings
from sim.routing.router import Router
from sim.routing.tables import RouteTables
from sim.routing.telemetry import reported_every
from sim.scenario.schema.scenario import Scenario


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
    seen = stations
    if scenario.routing.telemetry_s is not None:
        seen = reported_every(scenario.routing.telemetry_s, stations, clock)
    tables = RouteTables(scenario, stations, seen, models, clock)
    if policy is None:
        settings = policy_settings(scenario, tables.paths, streams)
        policy = PLACEMENTS.get(scenario.routing.policy)(settings)  # type: ignore[call-arg]
    return Router(
        clock,
        policy,
        stations,
        tables,
        requests,
        streams.exponential("network"),
        charged_from_s=scenario.run.warmup_s,
        admission=build_admission(scenario),
    )


def policy_settings(
    scenario: Scenario, paths: Sequence[Sequence[Path | None]], streams: Streams
) -> PolicySettings:
    """Return what the scenario's placement policy is built from."""
    routing, pools = scenario.routing, list(scenario.pools)
    slos = [tier.slo for tier in scenario.tiers.values()]
    return PolicySettings(
        spill_at=routing.spill_at,
        uniform=streams.uniform("routing"),
        limits_s=[(slo.ttft_s or inf, slo.tpot_s or inf) for slo in slos],
        round_trip_s=[[2 * path.latency_s if path else inf for path in row] for row in paths],
        site_kinds=[site.kind for site in scenario.topology.sites.values()],
        chain=[pools.index(name) for name in routing.chain or ()],
    )


def build_cascade(
    scenario: Scenario, models: Sequence[str], streams: Streams, log: RequestLog
) -> Cascade | None:
    """Return the model cascade of a scenario, None if it has none.

    Args:
        scenario: the validated scenario.
        models: names of all models of the run, by index.
        streams: the run's random streams.
        log: is told of requests with their final answer.
    """
    section = scenario.routing.cascade
    if section is None or section.model not in models:
        return None
    longest = section.longest_input_tokens
    settings = CascadeSettings(
        large=models.index(section.model),
        small=models.index(section.small),
        longest_input_tokens=inf if longest is None else longest,
        share=section.share,
        escalation=section.escalation,
    )
    return Cascade(settings, log, streams.uniform("cascade"))
