"""What has to be right between the sections of a scenario: names, and that requests are served."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.document.document import Place
from sim.document.findings import Finding, unknown_name
from sim.scenario.checks.economics import check_economics
from sim.scenario.checks.fleet import check_cascade, check_faults
from sim.scenario.checks.pools import check_hand_overs, check_prefix_caches
from sim.scenario.schema.pools import Pool
from sim.scenario.schema.scenario import Scenario
from sim.scenario.schema.topology import Site
from sim.scenario.schema.traffic import Workload
from sim.scenario.topology import network_graph, reachable

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True, slots=True)
class ScenarioNames:
    """The names that a scenario may refer to; entries with mistakes in them included.

    Attributes:
        tiers: its tiers.
        regions: user regions of its topology.
        sites: sites of its topology.
        pools: its pools.
        models: models of the catalogue; None if they are not known.
        rack_cooling: cooling of each rack type of the catalogue, None where its hall decides; None
            if the catalogue is not known.
        policies: routing policies; None if they are not known.
        trace_formats: formats of trace files; None if they are not known.
        owners: owners of the catalogue; None if they are not known.
    """

    tiers: Collection[str]
    regions: Collection[str]
    sites: Collection[str]
    pools: Collection[str] = ()
    models: Collection[str] | None = None
    rack_cooling: Mapping[str, str | None] | None = None
    policies: Collection[str] | None = None
    trace_formats: Collection[str] | None = None
    owners: Collection[str] | None = None


def check_names(scenario: Scenario, names: ScenarioNames) -> Iterator[Finding]:
    """Yield every reference to something that does not exist."""
    for name, workload in scenario.traffic.items():
        place = ("traffic", name)
        if names.models is not None and workload.model not in names.models:
            yield unknown_name(
                (*place, "model"), workload.model, "a model of the catalogue", names.models
            )
        for key, shares, known, what in (
            ("regions", workload.regions, names.regions, "a user region of the topology"),
            ("tiers", workload.tiers, names.tiers, "a tier of the scenario"),
        ):
            for share in shares:
                if share not in known:
                    yield unknown_name((*place, key, share), share, what, known, of_key=True)
        yield from _trace(place, workload, names)
    for name, pool in scenario.pools.items():
        yield from _pool(name, pool, scenario, names)
    policy = scenario.routing.policy
    if names.policies is not None and policy not in names.policies:
        yield unknown_name(("routing", "policy"), policy, "a routing policy", names.policies)

    yield from _routing(scenario, names)
    yield from check_economics(scenario, names.tiers, names.sites, names.owners)
    yield from check_faults(scenario, names.sites, names.pools)
    yield from check_cascade(scenario, names.models)
    yield from check_prefix_caches(scenario)
    yield from check_hand_overs(scenario)


def _routing(scenario: Scenario, names: ScenarioNames) -> Iterator[Finding]:
    """Yield names in the routing section and in the tiers' sites that do not exist."""
    routing, site = scenario.routing, "a site of the topology"
    for index, pool in enumerate(routing.chain or ()):
        if pool not in names.pools:
            at = ("routing", "chain", index)
            yield unknown_name(at, pool, "a pool of the scenario", names.pools)
    for region, allowed in (routing.residency or {}).items():
        place = ("routing", "residency", region)
        if region not in names.regions:
            what = "a user region of the topology"
            yield unknown_name(place, region, what, names.regions, of_key=True)
        for index, name in enumerate(allowed):
            if name not in names.sites:
                yield unknown_name((*place, index), name, site, names.sites)
    for tier, section in scenario.tiers.items():
        for index, name in enumerate(section.sites or ()):
            if name not in names.sites:
                yield unknown_name(("tiers", tier, "sites", index), name, site, names.sites)


def _trace(place: Place, workload: Workload, names: ScenarioNames) -> Iterator[Finding]:
    """Yield names that a trace's labels stand for, and a format, that do not exist."""
    formats = names.trace_formats
    for key in ("trace", "fitted"):
        name = getattr(getattr(workload, key), "format", None)
        if formats is not None and name is not None and name not in formats:
            yield unknown_name((*place, key, "format"), name, "a trace format", formats)
    if workload.trace is None:
        return
    for key, known, what in (
        ("tiers", names.tiers, "a tier of the scenario"),
        ("regions", names.regions, "a user region of the topology"),
        ("models", names.models, "a model of the catalogue"),
    ):
        for label, name in (getattr(workload.trace, key) or {}).items():
            if known is not None and name not in known:
                yield unknown_name((*place, "trace", key, label), name, what, known)


