"""Tensor-parallel groups on nodes: by hand, and what holds for every placement."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sim.plant.placement import place_in_nodes, place_in_racks


def rows(groups):
    columns = (groups.group, groups.node, groups.accelerators)
    return [tuple(row) for row in np.stack(columns, axis=1).tolist()]


def test_groups_fill_a_node_before_the_next():
    free = np.array([8, 3, 8, 8])
    groups = place_in_nodes(free, np.array([0, 1, 3]), size=2, wanted=6)
    assert rows(groups) == [(0, 0, 2), (1, 0, 2), (2, 0, 2), (3, 0, 2), (4, 1, 2), (5, 3, 2)]
    assert len(groups) == 6


def test_as_many_groups_as_fit():
    free = np.array([8, 3, 8])
    assert len(place_in_nodes(free, np.arange(3), size=4, wanted=None)) == 4
    assert len(place_in_nodes(free, np.arange(3), size=4, wanted=9)) == 4
    assert len(place_in_nodes(free, np.arange(3), size=16, wanted=None)) == 0


def test_a_group_spans_consecutive_nodes_of_one_rack():
    free = np.array([4, 4, 4, 4, 4])
    rack = np.array([0, 0, 0, 1, 1])
    groups = place_in_racks(free, np.arange(5), rack, size=6, wanted=None)
    # Two nodes of the first rack hold 6 of 8, the rest and the third node hold 6 again.
    assert rows(groups) == [(0, 0, 4), (0, 1, 2), (1, 1, 2), (1, 2, 4), (2, 3, 4), (2, 4, 2)]


def test_a_full_node_breaks_the_sequence():
    free = np.array([4, 0, 4, 4])
    groups = place_in_racks(free, np.arange(4), np.zeros(4, dtype=int), size=8, wanted=None)
    assert rows(groups) == [(0, 2, 4), (0, 3, 4)]


def test_no_more_groups_than_wanted():
    free = np.full(4, 4)
    groups = place_in_racks(free, np.arange(4), np.zeros(4, dtype=int), size=8, wanted=1)
    assert rows(groups) == [(0, 0, 4), (0, 1, 4)]
    assert len(place_in_racks(free, np.arange(0), np.arange(0), size=8, wanted=1)) == 0


@given(
    racks=st.lists(st.lists(st.integers(0, 8), min_size=1, max_size=6), min_size=1, max_size=4),
    size=st.integers(1, 20),
    wanted=st.none() | st.integers(1, 10),
)
def test_every_group_is_whole_within_a_rack_and_no_node_is_overfull(racks, size, wanted):
    free = np.array([node for rack in racks for node in rack])
    rack = np.repeat(np.arange(len(racks)), [len(nodes) for nodes in racks])
    for place in (place_in_nodes, place_in_racks):
        args = (rack,) if place is place_in_racks else ()
        groups = place(free, np.arange(len(free)), *args, size, wanted)
        used = np.bincount(groups.node, groups.accelerators, minlength=len(free))
        assert np.all(used <= free)
        assert np.all(groups.accelerators > 0)
        for group in range(len(groups)):
            mine = groups.group == group
            assert groups.accelerators[mine].sum() == size
            assert len(set(rack[groups.node[mine]])) == 1
            assert np.all(np.diff(groups.node[mine]) == 1)
        if wanted is not None:
            assert len(groups) <= wanted
