"""Units that fail: what is left carries the load, within its rating or until its breaker opens."""

from __future__ import annotations

import numpy as np
import pytest
from facility_run import BUSY_W, fault, incidents, run

from sim.facility.power.conversion import Stage, bottleneck, convert
from sim.facility.power.redundancy import Redundancy

UPS = Stage("ups", 1_000.0, 0.04, 0.02, 100_000.0, Redundancy("N+1", 4))


def test_losses_follow_the_units_that_are_left():
    # Five units: 5 kW + 4 % of 400 kW + 2 % * 400^2 / 500; four: 4 kW + 16 kW + 2 % * 400^2 / 400.
    assert UPS.loss_w(400_000.0) == pytest.approx(5_000.0 + 16_000.0 + 6_400.0)
    assert UPS.loss_w(400_000.0, failed=1) == pytest.approx(4_000.0 + 16_000.0 + 8_000.0)
    assert UPS.loss_w(0.0, failed=5) == 0.0


def test_spares_carry_more_than_is_promised_and_failures_eat_them_first():
    assert [UPS.carries_w(failed) for failed in range(6)] == [5e5, 4e5, 3e5, 2e5, 1e5, 0.0]
    assert [UPS.capacity_w(failed) for failed in range(6)] == [4e5, 4e5, 3e5, 2e5, 1e5, 0.0]


def test_the_bottleneck_is_what_may_leave_the_chain():
    pdu = Stage("pdu", proportional=0.25)
    ups = Stage("ups", rating_w=50_000.0, redundancy=Redundancy("2N", 1))
    # A PDU that loses a quarter of what it passes on: 80 kW out for the 100 kW of both feeds.
    assert bottleneck((pdu, ups), (0, 0)) == (pytest.approx(80_000.0), 1)
    assert bottleneck((pdu, ups), (0, 1)) == (pytest.approx(40_000.0), 1)
    assert bottleneck((pdu, ups), (0, 2))[0] == pytest.approx(0.0, abs=1e-6)
    assert bottleneck((pdu, Stage("ups")), (0, 0))[0] == np.inf
    whole = convert((pdu, ups), 80_000.0, (0, 0))
    assert whole.input_w == pytest.approx(100_000.0)


def busy_w(plant):
    """Power of site a while its replicas run: literal sum over its racks."""
    wall = plant.node_types[0].wall_w
    nodes = (1 * BUSY_W + 75.0, 2 * 75.0, 2 * BUSY_W, 2 * BUSY_W, 2 * 75.0, 2 * 75.0)
    return 500.0 + 500.0 + 400.0 + sum(float(wall(watts)) for watts in nodes)


def ups(scheme, rating_w, needed=1):
    stage = {"rating": f"{rating_w} W", "redundancy": scheme, "needed": needed}
    lossless = {"proportional": "0 %"}
    stage = {**lossless, **stage}
    return {"a": {"ups": stage, "distribution": lossless, "switchboard": lossless}}


def test_the_other_half_of_a_2n_supply_trips_if_both_were_needed(make_plant):
    """Two feeds of 0.8 times the load: fine together; alone 1.25 times its rating, for 142.2 s."""
    plant = make_plant(rack_limit_w=np.full(4, np.inf), row_limit_w=np.full(3, np.inf))
    power_w = busy_w(plant)
    facility, serving = run(
        plant, 400.0, electrical=ups("2N", 0.8 * power_w), faults=[fault("ups", units=1)]
    )
    (trip,) = incidents(facility, "overload")
    assert trip.place == "a/ups"
    assert trip.time_s == pytest.approx(10.0 + 80.0 / (1.25**2 - 1.0), abs=1.0)
    assert {replica for _, name, replica in serving.calls if name == "fail"} == {0, 1}
    (failed,) = incidents(facility, "ups")
    assert (failed.time_s, failed.place) == (10.0, "a")


def test_a_spare_unit_carries_the_load_of_the_first_that_fails(make_plant):
    plant = make_plant(rack_limit_w=np.full(4, np.inf), row_limit_w=np.full(3, np.inf))
    each_w = 0.4 * busy_w(plant)  # three needed, four there
    chain = ups("N+1", each_w, needed=3)
    _, serving = run(plant, 400.0, electrical=chain, faults=[fault("ups")])
    assert serving.calls == []
    facility, serving = run(plant, 400.0, electrical=chain, faults=[fault("ups", units=2)])
    (trip,) = incidents(facility, "overload")
    assert trip.time_s == pytest.approx(10.0 + 80.0 / (1.25**2 - 1.0), abs=1.0)


