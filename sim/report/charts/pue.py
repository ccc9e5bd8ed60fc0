"""How PUE follows the weather: facility power over IT power against outdoor temperature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.interfaces import FloatArray
from sim.report.charts import svg
from sim.report.charts.axes import range_axis
from sim.report.charts.chart import LegendEntry, Plot, figure, frame
from sim.report.charts.view import series_by_name, stretches
from sim.report.formats import celsius, number
from sim.report.html.datatable import folded, table
from sim.report.html.markup import Markup

if TYPE_CHECKING:
    from sim.report.charts.view import Frame
    from sim.result import Result

MOST_SITES = 6
MOST_DOTS = 150  # per site
LEAST_SPAN_K = 0.5  # weather that varies less says nothing about it
HIGHEST = 4.0  # above it the IT is all but off, and the ratio says nothing
HEIGHT_PX = 240


def pue_over_weather(result: Result) -> Markup:
    """Return the scatter with a line through the means by degree, or nothing in steady weather."""
    points = {}
    for site, rows in series_by_name(result, "site").items():
        found = _points(rows)
        if len(found):
            points[site] = found
    points = dict(list(points.items())[:MOST_SITES])
    if not points:
        return Markup()
    every = np.concatenate(list(points.values()))
    (coldest, lowest), (hottest, highest) = every.min(axis=0), every.max(axis=0)
    if hottest - coldest < LEAST_SPAN_K:
        return Markup()
    x = range_axis(float(coldest), float(hottest), "celsius", 6)
    y = range_axis(float(min(lowest, 1.1)), float(highest), "number")
    dots, lines, entries, rows_shown = [], [], [], []
    for slot, (site, found) in enumerate(points.items()):
        thin = found[:: -(-len(found) // MOST_DOTS)]
        dots.append(svg.dots(x, y, thin[:, 0], thin[:, 1], slot, HEIGHT_PX))
        degrees = by_degree(found)
        lines.append(svg.line(x, y, degrees[:, 0], degrees[:, 1], slot, site))
        entries.append(LegendEntry(site, f"s{slot}"))
        rows_shown += [
            [site, celsius(at_c), number(pue, 4), f"{bins:.0f}"] for at_c, pue, bins in degrees
        ]
    words = f"PUE from {number(float(lowest), 4)} to {number(float(highest), 4)}"
    picture = frame(
        Plot(x, y, lines, dots, HEIGHT_PX),
        f"{words} between {celsius(float(coldest))} and {celsius(float(hottest))} outdoors.",
    )
    header = ["Site", "Outdoors", "PUE", "Bins"]
    data = folded(table("PUE by outdoor temperature", header, rows_shown))
    return figure("PUE over outdoor temperature", words, picture, entries, data)


def _points(rows: Frame) -> FloatArray:
    """Return (outdoor temperature, PUE) of each bin in which the IT was on."""
    outside, whole, it = (
        stretches(rows, column, None, len(rows) or 1).mean
        for column in ("outside_c", "facility_w", "power_w")
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        pue = whole / it
    known = np.isfinite(outside) & np.isfinite(pue) & (pue >= 1.0) & (pue <= HIGHEST)
    return np.column_stack((outside, pue))[known]


def by_degree(points: FloatArray) -> FloatArray:
    """Return (mean temperature, mean PUE, points) around each whole degree, ascending."""
    degree = np.rint(points[:, 0])
    _, where, counts = np.unique(degree, return_inverse=True, return_counts=True)
    sums = np.stack([np.bincount(where, points[:, column]) for column in (0, 1)])
    return np.column_stack((*(sums / counts), counts.astype(np.float64)))
