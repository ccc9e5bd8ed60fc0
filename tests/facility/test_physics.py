"""Racks, cooling, losses and grid together: conservation, published behaviour, convergence."""

from __future__ import annotations

import numpy as np
import pytest
from air_plants import by_share, racks_of
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.facility.build.physics import FacilityPhysics, SitePhysics
from sim.facility.cooling.clocks import fit_air_clocks
from sim.facility.cooling.racks import (
    AIR_J_PER_K,
    AIR_TO_METAL_W_PER_K,
    METAL_J_PER_K,
    RackThermals,
)
from sim.facility.cooling.site import Availability, sized_plant
from sim.facility.grid.source import SiteGrid
from sim.facility.grid.storage import Battery
from sim.facility.grid.weather import Weather
from sim.facility.power.conversion import Stage
from sim.signals import Constant

STAGES = (Stage("pdu", 300.0, 0.01), Stage("ups", 1500.0, 0.03))


def facility(liquid=(0.0, 0.0, 0.75), outside_c=20.0, rated_w=40e3, site_of=None, **grid):
    racks = len(liquid)
    shares = np.array(liquid)
    cooling = racks_of([by_share(share, airflow_m3_per_s=2.5) for share in liquid], rated_w)
    rack_site = np.zeros(racks, int) if site_of is None else np.array(site_of)
    sites = []
    for site in range(rack_site.max() + 1):
        mine = rack_site == site
        air_w = float((rated_w * (1 - shares[mine])).sum())
        liquid_w = float((rated_w * shares[mine]).sum())
        plant = sized_plant(air_w, liquid_w, 0.03)
        weather = Weather(Constant(outside_c))
        sites.append(SitePhysics(f"s{site}", plant, STAGES, weather, SiteGrid(**grid)))
    return FacilityPhysics(cooling, rack_site, sites, np.full(racks, 0.5 * rated_w))


def heat_residual_w(step):
    took = step.cooling
    return step.it_w + took.fans_w + took.pumps_w - took.removed_w - step.heat_stored_w


HISTORY = st.lists(
    st.tuples(
        st.lists(st.floats(0.0, 40e3), min_size=3, max_size=3),
        st.sampled_from([1.0, 20.0, 300.0]),
        st.sampled_from([0.0, 0.4, 1.0]),  # chillers
        st.sampled_from([0.0, 1.0]),  # fans
        st.sampled_from([0.0, 1.0]),  # facility water
    ),
    min_size=1,
    max_size=6,
)


@settings(deadline=None)
@given(history=HISTORY, outside_c=st.floats(-10.0, 45.0))
def test_heat_and_power_are_conserved_whatever_fails(history, outside_c):
    battery = Battery(3.6e8, 2e4, 2e4)
    plant = facility(outside_c=outside_c, battery=battery, solar=Constant(1e4), limit_w=1e5)
    now = 0.0
    for power_w, length_s, chiller, fans, water in history:
        plant.sites[0].service = Availability(chiller, fans, 1.0, water)
        (step,) = plant.step(np.array(power_w), now, now + length_s)
        now += length_s
        scale = max(sum(power_w), abs(step.heat_stored_w), 1e3)
        assert abs(heat_residual_w(step)) <= 1e-9 * scale
        assert abs(step.balance.residual_w) <= 1e-9 * scale
        load_w = step.it_w + sum(step.loss_w) + step.cooling.power_w
        assert step.facility_w == pytest.approx(load_w, rel=1e-12)


def test_the_default_masses_are_the_fitted_ones():
    nodes = fit_air_clocks().nodes
    assert nodes.first_j_per_k == pytest.approx(AIR_J_PER_K, rel=1e-5)
    assert nodes.second_j_per_k == METAL_J_PER_K
    assert nodes.coupling_w_per_k == pytest.approx(AIR_TO_METAL_W_PER_K, rel=1e-5)


def test_racks_in_balance_stay_where_they_are():
    plant = facility()
    before = plant.thermals.air_c.copy(), plant.thermals.liquid_c.copy()
    plant.step(np.full(3, 20e3), 0.0, 3600.0)
    assert plant.thermals.air_c == pytest.approx(before[0], rel=1e-9)
    assert plant.thermals.liquid_c == pytest.approx(before[1], rel=1e-9)
    # With plenty of air 3 % of the inlet is exhaust, which is 15 K / 0.97 above the supply.
    assert plant.thermals.inlet_c[0] == pytest.approx(24.0 + 0.03 / 0.97 * 15.0, abs=0.15)


def seconds_until(plant, power_w, reached, most=2000):
    for second in range(most):
        if reached(plant):
            return second
        plant.step(power_w, float(second), second + 1.0)
    return most


def test_published_clocks_of_an_air_hall_without_fans():
    # Published 189 s at 5 kW; servers' fans that speed up add up to a tenth to the heat.
    for heat_w, low, high in ((5e3, 145, 200), (10e3, 40, 60), (30e3, 5, 30)):
        plant = facility(liquid=(0.0, 0.0), rated_w=2 * heat_w)
        plant.sites[0].service = Availability(fans=0.0)
        start_c = plant.thermals.inlet_c[0]
        time_s = seconds_until(
            plant, np.full(2, heat_w), lambda p, c=start_c: p.thermals.inlet_c[0] > c + 20.0
        )
        assert low <= time_s <= high


