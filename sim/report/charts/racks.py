"""Which racks are how full, when: their power as a share of their limit over time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from sim.interfaces import FloatArray
from sim.report.charts.axes import Axis, time_axis
from sim.report.charts.chart import figure
from sim.report.charts.downsample import bucket, row_width_s
from sim.report.charts.heatmap import HeatGroup, HeatRow, heat_legend, heat_map
from sim.report.charts.view import as_float
from sim.report.formats import plural, power, share
from sim.report.html.datatable import folded, table
from sim.report.html.markup import Markup, join

if TYPE_CHECKING:
    from sim.result import Result

MOST_LINES = 160
MOST_CELLS = 120
MOST_TABLE_ROWS = 200
# (racks, height of a line): few racks get high lines with their names
LINE_HEIGHTS_PX = ((64, 14), (96, 8), (MOST_LINES, 6))
MOST_GROUPS = 24
LEVEL_NAMES = ("site", "hall", "row", "rack")  # the parts of a rack's full name


def rack_heat_map(result: Result) -> Markup:
    """Return the heat map of all racks, grouped by row of the hall, and the table behind it."""
    shares, time_s = rack_shares(result)
    if not shares:
        return Markup()
    groups = heat_groups(shares, time_s)
    lines = sum(len(group.rows) for group in groups)
    highest = float(np.nanmax([np.nanmax(column, initial=0.0) for column in shares.values()]))
    subtitle = "mean power as a share of the rack's limit"
    if lines < len(shares):
        subtitle += "; each line shows the fullest of its racks"
    words = f"{len(shares)} racks over time; the fullest reaches {share(highest)} of its limit."
    picture = heat_map(groups, cell_axis(groups, time_s), line_px(groups), words)
    return figure(
        "Racks", subtitle, join((heat_legend(), picture)), (), folded(*rack_table(result))
    )


def line_px(groups: Sequence[HeatGroup]) -> int:
    """Return the height of a line, by how many there are [px]."""
    lines = sum(len(group.rows) for group in groups)
    return next((px for most, px in LINE_HEIGHTS_PX if lines <= most), LINE_HEIGHTS_PX[-1][1])


def cell_axis(groups: Sequence[HeatGroup], time_s: FloatArray) -> Axis:
    """Return the time axis that spans exactly the cells.

    All cells have the length of the first, so the last one may reach past the end of the run.
    """
    cells, per_cell = len(groups[0].rows[0].shares), -(-len(time_s) // MOST_CELLS)
    end_s = float(time_s[0]) + cells * per_cell * row_width_s(time_s)
    return time_axis(float(time_s[0]), end_s)


def rack_shares(result: Result) -> tuple[dict[str, FloatArray], FloatArray]:
    """Return the power of each rack as a share of its limit, and the start of the rows [s].

    A rack without a limit is measured against the highest peak of the racks without one.
    """
    rows = result.series[result.series["kind"] == "rack"]
    wide = rows.pivot(index="time_s", columns="name", values="power_w").sort_index()
    racks = result.racks
    peaks = dict(zip(racks["name"].astype(str), racks["peak_w"], strict=True))
    limits = dict(zip(racks["name"].astype(str), racks["limit_w"], strict=True))
    unlimited = [peaks[name] for name in peaks if as_float(limits[name]) is None]
    instead_w = max(unlimited, default=1.0) or 1.0
    found = {
        str(name): wide[name].to_numpy(dtype=np.float64)
        / (as_float(limits.get(str(name))) or instead_w)
        for name in rows["name"].unique()
    }
    return found, wide.index.to_numpy(dtype=np.float64)


def heat_groups(shares: dict[str, FloatArray], time_s: FloatArray) -> list[HeatGroup]:
    """Return the lines of the map under their headings.

    A line is a rack while the headings above (the rows of the halls) are few. Where there are too
    many it is a row, a hall or a site, and shows its fullest rack. Too many lines under few
    headings are bundled with their neighbours.
    """
    depth = next(level for level in (4, 3, 2, 1) if len(_under(shares, level - 1)) <= MOST_GROUPS)
    lines = _under(shares, depth)
    per_line = -(-len(lines) // MOST_LINES)
    groups = []
    for heading, members in groupby(lines, key=lambda path: _prefix(path, depth - 1)):
        paths = list(members)
        bundles = [paths[i : i + per_line] for i in range(0, len(paths), per_line)]
        rows = tuple(
            HeatRow(
                _label(bundle), rack_cells([shares[n] for p in bundle for n in lines[p]], time_s)
            )
            for bundle in bundles
        )
        count = plural(len(paths), LEVEL_NAMES[depth - 1])
        groups.append(HeatGroup(f"{heading} · {count}" if heading else count, rows))
    return groups


def _under(names: Iterable[str], depth: int) -> dict[str, list[str]]:
    """Return the racks under each path of ``depth`` parts, in the order of the racks."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(_prefix(name, depth), []).append(name)
    return found


def _prefix(path: str, depth: int) -> str:
    return "/".join(path.split("/")[:depth])


def _label(paths: list[str]) -> str:
    first, last = (path.rpartition("/")[2] for path in (paths[0], paths[-1]))
    stem, dash, end = last.rpartition("-")
    if first.startswith(stem + dash):
        last = end
    return first if len(paths) == 1 else f"{first} … {last}"


def rack_cells(racks: list[FloatArray], time_s: FloatArray) -> FloatArray:
    """Return the cells of one line: in each the fullest rack, mean over the cell."""
    fullest = np.fmax.reduce(racks)
    return bucket(time_s, fullest, fullest, row_width_s(time_s), MOST_CELLS).mean


def rack_table(result: Result) -> tuple[Markup, str, str]:
    """Return the table of the racks, its title and a note if some are left out."""
    racks = result.racks
    fullness = (racks["peak_w"] / racks["limit_w"]).to_numpy(dtype=np.float64)
    order = np.argsort(-np.nan_to_num(fullness), kind="stable")[:MOST_TABLE_ROWS]
    cells = [
        [
            row.name,
            row.type,
            row.cooling,
            power(as_float(row.mean_w)),
            power(as_float(row.peak_w)),
            power(as_float(row.limit_w)),
            power(as_float(row.headroom_w)),
            share(as_float(row.share_above)),
        ]
        for row in racks.iloc[order].itertuples(index=False)
    ]
    header = ["Rack", "Type", "Cooling", "Mean", "Peak", "Limit", "Headroom", "Time above"]
    note = (
        "" if len(racks) <= MOST_TABLE_ROWS else f"The {MOST_TABLE_ROWS} fullest of {len(racks)}."
    )
    return table("Racks, fullest first", header, cells, texts=3), "Data table", note
