"""Rate tables of common shapes: ramps, flash crowds, days and weeks with time zones."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from sim.traffic.arrivals.ratetable import RateTable

_FILE = Path(__file__).resolve().parents[2] / "_data" / "traffic_profiles.csv"
_STEP_S = 600.0
_DAY_S = 86_400.0
_RAMP_PIECES = 60
_SUDDEN_S = 1e-3  # a rise that takes no time, as steep as a line can be


@dataclass(frozen=True, slots=True)
class Profile:
    """How a rate changes over a day, by local time.

    Attributes:
        hours: rate in the middle of each hour of a weekday, any scale, 24 values.
        weekend: Saturdays and Sundays relative to weekdays.
        kind: ``measured``, or ``guess``.
        source: where the numbers come from.
    """

    hours: tuple[float, ...]
    weekend: float = 1.0
    kind: str = "given"
    source: str = "the scenario"

    def at(self, weekday: np.ndarray, hour: np.ndarray) -> np.ndarray:
        """Return the relative rate at weekdays (0 is Monday) and hours of the day."""
        # Values stand for the middle of their hour; between them the rate is a straight line.
        knots = np.arange(-1, 25) + 0.5
        values = (self.hours[-1], *self.hours, self.hours[0])
        factor = np.where(weekday >= 5, self.weekend, 1.0)
        return np.asarray(np.interp(hour, knots, values) * factor)


def shipped_profiles() -> Mapping[str, Profile]:
    """Return the profiles that come with Loadbank, by name."""
    with _FILE.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return {
        row["profile"]: Profile(
            hours=tuple(float(row[f"h{hour:02d}"]) for hour in range(24)),
            weekend=float(row["weekend"]),
            kind=row["kind"],
            source=row["source"],
        )
        for row in rows
    }


def week_table(
    profile: Profile, rate_per_s: float, time_zone: str, start: datetime, weekly: bool = True
) -> RateTable:
    """Return a repeating week whose mean is ``rate_per_s``; 52 weeks where clocks change in them.

    Args:
        profile: the shape of a day, in local time.
        rate_per_s: mean rate over the week [requests/s].
        time_zone: IANA name of the zone in which the users live.
        start: the moment at which the simulation starts; without a zone it is UTC.
        weekly: whether weekends differ; otherwise one weekday repeats.
    """
    begin = start if start.tzinfo is not None else start.replace(tzinfo=UTC)
    begin = begin.astimezone(UTC)
    span_s = 7 * _DAY_S if weekly else _DAY_S
    middle_s = np.arange(int(52 * 7 * _DAY_S / _STEP_S)) * _STEP_S + _STEP_S / 2
    ahead_s = _offsets_s(begin, ZoneInfo(time_zone), middle_s)
    changes = bool((ahead_s != ahead_s[0]).any())
    pieces = len(middle_s) if changes else int(span_s / _STEP_S)
    midnight_s = (begin - begin.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds()
    local_s = midnight_s + middle_s[:pieces] + ahead_s[:pieces]
    weekday = (begin.weekday() + np.floor_divide(local_s, _DAY_S).astype(int)) % 7
    shape = profile.at(weekday if weekly else np.zeros_like(weekday), local_s % _DAY_S / 3600.0)
    usual = shape[: int(span_s / _STEP_S)].mean()
    edges_s = np.arange(pieces + 1) * _STEP_S
    return RateTable(edges_s.astype(np.float64), shape * (rate_per_s / usual), repeats=True)


def _offsets_s(begin: datetime, zone: ZoneInfo, time_s: np.ndarray) -> np.ndarray:
    """Return how far local time is ahead of UTC at each time after ``begin`` [s]."""
    # Clocks change on full and half hours, which is every third step.
    each = 3
    ahead = [
        (begin + timedelta(seconds=at)).astimezone(zone).utcoffset() or timedelta()
        for at in time_s[::each].tolist()
    ]
    return np.repeat([offset.total_seconds() for offset in ahead], each)[: len(time_s)]


def line_table(points: Sequence[tuple[float, float]], repeats: bool = False) -> RateTable:
    """Return a rate that goes in straight lines from point to point.

    Args:
        points: times, rising from 0 [s], and rates [requests/s].
        repeats: start again after the last point; otherwise the last rate goes on for ever.
    """
    edges_s: list[float] = []
    for (start_s, first), (end_s, last) in itertools.pairwise(points):
        pieces = 1 if first == last else _RAMP_PIECES
        edges_s += np.linspace(start_s, end_s, pieces, endpoint=False).tolist()
    edges_s.append(points[-1][0])
    if not repeats:
        edges_s.append(points[-1][0] + 1.0)
    edges = np.array(edges_s)
    middle_s = (edges[1:] + edges[:-1]) / 2
    rates = np.interp(middle_s, [p[0] for p in points], [p[1] for p in points])
    return RateTable(edges, rates.astype(np.float64), repeats)


def step_table(points: Sequence[tuple[float, float]], span_s: float = 0.0) -> RateTable:
    """Return a rate that jumps at each point.

    Args:
        points: times, rising from 0 [s], and the rate from then on [requests/s].
        span_s: where the table starts again [s]; 0 to let the last rate go on for ever.
    """
    times_s = [time_s for time_s, _ in points]
    end_s = span_s or times_s[-1] + 1.0
    rates = np.array([rate for _, rate in points])
    return RateTable(np.array([*times_s, end_s]), rates, repeats=span_s > 0)


def ramp(from_per_s: float, to_per_s: float, start_s: float, lasting_s: float) -> RateTable:
    """Return a rate that moves from one level to another in a straight line."""
    before = [(0.0, from_per_s)] if start_s > 0 else []
    return line_table([*before, (start_s, from_per_s), (start_s + lasting_s, to_per_s)])


def flash_crowd(
    base_per_s: float, peak: float, start_s: float, rise_s: float, hold_s: float, decay_s: float
) -> RateTable:
    """Return a sudden crowd: a steep rise, a plateau, and an exponential decay.

    Args:
        base_per_s: rate before and long after [requests/s].
        peak: rate on the plateau as a multiple of the base.
        start_s: when the rise begins [s].
        rise_s: how long it takes [s].
        hold_s: how long the plateau lasts [s].
        decay_s: time in which the excess falls to 1/e [s].
    """
    top = base_per_s * peak
    if start_s > 0:
        rise_s = max(rise_s, _SUDDEN_S)
    calm = [(0.0, base_per_s), (start_s, base_per_s)] if start_s + rise_s > 0 else []
    end_s = start_s + rise_s + hold_s
    fall_s = np.linspace(0, 6 * decay_s, 25)[1:]
    falling = base_per_s + (top - base_per_s) * np.exp(-fall_s / decay_s)
    points = [*calm, (start_s + rise_s, top), (end_s, top)]
    points += zip((end_s + fall_s).tolist(), falling.tolist(), strict=True)
    points.append((points[-1][0] + decay_s, base_per_s))
    # Stages of no length give the same time twice; the first rate there counts.
    return line_table(sorted(dict(reversed(points)).items()))
