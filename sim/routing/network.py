"""The network as the router sees it: one precomputed path per region and site."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import networkx as nx

# UTF-8 text on the wire per token: about four characters of English prose.
BYTES_PER_TOKEN = 4.0
BITS_PER_BYTE = 8.0
BYTES_PER_GB = 1e9


@dataclass(frozen=True, slots=True)
class Path:
    """The way from a user region to a site and back, along the links of least latency.

    Attributes:
        latency_s: one-way propagation, the sum over the links [s].
        jitter_s: mean of the random extra delay one way, the sum over the links [s].
        upload_s_per_token: time to send one prompt token through the narrowest of the links whose
            bandwidth is not shared [s].
        egress_usd_per_token: price of sending one token of the answer to the region [USD].
        shared: the links on the way whose bandwidth is shared, by their ends, nearest first.
    """

    latency_s: float
    jitter_s: float
    upload_s_per_token: float
    egress_usd_per_token: float
    shared: tuple[frozenset[str], ...] = ()


def route_table(
    graph: nx.Graph[str], regions: Sequence[str], sites: Sequence[str]
) -> list[list[Path | None]]:
    """Return the path of least latency for each region (row) and site (column).

    Args:
        graph: nodes are regions and sites; edges carry ``latency_s`` [s], ``jitter_s`` [s],
            ``bandwidth_bps`` [bit/s], ``egress_usd_per_gb`` [USD/GB] and perhaps ``shared``.
        regions: names of the user regions.
        sites: names of the sites.

    Returns:
        The paths; None where no path exists.
    """
    table: list[list[Path | None]] = []
    for region in regions:
        hops = nx.single_source_dijkstra_path(graph, region, weight="latency_s")
        table.append([_path(graph, hops.get(site)) for site in sites])
    return table


def _path(graph: nx.Graph[str], hops: Sequence[str] | None) -> Path | None:
    if hops is None:
        return None
    links = [graph.edges[here, there] for here, there in pairwise(hops)]
    own = [link["bandwidth_bps"] for link in links if not link.get("shared")]
    narrowest_bps = min(own, default=float("inf"))
    usd_per_gb = sum(link["egress_usd_per_gb"] for link in links)
    return Path(
        latency_s=sum(link["latency_s"] for link in links),
        jitter_s=sum(link["jitter_s"] for link in links),
        upload_s_per_token=BYTES_PER_TOKEN * BITS_PER_BYTE / narrowest_bps,
        egress_usd_per_token=usd_per_gb * BYTES_PER_TOKEN / BYTES_PER_GB,
        shared=tuple(frozenset(ends) for ends in pairwise(hops) if graph.edges[ends].get("shared")),
    )
