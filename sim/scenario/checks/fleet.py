"""What has to be right in faults and cascade: names that exist, and models that somebody serves."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sim.document.document import Place
from sim.document.findings import Finding, unknown_name
from sim.scenario.schema.scenario import Scenario


def check_faults(
    scenario: Scenario, sites: Collection[str], pools: Collection[str]
) -> Iterator[Finding]:
    """Yield sites, pools and links in the faults section that do not exist."""
    faults = scenario.faults
    if faults is None:
        return
    links = {frozenset((link.start, link.end)) for link in scenario.topology.links}
    for number, outage in enumerate(faults.outages):
        place = ("faults", "outages", number)
        yield from _unknown((*place, "sites"), outage.sites, "a site of the topology", sites)
        yield from _unknown((*place, "pools"), outage.pools, "a pool of the scenario", pools)
        for index, link in enumerate(outage.links):
            if frozenset((link.start, link.end)) not in links:
                got = f"a link of {link.start!r} and {link.end!r}"
                yield Finding((*place, "links", index), got, "a link of the topology")
    for number, law in enumerate(faults.random):
        place = ("faults", "random", number)
        yield from _unknown((*place, "sites"), law.sites or (), "a site of the topology", sites)


def check_cascade(scenario: Scenario, models: Collection[str] | None) -> Iterator[Finding]:
    """Yield models of the cascade that do not exist, or that nobody serves to a tier that asks."""
    cascade = scenario.routing.cascade
    if cascade is None:
        return
    place = ("routing", "cascade")
    if models is not None:
        for key in ("model", "small"):
            name = getattr(cascade, key)
            if name not in models:
                yield unknown_name((*place, key), name, "a model of the catalogue", models)
    asking = [entry for entry in scenario.traffic.values() if entry.model == cascade.model]
    tiers = dict.fromkeys(tier for entry in asking for tier in entry.tiers)
    for tier in tiers:
        if not any(pool.serves(cascade.small, tier) for pool in scenario.pools.values()):
            got = f"{cascade.small!r}, which no pool serves to {tier!r}"
            yield Finding((*place, "small"), got, "a model that every tier of the traffic can use")


def _unknown(
    place: Place, names: Collection[str], what: str, known: Collection[str]
) -> Iterator[Finding]:
    for index, name in enumerate(names):
        if name not in known:
            yield unknown_name((*place, index), name, what, known)
