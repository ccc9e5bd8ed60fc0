"""Heat rejection by lift: published points, warmer supply is cheaper, hotter weather never is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import PolicyError
from sim.facility.cooling.chiller import AIR_COOLED, WATER_COOLED, Chiller
from sim.facility.cooling.rejection import REJECTION
from sim.facility.cooling.site import draw, sized_plant

KINDS = ("dry", "tower", "adiabatic")


# Computed from the coefficients in NREL/EnergyPlus, datasets/AirCooledChiller.idf.
@pytest.mark.parametrize(
    ("leaving_c", "cops"),
    [(6.7, (3.21, 2.81, 2.42, 2.07)), (10.0, (3.48, 3.06, 2.64, 2.25)), (15.56, (3.72, 3.32, 2.89, 2.48))],
)  # fmt: skip
def test_the_air_cooled_machine_has_its_published_cop(leaving_c, cops):
    found = AIR_COOLED.full_load_cop(leaving_c, [30.0, 35.0, 40.0, 45.0])
    assert found == pytest.approx(cops, rel=0.01)


def test_the_centrifugal_machine_has_its_published_cop():
    found = WATER_COOLED.full_load_cop(6.7, [24.0, 29.4, 35.0])
    assert found == pytest.approx([6.2, 5.5, 4.8], rel=0.01)


def test_capacity_grows_with_warmer_water_and_falls_with_hotter_air():
    assert float(AIR_COOLED.share(15.56, 35.0)) == pytest.approx(1.28, rel=0.01)
    assert float(AIR_COOLED.share(6.67, 45.0)) == pytest.approx(0.87, abs=0.03)


@given(
    curve=st.sampled_from((AIR_COOLED, WATER_COOLED)),
    x=st.tuples(st.floats(5.0, 40.0), st.floats(5.0, 40.0)),
    y=st.tuples(st.floats(-20.0, 50.0), st.floats(-20.0, 50.0)),
)
def test_more_lift_never_raises_the_cop(curve, x, y):
    (cold, warm), (cool, hot) = sorted(x), sorted(y)
    assert curve.full_load_cop(cold, hot) <= curve.full_load_cop(warm, hot) * (1 + 1e-9)
    assert curve.full_load_cop(cold, hot) <= curve.full_load_cop(cold, cool) * (1 + 1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_at_forty_degrees_warmer_supply_is_cheaper(kind):
    chiller_w = []
    for supply_c in (18.0, 24.0, 30.0):
        plant = sized_plant(1e6, 0.0, 0.03, supply_c=supply_c, heat_rejection=kind)
        chiller_w.append(draw(plant, 8e5, 0.0, 40.0, 24.0).chiller_w)
    assert chiller_w[0] > 1.1 * chiller_w[1] > 1.2 * chiller_w[2]


def test_warm_water_is_free_where_cold_water_is_not():
    cold = sized_plant(1.0, 1e6, 0.0, warm_c=18.0)
    warm = sized_plant(1.0, 1e6, 0.0, warm_c=40.0)
    assert draw(warm, 0.0, 8e5, 31.0, 20.0).chiller_w == 0.0
    assert draw(cold, 0.0, 8e5, 31.0, 20.0).chiller_w > 1e5
    # The tropics: 32 degC water from dry coolers saves nothing at 30 degC, 40 degC all.
    tropics = sized_plant(1.0, 1e6, 0.0, warm_c=32.0)
    assert draw(tropics, 0.0, 8e5, 30.0, 26.0).free < 0.5


def test_water_is_that_of_the_published_year():
    # A tower takes 1.48 L/kWh of heat and blow-down; 2.08 L/kWh of IT was metered in the UK.
    plant = sized_plant(1e6, 0.0, 0.03, heat_rejection="tower")
    drawn = draw(plant, 1e6, 0.0, 15.0, 12.0)
    assert drawn.water_l_per_s * 3.6 == pytest.approx(2.08, rel=0.12)
    pads = sized_plant(1e6, 0.0, 0.03, heat_rejection="adiabatic")
    assert draw(pads, 1e6, 0.0, 15.0, 12.0).water_l_per_s == 0.0
    assert draw(pads, 1e6, 0.0, 35.0, 22.0).water_l_per_s > 0.0
    dry = sized_plant(1e6, 0.0, 0.03)
    assert draw(dry, 1e6, 0.0, 35.0, 22.0).water_l_per_s == 0.0


def test_outdoor_air_is_a_better_economiser_than_water_in_mild_weather():
    air, water = (
        draw(sized_plant(1e6, 0.0, 0.03, economiser=kind), 8e5, 0.0, 18.0, 14.0)
        for kind in ("air", "water")
    )
    assert air.free == 1.0 > water.free


def test_part_load_is_linear_in_air_and_has_a_floor_in_water():
    air, water = Chiller(1e6), Chiller(1e6, WATER_COOLED, 6.7)
    half = float(air.power_w(5e5, 12.0, 35.0, 0.5))
    assert half == pytest.approx(0.5 * float(air.power_w(1e6, 12.0, 35.0, 1.0)))
    full = float(water.power_w(1e6, 6.7, 29.4, 1.0))
    assert full == pytest.approx(1e6 / 5.5, rel=0.01)
    assert float(water.power_w(2e5, 6.7, 29.4, 0.2)) > 0.28 * full


def test_unknown_ways_are_refused_by_name():
    with pytest.raises(PolicyError, match="tower"):
        REJECTION.get("towr")
    assert np.isfinite([REJECTION.get(kind)().coolest_c(20.0, 15.0) for kind in KINDS]).all()
