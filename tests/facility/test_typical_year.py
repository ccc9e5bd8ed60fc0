"""Typical years as published: laid on the calendar of the run, with their own humidity."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sim.errors import ScenarioError
from sim.facility.grid.signal_file import Needs
from sim.facility.grid.typical_year import read_typical_year

FIRST = datetime(2007, 1, 1, tzinfo=UTC)


def at(signal, time_s):
    return signal.mean(time_s - 30.0, time_s + 30.0)


def epw(tmp_path, hours=8760, dew="20.0"):
    head = ["LOCATION,Dubai,-,ARE,IWEC,411940,25.25,55.33,4.0,5.0", *["X"] * 7]
    rows = []
    for hour in range(hours):
        day = FIRST + timedelta(hours=hour)
        dry = day.timetuple().tm_yday / 10.0 + day.hour / 100.0 + 0.01
        rows.append(f"1991,{day.month},{day.day},{day.hour + 1},0,?,{dry:.2f},{dew},50,101000")
    path = tmp_path / "a.epw"
    path.write_text("\n".join([*head, *rows]) + "\n")
    return path


def test_hours_of_an_epw_are_local_standard_time_and_stand_at_their_end(tmp_path):
    start = datetime.fromisoformat("2026-06-30T20:00:00+00:00")  # 1 July, 00:00 in Dubai
    dry, _ = read_typical_year(epw(tmp_path), Needs(start, 7200.0))
    assert at(dry, 3600.0) == pytest.approx(18.21, abs=1e-3)  # day 182, hour 1
    assert at(dry, 5400.0) == pytest.approx(18.215, abs=1e-3)


def test_29_february_repeats_the_28th_and_years_follow_each_other(tmp_path):
    start = datetime.fromisoformat("2028-02-28T12:00:00+04:00")
    dry, _ = read_typical_year(epw(tmp_path), Needs(start, 86_400.0 * 400))
    assert at(dry, 86_400.0) == pytest.approx(at(dry, 0.0), abs=1e-3)
    assert at(dry, 86_400.0 * 366) == pytest.approx(at(dry, 0.0), abs=1e-3)
    new_year = datetime.fromisoformat("2028-01-01T00:30:00+04:00")
    dry, _ = read_typical_year(epw(tmp_path), Needs(new_year, 60.0))
    midnight, one = 36.74, 0.11
    assert at(dry, 0.0) == pytest.approx((midnight + one) / 2, abs=0.02)


def test_saturated_air_has_its_own_temperature_as_wet_bulb(tmp_path):
    start = datetime.fromisoformat("2026-07-01T00:00:00+04:00")
    dry, wet = read_typical_year(epw(tmp_path, dew="40.0"), Needs(start, 60.0))
    assert at(wet, 0.0) == pytest.approx(at(dry, 0.0), abs=0.6)
    dry, wet = read_typical_year(epw(tmp_path, dew="-20.0"), Needs(start, 60.0))
    assert at(wet, 0.0) < at(dry, 0.0) - 8.0


def test_a_table_of_pvgis_is_read_in_utc_with_its_humidity_and_without_its_legend(tmp_path):
    rows = [
        f"{FIRST + timedelta(hours=hour):%Y%m%d:%H%M},{20.0 + hour % 24},50.0,0"
        for hour in range(8760)
    ]
    path = tmp_path / "tmy.csv"
    head = ["Latitude (decimal degrees): 52.5", "", "time(UTC),T2m,RH,G(h)"]
    path.write_text("\n".join([*head, *rows, "", "T2m: 2-m air temperature"]) + "\n")
    start = datetime.fromisoformat("2026-03-01T02:00:00+02:00")
    dry, wet = read_typical_year(path, Needs(start, 3600.0))
    assert at(dry, 0.0) == pytest.approx(20.0, abs=0.15)
    assert at(wet, 0.0) == pytest.approx(13.7, abs=0.3)  # Stull (2011), his example: 20 degC, 50 %


def test_missing_hours_and_values_are_refused_and_other_files_are_not_ours(tmp_path):
    needs = Needs(datetime.fromisoformat("2026-07-01T00:00:00+04:00"), 60.0)
    with pytest.raises(ScenarioError, match="8759 hours"):
        read_typical_year(epw(tmp_path, hours=8759), needs)
    with pytest.raises(ScenarioError, match=r"99\.9"):
        read_typical_year(epw(tmp_path, dew="99.9"), needs)
    other = tmp_path / "plain.csv"
    other.write_text("timestamp,value\n")
    assert read_typical_year(other, needs) is None
