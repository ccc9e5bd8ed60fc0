"""Which racks are how full, when: their power as a share of their limit over time."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from sim.interfaces import FloatArray
from sim.report.axes import time_axis
from sim.report.chart import figure
from sim.report.datatable import folded, table
from sim.report.downsample import bucket, row_width_s
from sim.report.formats import power, share
from sim.report.heatmap import HeatGroup, HeatRow, heat_legend, heat_map
from sim.report.markup import Markup, join
from sim.report.view import as_float

if TYPE_CHECKING:
    from sim.result import Result

MOST_LINES = 160
MOST_CELLS = 120
MOST_TABLE_ROWS = 200
# (racks, height of a line): few racks get high lines with their names
LINE_HEIGHTS_PX = ((48, 14), (96, 8), (MOST_LINES, 6))


def rack_heat_map(result: Result) -> Markup:
    """Return the heat map of all racks, grouped by row of the hall, and the table behind it."""
    shares, time_s = _shares(result)
    if not shares:
        return Markup()
    per_line = -(-len(shares) // MOST_LINES)
    width_s = row_width_s(time_s)
    groups = _groups(shares, time_s, width_s, per_line)
    lines = sum(len(group.rows) for group in groups)
    cells = len(groups[0].rows[0].shares)
    per_cell = -(-len(time_s) // MOST_CELLS)
    end_s = float(time_s[0]) + cells * per_cell * width_s
    row_px = next((px for most, px in LINE_HEIGHTS_PX if lines <= most), LINE_HEIGHTS_PX[-1][1])
    highest = float(np.nanmax([np.nanmax(column, initial=0.0) for column in shares.values()]))
    subtitle = "mean power as a share of the rack's limit"
    if per_line > 1:
        subtitle += f"; each line is the fullest of up to {per_line} neighbours"
    words = f"{len(shares)} racks over time; the fullest reaches {share(highest)} of its limit."
    picture = heat_map(groups, time_axis(float(time_s[0]), end_s), row_px, words)
    return figure("Racks", subtitle, join((heat_legend(), picture)), (), folded(*_rack_table(result)))


def _shares(result: Result) -> tuple[dict[str, FloatArray], FloatArray]:
    """Return the power of each rack as a share of its limit, and the start of the rows [s].

    A rack without a limit is measured against the highest peak of the racks without one.
    """
    rows = result.series[result.series["kind"] == "rack"]
    wide = rows.pivot_table(
        index="time_s", columns="name", values="power_w", sort=False, observed=True
    ).sort_index()
    racks = result.racks
    peaks = dict(zip(racks["name"].astype(str), racks["peak_w"], strict=True))
    limits = dict(zip(racks["name"].astype(str), racks["limit_w"], strict=True))
    unlimited = [peaks[name] for name in peaks if as_float(limits[name]) is None]
    instead_w = max(unlimited, default=1.0) or 1.0
    found = {
        str(name): wide[name].to_numpy(dtype=np.float64)
        / (as_float(limits.get(str(name))) or instead_w)
        for name in wide.columns
    }
    return found, wide.index.to_numpy(dtype=np.float64)


def _groups(
    shares: dict[str, FloatArray], time_s: FloatArray, width_s: float, per_line: int
) -> list[HeatGroup]:
    groups = []
    for heading, names in groupby(shares, key=lambda name: name.rpartition("/")[0]):
        members = list(names)
        bundles = [members[i : i + per_line] for i in range(0, len(members), per_line)]
        rows = tuple(
            HeatRow(_bundle_label(bundle), _cells(shares, bundle, time_s, width_s))
            for bundle in bundles
        )
        noun = "rack" if len(members) == 1 else "racks"
        groups.append(HeatGroup(f"{heading} · {len(members)} {noun}", rows))
    return groups


def _bundle_label(names: list[str]) -> str:
    first, last = (name.rpartition("/")[2] for name in (names[0], names[-1]))
    return first if len(names) == 1 else f"{first} … {last}"


def _cells(
    shares: dict[str, FloatArray], names: list[str], time_s: FloatArray, width_s: float
) -> FloatArray:
    fullest = np.fmax.reduce([shares[name] for name in names])
    return bucket(time_s, fullest, fullest, width_s, MOST_CELLS).mean


def _rack_table(result: Result) -> tuple[Markup, str, str]:
    racks = result.racks
    fullness = (racks["peak_w"] / racks["limit_w"]).to_numpy(dtype=np.float64)
    order = np.argsort(-np.nan_to_num(fullness), kind="stable")[:MOST_TABLE_ROWS]
    cells = [
        [
            row.name,
            row.type,
            row.cooling,
            power(row.mean_w),
            power(row.peak_w),
            power(row.limit_w),
            power(row.headroom_w),
            share(row.share_above),
        ]
        for row in racks.iloc[order].itertuples(index=False)
    ]
    header = ["Rack", "Type", "Cooling", "Mean", "Peak", "Limit", "Headroom", "Time above"]
    note = "" if len(racks) <= MOST_TABLE_ROWS else f"The {MOST_TABLE_ROWS} fullest of {len(racks)}."
    return table("Racks, fullest first", header, cells, texts=3), "Data table", note
