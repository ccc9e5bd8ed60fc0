"""The network of a topology as a networkx graph."""

from __future__ import annotations

import math
from collections.abc import Set as AbstractSet

import networkx as nx

from sim.scenario.schema.topology import Topology


def network_graph(topology: Topology) -> nx.Graph[str]:
    """Return the graph of regions and sites.

    Every node has ``kind`` (``region``, ``metro``, ``remote`` or ``edge``), ``lat`` and ``lon``;
    every edge has ``latency_s`` [s], ``jitter_s`` [s], ``bandwidth_bps`` [bit/s], infinite where
    none is given, ``egress_usd_per_gb`` [USD/GB] and ``shared`` (bool).
    """
    graph: nx.Graph[str] = nx.Graph()
    for name, region in topology.regions.items():
        graph.add_node(name, kind="region", lat=region.lat, lon=region.lon)
    for name, site in topology.sites.items():
        graph.add_node(name, kind=site.kind, lat=site.lat, lon=site.lon)
    for link in topology.links:
        graph.add_edge(
            link.start,
            link.end,
            latency_s=link.latency_s,
            jitter_s=link.jitter_s,
            bandwidth_bps=math.inf if link.bandwidth_bps is None else link.bandwidth_bps,
            egress_usd_per_gb=link.egress_usd_per_gb,
            shared=link.shared,
        )
    return graph


def reachable(graph: nx.Graph[str], region: str) -> AbstractSet[str]:
    """Return the regions and sites that a region has a path to, itself included."""
    found: AbstractSet[str] = nx.node_connected_component(graph, region)
    return found
