"""What has to be right between the parts of a topology: names, links, rack types."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sim.document.findings import Finding, unknown_name
from sim.scenario.schema.topology import Topology


@dataclass(frozen=True, slots=True)
class TopologyNames:
    """The names that a topology may refer to.

    Attributes:
        regions: its user regions, those with mistakes in them included.
        sites: its sites, likewise.
        rack_types: rack types of the catalogue; None if they are not known.
        grid_regions: regions of the catalogue; None if they are not known.
    """

    regions: Collection[str]
    sites: Collection[str]
    rack_types: Collection[str] | None = None
    grid_regions: Collection[str] | None = None


def check_topology(topology: Topology, names: TopologyNames) -> Iterator[Finding]:
    """Yield what is wrong between the parts of a topology."""
    for site in topology.sites:
        if site in names.regions:
            got, expected = f"site and region {site!r}", "different names for regions and sites"
            yield Finding(("sites", site), got, expected, of_key=True)
    yield from _links(topology, {*names.regions, *names.sites})
    yield from _catalogue_names(topology, names)


def _links(topology: Topology, known: Collection[str]) -> Iterator[Finding]:
    seen: dict[frozenset[str], int] = {}
    for index, link in enumerate(topology.links):
        place = ("links", index)
        for key, end in (("from", link.start), ("to", link.end)):
            if end not in known:
                yield unknown_name((*place, key), end, "a region or site", known)
        if link.start == link.end:
            yield Finding((*place, "to"), f"{link.end!r} at both ends", "two different ends")
        pair = frozenset((link.start, link.end))
        if pair in seen:
            got = f"a second link of {link.start!r} and {link.end!r}"
            yield Finding(place, got, f"one link for each pair (links[{seen[pair]}] is the first)")
        seen.setdefault(pair, index)


def _catalogue_names(topology: Topology, names: TopologyNames) -> Iterator[Finding]:
    for name, site in topology.sites.items():
        region = site.region_data
        if names.grid_regions is not None and region and region not in names.grid_regions:
            place = ("sites", name, "region_data")
            yield unknown_name(place, region, "a region of the catalogue", names.grid_regions)
        for (hall, row, index), group in site.rack_groups():
            if names.rack_types is not None and group.type not in names.rack_types:
                at = ("sites", name, "halls", hall, "rows", row, "racks", index, "type")
                yield unknown_name(at, group.type, "a rack type", names.rack_types)
