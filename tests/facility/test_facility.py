"""The facility in a run whose replicas are stand-ins that draw a constant power."""

from __future__ import annotations

import numpy as np
import pytest
from facility_run import BUSY_W, fault, incidents, run

from sim.errors import PolicyError, ScenarioError
from sim.facility.capping.response import FULL_PACE


def rack(plant, name):
    return plant.rack_names.index(name)


def balanced(report):
    for site in report.values():
        sources = sum(
            site[f"{n}_kwh"] for n in ("grid", "generator", "solar", "discharge", "unserved")
        )
        uses = sum(
            site[f"{n}_kwh"] for n in ("it", "loss", "fans", "pumps", "chiller", "reject", "charge")
        )
        assert sources == pytest.approx(uses, rel=1e-9)  # fmt: skip


def test_a_quiet_facility_never_touches_a_replica(make_plant):
    plant = make_plant(rack_limit_w=np.full(4, np.inf), row_limit_w=np.full(3, np.inf))
    facility, serving = run(plant, 600.0)
    assert serving.calls == []
    report = facility.energy_report()
    balanced(report)
    assert 1.03 < report["a"]["pue"] < 1.3
    assert incidents(facility) == []


def test_it_energy_is_the_meters(make_plant):
    facility, serving = run(make_plant(), 100.0, warmup_s=30.0)
    span = serving.meter.points.spans["site"]
    report = facility.energy_report()
    it_j = [report[name]["it_kwh"] * 3.6e6 for name in ("a", "b")]
    assert it_j == pytest.approx(serving.meter.energy_j[span], rel=1e-9)


def test_a_capped_row_stays_within_its_limit(make_plant):
    plant = make_plant(row_limit_w=np.array([5000.0, np.inf, np.inf]))
    _, free = run(plant, 60.0)
    row = free.meter.points.names.index("a/h/r1")
    assert free.meter.power_w[row] > 5000.0
    for policy in ("uniform", "steering", "priority"):
        _, serving = run(plant, 60.0, control={"policy": policy})
        assert 4500.0 < serving.meter.power_w[row] <= 5000.0
        assert serving.pace[2] == FULL_PACE  # another row


def test_low_priority_work_is_slowed_first(make_plant):
    plant = make_plant(row_limit_w=np.array([5400.0, np.inf, np.inf]))
    _, serving = run(plant, 60.0, urgency=(0, 1, 0), control={"policy": "priority"})
    assert serving.pace[0] == FULL_PACE
    assert serving.pace[1].prefill < 1.0


def test_delays_put_the_cap_off(make_plant):
    plant = make_plant(row_limit_w=np.array([5000.0, np.inf, np.inf]))
    control = {"policy": "uniform", "telemetry_delay": "3 s", "actuation_delay": "4 s"}
    _, serving = run(plant, 30.0, control=control)
    first = min(time_s for time_s, name, _ in serving.calls if name == "pace")
    assert first == pytest.approx(8.0)  # first reading at 1 s


def test_concurrency_cap_shrinks_batches(make_plant):
    plant = make_plant(row_limit_w=np.array([5000.0, np.inf, np.inf]))
    _, serving = run(plant, 120.0, control={"policy": "concurrency"})
    assert serving.batch[0] < 1.0
    assert serving.pace[0] == FULL_PACE


BREAKERS = {"all": {"breakers": {"setting": "100 %", "reclose": "60 s"}}}


def test_an_overload_trips_after_the_time_of_its_curve_and_comes_back(make_plant):
    limit_w = 2700.0
    plant = make_plant(rack_limit_w=np.array([np.inf, limit_w, np.inf, np.inf]))
    facility, serving = run(plant, 1000.0, electrical=BREAKERS)
    (first, *_) = incidents(facility)
    assert (first.cause, first.place) == ("breaker", "a/h/r1/k2")
    power_w = 500.0 + 2 * float(plant.node_types[0].wall_w(2 * BUSY_W))
    expected_s = 80.0 / ((power_w / limit_w) ** 2 - 1.0)
    assert first.time_s == pytest.approx(expected_s, rel=1e-9)
    fates = [(name, replica) for _, name, replica in serving.calls]
    assert fates[:2] == [("fail", 1), ("restore", 1)]  # the replica that is on this rack
    fail_s, restore_s = (time_s for time_s, *_ in serving.calls[:2])
    assert fail_s == np.ceil(expected_s)
    assert restore_s == pytest.approx(expected_s + 60.0, abs=1.0)


