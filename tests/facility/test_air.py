"""Air that balances: published limits, the handbook's table, energy at every interval."""

from __future__ import annotations

import numpy as np
import pytest
from air_plants import SIX, rack_method, racks_of
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.facility.build.physics import FacilityPhysics, SitePhysics
from sim.facility.cooling.air import conductance_w_per_k, fan_speed
from sim.facility.cooling.methods import air_side, densest_racks_w
from sim.facility.cooling.racks import RackThermals
from sim.facility.cooling.site import Availability, sized_plant
from sim.facility.grid.source import SiteGrid
from sim.facility.grid.weather import Weather
from sim.signals import Constant

ENGINEERED = 1.9


def inlet_c(method, kw, supply_c, speed=1.0):
    air = air_side([method], np.array([kw * 1e3]))
    heat_w = np.array([kw * 1e3])
    per_k = conductance_w_per_k(air, np.zeros(1, int), heat_w, np.array([speed]))
    return supply_c + float(heat_w[0] / per_k[0])


def settled_c(method, kw, supply_c=24.0):
    """Inlet in balance with servers' fans that speed up."""
    racks = racks_of([method], kw * 1e3)
    at_c = np.array([supply_c])
    return float(RackThermals(racks, at_c, np.array([32.0]), np.array([kw * 1e3])).inlet_c[0])


# The rule V_s (1 - leak) rho c (T_in + dT - T_s), with dT 15 K: the reference's table.
@pytest.mark.parametrize(
    ("method", "supply_c", "expected"),
    [
        (rack_method("perimeter"), 18.0, {27: 9.2, 32: 10.2, 35: 10.8, 45: 14.0}),
        (rack_method("contained"), 22.0, {27: 26.0, 32: 30.0, 35: 32.0, 45: 45.0}),
        (rack_method("contained", airflow_m3_per_s=ENGINEERED), 22.0, {27: 41.0, 32: 47.0, 45: 71}),
        (rack_method("in-row"), 22.0, {27: 30.0, 32: 34.0, 35: 37.0, 45: 51.0}),
    ],
)
def test_power_at_an_inlet_is_that_of_the_table(method, supply_c, expected):
    for limit_c, kw in expected.items():
        (limit_w,) = densest_racks_w([method], np.array([supply_c]), limit_c)
        assert limit_w / 1e3 == pytest.approx(kw, rel=0.1), limit_c


def test_a_door_is_neutral_up_to_what_its_water_allows():
    # eps = 1 - exp(-NTU) at 18, 20 and 22 degC water in a room of 24 degC: 80, 54 and 29 kW; the
    # largest family of doors is rated 75 kW.
    for below_k, kw in ((6.0, 75.0), (4.0, 54.0), (2.0, 29.0)):
        door = rack_method("rear-door", water_below_k=below_k)
        assert inlet_c(door, 0.93 * kw, 24.0) == pytest.approx(24.46, abs=0.1)
        assert inlet_c(door, 2.0 * kw, 24.0) > 25.0


@pytest.mark.parametrize(
    ("name", "more", "low", "high"),
    [
        ("perimeter", {}, 8.0, 10.0),
        ("contained", {}, 25.0, 40.0),
        ("contained", {"airflow_m3_per_s": ENGINEERED}, 25.0, 40.0),
        ("in-row", {}, 40.0, 80.0),
        ("in-row", {"units": 2.0}, 40.0, 80.0),
        ("rear-door", {}, 40.0, 80.0),
        ("direct-to-chip", {}, 80.0, 150.0),
        ("immersion", {}, 100.0, 250.0),
    ],
)
def test_the_accepted_limits_come_out_within_a_fifth(name, more, low, high):
    (limit_w,) = densest_racks_w([rack_method(name, **more)], np.array([24.0]), 32.0)
    assert 0.8 * low <= limit_w / 1e3 <= 1.2 * high


def test_dense_racks_get_as_hot_as_their_air_makes_them():
    assert settled_c(rack_method("in-row"), 88.0) > 60.0
    assert settled_c(rack_method("contained"), 88.0) > 60.0
    assert settled_c(rack_method("contained"), 40.0) > 36.0
    assert settled_c(rack_method("contained", airflow_m3_per_s=ENGINEERED), 40.0) < 32.0
    assert settled_c(rack_method("perimeter"), 12.0) > 35.0


