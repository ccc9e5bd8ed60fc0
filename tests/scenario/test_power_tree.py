"""The tree of feeds: sums, what a trip takes down, and trees that are none."""

from __future__ import annotations

import numpy as np
import pytest

from sim.errors import ScenarioError
from sim.plant.power_tree import PowerTree


def test_tree_adds_up_and_knows_what_a_trip_takes_down():
    tree = PowerTree({"k1": "pdu", "feed": None, "ups": "feed", "pdu": "ups", "k2": "pdu"})
    total = tree.totals_w(np.array([10.0, 0.0, 1.0, 0.0, 20.0]), {"pdu": 2.0})
    assert dict(zip(tree.names, total.tolist(), strict=True)) == {
        "k1": 10.0, "k2": 20.0, "pdu": 32.0, "ups": 33.0, "feed": 33.0,
    }  # fmt: skip
    assert tree.below("ups") == ("k1", "ups", "pdu", "k2")


def test_a_broken_tree_is_refused_with_all_its_problems():
    with pytest.raises(ScenarioError) as caught:
        PowerTree({"a": ["b", "c"], "b": "nowhere", "c": None})
    assert str(caught.value).splitlines() == [
        "a: got b and c, expected one element that feeds it",
        "b: got 'nowhere', expected the name of an element",
    ]
    with pytest.raises(ScenarioError, match="got a -> b -> a, expected a tree without a cycle"):
        PowerTree({"a": "b", "b": "a"})
