"""Signals from CSV files: ``timestamp,value`` with a time zone, complete and in order."""

from __future__ import annotations

import csv
import math
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from sim.errors import Problem, ScenarioError
from sim.signals import Sampled

_MOST_PROBLEMS = 20  # a file that is wrong in every row need not be told row by row


def read_signal(
    path: Path, start: datetime, zone: str | None = None, between: Literal["step", "line"] = "step"
) -> Sampled:
    """Read a signal; nothing is filled in, sorted or guessed.

    Args:
        path: CSV with the columns ``timestamp`` (ISO 8601) and ``value``.
        start: instant of simulated time 0, with a time zone.
        zone: IANA time zone of time stamps that have no offset of their own.
        between: whether values are held or joined by lines.

    Raises:
        ScenarioError: with every problem: no such file or column, a time stamp without a zone, an
            ambiguous one, one that is out of order, a gap, or a value that is no number.
    """
    problems: list[Problem] = []
    rows = _rows(path, problems)
    local = _zone(path, zone, problems)
    times: list[float] = []
    values: list[float] = []
    lines: list[int] = []
    for line, stamp, text in rows:
        moment = _moment(path, line, stamp, local, problems)
        value = _value(path, line, text, problems)
        if moment is not None and value is not None:
            times.append((moment - start).total_seconds())
            values.append(value)
            lines.append(line)
    if not problems:
        problems = _order_problems(path, times, lines)
    if problems:
        raise ScenarioError(problems[:_MOST_PROBLEMS])
    width_s = times[1] - times[0]
    return Sampled(path.name, np.array(times), np.array(values), between, end_s=times[-1] + width_s)


def _rows(path: Path, problems: list[Problem]) -> list[tuple[int, str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            found = set(reader.fieldnames or ())
            for column in ("timestamp", "value"):
                if column not in found:
                    got = ", ".join(sorted(found)) or "no columns"
                    problems.append(Problem(column, got, f"a column {column}", str(path), 1))
            if problems:
                return []
            rows = [(reader.line_num, row["timestamp"] or "", row["value"] or "") for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        problems.append(Problem("", str(error), "a readable CSV file", str(path)))
        return []
    if len(rows) < 2:
        problems.append(Problem("", f"{len(rows)} rows", "at least two rows", str(path)))
    return rows


def _zone(path: Path, zone: str | None, problems: list[Problem]) -> ZoneInfo | None:
    try:
        return ZoneInfo(zone) if zone is not None else None
    except (ZoneInfoNotFoundError, ValueError):
        expected = "an IANA time zone, such as 'Europe/Berlin'"
        problems.append(Problem("zone", repr(zone), expected, str(path)))
        return None


def _moment(
    path: Path, line: int, text: str, zone: ZoneInfo | None, problems: list[Problem]
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
