"""Typical years of weather as published: EPW (EnergyPlus) and the TMY tables of PVGIS.

Their months come from different years; they are laid on the calendar years of the run, 29 February
repeating the 28th. EPW: EnergyPlus Auxiliary Programs, "Weather Data Format": local standard time,
hour 1 to 24, dry bulb and dew point in the 7th and 8th column, 99.9 where missing. PVGIS: UTC,
columns ``time(UTC)``, ``T2m`` [degC] and ``RH`` [%].
"""

from __future__ import annotations

import calendar
import csv
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path

import numpy as np

from sim.errors import Problem, ScenarioError
from sim.facility.grid.signal_file import TEMPERATURE, Needs
from sim.facility.grid.weather import relative_humidity, wet_bulb_c
from sim.reasons import unreadable
from sim.signals import Sampled

_YEARS_WITHOUT_END = 3  # where only a trace ends the run
_EPW_FIRST_ROW = 8
_HOURS = 8760

Hour = tuple[int, int, int, float, float]  # month, day, hours into it, dry bulb, humidity [1]


def read_typical_year(path: Path, needs: Needs) -> tuple[Sampled, Sampled] | None:
    """Return dry-bulb and wet-bulb temperature [degC] over the run.

    Args:
        path: an EPW file or a TMY table of PVGIS; None comes back for any other file.
        needs: when the weather is needed.

    Raises:
        ScenarioError: the file cannot be read, lacks hours, or a row is no weather.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
            rows = list(csv.reader(file))
    except (OSError, csv.Error) as error:
        raise ScenarioError([unreadable(path, error, "a readable file of weather")]) from None
    if rows and rows[0] and rows[0][0].strip().upper() == "LOCATION":
        zone, hours = _epw(path, rows)
    else:
        head = next((at for at, row in enumerate(rows) if row and row[0] == "time(UTC)"), None)
        if head is None or not {"T2m", "RH"} <= set(rows[head]):
            return None
        zone, hours = UTC, _pvgis(path, rows, head)
    if len({hour[:3] for hour in hours}) != _HOURS or len(hours) != _HOURS:
        got = f"{len(hours)} hours"
        raise ScenarioError([Problem("", got, f"the {_HOURS} hours of a year, once", str(path))])
    return _laid_out(path.name, hours, zone, needs)


def _epw(path: Path, rows: list[list[str]]) -> tuple[tzinfo, list[Hour]]:
    try:
        zone = timezone(timedelta(hours=float(rows[0][8])))
    except (IndexError, ValueError):
        expected = "hours from UTC as the 9th field of LOCATION"
        raise ScenarioError([Problem("", ",".join(rows[0]), expected, str(path), 1)]) from None
    hours = []
    for line, row in enumerate(rows[_EPW_FIRST_ROW:], _EPW_FIRST_ROW + 1):
        if row:
            month, day, hour, dry_c, dew_c = _numbers(path, line, row, (1, 2, 3, 6, 7))
            _check(path, line, dry_c, dew_c)
            humidity = relative_humidity(dry_c, dew_c)
            hours.append((int(month), int(day), int(hour), dry_c, humidity))
    return zone, hours


def _pvgis(path: Path, rows: list[list[str]], head: int) -> list[Hour]:
    dry, humid = rows[head].index("T2m"), rows[head].index("RH")
    hours = []
    for line, row in enumerate(rows[head + 1 :], head + 2):
        if not row or not row[0][:8].isdigit():
            break  # the legend below the table
        dry_c, percent = _numbers(path, line, row, (dry, humid))
        _check(path, line, dry_c)
        try:
            stamp = datetime.strptime(row[0], "%Y%m%d:%H%M").replace(tzinfo=UTC)
        except ValueError:
            expected = "a time such as 20070101:0000"
            raise ScenarioError([Problem("time", row[0], expected, str(path), line)]) from None
        if (stamp.month, stamp.day) != (2, 29):
            hours.append((stamp.month, stamp.day, stamp.hour, dry_c, percent / 100.0))
    return hours


def _numbers(path: Path, line: int, row: Sequence[str], columns: Sequence[int]) -> list[float]:
    try:
        return [float(row[column]) for column in columns]
    except (IndexError, ValueError):
        expected = f"numbers in the columns {', '.join(str(c + 1) for c in columns)}"
        raise ScenarioError([Problem("", ",".join(row)[:60], expected, str(path), line)]) from None


def _check(path: Path, line: int, *temperatures_c: float) -> None:
    low, high = TEMPERATURE.usual
    for value in temperatures_c:
        if not low <= value <= high:
            expected = f"a temperature between {low:g} and {high:g} degC"
            raise ScenarioError([Problem("", f"{value:g}", expected, str(path), line)])


def _laid_out(name: str, hours: list[Hour], zone: tzinfo, needs: Needs) -> tuple[Sampled, Sampled]:
    start = needs.start.astimezone(zone)
    last = start.year + _YEARS_WITHOUT_END
    if math.isfinite(needs.until_s):
        last = (start + timedelta(seconds=needs.until_s)).year
    times, dry, wet = [], [], []
    for year in range(start.year - 1, last + 2):
        for month, day, hour, dry_c, humidity in _of_year(hours, year):
            moment = datetime(year, month, day, tzinfo=zone) + timedelta(hours=hour)
            times.append((moment - needs.start).total_seconds())
            dry.append(dry_c)
            wet.append(wet_bulb_c(dry_c, humidity))
    at = np.array(times)
    return (
        Sampled(name, at, np.array(dry), "line", end_s=times[-1]),
        Sampled(name, at, np.array(wet), "line", end_s=times[-1]),
    )


def _of_year(hours: list[Hour], year: int) -> list[Hour]:
    ordered = sorted(hours)
    if not calendar.isleap(year):
        return ordered
    again = [(2, 29, *hour[2:]) for hour in ordered if hour[:2] == (2, 28)]
    return sorted([*ordered, *again])
