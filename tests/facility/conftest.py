"""A small plant that tests build by hand."""

from __future__ import annotations

import numpy as np
import pytest

from sim.catalog.entries import NodeType
from sim.plant.plant import Plant


def server(count=2, fixed_w=300.0):
    return NodeType(
        name="server",
        title="",
        cooling="air",
        accelerator="gpu",
        count=count,
        accelerator_tdp_w=700.0,
        accelerator_idle_w=75.0,
        fixed_w=fixed_w,
        fan_w=100.0,
        fan_idle_share=0.2,
        fan_peak_share=0.8,
        network_w=50.0,
        psu_rated_w=count * 700.0 + 1000.0,
        psu_load=(0.05, 0.2, 0.5, 1.0),
        psu_efficiency=(0.886, 0.945, 0.964, 0.956),
    )


def small_plant(**changes):
    """Two sites; four racks of two nodes; replica 0 on one node, 1 on two nodes of a rack, 2 alone."""
    plant = {
        "site_names": ("a", "b"),
        "site_kind": ("metro", "edge"),
        "site_limit_w": np.array([7000.0, np.inf]),
        "hall_names": ("a/h", "b/h"),
        "hall_site": np.array([0, 1]),
        "hall_limit_w": np.array([np.inf, np.inf]),
        "row_names": ("a/h/r1", "a/h/r2", "b/h/r1"),
        "row_hall": np.array([0, 0, 1]),
        "row_limit_w": np.array([5000.0, np.inf, np.inf]),
        "rack_names": ("a/h/r1/k1", "a/h/r1/k2", "a/h/r2/k1", "b/h/r1/k1"),
        "rack_row": np.array([0, 0, 1, 2]),
        "rack_limit_w": np.array([2500.0, 4000.0, 4000.0, 4000.0]),
        "rack_base_w": np.array([500.0, 500.0, 400.0, 20.0]),
        "rack_cooling": np.array([0, 1, 0, 0]),
        "rack_type": ("x", "x", "x", "y"),
        "node_rack": np.array([0, 0, 1, 1, 2, 2, 3, 3]),
        "node_type": np.array([0, 0, 0, 0, 0, 0, 1, 1]),
        "node_types": (server(), server(count=4, fixed_w=100.0)),
        "node_spare": np.array([1, 2, 0, 0, 2, 2, 2, 4]),
        "pool_names": ("p", "q"),
        "replica_pool": np.array([0, 0, 1]),
        "replica_site": np.array([0, 0, 1]),
        "placement_replica": np.array([0, 1, 1, 2]),
        "placement_node": np.array([0, 2, 3, 6]),
        "placement_count": np.array([1, 2, 2, 2]),
    }
    return Plant(**{**plant, **changes})


@pytest.fixture
def plant():
    return small_plant()


@pytest.fixture(scope="session")
def make_plant():
    return small_plant