@given(
    name=st.sampled_from(SIX),
    kw=st.tuples(st.floats(1.0, 150.0), st.floats(1.0, 150.0)),
    fans=st.tuples(st.floats(0.05, 1.0), st.floats(0.05, 1.0)),
)
def test_denser_is_never_cooler_and_less_air_is_never_cooler(name, kw, fans):
    method = rack_method(name)
    (sparse, dense), (weak, strong) = sorted(kw), sorted(fans)
    assert settled_c(method, dense) >= settled_c(method, sparse) - 1e-6
    air = air_side([method], np.array([1e5]))
    row, heat_w, speed = np.zeros(1, int), np.array([dense * 1e3]), np.ones(1)
    small, large = (conductance_w_per_k(air, row, heat_w, speed, f) for f in (weak, strong))
    assert small <= large * (1 + 1e-12)


def test_faster_servers_fans_cannot_help_where_air_is_short():
    method = rack_method("contained")
    slow, fast = (inlet_c(method, 45.0, 22.0, speed) for speed in (1.0, 1.3))
    assert fast - slow == pytest.approx(15.0 - 15.0 / 1.3, rel=1e-9)


def test_servers_fans_meet_the_measured_rise_of_power():
    speeds = fan_speed(np.array([27.0, 29.0, 31.0, 33.0, 35.0]))
    power = 1.0 + 0.08 * (speeds**3 - 1.0)
    rise = 100.0 * (power / power[0] - 1.0)
    assert rise[1:] == pytest.approx([1.0, 3.0, 5.0, 8.0], abs=0.9)


def site(name, kw, racks=2, outside_c=25.0, share=None):
    method = rack_method(name, share=share)
    cooling = racks_of([method] * racks, kw * 1e3)
    air_w = racks * kw * 1e3 * (1.0 - method.liquid.liquid_share)
    plant = sized_plant(air_w, racks * kw * 1e3 - air_w, method.air.fan_share)
    physics = SitePhysics(name, plant, (), Weather(Constant(outside_c)), SiteGrid())
    return FacilityPhysics(cooling, np.zeros(racks, int), [physics], np.full(racks, kw * 5e2))


@settings(deadline=None, max_examples=60)
@given(
    name=st.sampled_from(SIX),
    step_s=st.sampled_from([0.1, 0.3, 1.0, 3.0, 10.0, 300.0]),
    kw=st.floats(5.0, 132.0),
    service=st.tuples(*[st.sampled_from([0.0, 0.3, 1.0])] * 4),
)
def test_every_method_closes_its_energy_at_every_interval(name, step_s, kw, service):
    plant = site(name, kw)
    for number in range(12):
        if number == 4:
            plant.sites[0].service = Availability(*service)
        if number == 8:
            plant.sites[0].service = Availability()
        power_w = np.full(2, kw * 1e3 * (0.4 + 0.05 * number))
        (step,) = plant.step(power_w, number * step_s, (number + 1) * step_s)
        took = step.cooling
        lost_w = step.it_w + took.fans_w + took.pumps_w - took.removed_w - step.heat_stored_w
        assert abs(lost_w) <= 1e-9 * max(step.it_w, abs(step.heat_stored_w))
        assert np.isfinite([step.facility_w, took.power_w, step.unmet_w]).all()
        assert np.isfinite(plant.thermals.inlet_c).all()


@pytest.mark.parametrize("name", SIX)
def test_short_and_long_intervals_lead_to_the_same_place(name):
    ends = []
    for step_s in (0.5, 5.0, 50.0):
        plant = site(name, 60.0, share=1.0 if name == "immersion" else None)
        for number in range(round(1000.0 / step_s)):
            plant.step(np.full(2, 30e3), number * step_s, (number + 1) * step_s)
        ends.append((*plant.thermals.inlet_c, *np.nan_to_num(plant.thermals.plate_c)))
    assert ends[1] == pytest.approx(ends[0], abs=0.1)
    assert ends[2] == pytest.approx(ends[0], abs=0.3)
