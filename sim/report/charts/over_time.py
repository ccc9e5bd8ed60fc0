"""What happened over time: demand, latency, attainment, queue, power and heat, with incidents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from sim.interfaces import FloatArray, IntArray
from sim.report.charts.downsample import bucket, row_width_s
from sim.report.charts.option import Line, Mark, TimeChart, time_chart
from sim.report.charts.view import as_float, at, series_by_name, tier_names

if TYPE_CHECKING:
    from sim.report.charts.view import Frame
    from sim.result import Result

STRETCHES = 120  # of requests; each has to hold enough of them for a p99
POWER_STRETCHES = 600
STEPS_S = (
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    10800,
    21600,
    43200,
    86400,
)
MOST_SITES = 4
MOST_MARKS = 12
SITE_CHARTS = (
    ("busy", "Accelerators busy", "share of what is installed, mean", "share"),
    ("price_usd_per_kwh", "Electricity price", "USD per kWh", "number"),
    ("carbon_g_per_kwh", "Carbon intensity", "g CO2 per kWh", "number"),
    ("outside_c", "Outdoors", "temperature", "celsius"),
)
COLUMNS = ("arrival_s", "tier", "status", "ttft_s", "tpot_s", "e2e_s")


def over_time(result: Result) -> list[TimeChart]:
    """Return the charts over time of a run; those that have something to show."""
    marks = _incidents(result)
    return [*_requests(result, marks), *_plant(result, marks)]


def _incidents(result: Result) -> list[Mark]:
    """Return what went wrong, once per cause and second."""
    events = [
        (event["cause"], event["time_s"], event.get("until_s"))
        for event in at(result.summary, "incidents", "events") or ()
    ]
    events += [
        (event["kind"], event["at_s"], event.get("until_s"))
        for event in at(result.summary, "faults", "events") or ()
    ]
    events += [
        (name, order["start_s"], order["end_s"])
        for name, order in (at(result.summary, "curtailment") or {}).items()
        if as_float(order.get("start_s")) is not None
    ]
    merged = {(cause, round(begin)): Mark(str(cause), begin, end) for cause, begin, end in events}
    return list(merged.values())[:MOST_MARKS]


def _requests(result: Result, marks: list[Mark]) -> Iterator[TimeChart]:
    rows = result.request_columns(*COLUMNS)
    if rows.empty:
        return
    arrival_s = rows["arrival_s"].to_numpy(np.float64)
    end_s = as_float(at(result.summary, "window", "end_s")) or float(arrival_s.max())
    width_s = float(next((s for s in STEPS_S if end_s / s <= STRETCHES), STEPS_S[-1]))
    count = max(1, int(np.ceil(max(end_s, float(arrival_s.max()) + 1e-9) / width_s)))
    time_s: FloatArray = width_s * np.arange(count, dtype=np.float64)
    bins = np.minimum((arrival_s / width_s).astype(np.int64), count - 1)
    tiers = rows["tier"].astype(str).to_numpy()
    yield _demand(result, rows, time_s, width_s, marks)
    for key, title in (("ttft_s", "Time to first token"), ("tpot_s", "Time per output token")):
        values = rows[key].to_numpy(np.float64)
        lines, limits = [], {}
        for slot, tier in enumerate(tier_names(result)):
            mine = (tiers == tier) & np.isfinite(values)
            p50, p99 = _quantiles(bins[mine], values[mine], count)
            lines += [Line(f"{tier} p99", p99, slot), Line(f"{tier} p50", p50, slot, dashed=True)]
            limit = as_float(at(result.summary, "sla", tier, "targets", key))
            if limit is not None:
                limits[f"SLO {tier}"] = (limit, slot)
        yield time_chart(
            title, "p99 and p50 by arrival", time_s, lines, "duration", marks, limits, log=True
        )
    yield _attainment(result, rows, bins, time_s, marks)


def _demand(
    result: Result, rows: Frame, time_s: FloatArray, width_s: float, marks: list[Mark]
) -> TimeChart:
    arrival_s, e2e_s = rows["arrival_s"].to_numpy(float), rows["e2e_s"].to_numpy(float)
    edges = np.append(time_s, time_s[-1] + width_s)
    end_s = as_float(at(result.summary, "window", "end_s")) or float(edges[-1])
    lengths_s = np.maximum(np.minimum(edges[1:], end_s) - time_s, 1e-9)
    done = rows["status"].astype(str).to_numpy() == "completed"
    finished_s = (arrival_s + e2e_s)[done]
    offered = np.histogram(arrival_s, edges)[0] / lengths_s
    served = np.histogram(finished_s[np.isfinite(finished_s)], edges)[0] / lengths_s
    lines = [Line("offered", offered, 0), Line("completed", served, 2)]
    return time_chart("Load", "requests per second", time_s, lines, "number", marks)


def _attainment(
    result: Result, rows: Frame, bins: IntArray, time_s: FloatArray, marks: list[Mark]
) -> TimeChart:
    status, tiers = (rows[name].astype(str).to_numpy() for name in ("status", "tier"))
    lines, limits = [], {}
    for slot, tier in enumerate(tier_names(result)):
        good, targets = status == "completed", at(result.summary, "sla", tier, "targets") or {}
        for key in ("ttft_s", "tpot_s", "e2e_s"):
            limit = as_float(targets.get(key))
            if limit is not None:
                good = good & ~(rows[key].to_numpy(float) > limit)
        mine = (tiers == tier) & (status != "in_flight")
        counts = np.bincount(bins[mine], minlength=len(time_s)).astype(float)
        kept = np.bincount(bins[mine & good], minlength=len(time_s))
        share = np.divide(kept, counts, out=np.full(len(counts), np.nan), where=counts > 0)
        lines.append(Line(tier, share, slot))
        target = as_float(targets.get("target"))
        if target is not None:
            limits[f"target {tier}"] = (target, slot)
    title = "Within SLO"
    return time_chart(title, "share of requests by arrival", time_s, lines, "share", marks, limits)


def _quantiles(bins: IntArray, values: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    """Return p50 and p99 of the values in each bin, NaN where a bin has none."""
    order = np.lexsort((values, bins))
    bins, values = bins[order], values[order]
    firsts, lasts = np.searchsorted(bins, [np.arange(count), np.arange(1, count + 1)])
    found = []
    for level in (0.5, 0.99):
        place = firsts + level * np.maximum(lasts - firsts - 1, 0)
        low, high = np.floor(place).astype(int), np.ceil(place).astype(int)
        known = lasts > firsts
        picked = np.full(count, np.nan)
        low, high, part = low[known], high[known], (place - np.floor(place))[known]
        picked[known] = values[low] * (1 - part) + values[high] * part
        found.append(picked)
    return found[0], found[1]


def _plant(result: Result, marks: list[Mark]) -> Iterator[TimeChart]:
    sites = dict(list(series_by_name(result, "site").items())[:MOST_SITES])
    if not sites:
        return
    queues = {name: rows for name, rows in sites.items() if "queue" in rows}
    if queues:
        time_s, lines = _lines(queues, "queue")
        yield time_chart("Queue", "requests that wait, by site", time_s, lines, "number", marks)
    time_s, lines = _lines(sites, "power_w")
    limits = {
        f"limit {name}": (1e3 * kw, slot)
        for slot, name in enumerate(sites)
        if (kw := as_float(at(result.summary, "power", name, "limit_kw"))) is not None
    }
    yield time_chart("IT power", "mean, by site", time_s, lines, "power", marks, limits)
    for column, title, told, unit in SITE_CHARTS:
        known = {name: rows for name, rows in sites.items() if _is_known(rows, column)}
        if known:
            time_s, lines = _lines(known, column)
            yield time_chart(title, f"{told}, by site", time_s, lines, unit, marks)
    racks = result.series
    if "inlet_c" in racks and racks["inlet_c"].notna().any():
        hottest = racks[racks["kind"] == "rack"].groupby("time_s")["inlet_c"].max()
        time_s, values = _thin(hottest.index.to_numpy(float), hottest.to_numpy(float), hot=True)
        warm = [Line("hottest rack", values, 1)]
        yield time_chart("Inlet temperature", "of the air", time_s, warm, "celsius", marks)


def _is_known(rows: Frame, column: str) -> bool:
    return column in rows and bool(rows[column].notna().any())


def _lines(sites: dict[str, Frame], column: str) -> tuple[FloatArray, list[Line]]:
    found, time_s = [], np.zeros(0)
    for slot, (name, rows) in enumerate(sites.items()):
        time_s, values = _thin(rows["time_s"].to_numpy(float), rows[column].to_numpy(float))
        found.append(Line(name, values, slot))
    return time_s, found


def _thin(
    time_s: FloatArray, values: FloatArray, hot: bool = False
) -> tuple[FloatArray, FloatArray]:
    """Return a series in at most `POWER_STRETCHES` means, or highest values."""
    part = bucket(time_s, values, values, row_width_s(time_s), POWER_STRETCHES)
    return part.start_s, part.high if hot else part.mean
