"""Route tables: the paths and candidate pools of every request class, as the network is now."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sim.interfaces import Scheduler, Station
from sim.routing.network import Path, route_table
from sim.scenario.schema.scenario import Scenario
from sim.scenario.topology import network_graph
from sim.shared_link import SharedLink

# Region, model and tier: what decides which pools may serve a request.
Key = tuple[int, int, int]


class RouteTables:
    """Built once, and again when a link is cut or mended or a pool goes out of service.

    Args:
        scenario: the validated scenario.
        stations: its pools, by index.
        seen: the same pools as the policy sees them.
        models: names of the models that traffic asks for, by index.
        clock: runs calls at absolute times.

    Attributes:
        links: the links whose bandwidth is shared, by their ends.
        paths: network path by region and site, None where there is none.
        candidates: for each (region, model, tier) the pools that may serve it, nearest first.
    """

    paths: list[list[Path | None]]
    candidates: dict[Key, tuple[Station, ...]]

    def __init__(
        self,
        scenario: Scenario,
        stations: Sequence[Station],
        seen: Sequence[Station],
        models: Sequence[str],
        clock: Scheduler,
    ) -> None:
        self._scenario, self._stations, self._seen = scenario, stations, seen
        self._models = models
        self.links = {
            frozenset((link.start, link.end)): SharedLink(clock, link.bandwidth_bps)
            for link in scenario.topology.links
            if link.shared and link.bandwidth_bps is not None
        }
        self._regions, self._sites = list(scenario.topology.regions), list(scenario.topology.sites)
        self._cuts: dict[frozenset[str], int] = {}
        self._usable = [True] * len(stations)
        self.on_change: Callable[[], None] | None = None
        self._build()

    def cut(self, start: str, end: str) -> None:
        """Take the link between two places out of service; cuts may overlap."""
        link = frozenset((start, end))
        self._cuts[link] = self._cuts.get(link, 0) + 1
        self._build()

    def mend(self, start: str, end: str) -> None:
        """End one cut of a link."""
        self._cuts[frozenset((start, end))] -= 1
        self._build()

    def service_changed(self, station: Station, usable: bool) -> None:
        """Leave a pool out that cannot take requests at all, or take it in again."""
        if self._usable[station.index] != usable:
            self._usable[station.index] = usable
            self._build()

    def _build(self) -> None:
        graph = network_graph(self._scenario.topology)
        for link, count in self._cuts.items():
            if count:
                graph.remove_edge(*link)
        self.paths = route_table(graph, self._regions, self._sites)
        self.candidates = {}
        for region in range(len(self._regions)):
            self._add_region(region)
        if self.on_change is not None:
            self.on_change()

    def _add_region(self, region: int) -> None:
        """Add the pools for each model and tier of a region, nearest first, ties in file order."""
        scenario, row = self._scenario, self.paths[region]
        sections = list(scenario.pools.values())
        near = [
            (path.latency_s, station.index, station)
            for station in self._seen
            if self._usable[station.index] and (path := row[station.site]) is not None
        ]
        near.sort(key=lambda entry: entry[:2])
        for model, model_name in enumerate(self._models):
            for tier, tier_name in enumerate(scenario.tiers):
                allowed = scenario.allowed_sites(self._regions[region], tier_name)
                self.candidates[region, model, tier] = tuple(
                    station
                    for _, index, station in near
                    if sections[index].serves(model_name, tier_name)
                    and sections[index].site in allowed
                )
