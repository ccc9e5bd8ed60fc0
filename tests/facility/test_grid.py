"""Signals, weather, tariffs, storage, the power balance and load targets."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.cost.tariff import DemandMeter, Period, PurchaseAgreement, time_of_use
from sim.errors import ModelLimitError, PolicyError, ScenarioError
from sim.facility.grid.balance import Supply, balance, solar_power_w
from sim.facility.grid.curtailment import LoadTarget, compliance, limit_at
from sim.facility.grid.signal_file import read_signal
from sim.facility.grid.storage import STORAGE, Battery, Outlook, StorageSettings
from sim.facility.grid.weather import Climate, HeatWave, Weather, relative_humidity, wet_bulb_c
from sim.signals import Constant, Sampled

START = datetime(2026, 7, 19, tzinfo=UTC)
WATTS = st.floats(0.0, 1e6)


def signal(between="step", end_s=None):
    return Sampled("price", np.array([0.0, 10.0, 20.0]), np.array([1.0, 3.0, 2.0]), between, end_s)


def test_mean_of_a_held_signal_is_exact():
    held = signal(end_s=30.0)
    assert held.mean(5.0, 15.0) == pytest.approx(2.0)
    assert held.mean(0.0, 30.0) == pytest.approx(2.0)
    assert held.mean(10.0, 10.0) == 3.0


def test_mean_of_a_joined_signal_is_exact():
    line = signal("line")
    assert line.mean(0.0, 10.0) == pytest.approx(2.0)
    assert line.mean(5.0, 15.0) == pytest.approx((2.5 * 5 + 2.75 * 5) / 10)
    assert line.mean(5.0, 5.0) == 2.0


@given(cut=st.floats(0.5, 19.5), between=st.sampled_from(["step", "line"]))
def test_means_of_parts_add_up(cut, between):
    whole = signal(between)
    parts = whole.mean(0.0, cut) * cut + whole.mean(cut, 20.0) * (20.0 - cut)
    assert parts == pytest.approx(whole.mean(0.0, 20.0) * 20.0, rel=1e-12)


def test_a_signal_does_not_answer_outside_its_time():
    with pytest.raises(ModelLimitError, match=r"price covers 0 s to 20 s .* but 15 s to 25 s"):
        signal().mean(15.0, 25.0)
    assert Constant(4.0).mean(0.0, 1e9) == 4.0


def written(tmp_path, *lines):
    path = tmp_path / "signal.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_signal_file_with_offsets_needs_no_zone(tmp_path):
    path = written(
        tmp_path,
        "timestamp,value",
        "2026-07-19T02:00:00+02:00,10",
        "2026-07-19T01:00:00+00:00,20",
    )
    read = read_signal(path, START)
    assert read.mean(0.0, 7200.0) == 15.0


def test_signal_file_in_local_time(tmp_path):
    path = written(tmp_path, "timestamp,value", "2026-07-19 02:00,10", "2026-07-19 03:00,20")
    assert read_signal(path, START, "Europe/Berlin").mean(0.0, 3600.0) == 10.0


@pytest.mark.parametrize(
    ("lines", "zone", "message"),
    [
        (["time,value", "x,1"], None, "signal.csv:1: timestamp: got time, value, expected a column timestamp"),
        (["timestamp,value", "2026-01-01T00:00,1", "2026-01-01T01:00,2"], None, "signal.csv:2: timestamp: got '2026-01-01T00:00', expected a time with an offset from UTC (add the offset, or name the zone of the file under `zone`)"),
        (["timestamp,value", "2026-01-01T00:00,1", "2026-01-01T01:00,2"], "Mars/North", "signal.csv: zone: got 'Mars/North', expected an IANA time zone, such as 'Europe/Berlin'"),
        (["timestamp,value", "2026-10-25T02:30,1", "2026-10-25T04:30,2"], "Europe/Berlin", "signal.csv:2: timestamp: got '2026-10-25T02:30', expected a time that exists once in its zone (clocks change here: add the offset from UTC)"),
        (["timestamp,value", "19.07.2026,1", "2026-01-01T01:00Z,2"], None, "signal.csv:2: timestamp: got '19.07.2026', expected an ISO 8601 time, such as '2026-07-19T14:00:00+01:00'"),
        (["timestamp,value", "2026-01-01T00:00Z,1", "2026-01-01T01:00Z,nan"], None, "signal.csv:3: value: got 'nan', expected a number"),
        (["timestamp,value", "2026-01-01T01:00Z,1", "2026-01-01T00:00Z,2"], None, "signal.csv:3: timestamp: got 1:00:00 before the row above, expected a time after the row above"),
        (["timestamp,value", "2026-01-01T01:00Z,1", "2026-01-01T01:00Z,2"], None, "signal.csv:3: timestamp: got the same time, expected a time after the row above"),
        (["timestamp,value", *(f"2026-01-01T0{h}:00Z,1" for h in (0, 1, 2, 5))], None, "signal.csv:5: timestamp: got a gap of 3:00:00, expected a row every 1:00:00"),
        (["timestamp,value"], None, "signal.csv: got 0 rows, expected at least two rows"),
    ],
)  # fmt: skip
def test_a_broken_signal_file_is_refused(tmp_path, lines, zone, message):
    with pytest.raises(ScenarioError) as caught:
        read_signal(written(tmp_path, *lines), START, zone)
    assert str(caught.value).splitlines()[0].replace(f"{tmp_path}/", "") == message


def test_a_missing_signal_file_is_refused(tmp_path):
    with pytest.raises(ScenarioError, match="expected a readable CSV file"):
        read_signal(tmp_path / "none.csv", START)


def test_climate_is_warmest_on_a_july_afternoon():
    climate = Climate(START, mean_c=10.0, yearly_k=8.0, daily_k=5.0)
    assert climate.at(15 * 3600.0) == pytest.approx(23.0, abs=0.01)
    assert climate.at(3 * 3600.0) == pytest.approx(13.0, abs=0.01)
    south = Climate(START, 10.0, 8.0, 5.0, southern=True)
    assert south.at(15 * 3600.0) == pytest.approx(7.0, abs=0.01)


def test_heat_wave_adds_its_rise_in_the_middle_and_nothing_outside():
    wave = HeatWave(0.0, 2 * 86_400.0, 12.0)
    assert [wave.at(day * 86_400.0) for day in (-1, 0.0, 1.0, 2.0)] == [0.0, 0.0, 12.0, 0.0]
    waved = Climate(START, 10.0, 0.0, 0.0, waves=(wave,))
    assert waved.at(86_400.0) == pytest.approx(22.0)


def test_wet_bulb_reproduces_the_published_example():
    # Stull (2011): 20 degC and 50 % give 13.7 degC.
    assert wet_bulb_c(20.0, 0.5) == pytest.approx(13.7, abs=0.05)
    assert relative_humidity(20.0, 9.3) == pytest.approx(0.5, abs=0.01)
    assert relative_humidity(10.0, 15.0) == 1.0


@given(dry=st.floats(-15.0, 48.0), dew=st.floats(-10.0, 20.0))
def test_wet_bulb_is_never_above_dry_bulb(dry, dew):
    outside, wet = Weather(Constant(dry), dew_point_c=dew).over(0.0, 60.0)
    assert wet <= outside == dry


def test_measured_wet_bulb_is_used_as_given():
    assert Weather(Constant(30.0), Constant(21.0)).over(0.0, 1.0) == (30.0, 21.0)


def test_time_of_use_follows_local_time_and_weekdays():
    # Berlin is two hours ahead of UTC; 19 July 2026 is a Sunday.
    day = Period(8 * 3600.0, 20 * 3600.0, 0.30, weekdays=(0, 1, 2, 3, 4))
    price = time_of_use(START, ZoneInfo("Europe/Berlin"), 3 * 86_400.0, 0.10, [day])
    hour = 3600.0
    assert price.mean(7 * hour, 7 * hour) == 0.10  # Sunday 09:00
    assert price.mean(29 * hour, 29 * hour) == 0.10  # Monday 07:00
    assert price.mean(30 * hour, 30 * hour) == 0.30  # Monday 08:00
    assert price.mean(24 * hour, 48 * hour) == pytest.approx(0.20)


def test_demand_is_the_highest_quarter_of_an_hour():
    demand = DemandMeter()
    demand.add(0.0, 450.0, 100.0)
    demand.add(450.0, 1350.0, 300.0)  # windows: (100 + 300) / 2, then 300 for half of it
    assert demand.peak_w == pytest.approx(300.0)  # the second is cut so far
    demand.add(1350.0, 3600.0, 260.0)
    assert demand.peak_w == pytest.approx(280.0)


@pytest.mark.parametrize(
    ("start", "window", "hours"),
    [
        ("2026-03-28T23:00:00Z", ("02:30", "03:00"), 0.0),  # that half hour does not exist
        ("2026-03-29T23:00:00Z", ("02:30", "03:00"), 0.5),
        ("2026-10-24T22:00:00Z", ("02:30", "03:00"), 1.0),  # and that one is there twice
        ("2026-03-28T23:00:00Z", ("22:00", "06:00"), 7.0),
        ("2026-03-29T22:00:00Z", ("22:00", "06:00"), 8.0),
        ("2026-03-28T23:00:00Z", ("02:30", "04:30"), 1.5),
    ],
)
def test_windows_are_right_over_midnight_and_over_changes_of_clock(start, window, hours):
    edges = [float(text[:2]) * 3600.0 + float(text[3:]) * 60.0 for text in window]
    day_s = 23 * 3600.0 if start == "2026-03-28T23:00:00Z" else 86_400.0
    begin = datetime.fromisoformat(start)
    price = time_of_use(begin, ZoneInfo("Europe/Berlin"), day_s, 0.0, [Period(*edges, 1.0)])
    assert price.mean(0.0, day_s) * day_s / 3600.0 == pytest.approx(hours)


def test_a_window_over_midnight_belongs_to_the_day_it_starts_on():
    night = Period(22 * 3600.0, 6 * 3600.0, 1.0, weekdays=(0, 1, 2, 3, 4))
    price = time_of_use(START, ZoneInfo("UTC"), 8 * 86_400.0, 0.0, [night])
    hours = [price.mean(d * 86_400.0, (d + 1) * 86_400.0) * 24.0 for d in range(7)]
    assert hours == pytest.approx([0, 2, 8, 8, 8, 8, 6])  # from a Sunday to a Saturday


def test_demand_windows_lie_on_the_clock_and_cut_ones_count_by_their_length():
    run = DemandMeter()
    run.add(0.0, 600.0, 12_000.0)
    assert run.peak_w == pytest.approx(12_000.0)
    late = DemandMeter(clock_s=600.0)  # begins at ten past
    late.add(0.0, 300.0, 100.0)
    late.add(300.0, 1200.0, 400.0)
    assert late.peak_w == pytest.approx(400.0)


def test_purchase_agreement_pays_the_difference():
    contract = PurchaseAgreement(0.5, 0.06)
    assert contract.cost_usd(3.6e9, 0.10) == pytest.approx(-20.0)


BATTERY = Battery(3.6e6, 2000.0, 4000.0, round_trip=0.81, reserve=0.25)


def test_battery_loses_the_round_trip():
    stored, taken = BATTERY.exchange(0.0, -1000.0, 1000.0)
    assert (stored, taken) == (pytest.approx(0.9e6), -1000.0)
    left, given_w = BATTERY.exchange(stored, 1e9, 1000.0, emergency=True)
    assert left == pytest.approx(0.0, abs=1e-6)
    assert given_w * 1000.0 == pytest.approx(0.81e6)


def test_battery_keeps_its_reserve_and_its_limits():
    assert BATTERY.exchange(0.9e6, 1000.0, 60.0) == (0.9e6, 0.0)
    assert BATTERY.exchange(3.6e6, 9000.0, 1.0)[1] == 4000.0
    assert BATTERY.exchange(0.0, -9000.0, 1.0)[1] == -2000.0
    assert BATTERY.exchange(3.6e6, -9000.0, 1.0) == (3.6e6, 0.0)


@given(
    load=WATTS, grid=WATTS, solar=WATTS, generator=WATTS, wanted=st.floats(-1e6, 1e6),
    stored=st.floats(0.0, 3.6e6), step=st.sampled_from([1.0, 60.0, 900.0]),
)  # fmt: skip
def test_power_is_conserved_whatever_is_asked(load, grid, solar, generator, wanted, stored, step):
    supply = Supply(grid, solar, generator, BATTERY, stored, wanted)
    result = balance(load, supply, step)
    assert abs(result.residual_w) <= 1e-9 * max(load, solar, 1.0)
    assert min(result.grid_w, result.generator_w, result.solar_w, result.unserved_w) >= -1e-9
    assert result.grid_w <= grid
    assert result.generator_w <= generator
    assert result.discharge_w == 0.0 or result.charge_w == 0.0
    change = result.charge_w * 0.9 * step - result.discharge_w * step / 0.9
    assert result.stored_j - stored == pytest.approx(change, rel=1e-9, abs=1e-3)


def test_in_an_outage_the_battery_carries_what_the_generator_cannot():
    result = balance(3000.0, Supply(0.0, 0.0, 1000.0, BATTERY, 3.6e6, -500.0), 60.0)
    assert (result.generator_w, result.discharge_w, result.unserved_w) == (1000.0, 2000.0, 0.0)
    dark = balance(9000.0, Supply(0.0, 0.0, 1000.0, BATTERY, 3.6e6), 60.0)
    assert dark.unserved_w == 4000.0


def test_storage_policies():
    settings = StorageSettings(low=0.05, high=0.15, power_w=100.0)
    price = STORAGE.get("price-following")(settings)
    asked = [price.wanted_w(Outlook(500.0, usd, 0.0)) for usd in (0.01, 0.10, 0.30)]
    assert asked == [-100.0, 0.0, 100.0]
    carbon = STORAGE.get("carbon-following")(StorageSettings(50.0, 300.0, 100.0))
    assert carbon.wanted_w(Outlook(40.0, 0.0, 400.0)) == 40.0
    standby = STORAGE.get("standby")(settings)
    assert standby.wanted_w(Outlook(500.0, 0.3, 500.0)) == -100.0
    shave = STORAGE.get("peak-shaving")(StorageSettings(300.0, 500.0, 0.0))
    assert [shave.wanted_w(Outlook(w, 0, 0)) for w in (200.0, 400.0, 800.0)] == [-100.0, 0.0, 300.0]
    with pytest.raises(PolicyError, match="did you mean 'standby'"):
        STORAGE.get("stand-by")


def test_the_sun_is_highest_at_noon_in_june_and_absent_at_night():
    noon = solar_power_w(1000.0, 50.0, 172, 12.0)
    assert noon == pytest.approx(1000.0 * np.sin(np.radians(90.0 - 50.0 + 23.45)), rel=1e-3)
    assert solar_power_w(1000.0, 50.0, 172, 0.0) == 0.0
    assert solar_power_w(1000.0, 50.0, 355, 12.0) < 0.5 * noon


def test_compliance_counts_seconds_depth_and_breaches():
    target = LoadTarget(750.0, 100.0, 200.0, grace_s=20.0)
    edges = np.array([0.0, 100.0, 130.0, 160.0, 170.0, 250.0])
    power = np.array([1000.0, 900.0, 700.0, 800.0, 700.0])
    result = compliance(target, edges[:-1], edges[1:], power)
    assert result.comply_s == 30.0
    assert (result.breach_s, result.breaches, result.worst_w) == (20.0, 2, 150.0)
    assert result.held_s == 60.0
    assert result.depth == pytest.approx(1.0 - (900 * 30 + 700 * 60 + 800 * 10) / 100 / 1000.0)


def test_a_target_that_is_never_met():
    result = compliance(
        LoadTarget(1.0, 0.0, 10.0), np.array([0.0]), np.array([10.0]), np.array([9.0])
    )
    assert result.comply_s == np.inf
    assert result.depth == 0.0


def test_the_tightest_limit_in_force_counts():
    targets = [LoadTarget(500.0, 0.0, 10.0), LoadTarget(300.0, 5.0, 20.0)]
    assert [limit_at(targets, t) for t in (1.0, 5.0, 15.0, 20.0)] == [500.0, 300.0, 300.0, np.inf]