def test_a_row_breaker_takes_all_its_racks_down(make_plant):
    plant = make_plant(
        row_limit_w=np.array([4500.0, np.inf, np.inf]), rack_limit_w=np.full(4, np.inf)
    )
    _, serving = run(plant, 500.0, electrical=BREAKERS)
    assert {(n, r) for _, n, r in serving.calls} >= {("fail", 0), ("fail", 1)}


def test_without_fans_racks_throttle_and_then_shut_down(make_plant):
    facility, serving = run(make_plant(), 6000.0, faults=[fault("fans")], interval="10 s")
    names = [name for _, name, _ in serving.calls]
    assert names.index("pace") < names.index("fail")
    assert {i.cause for i in incidents(facility)} == {"throttle", "heat"}
    assert serving.alive[2]  # the other site


def test_repaired_fans_bring_the_racks_back(make_plant):
    _, serving = run(
        make_plant(), 9000.0, interval="10 s",
        faults=[fault("fans", duration="90 min")], cooling={"all": {"restart": "5 min"}},
    )  # fmt: skip
    names = [name for _, name, _ in serving.calls]
    assert "fail" in names
    assert "restore" in names
    assert serving.alive == [True, True, True]
    assert serving.pace[0] == FULL_PACE


def test_a_lost_distribution_unit_takes_its_row_down_for_as_long(make_plant):
    _, serving = run(make_plant(), 200.0, faults=[fault("pdu", row="h/r1", duration="50 s")])
    assert serving.calls == [
        (10.0, "fail", 0), (10.0, "fail", 1), (60.0, "restore", 0), (60.0, "restore", 1),
    ]  # fmt: skip


ON_UPS = {"all": {"cooling_on_ups": True}}
GENERATOR = {"all": {"generator": {"power": "1 MW", "start": "45 s"}}}


def test_ups_and_generator_carry_a_loss_of_the_utility(make_plant):
    facility, serving = run(
        make_plant(),
        600.0,
        faults=[fault("utility", duration="200 s")],
        grid=GENERATOR,
        electrical=ON_UPS,
    )
    assert serving.calls == []
    report = facility.energy_report()
    balanced(report)
    assert report["a"]["generator_kwh"] > 0.0
    assert report["a"]["unserved_kwh"] == 0.0
    assert report["b"]["generator_kwh"] == 0.0
    series = facility.parts.account.series()
    assert series.sites["grid_w"][0, 20] == 0.0
    assert series.sites["discharge_w"][0, 20] > 0.0  # UPS, fans included, chillers not
    assert series.sites["fans_w"][0, 20] > 0.0 == series.sites["chiller_w"][0, 20]
    assert series.sites["generator_w"][0, 100] > 0.0


def test_liquid_racks_get_hot_within_a_minute_when_pumps_are_not_on_the_ups(make_plant):
    loss = fault("utility", duration="200 s")
    facility, serving = run(make_plant(), 120.0, faults=[loss], grid=GENERATOR)
    assert {replica for _, _, replica in serving.calls} == {1}
    assert serving.calls[0][0] < 70.0
    assert facility.parts.account.series().sites["fans_w"][0, 20] == 0.0


def test_without_a_generator_the_site_goes_dark_when_the_ups_is_empty(make_plant):
    facility, serving = run(
        make_plant(), 600.0, faults=[fault("utility", duration="200 s")],
        electrical={"all": {"ride_through": "30 s", "cooling_on_ups": True}},
    )  # fmt: skip
    fails = [time_s for time_s, name, _ in serving.calls if name == "fail"]
    # 30 s at the racks' limits lasts longer at their actual power.
    assert 40.0 < min(fails) < 70.0
    restored = [time_s for time_s, name, _ in serving.calls if name == "restore"]
    assert min(restored) == pytest.approx(210.0, abs=1.0)
    assert serving.alive == [True, True, True]
    assert {i.cause for i in incidents(facility)} == {"blackout"}
    balanced(facility.energy_report())


