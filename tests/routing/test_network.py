from __future__ import annotations

import networkx as nx
import pytest

from sim.routing.network import route_table


def link(graph, here, there, latency_s, jitter_s=0.0, bandwidth_bps=float("inf"), egress=0.0):
    graph.add_edge(
        here,
        there,
        latency_s=latency_s,
        jitter_s=jitter_s,
        bandwidth_bps=bandwidth_bps,
        egress_usd_per_gb=egress,
    )


def test_path_takes_the_links_of_least_latency_and_adds_them_up():
    graph = nx.Graph()
    link(graph, "paris", "hub", 0.004, jitter_s=0.001, bandwidth_bps=1e9, egress=0.02)
    link(graph, "hub", "oslo", 0.010, jitter_s=0.002, bandwidth_bps=4e9, egress=0.01)
    link(graph, "paris", "oslo", 0.020)
    path = route_table(graph, ["paris"], ["oslo"])[0][0]
    assert path.latency_s == pytest.approx(0.014)
    assert path.jitter_s == pytest.approx(0.003)
    # the narrowest link: 4 bytes per token at 1 Gbit/s
    assert path.upload_s_per_token == pytest.approx(32e-9)
    assert path.egress_usd_per_token == pytest.approx(4 * 0.03e-9)


def test_unreachable_site_has_no_path():
    graph = nx.Graph()
    link(graph, "paris", "hub", 0.004)
    graph.add_node("oslo")
    assert route_table(graph, ["paris"], ["hub", "oslo"])[0][1] is None


def test_direct_link_without_bandwidth_sends_at_once():
    graph = nx.Graph()
    link(graph, "paris", "hub", 0.004)
    assert route_table(graph, ["paris"], ["hub"])[0][0].upload_s_per_token == 0.0
