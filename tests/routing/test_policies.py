"""Each policy on a tiny world, with the choice worked out by hand."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

import sim.routing.assemble  # noqa: F401 - all policies register themselves
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
    in_service: int = 1
    usd_per_token: float = 1.0
    gco2_per_token: float = 1.0
    headroom: float = 1.0
    step_s: float = 0.01

    def decode_step_s(self, batch):
        return self.step_s * batch

    def prefill_s(self, tokens):
        return 0.001 * tokens


def request(priority=0, **fields):
    asked = Request(0, 0.0, 1, 1, priority=priority)
    for name, value in fields.items():
        setattr(asked, name, value)
    return asked


def policy(name, draws=(), spill_at=0.8, **settings):
    return PLACEMENTS.get(name)(PolicySettings(spill_at, iter(draws).__next__, **settings))


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


@pytest.mark.parametrize(
    ("name", "attribute", "values"),
    [
        ("cheapest", "usd_per_token", [3.0, 1.0, 2.0]),
        ("carbon-aware", "gco2_per_token", [3.0, 1.0, 2.0]),
        ("power-headroom", "headroom", [0.1, 0.9, 0.5]),
    ],
)
def test_the_best_pool_fills_first_then_the_next_best_then_the_emptiest(name, attribute, values):
    pools = [Station(key, 0) for key in "abc"]
    for pool, value in zip(pools, values, strict=True):
        setattr(pool, attribute, value)
    taken = []
    for _ in range(26):
        chosen = policy(name).choose(request(), pools)
        chosen.outstanding += 1
        taken.append(chosen.name)
    assert "".join(taken) == "b" * 8 + "c" * 8 + "a" * 8 + "ab"


def test_equal_prices_go_to_the_nearest():
    near, far = Station("near", 0), Station("far", 0)
    assert policy("cheapest").choose(request(), [near, far]) is near


def test_edge_comes_first_and_the_cloud_takes_what_is_left():
    cloud, edge, metro = (Station(name, 0, site=site) for site, name in enumerate("cem"))
    chosen = policy("edge-first", site_kinds=["remote", "edge", "metro"])
    taken = []
    for _ in range(26):  # the cloud is nearest, and yet last
        station = chosen.choose(request(), [cloud, edge, metro])
        station.outstanding += 1
        taken.append(station.name)
    assert "".join(taken) == "e" * 8 + "m" * 8 + "c" * 10


def test_a_chain_fills_in_its_own_order_and_waits_at_its_last_link():
    pools = [Station(name, 0, index=index) for index, name in enumerate("abc")]
    chosen = policy("spill-chain", chain=[2, 0])  # b is not named: it comes last
    taken = []
    for _ in range(25):
        station = chosen.choose(request(), pools)
        station.outstanding += 1
        taken.append(station.name)
    assert "".join(taken) == "c" * 8 + "a" * 8 + "b" * 9
    pools[1].in_service = 0  # the last link is dead: the one before it takes the rest
    pools[1].slots = 0
    assert chosen.choose(request(), pools) is pools[0]


def test_slo_aware_passes_over_pools_whose_prediction_is_too_late():
    """Prompt of 100: 0.1 s. Steps take 10 ms per sequence, answers have 20 tokens.

    near: 7 running, step of 8: 0.08 s, together 0.18 s.
    near with 12 on 10 slots: step 0.1 s, 3 to wait for at 20 x 0.1 / 10 s each: 0.8 s.
    far: 0.3 s there and back, step of 1: 0.01 s, together 0.41 s.
    """
    near, far = Station("near", 7), Station("far", 0, site=1)
    chosen = policy("slo-aware", limits_s=[(0.5, 0.09)], round_trip_s=[[0.0, 0.3]])
    asked = request(input_tokens=100, output_tokens=20)
    assert chosen.choose(asked, [near, far]) is near
    near.outstanding = 9  # steps of 0.1 s per token are over the limit
    assert chosen.choose(asked, [near, far]) is far
    far.outstanding = 40  # now neither keeps it: near has its first token sooner
    near.outstanding = 12
    assert chosen.choose(asked, [near, far]) is near
    near.in_service = 0
    assert chosen.choose(asked, [near, far]) is far


def test_slo_aware_knows_that_prompts_slow_each_other_down():
    """A prompt of 500 every second takes 0.5 s of each second, so everything takes twice as long.

    Alone: a step of 0.01 s and the prompt of 0.5 s, within 0.8 s. After many: twice that.
    """
    near, far = Station("near", 0, index=0), Station("far", 0, index=1, site=1)
    chosen = policy("slo-aware", limits_s=[(0.8, 1.0)], round_trip_s=[[0.0, 0.2]])
    places = [
        chosen.choose(request(input_tokens=500, arrival_s=float(second)), [near, far]).name
        for second in range(60)
    ]
    assert places[0] == "near"
    assert "far" in places[:20]  # 0.51 / (1 - 0.37) s: a load of 0.37 is reached after ten or so
    assert places.count("near") > places.count("far") > 10
    late = request(input_tokens=500, arrival_s=600.0)
    assert chosen.choose(late, [near, far]) is near  # all of that is long over


def test_a_conversation_stays_where_its_cache_is_while_there_is_room():
    near, far = Station("near", 8, index=0), Station("far", 0, index=1)
    chosen = policy("prefix-affinity")
    asked = request(session=7)
    assert chosen.choose(asked, [near, far]) is far  # near is full
    near.outstanding = 0
    assert chosen.choose(asked, [near, far]) is far  # its cache is there
    assert chosen.choose(request(session=8), [near, far]) is near
    assert chosen.choose(request(), [near, far]) is near
    far.outstanding = 8
    assert chosen.choose(asked, [near, far]) is near  # moves
    far.outstanding = 0
    assert chosen.choose(asked, [near, far]) is near  # and stays there


def test_unknown_policy_names_the_known_ones_and_the_nearest():
    with pytest.raises(PolicyError) as caught:
        PLACEMENTS.get("leastloaded")
    assert "did you mean 'least-loaded'?" in str(caught.value)
    assert "tier-affinity" in str(caught.value)