def _pool(name: str, pool: Pool, scenario: Scenario, names: ScenarioNames) -> Iterator[Finding]:
    place = ("pools", name)
    if names.models is not None and pool.model not in names.models:
        yield unknown_name((*place, "model"), pool.model, "a model of the catalogue", names.models)
    draft = pool.speculative.draft_model if pool.speculative else None
    if names.models is not None and draft is not None and draft not in names.models:
        drafted = (*place, "speculative", "draft_model")
        yield unknown_name(drafted, draft, "a model of the catalogue", names.models)
    for index, tier in enumerate(pool.tiers or ()):
        if tier not in names.tiers:
            at = (*place, "tiers", index)
            yield unknown_name(at, tier, "a tier of the scenario", names.tiers)
        elif tier in (pool.tiers or ())[:index]:
            yield Finding((*place, "tiers", index), f"{tier!r} twice", "each tier once")
    if pool.site not in names.sites:
        yield unknown_name((*place, "site"), pool.site, "a site of the topology", names.sites)
    elif pool.site in scenario.topology.sites:
        site = scenario.topology.sites[pool.site]
        yield from _racks((*place, "racks"), pool, site, names.rack_cooling)


def _racks(
    place: Place, pool: Pool, site: Site, rack_cooling: Mapping[str, str | None] | None
) -> Iterator[Finding]:
    """Yield what is wrong with the racks that a pool asks for: first names, then the choice."""
    wanted = pool.racks
    groups = [(hall, row, group.type) for (hall, row, _), group in site.rack_groups()]
    in_hall = wanted.hall if wanted.hall in site.halls else None
    known = {
        "hall": set(site.halls),
        "row": {row for hall, row, _ in groups if in_hall in {None, hall}},
        "type": {kind for _, _, kind in groups},
    }
    unknown = [key for key, names in known.items() if getattr(wanted, key) not in {*names, None}]
    for key in unknown:
        what = f"a {'rack type' if key == 'type' else key} of site {pool.site!r}"
        yield unknown_name((*place, key), getattr(wanted, key), what, known[key])
    if unknown or rack_cooling is None:
        return
    for hall, row, kind in groups:
        chosen = (wanted.hall or hall, wanted.row or row, wanted.type or kind)
        cooling = rack_cooling.get(kind) or site.halls[hall].cooling
        if chosen == (hall, row, kind) and cooling == (wanted.cooling or cooling):
            return
    got = f"a choice that no rack of {pool.site!r} matches"
    yield Finding(place, got, "one that some rack matches")


def check_service(scenario: Scenario) -> Iterator[Finding]:
    """Yield requests that no pool serves, and regions without a path to a pool that would."""
    graph = network_graph(scenario.topology)
    for name, workload in scenario.traffic.items():
        for tier in workload.tiers:
            pools = [p for p in scenario.pools.values() if p.serves(workload.model, tier)]
            if not pools:
                got = f"{tier!r} requests for {workload.model}"
                expected = "a tier for which some pool runs this model"
                yield Finding(("traffic", name, "tiers", tier), got, expected, of_key=True)
        sites = {p.site for p in scenario.pools.values() if p.model == workload.model}
        for region in workload.regions if sites else ():
            if sites.isdisjoint(reachable(graph, region)):
                got = f"{region!r}, which has no path to {' or '.join(sorted(sites))}"
                expected = f"a region with links to a site that runs {workload.model}"
                yield Finding(("traffic", name, "regions", region), got, expected, of_key=True)
        yield from _residency(name, workload, scenario, graph)


def _residency(
    name: str, workload: Workload, scenario: Scenario, graph: nx.Graph[str]
) -> Iterator[Finding]:
    """Yield tiers and regions whose requests may go to no site that could serve them."""
    for tier in workload.tiers:
        serving = {p.site for p in scenario.pools.values() if p.serves(workload.model, tier)}
        for region in workload.regions:
            near = serving & reachable(graph, region)
            if near and near.isdisjoint(scenario.allowed_sites(region, tier)):
                sites = " or ".join(sorted(near))
                got = f"{region!r}, whose {tier!r} requests may not go to {sites}"
                expected = "a region and tier that some site with a pool for them may serve"
                yield Finding(("traffic", name, "regions", region), got, expected, of_key=True)
