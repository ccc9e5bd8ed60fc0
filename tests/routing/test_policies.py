"""Each policy on a tiny world, with the choice worked out by hand."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from sim.errors import PolicyError
from sim.interfaces import Request
from sim.routing.policies import PLACEMENTS, PolicySettings


@dataclass
class Station:
    name: str
    outstanding: int
    slots: int = 10
    cooling: str = "air"
    index: int = 0
    site: int = 0
    replicas: int = 1


def request(priority=0):
    return Request(0, 0.0, 1, 1, priority=priority)


def policy(name, draws=(), spill_at=0.8):
    return PLACEMENTS.get(name)(PolicySettings(spill_at=spill_at, uniform=iter(draws).__next__))


def test_nearest_takes_the_first_with_room_and_spills_to_the_next():
    near, far = Station("near", 7), Station("far", 0)
    assert policy("nearest").choose(request(), [near, far]) is near
    near.outstanding = 8  # 80 % of 10 slots: full
    assert policy("nearest").choose(request(), [near, far]) is far
    far.outstanding = 9
    assert policy("nearest").choose(request(), [near, far]) is near


def test_least_loaded_compares_shares_of_slots_and_breaks_ties_by_distance():
    small, large = Station("small", 3, slots=10), Station("large", 20, slots=100)
    assert policy("least-loaded").choose(request(), [small, large]) is large
    large.outstanding = 30
    assert policy("least-loaded").choose(request(), [small, large]) is small


def test_power_of_two_compares_the_two_that_it_drew():
    a, b, c = Station("a", 5), Station("b", 1), Station("c", 0)
    assert policy("power-of-two", [0.1, 0.4]).choose(request(), [a, b, c]) is b
    assert policy("power-of-two", [0.1, 0.2]).choose(request(), [a, b, c]) is a


def test_tier_affinity_sends_the_most_urgent_tier_to_liquid():
    air, near, far = (
        Station("air", 0),
        Station("near", 0, cooling="liquid"),
        Station("far", 0, cooling="liquid"),
    )
    places = [air, near, far]
    choose = policy("tier-affinity").choose
    assert choose(request(0), places) is near
    assert choose(request(1), places) is air
    near.outstanding = 8
    assert choose(request(0), places) is far  # its own class at the next site
    far.outstanding = 8
    assert choose(request(0), places) is air  # then the other class
    air.outstanding = 8
    assert choose(request(0), places) is near  # everything full: wait at home
    assert choose(request(1), places) is air


def test_unknown_policy_names_the_known_ones_and_the_nearest():
    with pytest.raises(PolicyError) as caught:
        PLACEMENTS.get("leastloaded")
    assert "did you mean 'least-loaded'?" in str(caught.value)
    assert "tier-affinity" in str(caught.value)