def test_published_clocks_of_direct_liquid():
    def too_hot(plant):
        return plant.thermals.plate_c[0] > 90.0

    pump, water = facility(liquid=(0.75,), rated_w=100e3), facility(liquid=(0.75,), rated_w=100e3)
    pump.sites[0].service = Availability(pumps=0.0)
    assert seconds_until(pump, np.array([80e3]), too_hot) < 60
    water.sites[0].service = Availability(facility_water=0.0)
    assert seconds_until(water, np.array([80e3]), too_hot) > 180


def test_a_loop_that_got_warm_is_pulled_down_again():
    plant = facility(outside_c=30.0)
    plant.sites[0].service = Availability(chiller=0.0)
    plant.step(np.full(3, 30e3), 0.0, 120.0)
    assert plant.sites[0].chilled_excess_k > 1.0
    plant.sites[0].service = Availability()
    for minute in range(60):
        plant.step(np.full(3, 30e3), 120.0 + 60 * minute, 180.0 + 60 * minute)
    assert plant.sites[0].chilled_excess_k == pytest.approx(0.0, abs=1e-9)


def test_unmet_heat_is_counted_once_however_long_it_stays():
    plant = facility(outside_c=40.0, liquid=(0.0,) * 3)
    plant.sites[0].service = Availability(chiller=0.0)
    unmet_j = heat_j = 0.0
    for minute in range(10):
        (step,) = plant.step(np.full(3, 30e3), 60.0 * minute, 60.0 * minute + 60.0)
        unmet_j += 60.0 * step.unmet_w
        heat_j += 60.0 * (step.it_w + step.cooling.fans_w - step.cooling.removed_w)
    # Nothing left the hall: what is not in the racks' masses is unmet.
    assert unmet_j == pytest.approx(
        plant.sites[0].chilled_excess_k * plant.sites[0].loops_j_per_k[0]
    )
    assert 0.0 < unmet_j <= heat_j
    for minute in range(10, 600):
        (step,) = plant.step(np.zeros(3), 60.0 * minute, 60.0 * minute + 60.0)
        unmet_j += 60.0 * step.unmet_w
        heat_j += 60.0 * step.cooling.fans_w
    assert unmet_j <= heat_j * (1.0 + 1e-9)  # ten hours without load add what fans give, no more


def test_pue_comes_out_and_follows_the_weather():
    def pue(outside_c, liquid):
        plant = facility(liquid=(liquid,) * 3, outside_c=outside_c)
        (step,) = plant.step(np.full(3, 30e3), 0.0, 3600.0)
        return step.pue

    assert pue(5.0, 0.0) < pue(25.0, 0.0) < pue(38.0, 0.0) < 1.6
    assert pue(25.0, 0.75) < pue(25.0, 0.0)
    assert 1.03 < pue(15.0, 0.75) < 1.15


def energy_j(step_s):
    """Energy of a site while power swings, by steps of different length."""
    plant = facility(outside_c=32.0, liquid=(0.0, 0.0))
    total, times = 0.0, np.arange(0.0, 1200.0, step_s)
    for start in times.tolist():
        # The exact mean over the step of a swing between 10 and 30 kW.
        w = 2 * np.pi / 600.0
        mean = (np.cos(w * start) - np.cos(w * (start + step_s))) / (w * step_s)
        (step,) = plant.step(np.full(2, 20e3 + 10e3 * mean), start, start + step_s)
        total += step.facility_w * step_s
    return total


def test_halving_the_interval_changes_energy_little_and_by_the_expected_order():
    coarse, middle, fine, finest = (energy_j(step_s) for step_s in (40.0, 20.0, 10.0, 5.0))
    assert abs(middle - coarse) / finest < 1e-3
    # Constant power within a step is a first-order method, second where the means are exact.
    orders = np.log2([(middle - coarse) / (fine - middle), (fine - middle) / (finest - fine)])
    assert 0.9 < orders.min() <= orders.max() < 2.7


def test_two_sites_do_not_touch_each_other():
    both = facility(site_of=(0, 0, 1))
    alone = facility(liquid=(0.0, 0.0))
    steps = both.step(np.array([20e3, 30e3, 10e3]), 0.0, 60.0)
    (one,) = alone.step(np.array([20e3, 30e3]), 0.0, 60.0)
    assert steps[0].it_w == one.it_w
    assert steps[1].it_w == 10e3


def test_a_recirculation_matrix_lifts_the_inlets_of_the_neighbours():
    matrix = np.zeros((2, 2))
    matrix[0, 1] = 1e-4  # the first rack breathes the second one's exhaust
    both = racks_of([by_share(0.0)] * 2, matrix=matrix)
    supply_c = np.full(2, 24.0)
    thermals = RackThermals(both, supply_c, supply_c, np.array([10e3, 20e3]))
    # The rise of its own exhaust, and 2 K from the neighbour.
    own_k = 0.03 / 0.97 * 15.0
    assert thermals.inlet_c == pytest.approx([24.0 + own_k + 2.0, 24.0 + own_k], abs=0.02)
