"""The shipped topologies: sound, linked, and with latencies that follow from the coordinates."""

from __future__ import annotations

import math
import re
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from sim.catalog.catalog import load_catalog
from sim.load import load_topology
from sim.plant.hardware import expand
from sim.scenario.shipped import shipped
from sim.scenario.topology import network_graph

NAMES = ("single-hall", "three-tier", "wide-60")
CATALOG = load_catalog()
TOPOLOGIES = {name: load_topology(name) for name in NAMES}
HARDWARE = {name: expand(topology, CATALOG) for name, topology in TOPOLOGIES.items()}


def rack_full_w(kind):
    """Return what a rack of a type draws with every accelerator at its rated power [W]."""
    rack = CATALOG.racks[kind]
    node = CATALOG.nodes[rack.node]
    return float(node.wall_w(node.count * node.accelerator_tdp_w)) * rack.nodes + rack.base_w


def great_circle_km(a, b):
    lat_a, lon_a, lat_b, lon_b = map(math.radians, (a.lat, a.lon, b.lat, b.lon))
    half = math.sin((lat_b - lat_a) / 2) ** 2
    half += math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2
    return 2 * 6371 * math.asin(math.sqrt(half))


def test_every_file_is_listed_here_and_in_the_readme():
    files = shipped("topologies")
    assert tuple(files) == NAMES
    readme = (Path(files["three-tier"]).parent / "README.md").read_text()
    counts = {
        name: tuple(map(int, numbers))
        for name, *numbers in re.findall(r"\| `([\w-]+)` \|[^|]*\| (\d+) \| (\d+) \|", readme)
    }
    assert counts == {
        name: (len(TOPOLOGIES[name].regions), len(HARDWARE[name].rack_names)) for name in NAMES
    }


def test_what_each_is_for():
    assert len(HARDWARE["single-hall"].hall_names) == 1
    assert len(HARDWARE["single-hall"].rack_names) == 100
    assert set(HARDWARE["single-hall"].rack_cooling.tolist()) == {0, 1}
    assert set(HARDWARE["three-tier"].site_kind) == {"metro", "remote", "edge"}
    assert len(HARDWARE["wide-60"].site_names) == 60


@pytest.mark.parametrize("name", NAMES)
def test_latencies_and_jitter_follow_from_the_coordinates(name):
    topology = TOPOLOGIES[name]
    places = {**topology.regions, **topology.sites}
    for link in topology.links:
        distance_km = great_circle_km(places[link.start], places[link.end])
        detour = float(np.interp(distance_km, [1000, 3000], [1.5, 1.25]))
        expected_s = (0.5 + distance_km * detour / 200) * 1e-3
        assert link.latency_s == pytest.approx(expected_s, abs=0.006e-3)
        assert link.jitter_s == pytest.approx(max(0.1e-3, 0.05 * link.latency_s), abs=0.006e-3)


@pytest.mark.parametrize("name", NAMES)
def test_every_region_reaches_every_site(name):
    graph = network_graph(TOPOLOGIES[name])
    assert nx.is_connected(graph)
    assert all(bandwidth >= 1e9 for *_, bandwidth in graph.edges.data("bandwidth_bps"))


@pytest.mark.parametrize("name", NAMES)
def test_rows_hold_their_racks_at_full_load_and_sites_nearly(name):
    hardware = HARDWARE[name]
    full_w = np.array([rack_full_w(kind) for kind in hardware.rack_type])
    rows_w = np.bincount(hardware.rack_row, full_w)
    assert np.all(rows_w <= hardware.row_limit_w)
    halls_w = np.bincount(hardware.row_hall, rows_w)
    sites_w = np.bincount(hardware.hall_site, halls_w)
    assert np.all(halls_w <= 1.12 * hardware.hall_limit_w)
    assert np.all(sites_w <= 1.12 * hardware.site_limit_w)
    assert np.all(np.isfinite(hardware.site_limit_w))


@pytest.mark.parametrize("name", NAMES)
def test_every_site_has_a_price_and_a_carbon_intensity(name):
    for site in TOPOLOGIES[name].sites.values():
        assert CATALOG.regions[site.region_data].gco2_per_kwh > 0.0


@pytest.mark.parametrize(
    ("start", "end", "round_trip_ms"),
    [
        ("london", "metro-nyc", 71),
        ("tokyo", "metro-lax", 112),
        ("sydney", "metro-lax", 153),
        ("frankfurt", "metro-sin", 140),
    ],
)
def test_the_round_trips_that_the_readme_states(start, end, round_trip_ms):
    graph = network_graph(TOPOLOGIES["wide-60"])
    one_way_s = nx.shortest_path_length(graph, start, end, weight="latency_s")
    assert 2e3 * one_way_s == pytest.approx(round_trip_ms, abs=1.0)
