"""The networkx graph of a topology."""

from __future__ import annotations

import math
from typing import Any

from sim.load import load_topology
from sim.scenario.topology import network_graph, reachable


def test_nodes_links_and_paths(small: dict[str, Any]) -> None:
    topology = small["topology"]
    topology["sites"]["far"] = {**topology["sites"]["metro"], "kind": "remote"}
    topology["regions"]["south"] = {"lat": 48.1, "lon": 11.6}
    topology["links"][0] |= {"jitter": "0.2 ms", "bandwidth": "1 Gbps", "egress": "50 USD/TB"}
    topology["links"].append({"from": "metro", "to": "far", "latency": "20 ms"})
    graph = network_graph(load_topology(topology))

    assert {name: data["kind"] for name, data in graph.nodes.items()} == {
        "north": "region",
        "south": "region",
        "metro": "metro",
        "far": "remote",
    }
    assert graph.edges["metro", "north"] == {
        "latency_s": 0.002,
        "jitter_s": 0.0002,
        "bandwidth_bps": 1e9,
        "egress_usd_per_gb": 0.05,
        "shared": False,
    }
    assert graph.edges["far", "metro"]["bandwidth_bps"] == math.inf
    assert reachable(graph, "north") == {"north", "metro", "far"}
    assert reachable(graph, "south") == {"south"}
