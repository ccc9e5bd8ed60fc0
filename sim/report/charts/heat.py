"""Temperatures of racks against their limits, and the clock that they allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sim.facility.cooling.protection import INLET, PLATE, Thresholds
from sim.interfaces import FloatArray
from sim.report.charts import svg
from sim.report.charts.axes import Axis, range_axis, time_axis, value_axis
from sim.report.charts.chart import LegendEntry, Plot, figure, frame
from sim.report.charts.downsample import bucket
from sim.report.charts.rack_states import FULL_CLOCK, RackHistory
from sim.report.charts.view import MOST_STRETCHES, TABLE_STRETCHES, series_by_name
from sim.report.formats import celsius, share, span
from sim.report.html.datatable import folded, table
from sim.report.html.markup import Markup, join

if TYPE_CHECKING:
    from sim.report.charts.view import Frame
    from sim.result import Result

MOST_SITES = 4
HEIGHT_PX = 190
Writer: TypeAlias = Callable[[float | None], str]
NEAR_K = 8.0  # a limit this close to what was reached is drawn


@dataclass(frozen=True, slots=True)
class Spread:
    """A value of many racks over time: coolest, mean and hottest rack (bins,)."""

    low: FloatArray
    mean: FloatArray
    high: FloatArray


def heat_charts(result: Result, history: RackHistory) -> tuple[Markup, int]:
    """Return charts of inlet, cold plates and clock per site, and the number of sites left out."""
    sites = series_by_name(result, "site")
    hottest = {
        site: float(np.nanmax(history.inlet_c[history.of_site(site)], initial=0.0))
        for site in sites
        if history.of_site(site).any()
    }
    fullest = sorted(hottest, key=lambda site: -hottest[site])[:MOST_SITES]
    shown = [site for site in hottest if site in fullest]
    return join(_site(site, sites[site], history) for site in shown), len(hottest) - len(shown)


def _site(site: str, rows: Frame, history: RackHistory) -> Markup:
    mine = history.of_site(site)
    outside = rows["outside_c"].to_numpy(dtype=np.float64)
    charts = [_temperature(f"{site}: inlet air", history, history.inlet_c[mine], INLET, outside)]
    plates = history.plate_c[mine]
    plates = plates[~np.isnan(plates).all(axis=1)]
    if len(plates):
        charts.append(_temperature(f"{site}: cold plates", history, plates, PLATE, None))
    if history.clock[mine].min() < FULL_CLOCK:
        charts.append(_clock(site, history, history.clock[mine]))
    return join(charts)


def _spread(values: FloatArray) -> Spread:
    return Spread(values.min(axis=0), values.mean(axis=0), values.max(axis=0))


def _temperature(
    title: str,
    history: RackHistory,
    values: FloatArray,
    limits: Thresholds,
    outside: FloatArray | None,
) -> Markup:
    spread = _spread(values)
    lowest, highest = float(np.nanmin(spread.low)), float(np.nanmax(spread.high))
    drawn = [
        (level, name)
        for level, name in ((limits.throttle_c, "slows at"), (limits.shutdown_c, "off at"))
        if highest > level - NEAR_K
    ]
    seen = [lowest, highest, *(level for level, _ in drawn)]
    if outside is not None:
        seen += [float(np.nanmin(outside)), float(np.nanmax(outside))]
    x = _time(history)
    y = range_axis(min(seen) - 0.5, max(seen) + 1.0, "celsius")
    paths = _lines(x, y, history, spread, 0)
    entries = [LegendEntry("racks: mean, coolest to hottest", "s0")]
    if outside is not None:
        part = bucket(history.time_s, outside, outside, history.width_s, MOST_STRETCHES)
        times, mean = svg.steps(part.start_s, part.end_s, part.mean)
        paths.append(svg.line(x, y, times, mean, 6, "outdoors"))
        entries.append(LegendEntry("outdoors", "s6"))
    overlay = [
        svg.rule_at_y(y, level, f"{name} {level:g} °C", HEIGHT_PX, True, level == limits.throttle_c)
        for level, name in drawn
    ]
    subtitle = f"hottest {celsius(highest)}"
    if not drawn:
        subtitle += f", slows at {limits.throttle_c:g} °C"
    picture = frame(Plot(x, y, paths, overlay, HEIGHT_PX), f"{title} over time: {subtitle}.")
    return figure(title, subtitle, picture, entries, _table(title, history, spread, celsius))


def _clock(site: str, history: RackHistory, values: FloatArray) -> Markup:
    spread = _spread(values)
    x, y = _time(history), value_axis(1.0, "share", 4)
    lowest = float(np.nanmin(spread.low))
    subtitle = f"slowest {share(lowest)} of full"
    title = f"{site}: clock"
    picture = frame(
        Plot(x, y, _lines(x, y, history, spread, 3), (), HEIGHT_PX), f"{title}: {subtitle}."
    )
    entries = [LegendEntry("racks: mean, slowest to fastest", "s3")]
    return figure(title, subtitle, picture, entries, _table(title, history, spread, share))


def _time(history: RackHistory) -> Axis:
    return time_axis(float(history.time_s[0]), float(history.time_s[-1]) + history.width_s)


def _lines(x: Axis, y: Axis, history: RackHistory, spread: Spread, slot: int) -> list[Markup]:
    part = bucket(history.time_s, spread.mean, spread.high, history.width_s, MOST_STRETCHES)
    floor = bucket(history.time_s, spread.low, spread.low, history.width_s, MOST_STRETCHES)
    times, mean = svg.steps(part.start_s, part.end_s, part.mean)
    low, high = (svg.steps(part.start_s, part.end_s, v)[1] for v in (floor.low, part.high))
    return [svg.area(x, y, times, low, high, slot), svg.line(x, y, times, mean, slot, "mean")]


def _table(title: str, history: RackHistory, spread: Spread, write: Writer) -> Markup:
    columns = [
        bucket(history.time_s, values, values, history.width_s, TABLE_STRETCHES)
        for values in (spread.low, spread.mean, spread.high)
    ]
    low, mean, high = columns
    cells = [
        [span(start), write(low.low[i]), write(mean.mean[i]), write(high.high[i])]
        for i, start in enumerate(mean.start_s.tolist())
    ]
    return folded(table(f"{title} over time", ["From", "Lowest", "Mean", "Highest"], cells))
