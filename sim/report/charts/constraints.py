"""What held racks back over time: the share of each site's racks that was capped, hot or off."""

from __future__ import annotations

import numpy as np

from sim.interfaces import FloatArray, IntArray
from sim.report.charts import svg
from sim.report.charts.axes import time_axis, value_axis
from sim.report.charts.chart import LegendEntry, Plot, figure, frame, legend
from sim.report.charts.downsample import bucket
from sim.report.charts.rack_states import (
    CAPPED,
    FEWER,
    HOT,
    OFF,
    STATES,
    TOO_HOT,
    TRIPPED,
    UNFED,
    RackHistory,
    rack_states,
)
from sim.report.charts.view import MOST_STRETCHES
from sim.report.formats import plural, span
from sim.report.html.datatable import table
from sim.report.html.markup import Markup, join, tag

MOST_SITES = 12
HEIGHT_PX = 64
# Bottom to top of a band, with the colours: grey, blue, purple, olive; vermillion, sky, orange
DRAWN = (
    *((OFF, 6), (UNFED, 0), (TOO_HOT, 3), (TRIPPED, 7)),
    *((HOT, 1), (FEWER, 5), (CAPPED, 4)),
)


def constraint_bands(history: RackHistory) -> Markup:
    """Return a band per site, those with something to tell first, and a table of causes."""
    states = rack_states(history)
    sites = list(dict.fromkeys(name.split("/")[0] for name in history.names))
    held = {site: int((states[history.of_site(site)] > 0).sum()) for site in sites}
    busy = [site for site in sorted(sites, key=lambda site: -held[site]) if held[site]]
    calm = len(sites) - len(busy)
    if not busy:
        said = "Nothing held a rack back: all ran at full clock for the whole run."
        return tag("p", said, class_="note")
    bands = join(_band(site, history, states) for site in busy[:MOST_SITES])
    note = ""
    if calm:
        note = f"At {plural(calm, 'other site')} nothing held a rack back."
    seen = [(state, slot) for state, slot in DRAWN if (states == state).any()]
    entries = [LegendEntry(STATES[state], f"s{slot}") for state, slot in seen]
    rest = tag("p", note, class_="note") if note else None
    parts = (
        legend(entries),
        tag("div", bands, class_="charts"),
        rest,
        _table(busy, history, states),
    )
    return join(part for part in parts if part is not None)


def _band(site: str, history: RackHistory, states: IntArray) -> Markup:
    mine = states[history.of_site(site)]
    ends = float(history.time_s[0]), float(history.time_s[-1]) + history.width_s
    x, y = time_axis(*ends), value_axis(1.0, "share", 2)
    low: FloatArray | None = None
    paths = []
    for state, slot in DRAWN:
        share = (mine == state).mean(axis=0)
        part = bucket(history.time_s, share, share, history.width_s, MOST_STRETCHES)
        times, mean = svg.steps(part.start_s, part.end_s, part.mean)
        low = np.zeros_like(mean) if low is None else low
        if mean.any():
            paths.append(svg.area(x, y, times, low, low + mean, slot, "layer"))
        low = low + mean
    said = ", ".join(
        f"{STATES[state]} {span(float((mine == state).sum()) * history.width_s)}"
        for state, _ in DRAWN
        if (mine == state).any()
    )
    subtitle = f"share of {plural(len(mine), 'rack')}"
    words = f"What held the racks of {site} back, in rack time: {said}."
    return figure(site, subtitle, frame(Plot(x, y, paths, (), HEIGHT_PX), words), (), Markup())


def _table(sites: list[str], history: RackHistory, states: IntArray) -> Markup:
    rows = []
    for site in sites:
        mine = states[history.of_site(site)]
        for state, _ in DRAWN:
            at_once = (mine == state).sum(axis=0)
            if at_once.any():
                bins = np.flatnonzero(at_once)
                rows.append(
                    [
                        site,
                        STATES[state],
                        span(float(history.time_s[bins[0]])),
                        span(float(history.time_s[bins[-1]]) + history.width_s),
                        f"{at_once.max()} of {len(mine)}",
                        span(float(at_once.sum()) * history.width_s),
                    ]
                )
    header = ["Site", "What", "First", "Last", "Most racks at once", "Rack time"]
    return table("What held racks back", header, rows, texts=2)
