"""What power costs: energy prices, demand charges and power purchase agreements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from sim.signals import Sampled
from sim.units import J_PER_KWH

DEMAND_WINDOW_S = 900.0  # utilities bill the highest mean of a quarter of an hour


@dataclass(frozen=True, slots=True)
class Period:
    """A daily time window with its own price.

    Attributes:
        start_s: start after midnight, local time [s].
        end_s: end after midnight; at or before the start it is on the next day [s].
        usd_per_kwh: price in it [USD/kWh].
        weekdays: days on which it holds, Monday 0.
    """

    start_s: float
    end_s: float
    usd_per_kwh: float
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)


def time_of_use(
    start: datetime,
    zone: ZoneInfo,
    duration_s: float,
    otherwise_usd_per_kwh: float,
    periods: Sequence[Period],
) -> Sampled:
    """Return the price over a run, by local time, through changes of daylight saving.

    Args:
        start: instant of simulated time 0.
        zone: time zone of the tariff.
        duration_s: how long the price is needed [s].
        otherwise_usd_per_kwh: price outside all periods [USD/kWh].
        periods: windows with their own price; the first that holds counts.
    """
    edges = sorted({edge for p in periods for edge in (p.start_s, p.end_s)})
    moments = _moments(start, zone, duration_s, edges)
    prices = [_price_at(at.astimezone(zone), otherwise_usd_per_kwh, periods) for at in moments]
    kept = [n for n, price in enumerate(prices) if n == 0 or price != prices[n - 1]]
    times = [(moments[n] - start).total_seconds() for n in kept]
    end_s = (moments[-1] - start).total_seconds()
    return Sampled("time of use", np.array(times), np.array([prices[n] for n in kept]), end_s=end_s)


def _moments(
    start: datetime, zone: ZoneInfo, duration_s: float, edges: Sequence[float]
) -> list[datetime]:
    """Return the instants, in UTC, at which a price by local time may change.

    Every edge of every day, both times where an hour is repeated, and every half hour, at which
    clocks change. What the local time is, is asked of the instant, so edges in an hour that does
    not exist do no harm.
    """
    first = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
    halves = int((duration_s + 3 * 86_400.0) // 1800.0)
    found = {first + timedelta(minutes=30 * n) for n in range(halves + 1)}
    midnight = datetime.combine(first.astimezone(zone).date(), time(), zone)
    for day in range(halves // 48 + 2):
        for edge in edges:
            local = midnight + timedelta(days=day, seconds=edge)  # wall-clock arithmetic
            found |= {local.replace(fold=fold).astimezone(UTC) for fold in (0, 1)}
    return sorted(found)


def _price_at(local: datetime, otherwise: float, periods: Sequence[Period]) -> float:
    """Return the price at a local time; a window over midnight belongs to the day it starts on."""
    of_day_s = local.hour * 3600.0 + local.minute * 60.0 + local.second
    for period in periods:
        over_midnight = period.end_s <= period.start_s
        if period.start_s <= of_day_s and (over_midnight or of_day_s < period.end_s):
            day = local.weekday()
        elif over_midnight and of_day_s < period.end_s:
            day = (local.weekday() - 1) % 7
        else:
            continue
        if day in period.weekdays:
            return period.usd_per_kwh
    return otherwise


class DemandMeter:
    """Keeps the highest mean power of any billing window, from piecewise constant power.

    A window that the run cuts, at its start or its end, counts by the mean of the part it has.

    Args:
        window_s: length of a window; they start at multiples of it on the clock [s].
        clock_s: time of the clock at simulated time 0, after a full hour [s].
    """

    def __init__(self, window_s: float = DEMAND_WINDOW_S, clock_s: float = 0.0) -> None:
        self._window_s, self._clock_s = window_s, clock_s
        self._window = 0
        self._energy_j = self._length_s = 0.0
        self._highest_w = 0.0

    @property
    def peak_w(self) -> float:
        """Highest mean of a window so far [W]."""
        return max(self._highest_w, self._mean_w())

    def add(self, start_s: float, end_s: float, power_w: float) -> None:
        """Add an interval that follows the last one."""
        start_s, end_s = start_s + self._clock_s, end_s + self._clock_s
        while end_s > start_s:
            window = int(start_s // self._window_s)
            if window != self._window:
                self._highest_w = self.peak_w
                self._window, self._energy_j, self._length_s = window, 0.0, 0.0
            until_s = min(end_s, (window + 1) * self._window_s)
            if until_s <= start_s:  # rounding put the start on the edge itself
                until_s = end_s
            self._energy_j += power_w * (until_s - start_s)
            self._length_s += until_s - start_s
            start_s = until_s

    def _mean_w(self) -> float:
        return self._energy_j / self._length_s if self._length_s > 0.0 else 0.0


@dataclass(frozen=True, slots=True)
class PurchaseAgreement:
    """A contract for difference on a share of the consumption.

    Attributes:
        share: of the energy from the grid that it covers [1].
        strike_usd_per_kwh: fixed price of that share [USD/kWh].
        gco2_per_kwh: carbon intensity that it is accounted with [g/kWh].
    """

    share: float
    strike_usd_per_kwh: float
    gco2_per_kwh: float = 0.0

    def cost_usd(self, energy_j: float, market_usd_per_kwh: float) -> float:
        """Return what it adds to the bill at market prices; negative when it pays off [USD]."""
        difference = self.strike_usd_per_kwh - market_usd_per_kwh
        return self.share * energy_j / J_PER_KWH * difference