def test_random_faults_repeat_with_the_seed(make_plant):
    random = {"kind": "pdu", "site": "a", "row": "h/r1", "mtbf": "200 s", "mttr": "20 s"}
    runs = [
        run(make_plant(), 2000.0, seed=seed, faults=[random], interval="20 s")[1].calls
        for seed in (1, 1, 2)
    ]
    assert runs[0] == runs[1] != runs[2]
    assert 4 <= len(runs[0]) <= 80


def test_a_load_target_is_met_and_its_depth_reported(make_plant):
    facility, serving = run(
        make_plant(), 400.0,
        curtailment=[{"site": "a", "limit": "7.3 kW", "from": "100 s", "until": "300 s", "grace": "5 s"}],
    )  # fmt: skip
    (result,) = facility.compliance()
    assert result.comply_s <= 3.0
    assert result.breaches == 0
    assert result.depth > 0.05
    assert serving.pace[0] == FULL_PACE  # over again
    assert all(100.0 <= time_s <= 303.0 for time_s, *_ in serving.calls)


def test_a_strict_target_also_takes_batches(make_plant):
    target = {"site": "a", "limit": "5.6 kW", "from": "100 s", "until": "300 s"}
    _, best = run(make_plant(), 250.0, curtailment=[target])
    _, strict = run(make_plant(), 250.0, curtailment=[{**target, "strict": True}])
    assert best.batch.min() == 1.0
    assert strict.batch.min() < 1.0


def test_strict_holds_for_its_own_target_only(make_plant):
    """Both sites get a target that clocks alone cannot meet; only the second one's is strict."""
    soft = {"site": "a", "limit": "5.6 kW", "from": "100 s", "until": "300 s"}
    hard = {"site": "b", "limit": "1.2 kW", "from": "100 s", "until": "300 s", "strict": True}
    _, serving = run(make_plant(), 250.0, curtailment=[soft, hard])
    assert serving.batch[:2].tolist() == [1.0, 1.0]  # replicas of the first site
    assert serving.batch[2] < 1.0


def test_a_site_that_already_drew_batches_starts_its_next_strict_target_from_full_ones(make_plant):
    def targets(*starts):
        return [
            {
                "site": "a",
                "limit": "5.6 kW",
                "strict": True,
                "from": f"{s} s",
                "until": f"{s + 60} s",
            }
            for s in starts
        ]

    def first_share(starts):
        _, serving = run(make_plant(), starts[-1] + 3.0, curtailment=targets(*starts))
        return serving.batch[:2].min()

    assert first_share((100, 400)) == pytest.approx(first_share((400,)), abs=0.02)


def test_series_of_racks_hold_temperatures_and_clocks(make_plant):
    facility, _ = run(make_plant(), 60.0)
    series = facility.parts.account.series()
    assert series.racks["inlet_c"].shape == (4, 60)
    assert (series.racks["inlet_c"] > 23.0).all()
    assert np.isnan(series.racks["plate_c"][0]).all()
    assert (series.racks["plate_c"][1] > 32.0).all()
    assert series.racks["clock"][:, 5].tolist() == [1.0] * 4


def test_cost_and_carbon_follow_the_grid(make_plant):
    grid = {"all": {"price": "0.20 USD/kWh", "carbon": "100 gCO2/kWh", "demand_usd_per_kw": 10.0}}
    facility, _ = run(make_plant(), 1800.0, grid=grid, interval="10 s")
    site = facility.energy_report()["a"]
    assert site["energy_usd"] == pytest.approx(0.20 * site["grid_kwh"])
    assert site["carbon_kg"] == pytest.approx(0.1 * site["grid_kwh"])
    month_share = 1800.0 / (30.4375 * 86400.0)  # half an hour of a mean month
    assert site["demand_usd"] == pytest.approx(site["demand_peak_w"] / 1e3 * 10.0 * month_share)
    assert site["cost_usd"] == site["energy_usd"] + site["demand_usd"]


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"faults": [{"kind": "chiller", "site": "aa", "at": "1 s"}]}, "facility.faults[0].site: got 'aa', expected one of a, b"),
        ({"faults": [fault("pdu", row="h/r9")]}, "facility.faults[0].row: got 'h/r9', expected a row of the site, as hall/row (did you mean"),
        ({"curtailment": [{"site": "all", "limit": "1 kW", "from": "0 s", "until": "1 s"}]}, "facility.curtailment[0].site: got 'all', expected one of a, b"),
        ({"cooling": {"x": {}}}, "facility.cooling: got 'x', expected one of a, b, all"),
        ({"grid": {"a": {"zone": "Mars", "price_windows": [{"from": "08:00", "until": "20:00", "price": "1 USD/kWh"}]}}, "start": "2026-01-01T00:00:00Z"}, "facility.grid.zone: got 'Mars', expected an IANA time zone, such as 'Europe/Berlin'"),
    ],
)  # fmt: skip
def test_sections_that_do_not_fit_the_plant_are_refused(make_plant, sections, message):
    with pytest.raises(ScenarioError) as caught:
        run(make_plant(), 1.0, **sections)
    assert message in str(caught.value)


