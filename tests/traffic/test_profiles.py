"""Ramps, crowds, days and weeks: literal expectations."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from sim.traffic.arrivals import profiles
from sim.traffic.arrivals.profiles import Profile

MONDAY = datetime(2024, 5, 13, tzinfo=UTC)
NOON_ONLY = Profile(tuple(10.0 if hour == 12 else 0.01 for hour in range(24)), weekend=0.5)


def rate_at(table, time_s):
    """Return the rate at a time."""
    piece = np.searchsorted(table.edges_s, time_s, side="right") - 1
    return float(table.rates_per_s[min(piece, len(table.rates_per_s) - 1)])


def busiest_hour(table):
    """Return the middle of the busiest piece of the first day, in hours UTC."""
    day = table.rates_per_s[:144]
    return (np.flatnonzero(day == day.max()).mean() + 0.5) / 6


def test_a_week_has_the_mean_asked_for_and_quiet_weekends():
    table = profiles.week_table(NOON_ONLY, 7.0, "UTC", MONDAY)
    assert table.mean_per_s == pytest.approx(7.0)
    assert table.edges_s[-1] == 7 * 86_400
    assert table.repeats
    wednesday, saturday = rate_at(table, 2.52 * 86_400), rate_at(table, 5.52 * 86_400)
    assert saturday == pytest.approx(wednesday / 2)


def test_without_weekends_every_day_is_a_weekday():
    table = profiles.week_table(NOON_ONLY, 7.0, "UTC", MONDAY, weekly=False)
    assert table.edges_s[-1] == 86_400
    assert table.mean_per_s == pytest.approx(7.0)


@pytest.mark.parametrize(
    ("zone", "noon_utc"),
    [("UTC", 12.5), ("Europe/Berlin", 10.5), ("America/New_York", 16.5), ("Asia/Kolkata", 7.0)],
)
def test_noon_comes_when_it_is_noon_there(zone, noon_utc):
    table = profiles.week_table(NOON_ONLY, 1.0, zone, MONDAY)
    assert busiest_hour(table) == pytest.approx(noon_utc, abs=0.1)


def test_winter_time_moves_noon():
    winter = profiles.week_table(NOON_ONLY, 1.0, "Europe/Berlin", datetime(2024, 1, 15, tzinfo=UTC))
    assert busiest_hour(winter) == pytest.approx(11.5, abs=0.1)


def test_a_start_without_zone_is_utc():
    naive = profiles.week_table(NOON_ONLY, 1.0, "UTC", MONDAY.replace(tzinfo=None))
    assert busiest_hour(naive) == pytest.approx(12.5, abs=0.1)


def test_shipped_profiles_have_a_source_and_24_hours():
    shipped = profiles.shipped_profiles()
    assert {"flat", "coding", "conversation"} <= set(shipped)
    for profile in shipped.values():
        assert len(profile.hours) == 24
        assert profile.kind in {"measured", "guess"}
        assert profile.source


def test_coding_peaks_about_ten_times_its_trough():
    """The Azure 2024 coding trace has a weekday peak to trough of 10.0 on its median day."""
    hours = profiles.shipped_profiles()["coding"].hours
    assert max(hours) / min(hours) == pytest.approx(9.5, abs=0.6)


def test_a_ramp_goes_in_a_straight_line():
    table = profiles.ramp(2.0, 10.0, start_s=100.0, lasting_s=200.0)
    assert rate_at(table, 50) == 2.0
    assert rate_at(table, 200) == pytest.approx(6.0, abs=0.1)
    assert rate_at(table, 1e6) == 10.0
    # The area below it: 100 s of 2 and 200 s of 6 on average.
    assert table.expected(np.array([300.0]))[0] == pytest.approx(1400.0)


def test_a_ramp_may_begin_at_once():
    table = profiles.ramp(0.0, 1.0, start_s=0.0, lasting_s=10.0)
    assert table.expected(np.array([10.0]))[0] == pytest.approx(5.0)


def test_a_flash_crowd_rises_stays_and_decays():
    table = profiles.flash_crowd(10.0, 5.0, start_s=60.0, rise_s=10.0, hold_s=30.0, decay_s=100.0)
    assert rate_at(table, 30) == 10
    assert rate_at(table, 85) == 50
    assert rate_at(table, 200) == pytest.approx(10 + 40 * np.exp(-1), rel=0.03)
    assert rate_at(table, 1e5) == 10


def test_a_flash_crowd_may_come_at_once():
    table = profiles.flash_crowd(10.0, 5.0, start_s=0.0, rise_s=0.0, hold_s=30.0, decay_s=10.0)
    assert rate_at(table, 0.0) == 50
    assert (np.diff(table.edges_s) > 0).all()


def test_steps_hold_their_rate_and_may_repeat():
    table = profiles.step_table([(0.0, 1.0), (10.0, 3.0)], span_s=20.0)
    assert table.expected(np.array([10.0, 20.0, 30.0])).tolist() == [10, 40, 50]
    endless = profiles.step_table([(0.0, 1.0), (10.0, 3.0)])
    assert endless.expected(np.array([110.0]))[0] == 310


def test_lines_that_repeat():
    table = profiles.line_table([(0.0, 0.0), (10.0, 2.0), (20.0, 0.0)], repeats=True)
    assert table.expected(np.array([20.0, 40.0])) == pytest.approx([20.0, 40.0])
