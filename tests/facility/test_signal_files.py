"""Files of weather, prices and carbon: units, plausibility, coverage, and exports as they are."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sim.errors import ScenarioError
from sim.facility.grid.signal_file import CARBON, PRICE, TEMPERATURE, Needs, read_signal
from sim.traffic.arrivals import profiles

START = datetime.fromisoformat("2028-02-29T10:00:00+01:00")


def hourly(tmp_path, values):
    rows = [f"2028-02-29T{10 + hour}:00:00+01:00,{value}" for hour, value in enumerate(values)]
    path = tmp_path / "s.csv"
    path.write_text("\n".join(["timestamp,value", *rows]) + "\n")
    return path


def test_a_price_per_mwh_is_read_with_its_unit_and_refused_without(tmp_path):
    path = hourly(tmp_path, (65.2, 70.1, 70.1, 70.1))
    price = read_signal(path, Needs(START, 7200.0), quantity=PRICE, unit="EUR/MWh")
    assert price.mean(0.0, 7200.0) == pytest.approx(0.06765)
    with pytest.raises(ScenarioError, match=r"median of 70.1.*state the `unit`"):
        read_signal(path, Needs(START, 7200.0), quantity=PRICE)
    with pytest.raises(ScenarioError, match="one of USD/kWh"):
        read_signal(path, Needs(START, 7200.0), quantity=PRICE, unit="GBP/MWh")


def test_kelvins_and_fill_values_are_no_weather(tmp_path):
    kelvin = hourly(tmp_path, (293, 294, 294, 294))
    with pytest.raises(ScenarioError, match=r"s.csv:2: value: got '293'"):
        read_signal(kelvin, Needs(START), quantity=TEMPERATURE)
    warm = read_signal(kelvin, Needs(START), quantity=TEMPERATURE, unit="K")
    assert warm.mean(0.0, 0.0) == pytest.approx(19.85)
    with pytest.raises(ScenarioError, match=r"s.csv:3: value: got '9999'"):
        read_signal(hourly(tmp_path, (12, 9999, 12, 12)), Needs(START), quantity=TEMPERATURE)


def test_a_file_that_ends_before_the_run_is_refused_with_dates(tmp_path):
    path = hourly(tmp_path, (300, 320))
    read_signal(path, Needs(START, 7200.0), quantity=CARBON)
    with pytest.raises(ScenarioError, match=r"to 2028-02-29T12:00:00.*2028-02-29T20:00:00"):
        read_signal(path, Needs(START, 36_000.0), quantity=CARBON)
    early = START.replace(hour=8)
    with pytest.raises(ScenarioError, match="begins with the run at 2028-02-29T08:00"):
        read_signal(path, Needs(early, 3600.0), quantity=CARBON)


def test_the_last_value_is_held_while_a_run_drains(tmp_path):
    for between in ("step", "line"):
        path = hourly(tmp_path, (300, 320))
        signal = read_signal(path, Needs(START, 7200.0, 3600.0), None, between, quantity=CARBON)
        assert signal.mean(7200.0, 10_800.0) == pytest.approx(320.0)


ELECTRICITY_MAPS = """\
Datetime (UTC),Country,Zone name,Zone id,Carbon intensity gCO₂eq/kWh (direct),Carbon intensity gCO₂eq/kWh (Life cycle)
2028-02-29 09:00:00,Germany,Germany,DE,300,350
2028-02-29 10:00:00,Germany,Germany,DE,310,360
"""
ENTSO_E = """\
MTU (CET/CEST);Day-ahead Price [EUR/MWh]
29.02.2028 10:00 - 29.02.2028 11:00;80
29.02.2028 11:00 - 29.02.2028 12:00;100
"""
GRIDSTATUS = """\
interval_start_utc,interval_end_utc,location,lmp,energy
2028-02-29T09:00:00+00:00,2028-02-29T10:00:00+00:00,HB_NORTH,25,24
2028-02-29T10:00:00+00:00,2028-02-29T11:00:00+00:00,HB_NORTH,35,34
"""


@pytest.mark.parametrize(
    ("text", "quantity", "mean"),
    [(ELECTRICITY_MAPS, CARBON, 355.0), (ENTSO_E, PRICE, 0.09), (GRIDSTATUS, PRICE, 0.03)],
)
def test_exports_are_read_as_they_are(tmp_path, text, quantity, mean):
    path = tmp_path / "export.csv"
    path.write_text(text, encoding="utf-8")
    signal = read_signal(path, Needs(START, 7200.0), quantity=quantity)
    assert signal.mean(0.0, 7200.0) == pytest.approx(mean)


def test_a_week_keeps_its_local_hours_over_a_change_of_clock():
    office = profiles.shipped_profiles()["office"]
    start = datetime(2026, 3, 23, tzinfo=UTC)  # clocks change on the 29th
    table = profiles.week_table(office, 1.0, "Europe/Berlin", start)
    peaks = []
    for day in (1, 8, 15):
        of_day = table.rates_per_s[day * 144 : (day + 1) * 144]
        peaks.append(of_day.argmax() / 6.0 + (1.0 if day < 6 else 2.0))
    assert peaks[1] == peaks[2] == pytest.approx(peaks[0])
