"""Capping: what a clock does, how budgets are divided, and what each policy asks for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import PolicyError
from sim.facility.capping.allotment import fill_level, lowest_first
from sim.facility.capping.delay import DelayLine
from sim.facility.capping.policies import CAPPING, CappingSettings, PowerReading
from sim.facility.capping.response import FrequencyResponse

WATTS = st.floats(0.0, 1e5)


def reading(dynamic, limit_w=10_000.0, floor_w=1000.0, clock=None, domain=None):
    dynamic_w = np.atleast_2d(np.array(dynamic, dtype=float))
    racks = dynamic_w.shape[1]
    return PowerReading(
        dynamic_w,
        np.full(racks, floor_w),
        np.ones_like(dynamic_w) if clock is None else np.full_like(dynamic_w, clock),
        np.zeros(racks, dtype=int) if domain is None else np.array(domain),
        np.atleast_1d(np.array(limit_w, dtype=float)),
    )


def decide(name, what, **settings):
    return CAPPING.get(name)(CappingSettings(**settings)).decide(what)


def test_prefill_follows_the_clock_and_decode_does_not_above_the_knee():
    response = FrequencyResponse()
    pace = response.pace(0.7)
    assert (pace.prefill, pace.decode) == (0.7, 1.0)
    assert response.pace(0.33).decode == pytest.approx(0.6)
    assert response.pace(1.0) == (1.0, 1.0, 1.0)


@given(a=st.floats(0.3, 1.0), b=st.floats(0.3, 1.0))
def test_a_lower_clock_is_never_faster_nor_draws_more(a, b):
    low, high = (FrequencyResponse().pace(clock) for clock in sorted((a, b)))
    assert all(x <= y for x, y in zip(low, high, strict=True))


@given(share=st.floats(0.06, 1.0))
def test_clock_for_inverts_the_power_of_the_pace(share):
    response = FrequencyResponse()
    assert response.pace(float(response.clock_for(np.array(share)))).power == pytest.approx(share)


@given(demands=st.lists(WATTS, min_size=1, max_size=8), budget=st.floats(0.0, 3e5))
def test_fill_level_spends_the_budget_and_no_more(demands, budget):
    demand = np.array(demands)
    level = fill_level(demand, np.zeros(len(demand), dtype=int), np.array([budget]))[0]
    given_w = np.minimum(demand, level).sum()
    assert given_w == pytest.approx(min(budget, demand.sum()), rel=1e-9, abs=1e-6)


def test_fill_level_leaves_small_demands_whole():
    level = fill_level(np.array([1.0, 5.0, 9.0]), np.zeros(3, dtype=int), np.array([9.0]))
    assert level.tolist() == [4.0]


def test_the_least_urgent_class_gives_first():
    share = lowest_first(np.array([[100.0], [50.0], [50.0]]), np.array([150.0]), 0.2)
    # 50 W are missing: class 2 gives 40 W (to its least share), class 1 the last 10 W.
    assert share[:, 0] == pytest.approx([1.0, 0.8, 0.2])


@pytest.mark.parametrize("name", ["uniform", "steering", "priority"])
@given(
    first=st.lists(WATTS, min_size=3, max_size=3),
    second=st.lists(WATTS, min_size=3, max_size=3),
    limit=st.floats(5e3, 3e5),
)
def test_capped_power_meets_the_target_unless_clocks_are_at_their_lowest(
    name, first, second, limit
):
    what = reading([first, second], limit)
    response = FrequencyResponse()
    caps = decide(name, what)
    after_w = what.floor_w.sum() + (what.dynamic_w * caps.clock**response.exponent).sum()
    at_floor = (caps.clock[what.dynamic_w > 0.0] <= response.lowest + 1e-9).any()
    assert after_w <= 0.98 * limit * (1 + 1e-9) or at_floor


@pytest.mark.parametrize(
    "name", ["none", "uniform", "two-threshold", "steering", "priority", "concurrency"]
)
@pytest.mark.parametrize("limit", [np.inf, 50_000.0])
def test_nobody_is_capped_far_below_the_limit(name, limit):
    caps = decide(name, reading([[2000.0, 3000.0], [0.0, 0.0]], limit))
    assert (caps.clock == 1.0).all()
    assert (caps.batch == 1.0).all()


@pytest.mark.parametrize("name", ["uniform", "steering", "priority"])
@given(a=st.floats(5e3, 2e5), b=st.floats(5e3, 2e5))
def test_a_tighter_limit_never_raises_a_clock(name, a, b):
    tight, wide = sorted((a, b))
    dynamic = [[20_000.0, 5000.0], [10_000.0, 40_000.0]]
    low = decide(name, reading(dynamic, tight)).clock
    high = decide(name, reading(dynamic, wide)).clock
    assert (low <= high + 1e-12).all()


def test_caps_are_stable_under_their_own_effect():
    # Asked again with the power that its own caps led to, a policy repeats its answer.
    response = FrequencyResponse()
    policy = CAPPING.get("uniform")(CappingSettings())
    first = policy.decide(reading([[12_000.0]], 10_000.0)).clock
    again = policy.decide(
        reading([[12_000.0 * float(first[0, 0]) ** response.exponent]], clock=first[0, 0])
    ).clock
    assert again == pytest.approx(first, rel=1e-12)


def test_two_thresholds_slow_low_priority_first_and_let_go_late():
    policy = CAPPING.get("two-threshold")(CappingSettings())

    def clocks(power_w):
        what = reading([[power_w / 2 - 500.0], [power_w / 2 - 500.0]], 10_000.0)
        return policy.decide(what).clock[:, 0].tolist()

    assert clocks(7900) == [1.0, 1.0]
    assert clocks(8100) == [1.0, 0.9]
    assert clocks(8950) == [0.93, 0.79]
    assert clocks(8500) == [0.93, 0.79]  # not yet 5 points below the second threshold
    assert clocks(8300) == [1.0, 0.9]
    assert clocks(10_100) == [0.3, 0.3]
    assert clocks(5000) == [1.0, 1.0]


def test_steering_gives_idle_racks_power_away_where_uniform_slows_all():
    what = reading([[1000.0, 9000.0]], 10_000.0)
    steered, same = decide("steering", what).clock[0], decide("uniform", what).clock[0]
    assert steered[0] == 1.0
    assert same[0] == same[1] < 1.0


def test_concurrency_shrinks_batches_until_the_budget_holds():
    policy = CAPPING.get("concurrency")(CappingSettings())
    power_w, shares = 15_000.0, []
    for _ in range(30):
        caps = policy.decide(reading([[power_w - 1000.0]], 10_000.0))
        shares.append(float(caps.batch[0, 0]))
        power_w = 1000.0 + 14_000.0 * shares[-1]
    assert power_w == pytest.approx(9800.0, rel=1e-3)
    assert (caps.clock == 1.0).all()


def test_domains_do_not_touch_each_other():
    what = reading([[9000.0, 9000.0]], [5000.0, 50_000.0], domain=[0, 1])
    for name in ("uniform", "steering", "priority"):
        clock = decide(name, what).clock[0]
        assert clock[0] < 1.0 == clock[1]


def test_unknown_policy_names_the_known_ones():
    with pytest.raises(PolicyError, match="did you mean 'uniform'"):
        CAPPING.get("unifrom")


def test_a_delay_line_shows_what_was_known_then():
    line = DelayLine(2.0)
    assert [line.pass_on(float(t), t) for t in range(5)] == [None, None, 0, 1, 2]
    assert [DelayLine(0.0).pass_on(1.0, "now")] == ["now"]
