import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.report.charts.sankey import Flow, Node, place_nodes, sankey

NODES = [
    Node("grid", 0, 6),
    Node("sun", 0, 4),
    Node("hall", 1, 6),
    Node("cooling", 2, 2),
    Node("servers", 3, 0),
    Node("fans", 3, 2),
    Node("chillers", 3, 2),
]


def flows_of(sun, servers, fans, chillers):
    whole = servers + fans + chillers
    return [
        Flow("grid", "hall", whole - sun),
        Flow("sun", "hall", sun),
        Flow("hall", "servers", servers),
        Flow("hall", "cooling", fans + chillers),
        Flow("cooling", "fans", fans),
        Flow("cooling", "chillers", chillers),
    ]


parts = st.floats(1.0, 100.0)


@given(parts, parts, parts)
def test_nodes_are_as_high_as_what_flows_through_them(servers, fans, chillers):
    boxes = place_nodes(NODES, flows_of(0.5, servers, fans, chillers), 10.0)
    assert boxes["hall"].height == pytest.approx(10.0 * (servers + fans + chillers))
    assert boxes["cooling"].value == pytest.approx(boxes["fans"].value + boxes["chillers"].value)
    columns = {}
    for box in boxes.values():
        columns.setdefault(box.node.column, []).append(box)
    for stacked in columns.values():
        for above, below in pairwise(stacked):
            assert below.top >= above.top + above.height


def test_a_node_starts_no_higher_than_what_it_feeds():
    boxes = place_nodes(NODES, flows_of(1.0, 80.0, 3.0, 12.0), 2.0)
    assert boxes["cooling"].top == boxes["fans"].top > boxes["servers"].top


def test_nodes_and_flows_of_nothing_are_left_out():
    drawn = sankey(NODES, flows_of(0.0, 80.0, 0.0, 20.0), lambda v: f"{v:g} kWh", "words")
    assert drawn.count('class="band') == 4
    assert "sun" not in drawn
    assert "fans" not in drawn
    assert sankey(NODES, [], str, "words") == ""


def test_bands_leave_a_node_next_to_each_other():
    drawn = sankey(NODES, flows_of(0.0, 75.0, 5.0, 20.0), lambda v: f"{v:g}", "words", 200.0)
    starts = [float(y) for y in re.findall(r'class="band s\d" d="M\d+ ([\d.]+)C', drawn)]
    assert starts[:3] == [22.0, 22.0, 22.0 + 150.0]


def test_values_and_shares_stand_at_the_ends():
    drawn = sankey(NODES, flows_of(10.0, 75.0, 0.05, 24.95), lambda v: f"{v:g} kWh", "words")
    assert ">75 kWh · 75.0 %<" in drawn
    assert ">0.05 kWh · &lt; 0.1 %<" in drawn
    assert ">grid 90 kWh<" in drawn