def test_a_matrix_of_one_site_warms_its_own_racks_only(make_plant, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.csv").write_text("\n".join(["1e-3,0,0", "0,1e-3,0", "0,0,1e-3"]) + "\n")
    cooling = {"a": {"recirculation": "d.csv"}}
    with_matrix, without = (
        run(make_plant(), 30.0, cooling=c)[0].parts.physics.thermals.inlet_c for c in (cooling, {})
    )
    assert (with_matrix[:3] > without[:3] + 0.4).all()
    assert with_matrix[3] == pytest.approx(without[3])


@pytest.mark.parametrize("duration_s", [100.0, np.inf])
def test_windows_and_sun_last_as_long_as_the_run(make_plant, duration_s):
    window = {"from": "00:00", "until": "24:00", "price": "0.3 USD/kWh"}
    grid = {"all": {"solar": "1 kW", "price_windows": [window]}}
    start = "2026-07-19T12:00:00+00:00"
    facility, _ = run(make_plant(), 100.0, grid=grid, start=start, signals_s=duration_s)
    report = facility.energy_report()["a"]
    assert report["energy_usd"] == pytest.approx(0.3 * report["grid_kwh"])
    assert report["solar_kwh"] > 0.0


def test_an_unknown_policy_is_refused(make_plant):
    with pytest.raises(PolicyError, match="did you mean 'two-threshold'"):
        run(make_plant(), 1.0, control={"policy": "two-treshold"})


def test_signals_from_files_windows_and_the_sun_reach_the_sites(make_plant, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stamps = ["2026-07-19T12:00:00+00:00", "2026-07-19T13:00:00+00:00"]
    for name, values in {
        "t.csv": (30, 34),
        "wet.csv": (20, 22),
        "usd.csv": (50, 90),
        "g.csv": (100, 300),
    }.items():
        lines = [f"{stamp},{value}" for stamp, value in zip(stamps, values, strict=True)]
        (tmp_path / name).write_text("timestamp,value\n" + "\n".join(lines) + "\n")
    facility, _ = run(
        make_plant(), 1800.0, interval="60 s", start=stamps[0],
        cooling={"all": {"heat_rejection": "tower"}},
        weather={"all": {"file": {"path": "t.csv"}, "wet_bulb_file": {"path": "wet.csv"}}},
        grid={
            "a": {
                "price_file": {"path": "usd.csv", "scale": 0.001},
                "carbon_file": {"path": "g.csv"},
                "agreement": {"share": "50 %", "strike": "0.03 USD/kWh"},
            },
            "b": {
                "solar": "1 kW", "price": "0.1 USD/kWh", "zone": "Europe/Berlin",
                "price_windows": [{"from": "14:00", "until": "14:15", "price": "0.3 USD/kWh"}],
                "battery": {"capacity": "10 kWh", "charge": "1 kW", "discharge": "500 W", "policy": "price-following", "low": 0.05, "high": 0.2},
            },
        },
    )  # fmt: skip
    report = facility.energy_report()
    balanced(report)
    assert report["a"]["outside_c"] == pytest.approx(31.0)  # 30 to 32 in half an hour
    assert report["a"]["water_l"] > 0.0
    # Half at 0.05 USD/kWh, half at the strike price; half of the carbon.
    assert report["a"]["energy_usd"] == pytest.approx(0.04 * report["a"]["grid_kwh"])
    assert report["a"]["carbon_kg"] == pytest.approx(0.05 * report["a"]["grid_kwh"])
    assert report["b"]["solar_kwh"] > 0.2
    assert report["b"]["discharge_kwh"] == pytest.approx(0.125)  # 500 W in the dear quarter
