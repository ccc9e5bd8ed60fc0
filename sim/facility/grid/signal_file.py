"""Signals from CSV files: time stamps with a zone and values with a unit, complete and in order.

Plain files have the columns ``timestamp`` and ``value``; exports of Electricity Maps, ENTSO-E and
gridstatus are known by their headings (`sim.facility.grid.signal_forms`).
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from sim.errors import Problem, ScenarioError
from sim.facility.grid.signal_forms import FileForm, file_form, stamp_and_zone
from sim.reasons import unreadable
from sim.signals import Sampled

_MOST_PROBLEMS = 20  # a file that is wrong in every row need not be told row by row


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a signal measures.

    Attributes:
        name: in words.
        units: factor and offset from each unit that a file may be in to the one the code uses.
        usual: lowest and highest value that a row may have, in that unit.
        median: lowest and highest median that is believed of a file whose unit nobody stated.
    """

    name: str
    units: Mapping[str, tuple[float, float]]
    usual: tuple[float, float] = (-math.inf, math.inf)
    median: tuple[float, float] = (-math.inf, math.inf)


PRICE = Quantity(
    "a price of energy",
    {"USD/kWh": (1.0, 0.0), "USD/MWh": (1e-3, 0.0), "EUR/kWh": (1.0, 0.0), "EUR/MWh": (1e-3, 0.0)},
    (-20.0, 200.0),
    (-5.0, 5.0),
)
CARBON = Quantity(
    "a carbon intensity",
    {"gCO2/kWh": (1.0, 0.0), "kgCO2/MWh": (1.0, 0.0), "kgCO2/kWh": (1e3, 0.0),
     "lbCO2/MWh": (0.453592, 0.0)},
    (0.0, 3000.0),
    (2.0, 1500.0),
)  # fmt: skip
TEMPERATURE = Quantity(
    "an outdoor temperature",
    {"degC": (1.0, 0.0), "degF": (5.0 / 9.0, -160.0 / 9.0), "K": (1.0, -273.15)},
    (-90.0, 60.0),
)
ANYTHING = Quantity("a value", {})


@dataclass(frozen=True, slots=True)
class Needs:
    """For which time a signal is needed.

    Attributes:
        start: instant of simulated time 0, with a time zone.
        until_s: end of the run [s]; infinite where only a trace ends it.
        hold_s: for how long after the file's end its last value may be held [s].
    """

    start: datetime
    until_s: float = math.inf
    hold_s: float = 0.0


def read_signal(
    path: Path,
    needs: Needs | datetime,
    zone: str | None = None,
    between: Literal["step", "line"] = "step",
    *,
    quantity: Quantity = ANYTHING,
    unit: str | None = None,
    scale: float = 1.0,
) -> Sampled:
    """Read a signal; nothing is filled in, sorted or guessed.

    Args:
        path: CSV with the columns ``timestamp`` (ISO 8601) and ``value``, or a known export.
        needs: when the signal is needed, or only the instant of simulated time 0.
        zone: IANA time zone of time stamps that have no offset of their own.
        between: whether values are held or joined by lines.
        quantity: what it measures.
        unit: its unit, where the file does not say it.
        scale: factor to what the unit says.

    Raises:
        ScenarioError: with every problem: no such file or column, a time stamp without a zone, an
            ambiguous one, one that is out of order, a gap, a value that is no number or cannot
            be, a unit that is missing, or a file that does not cover the run.
    """
    needs = needs if isinstance(needs, Needs) else Needs(needs)
    problems: list[Problem] = []
    form, rows = _rows(path, problems)
    local = _zone(path, zone or form.zone, problems)
    factor, offset = _conversion(path, form, quantity, unit, problems)
    times: list[float] = []
    values: list[float] = []
    lines: list[int] = []
    for line, stamp, text in rows:
        text_of, own = stamp_and_zone(stamp, form)
        moment = _moment(path, line, text_of, own or local, problems)
        value = _value(path, line, text, problems)
        if moment is not None and value is not None:
            value = (value * factor + offset) * scale
            _check_value(path, line, text, value, quantity, problems)
            times.append((moment - needs.start).total_seconds())
            values.append(value)
            lines.append(line)
    if not problems:
        problems = [*_order_problems(path, times, lines)]
    if not problems:
        stated = unit is not None or form.unit is not None or scale != 1.0
        problems = [*_unit_problems(path, values, quantity, stated=stated)]
        problems += _cover_problems(path, times, needs)
    if problems:
        raise ScenarioError(problems[:_MOST_PROBLEMS])
    return _sampled(path.name, times, values, between, needs.hold_s)


def _sampled(
    name: str,
    times: list[float],
    values: list[float],
    between: Literal["step", "line"],
    hold_s: float,
) -> Sampled:
    end_s = 2.0 * times[-1] - times[-2] + hold_s
    if between == "line" and hold_s > 0.0:
        times, values = [*times, end_s], [*values, values[-1]]
    return Sampled(name, np.array(times), np.array(values), between, end_s=end_s)


