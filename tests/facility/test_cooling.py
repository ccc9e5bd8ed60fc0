"""Cooling: curves, laws and thermal masses against published points and the analytic solution."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import ModelLimitError, ScenarioError
from sim.facility.cooling.chiller import free_share
from sim.facility.cooling.clocks import AIR_CLOCKS, MARGIN_K, Clock, fit_air_clocks, time_to_rise_s
from sim.facility.cooling.flow import Mover, evaporated_l
from sim.facility.cooling.protection import Protection
from sim.facility.cooling.recirculation import (
    checked_matrix,
    matrix_rise_k,
    read_matrix,
    shared_in_rows,
)
from sim.facility.cooling.site import Availability, draw, heat_limit_w, sized_plant
from sim.facility.cooling.thermal import TwoNode, propagator, steady_c, stored_j

OUTSIDE = st.floats(-20.0, 50.0)
KINDS = ("dry", "tower", "adiabatic")


@given(a=st.floats(0.0, 1.2e6), b=st.floats(0.0, 1.2e6), c=st.floats(0.0, 5e5), outside=OUTSIDE)
def test_more_heat_never_takes_less_power(a, b, c, outside):
    plant = sized_plant(1.2e6, 5e5, 0.03)
    low, high = sorted((a, b))
    small, large = (draw(plant, heat, c, outside, outside - 5.0) for heat in (low, high))
    assert large.power_w >= small.power_w - 1e-6
    more_liquid = draw(plant, low, c + 1e4, outside, outside - 5.0)
    assert more_liquid.power_w >= small.power_w - 1e-6


@given(a=OUTSIDE, b=OUTSIDE, kind=st.sampled_from(KINDS))
def test_hotter_outside_never_takes_less_power(a, b, kind):
    plant = sized_plant(1e6, 3e5, 0.03, heat_rejection=kind)
    cool, hot = (draw(plant, 7e5, 2e5, t, t - 4.0) for t in sorted((a, b)))
    assert hot.power_w >= cool.power_w - 1e-6


def test_economiser_replaces_the_chiller_when_it_is_cold():
    assert free_share(np.array([11.0, 24.0, 29.5, 35.0, 46.0]), 24.0, 35.0).tolist() == (
        pytest.approx([1.0, 1.0, 0.5, 0.0, 0.0])
    )
    plant = sized_plant(1e6, 0.0, 0.03)
    assert draw(plant, 8e5, 0.0, 5.0, 2.0).chiller_w == 0.0
    always = sized_plant(1e6, 0.0, 0.03, economiser="none")
    assert draw(always, 8e5, 0.0, 5.0, 2.0).chiller_w > 0.0


def test_liquid_needs_less_than_air_and_pue_stays_in_the_fleet_range():
    # Cooling and fans only; published fleets reach 1.04 to 1.2 with liquid or free cooling.
    air = draw(sized_plant(1e6, 0.0, 0.045), 8e5, 0.0, 25.0, 18.0)
    liquid = draw(sized_plant(2.5e5, 7.5e5, 0.03), 2e5, 6e5, 25.0, 18.0)
    assert 1.1 < 1.0 + air.power_w / 8e5 < 1.3
    assert 1.02 < 1.0 + liquid.power_w / 8e5 < 1.11


def test_tower_water_follows_the_rejected_heat():
    # 1 kWh of heat evaporates 3.6 MJ / 2.43 MJ/kg = 1.48 L; blow-down adds a quarter.
    assert float(evaporated_l(3.6e6, cycles=5.0)) == pytest.approx(1.852, abs=1e-3)
    plant = sized_plant(1e6, 0.0, 0.03, heat_rejection="tower")
    one, two = (draw(plant, heat, 0.0, 10.0, 5.0) for heat in (3e5, 6e5))
    assert two.water_l_per_s / one.water_l_per_s == pytest.approx(2.0, rel=0.05)


def test_heat_that_the_chiller_cannot_move_is_reported():
    plant = sized_plant(1e6, 0.0, 0.03)
    assert draw(plant, 9e5, 0.0, 40.0, 25.0).unmet_w == 0.0
    half = draw(plant, 9e5, 0.0, 40.0, 25.0, Availability(chiller=0.5))
    assert half.unmet_w == pytest.approx(
        9e5 + half.fans_w + half.pumps_w - 0.5 * float(plant.chiller.capacity_w(18.0, 40.0))
    )
    dry = draw(plant, 9e5, 0.0, 5.0, 2.0, Availability(facility_water=0.0))
    assert dry.unmet_w == pytest.approx(9e5 + dry.fans_w)


def test_fans_follow_the_cube_of_the_flow_down_to_their_least():
    fans = Mover(1000.0, 100.0)
    assert fans.power_w([100.0, 50.0, 0.0, 200.0]).tolist() == pytest.approx(
        [1000.0, 125.0, 27.0, 1000.0]
    )
    assert float(Mover(0.0, 0.0).power_w(5.0)) == 0.0


NODES = TwoNode(2e4, 3e5, 230.0, first_loss_w_per_k=400.0, second_loss_w_per_k=15.0)


def by_small_steps(nodes, state, heat_w, supply_c, seconds, steps):
    """Classic Runge-Kutta, the independent solution."""

    def slope(x):
        flow = nodes.coupling_w_per_k * (x[0] - x[1])
        first = heat_w - flow - nodes.first_loss_w_per_k * (x[0] - supply_c)
        second = flow - nodes.second_loss_w_per_k * (x[1] - supply_c)
        return np.array([first / nodes.first_j_per_k, second / nodes.second_j_per_k])

    h = seconds / steps
    for _ in range(steps):
        k1 = slope(state)
        k2 = slope(state + h / 2 * k1)
        k3 = slope(state + h / 2 * k2)
        k4 = slope(state + h * k3)
        state = state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return state


@pytest.mark.parametrize("losses", [(400.0, 15.0), (0.0, 0.0), (0.0, 50.0)])
def test_closed_form_equals_fine_steps(losses):
    nodes = TwoNode(2e4, 3e5, 230.0, *losses)
    start = np.array([30.0, 26.0])
    closed = propagator(nodes, 300.0).step(start, 8e3, 24.0)
    assert closed == pytest.approx(by_small_steps(nodes, start, 8e3, 24.0, 300.0, 3000), abs=1e-8)


@given(seconds=st.floats(0.1, 1e5), parts=st.integers(2, 7))
def test_one_step_equals_many(seconds, parts):
    start = np.array([30.0, 26.0])
    whole = propagator(NODES, seconds).step(start, 8e3, 24.0)
    small = propagator(NODES, seconds / parts)
    state = start
    for _ in range(parts):
        state = small.step(state, 8e3, 24.0)
    assert state == pytest.approx(whole, abs=1e-8)


@given(heat=st.floats(0.0, 1e5), seconds=st.floats(1.0, 1e4))
def test_without_cooling_all_heat_is_stored(heat, seconds):
    nodes = TwoNode(2e4, 3e5, 230.0)
    start = np.array([24.0, 24.0])
    change = propagator(nodes, seconds).step(start, heat, 0.0) - start
    assert float(stored_j(nodes, change)) == pytest.approx(heat * seconds, rel=1e-9, abs=1e-3)


def test_steady_state_is_where_the_step_leads_to():
    steady = steady_c(NODES, 8e3, 24.0)
    assert propagator(NODES, 1e6).step(np.array([0.0, 90.0]), 8e3, 24.0) == pytest.approx(steady)
    heat_out = 400.0 * (steady[0] - 24.0) + 15.0 * (steady[1] - 24.0)
    assert heat_out == pytest.approx(8e3, rel=1e-12)


def test_many_racks_at_once_equal_one_by_one():
    first, loss = np.array([2e4, 5e4]), np.array([0.0, 100.0])
    many = propagator(TwoNode(first, 3e5, 230.0, loss), 60.0)
    start = np.array([[25.0, 30.0], [24.0, 29.0]])
    together = many.step(start, np.array([5e3, 1e4]), 24.0)
    for rack in range(2):
        one = propagator(TwoNode(first[rack], 3e5, 230.0, loss[rack]), 60.0)
        alone = one.step(start[:, rack], [5e3, 1e4][rack], 24.0)
        assert together[:, rack] == pytest.approx(alone, rel=1e-12)


def test_two_masses_give_the_published_air_clocks_and_one_does_not():
    fit = fit_air_clocks()
    assert np.abs(fit.residuals).max() < 1e-6
    assert time_to_rise_s(fit.nodes, 5e3, MARGIN_K) == pytest.approx(189.0, abs=0.01)
    for heat_w in (10e3, 15e3, 30e3, 40e3):
        assert time_to_rise_s(fit.nodes, heat_w, MARGIN_K) < 60.0
    # The best single mass is wrong by a fifth and more.
    assert fit.lumped_residuals == pytest.approx((-0.312, 0.182), abs=0.001)


def test_clocks_that_two_masses_cannot_give_are_refused():
    with pytest.raises(ModelLimitError):
        fit_air_clocks((Clock(5e3, 100.0), Clock(10e3, 80.0)))
    assert AIR_CLOCKS[0].time_s == 189.0


def test_liquid_without_pump_is_fast_and_without_facility_water_slow():
    # 100 kW on 100 accelerators: plates of 0.4 kJ/K each, a loop of 200 L.
    design_w_per_k, plates, loop = 1e5 / 30.0, 4e4, 200 * 3800.0
    start = np.array([70.0, 40.0])
    pump = propagator(TwoNode(plates, loop, 0.03 * design_w_per_k, 0.0, 1.25e4), 60.0)
    assert pump.step(start, 1e5, 32.0)[0] > 90.0
    water = TwoNode(plates, loop, design_w_per_k)
    assert propagator(water, 60.0).step(start, 1e5, 32.0)[0] < 88.0
    assert 120.0 < time_to_rise_s(water, 1e5, 88.0 - 40.0) < 600.0


def test_recirculation_by_rule_and_by_matrix():
    power_w = np.array([10e3, 20e3, 10e3])
    shared = shared_in_rows(power_w, np.array([0, 0, 1]), share=0.5)
    assert shared == pytest.approx([12.5e3, 17.5e3, 10e3])
    matrix = np.diag([1e-4, 1e-4, 1e-4])
    assert matrix_rise_k(checked_matrix(matrix, 3), power_w) == pytest.approx([1.0, 2.0, 1.0])
    with pytest.raises(ScenarioError, match=r"got 3 x 3, expected 2 x 2 numbers"):
        checked_matrix(matrix, 2)
    matrix[0, 1] = -1.0
    matrix[2, 2] = np.nan
    with pytest.raises(ScenarioError) as caught:
        checked_matrix(matrix, 3)
    assert [problem.path for problem in caught.value.problems] == [
        "recirculation[0][1]",
        "recirculation[2][2]",
    ]


def test_throttling_starts_at_the_limit_and_ends_at_the_shutdown():
    limits = Protection()
    nothing = np.full(2, np.nan)
    assert limits.clock(np.array([38.5, 20.0]), nothing, 0.3).tolist() == pytest.approx([0.65, 1.0])
    by_plate = limits.clock(np.array([38.5, 25.0]), np.array([60.0, 89.0]), 0.3)
    assert by_plate.tolist() == pytest.approx([0.65, 0.65])
    assert limits.too_hot(np.array([45.0, 25.0]), np.array([np.nan, 90.0])).all()
    assert limits.cool(np.array([31.0, 25.0]), np.array([np.nan, 61.0])).tolist() == [False, False]
    assert limits.cool(np.array([30.0, 25.0]), np.array([np.nan, 60.0])).all()


def test_a_recirculation_matrix_is_read_and_checked(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("0,1e-4\n2e-4,0\n")
    assert read_matrix(path, 2).tolist() == [[0.0, 1e-4], [2e-4, 0.0]]
    path.write_text("0,1e-4\n2e-4\n")
    with pytest.raises(ScenarioError, match=r"d.csv:2: got 1 numbers, expected 2 numbers"):
        read_matrix(path, 2)
    path.write_text("0,x\n2e-4,0\n")
    with pytest.raises(ScenarioError, match=r"recirculation\[0\]\[1\]: got nan"):
        read_matrix(path, 2)
    with pytest.raises(ScenarioError, match="expected a readable CSV file"):
        read_matrix(tmp_path / "none.csv", 2)


def test_dry_coolers_take_no_more_than_they_can():
    """A megawatt of capacity at 20 degC outside, rejection for 0.5 MW: nothing beyond it leaves."""
    plant = sized_plant(1e6, 0.0, 0.03, margin=1.0, rejection=0.5)
    outlet_w = plant.reject.heat_w
    drawn = draw(plant, 9e5, 0.0, 35.0, 25.0)
    assert drawn.removed_w + drawn.chiller_w == pytest.approx(outlet_w, rel=1e-9)
    assert drawn.unmet_w == pytest.approx(9e5 + drawn.fans_w - drawn.removed_w)
    half = draw(plant, 1.5e5, 0.0, 35.0, 25.0, Availability(reject=0.5))
    assert half.unmet_w == 0.0
    assert draw(plant, 2e5, 0.0, 35.0, 25.0, Availability(reject=0.0)).removed_w == 0.0


def test_the_heat_limit_is_where_heat_begins_to_stay():
    plant = sized_plant(1e6, 0.0, 0.03, margin=0.8)
    limit_w = heat_limit_w(plant, 35.0, 25.0)
    assert draw(plant, 0.999 * limit_w, 0.0, 35.0, 25.0).unmet_w == 0.0
    assert draw(plant, 1.001 * limit_w, 0.0, 35.0, 25.0).unmet_w > 0.0
    # At the temperatures that it is chosen for the chiller moves its rating, fans included.
    fans_w = float(plant.fans.power_w(limit_w))
    assert limit_w + fans_w == pytest.approx(plant.chiller.rated_w, rel=1e-6)
