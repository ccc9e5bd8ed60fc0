"""Losses, redundancy, breakers and stranded power."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.facility.power.breaker import CURVES, TripCurve, heat_up
from sim.facility.power.conversion import Stage, convert
from sim.facility.power.redundancy import Redundancy
from sim.facility.power.stranded import CAUSES, Ceilings, imbalance, stranded

CURVE = TripCurve()


def test_two_n_doubles_the_constant_loss_only():
    single = Stage("ups", constant_w=100.0, proportional=0.04)
    double = Stage("ups", 100.0, 0.04, redundancy=Redundancy("2N"))
    assert float(single.loss_w(1000.0)) == 140.0
    assert float(double.loss_w(1000.0)) == 240.0


def test_capacity_shrinks_only_beyond_the_spares():
    spare = Stage("ups", rating_w=500.0, redundancy=Redundancy("N+1", needed=3))
    assert [spare.capacity_w(failed) for failed in range(6)] == [1500, 1500, 1000, 500, 0, 0]
    assert Redundancy("2N", 2).energised == 4


@given(power=st.floats(0.0, 1e6), more=st.floats(0.0, 1e5))
def test_a_chain_conserves_power_and_never_gains(power, more):
    chain = (Stage("pdu", 200.0, 0.01), Stage("ups", 900.0, 0.03, 0.01, rating_w=1e6))
    through = convert(chain, np.array([power, power + more]))
    assert through.input_w == pytest.approx(
        np.array([power, power + more]) + sum(through.loss_w), rel=1e-12
    )
    assert through.input_w[1] >= through.input_w[0]


def test_published_curve_points():
    # IEC 60255-151: at twice the setting 10.03 s, 13.5 s and 26.67 s with multiplier 1.
    expected = {"inverse": 10.03, "very-inverse": 13.5, "extremely-inverse": 26.67}
    for name, seconds in expected.items():
        assert float(TripCurve(*CURVES[name]).trip_s(2.0)) == pytest.approx(seconds, abs=0.005)
    assert CURVE.trip_s([0.5, 1.0, 12.0]).tolist() == [np.inf, np.inf, 0.0]


def test_a_short_overload_passes_and_a_long_one_trips_at_its_instant():
    trip_s = float(CURVE.trip_s(2.0))
    short = heat_up(CURVE, 0.0, np.array([2.0, 0.5]), np.array([20.0, 5.0]))
    assert short.tripped_at_s == np.inf
    assert short.heat == pytest.approx(20.0 / trip_s - 5.0 / 60.0)
    long = heat_up(CURVE, 0.0, np.array([0.5, 2.0]), np.array([5.0, 30.0]))
    assert long.tripped_at_s == pytest.approx(5.0 + trip_s)


@given(
    loads=st.lists(st.sampled_from([0.6, 1.0, 1.21, 1.73, 2.87]), min_size=1, max_size=8),
    cut=st.floats(0.0, 1.0),
)
def test_cutting_a_stretch_changes_nothing(loads, cut):
    load, length = np.array(loads), np.full(len(loads), 5.93)
    whole = heat_up(CURVE, 0.0871, load, length)
    pieces = np.stack([length * cut, length * (1.0 - cut)]).T.ravel()
    split = heat_up(CURVE, 0.0871, np.repeat(load, 2), pieces)
    assert split.heat == pytest.approx(whole.heat, abs=1e-9)
    assert split.tripped_at_s == pytest.approx(whole.tripped_at_s, rel=1e-9)


def test_imbalance_is_the_worst_deviation_over_the_mean():
    unequal = imbalance(np.array([30.0, 30.0, 60.0, 5.0]), np.array([0, 0, 0, 1]), 3)
    assert unequal.tolist() == [0.5, 0.0, 0.0]


def test_stranded_power_is_split_by_cause():
    one = lambda watts: np.array([watts])  # noqa: E731
    parts = stranded(one(100.0), Ceilings(one(95.0), one(80.0), one(60.0), one(200.0), one(90.0)))
    by_cause = dict(zip(CAUSES, parts.by_cause_w[:, 0].tolist(), strict=True))
    assert by_cause == {"space": 5.0, "sla": 5.0, "power": 10.0, "cooling": 20.0, "network": 0.0}
    assert CAUSES[parts.binding[0]] == "cooling"


@given(st.lists(st.floats(0.0, 1e6), min_size=6, max_size=6))
def test_stranded_parts_add_up(watts):
    provisioned, *ceilings = (np.array([value]) for value in watts)
    parts = stranded(provisioned, Ceilings(*ceilings))
    usable = min(watts)
    assert parts.by_cause_w.sum() == pytest.approx(watts[0] - usable, abs=1e-6)
    assert (parts.by_cause_w >= 0.0).all()
