"""What power costs: energy prices, demand charges and power purchase agreements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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
        end_s: end after midnight, above the start [s].
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
    local = start.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    edges = sorted({0.0, *(edge for p in periods for edge in (p.start_s, p.end_s))} - {86_400.0})
    times: list[float] = []
    prices: list[float] = []
    for day in range(int(duration_s // 86_400.0) + 3):
        date = midnight + timedelta(days=day)
        for edge in edges:
            moment = date + timedelta(seconds=edge)  # wall-clock arithmetic in the zone
            times.append((moment - start).total_seconds())
            holding = [
                p.usd_per_kwh
                for p in periods
                if p.start_s <= edge < p.end_s and date.weekday() in p.weekdays
            ]
            prices.append(holding[0] if holding else otherwise_usd_per_kwh)
    order = np.argsort(times, kind="stable")
    return Sampled("time of use", np.array(times)[order], np.array(prices)[order])


class DemandMeter:
    """Keeps the highest mean power of any billing window, from piecewise constant power.

    Args:
        window_s: length of a window; windows start at multiples of it [s].
    """

    def __init__(self, window_s: float = DEMAND_WINDOW_S) -> None:
        self._window_s = window_s
        self._window = 0
        self._energy_j = 0.0
        self.peak_w = 0.0

    def add(self, start_s: float, end_s: float, power_w: float) -> None:
        """Add an interval that follows the last one."""
        while end_s > start_s:
            window = int(start_s // self._window_s)
            if window != self._window:
                self._window, self._energy_j = window, 0.0
            until_s = min(end_s, (window + 1) * self._window_s)
            if until_s <= start_s:  # rounding put the start on the edge itself
                until_s = end_s
            self._energy_j += power_w * (until_s - start_s)
            self.peak_w = max(self.peak_w, self._energy_j / self._window_s)
            start_s = until_s


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