def _conversion(
    path: Path, form: FileForm, quantity: Quantity, unit: str | None, problems: list[Problem]
) -> tuple[float, float]:
    """Return factor and offset of the file's unit; a unit that is stated goes before its own."""
    named = unit or form.unit
    if named is None or not quantity.units:
        return 1.0, 0.0
    if named not in quantity.units:
        problems.append(
            Problem("unit", repr(named), "one of " + ", ".join(quantity.units), str(path))
        )
        return 1.0, 0.0
    return quantity.units[named]


def _check_value(
    path: Path, line: int, text: str, value: float, quantity: Quantity, problems: list[Problem]
) -> None:
    low, high = quantity.usual
    if not low <= value <= high:
        unit = next(iter(quantity.units))
        expected = f"{quantity.name} between {low:g} and {high:g} {unit}"
        hint = "state the `unit` of the file"
        problems.append(Problem("value", repr(text), expected, str(path), line, hint=hint))


def _unit_problems(
    path: Path, values: list[float], quantity: Quantity, *, stated: bool
) -> list[Problem]:
    low, high = quantity.median
    median = float(np.median(values))
    if stated or low <= median <= high:
        return []
    unit = next(iter(quantity.units))
    expected = f"{quantity.name} whose median is between {low:g} and {high:g} {unit}"
    hint = "state the `unit` of the file: " + ", ".join(quantity.units)
    return [Problem("value", f"a median of {median:g}", expected, str(path), hint=hint)]


def _cover_problems(path: Path, times: list[float], needs: Needs) -> list[Problem]:
    """Return a problem if the file begins after the run does or ends before it."""
    first_s, last_s = times[0], 2.0 * times[-1] - times[-2]
    begin = needs.start
    ends = [begin + timedelta(seconds=at) for at in (first_s, last_s)]
    got = f"{ends[0].isoformat()} to {ends[1].isoformat()}"
    if first_s > 0.0:
        return [
            Problem("", got, f"a file that begins with the run at {begin.isoformat()}", str(path))
        ]
    if math.isfinite(needs.until_s) and last_s < needs.until_s:
        run_end = begin + timedelta(seconds=needs.until_s)
        return [
            Problem(
                "",
                got,
                f"a file that lasts as long as the run, to {run_end.isoformat()}",
                str(path),
            )
        ]
    return []


def _rows(path: Path, problems: list[Problem]) -> tuple[FileForm, list[tuple[int, str, str]]]:
    plain = FileForm("timestamp", "value")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            file.seek(0)
            if first.startswith("\ufeff"):
                file.read(1)
            delimiter = ";" if first.count(";") > first.count(",") else ","
            reader = csv.DictReader(file, delimiter=delimiter)
            found = list(reader.fieldnames or ())
            form = file_form(found) or plain
            for column in (form.time, form.value):
                if column not in found:
                    got = ", ".join(sorted(found)) or "no columns"
                    problems.append(Problem(column, got, f"a column {column}", str(path), 1))
            if problems:
                return form, []
            rows = [
                (reader.line_num, row[form.time] or "", row[form.value] or "") for row in reader
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        problems.append(unreadable(path, error, "a readable CSV file"))
        return plain, []
    if len(rows) < 2:
        problems.append(Problem("", f"{len(rows)} rows", "at least two rows", str(path)))
    return form, rows


def _zone(path: Path, zone: str | None, problems: list[Problem]) -> ZoneInfo | None:
    try:
        return ZoneInfo(zone) if zone is not None else None
    except (ZoneInfoNotFoundError, ValueError):
        expected = "an IANA time zone, such as 'Europe/Berlin'"
        problems.append(Problem("zone", repr(zone), expected, str(path)))
        return None


def _moment(
    path: Path, line: int, text: str, zone: tzinfo | None, problems: list[Problem]
) -> datetime | None:
    expected, hint = "", ""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        expected = "an ISO 8601 time, such as '2026-07-19T14:00:00+01:00'"
    else:
        if moment.tzinfo is not None:
            return moment
        if zone is None:
            expected = "a time with an offset from UTC"
            hint = "add the offset, or name the zone of the file under `zone`"
        else:
            early = moment.replace(tzinfo=zone, fold=0)
            if early.utcoffset() == moment.replace(tzinfo=zone, fold=1).utcoffset():
                return early
            expected = "a time that exists once in its zone"
            hint = "clocks change here: add the offset from UTC"
    problems.append(Problem("timestamp", repr(text), expected, str(path), line, hint=hint))
    return None


def _value(path: Path, line: int, text: str, problems: list[Problem]) -> float | None:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isfinite(value):
        return value
    problems.append(Problem("value", repr(text), "a number", str(path), line))
    return None


def _order_problems(path: Path, times: list[float], lines: list[int]) -> list[Problem]:
    steps = np.diff(times)
    usual_s = float(np.median(steps))
    problems = []
    for line, step in zip(lines[1:], steps.tolist(), strict=True):
        if step <= 0.0:
            got = (
                f"{timedelta(seconds=abs(step))} before the row above" if step else "the same time"
            )
            expected = "a time after the row above"
        elif step > 1.5 * usual_s:
            got = f"a gap of {timedelta(seconds=step)}"
            expected = f"a row every {timedelta(seconds=usual_s)}"
        else:
            continue
        problems.append(Problem("timestamp", got, expected, str(path), line))
    return problems
