"""A forest plot: relative differences of one run from another, each with its interval."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sim.report import formats
from sim.report.charts.option import Chart, Data, Entry
from sim.report.charts.ranges import Range, range_chart
from sim.report.charts.study_scales import metric_title, plain_title
from sim.report.charts.xy import Scale

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 16
FURTHEST = 2.0  # relative change at which a bar is cut


def forest_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a comparison that can stand in the plot, verdicts before open ones.

    Args:
        table: rows of `Comparison.table`, of one variant.
    """
    known = [
        row
        for row in table.to_dict("records")
        if row["value"] and math.isfinite(row["difference"]) and math.isfinite(row["low"])
    ]
    named = [row for row in known if metric_title(row["metric"]) != row["metric"]]
    changed = [row for row in named or known if row["difference"] or row["low"] or row["high"]]
    ordered = sorted(changed, key=lambda row: row["verdict"] not in ("better", "worse"))
    return [{str(key): value for key, value in row.items()} for row in ordered[:MOST_ROWS]]


def forest_chart(title: str, rows: list[dict[str, Any]]) -> Chart:
    """Return the plot; what got worse is marked."""
    ranges = [_range(row) for row in rows]
    ends = [abs(end) for each in ranges for end in (each.value, each.low, each.high)]
    far = min(FURTHEST, 1.1 * max(ends))
    cells = [
        [each.name, *(formats.share(v) for v in (each.value, each.low, each.high)), row["verdict"]]
        for each, row in zip(ranges, rows, strict=True)
    ]
    data = Data(title, ["Number", "Change", "Low", "High", "Verdict"], cells)
    scale = Scale("relative change", "share", low=-far, high=far)
    entries = [Entry("change with its 95 % interval", 0), Entry("worse", 1)]
    return range_chart(
        "Relative change", "the line is no change", ranges, scale, 0.0, data, entries
    )


def _range(row: dict[str, Any]) -> Range:
    base = abs(row["value"])
    value, low, high = (row[name] / base for name in ("difference", "low", "high"))
    told = f"{100 * value:+.1f} %, {row['verdict']}"
    return Range(
        plain_title(row["metric"]), told, value, low, high, None, row["verdict"] == "worse"
    )
