"""What leaves the facility: headroom by row and the trend log for building management."""

from __future__ import annotations

import csv
from datetime import UTC, datetime

import numpy as np
import pytest

from sim.dcim.trend_log import write_bms
from sim.facility.metering.headroom import density_warnings, row_headroom
from sim.facility.metering.meter import PowerMeter

DENSEST_W = np.array([30e3, 150e3, 30e3, 10e3])
METHODS = ("contained", "direct-to-chip", "contained", "perimeter")


def test_headroom_names_what_binds_and_adds_up(make_plant):
    plant = make_plant(
        row_limit_w=np.array([10_000.0, 20_000.0, 12_000.0]),
        rack_limit_w=np.array([5000.0, 4000.0, 30_000.0, 15_000.0]),
        hall_limit_w=np.array([np.inf, np.inf]),
        site_limit_w=np.array([24_000.0, np.inf]),
    )
    meter = PowerMeter(plant)
    meter.advance(np.zeros((0, 8)), 10.0)
    rows = {row.name: row for row in row_headroom(plant, meter, DENSEST_W)}
    # Row 1: racks allow 9 kW, its part of the site 24 * 10 / 30 = 8 kW.
    first = rows["a/h/r1"]
    assert first.binding == "power"
    assert first.stranded_w == {
        "space": 1000.0, "power": 1000.0, "cooling": 0.0, "network": 0.0, "sla": 0.0,
    }  # fmt: skip
    assert rows["a/h/r2"].stranded_w["power"] == 4000.0
    # A perimeter-cooled rack takes 10 kW at most.
    assert (rows["b/h/r1"].binding, rows["b/h/r1"].stranded_w["cooling"]) == ("cooling", 2000.0)
    assert first.imbalance > 0.0 == rows["b/h/r1"].imbalance


def test_rows_without_a_limit_are_left_out_and_sla_counts(make_plant):
    plant = make_plant(row_limit_w=np.array([np.inf, 5000.0, np.inf]), rack_limit_w=np.full(4, 9e3))
    meter = PowerMeter(plant)
    (row,) = row_headroom(plant, meter, DENSEST_W, sla_share=np.full(3, 0.7))
    assert (row.name, row.binding) == ("a/h/r2", "sla")
    assert row.stranded_w["sla"] == pytest.approx(1500.0)


def test_trend_log_has_a_row_per_bin_and_a_zone(tmp_path):
    points = {
        "a.facility_w": np.array([1.0, 2.0]),
        "a/h/r/1.plate_c": np.array([np.nan, np.nan]),
        "a/h/r/2.plate_c": np.array([60.0, np.nan]),
    }
    path = tmp_path / "trend.csv"
    start = datetime(2026, 7, 19, tzinfo=UTC)
    assert write_bms(path, start, np.array([0.0, 60.0]), points) == 2
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["timestamp"] for row in rows] == [
        "2026-07-19T00:00:00+00:00",
        "2026-07-19T00:01:00+00:00",
    ]
    assert [row["a.facility_w"] for row in rows] == ["1", "2"]
    assert "a/h/r/1.plate_c" not in rows[0]
    assert [row["a/h/r/2.plate_c"] for row in rows] == ["60", ""]


def test_a_rack_too_dense_for_its_cooling_is_named_with_the_excess(make_plant):
    plant = make_plant()
    meter = PowerMeter(plant)
    meter.advance(np.zeros((0, 8)), 10.0)
    rated_w = np.array([41_000.0, 41_000.0, 20_000.0, 12_000.0])
    first, second = density_warnings(plant, meter, METHODS, DENSEST_W, rated_w)
    assert first.startswith(
        "site a: 1 rack may draw up to 41 kW, which is 11 kW more than contained"
    )
    assert "2 kW more than perimeter" in second
    assert list(density_warnings(plant, meter, METHODS, DENSEST_W, np.full(4, 9e3))) == []