def test_a_capping_policy_keeps_what_is_left_from_tripping(make_plant):
    plant = make_plant(rack_limit_w=np.full(4, np.inf), row_limit_w=np.full(3, np.inf))
    facility, serving = run(
        plant, 400.0, electrical=ups("2N", 0.9 * busy_w(plant)), faults=[fault("ups")],
        control={"policy": "uniform"},
    )  # fmt: skip
    assert incidents(facility, "overload") == []
    assert {name for _, name, _ in serving.calls} == {"pace"}
    assert {replica for _, _, replica in serving.calls} == {0, 1}  # of the site with the fault
    assert min(time_s for time_s, *_ in serving.calls) >= 10.0


def test_without_any_unit_left_the_racks_have_no_feed(make_plant):
    chain = {"a": {"ups": {"rating": "1 MW"}}}
    _, serving = run(make_plant(), 200.0, electrical=chain, faults=[fault("ups", duration="50 s")])
    assert [(t, n) for t, n, _ in serving.calls] == [(10.0, "fail")] * 2 + [(60.0, "restore")] * 2


@pytest.mark.parametrize(
    ("scheme", "rows", "dark"),
    [
        ("N", ["h/r1"], {0, 1}),
        ("N+1", ["h/r1"], set()),
        ("N+1", ["h/r2", "h/r1"], {0, 1}),  # the spare has gone to the first row
        ("2N", ["h/r1"], set()),
        ("2N", ["h/r1", "h/r1"], {0, 1}),
    ],
)
def test_a_row_that_loses_its_unit_is_dark_unless_another_takes_over(
    make_plant, scheme, rows, dark
):
    faults = [fault("pdu", row=row, at=f"{10 + i} s") for i, row in enumerate(rows)]
    _, serving = run(
        make_plant(), 100.0, electrical={"a": {"distribution": {"redundancy": scheme}}}, faults=faults
    )  # fmt: skip
    assert {replica for _, name, replica in serving.calls if name == "fail"} == dark


def test_two_feeds_share_a_row_and_one_alone_may_trip(make_plant):
    """Row r1 draws 1.25 times its limit: 0.625 on each feed, then 1.25 on the one that is left."""
    plant = make_plant(rack_limit_w=np.full(4, np.inf), row_limit_w=np.full(3, np.inf))
    wall = plant.node_types[0].wall_w
    chips_w = (BUSY_W + 75.0, 150.0, 2 * BUSY_W, 2 * BUSY_W)
    row_w = 1000.0 + sum(float(wall(watts)) for watts in chips_w)
    plant = make_plant(
        rack_limit_w=np.full(4, np.inf), row_limit_w=np.array([row_w / 1.25, np.inf, np.inf])
    )
    chain = {"a": {"distribution": {"redundancy": "2N"}, "breakers": {"setting": "100 %"}}}
    facility, _ = run(plant, 400.0, electrical=chain)
    assert incidents(facility) == []
    facility, _ = run(plant, 400.0, electrical=chain, faults=[fault("pdu", row="h/r1")])
    (trip,) = incidents(facility, "breaker")
    assert trip.place == "a/h/r1"
    assert trip.time_s == pytest.approx(10.0 + 80.0 / (1.25**2 - 1.0), abs=1e-6)


def test_every_site_and_device_has_its_own_curve(make_plant):
    """1.5 times the limit: 64 s on the rack's own curve, 27 s where all breakers are faster."""
    plant = make_plant(row_limit_w=np.full(3, np.inf))
    racks = run(plant, 1.0)[0].parts.meter.power_w[:4]
    plant = make_plant(row_limit_w=np.full(3, np.inf), rack_limit_w=racks / 1.5)
    own = {"setting": "100 %", "curve": "extremely-inverse"}
    fast = {"setting": "100 %", "curve": "very-inverse"}
    chain = {"a": {"breakers": fast, "rack_breakers": own}, "b": {"breakers": fast}}
    facility, _ = run(plant, 70.0, electrical=chain)
    first = {trip.place: trip.time_s for trip in incidents(facility, "breaker")}
    assert first["b/h/r1/k1"] == pytest.approx(13.5 / 0.5, rel=1e-6)
    assert first["a/h/r1/k1"] == pytest.approx(80.0 / (1.5**2 - 1.0), rel=1e-6)
