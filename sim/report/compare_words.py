"""A comparison in words and numbers that people read, for the terminal and the page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sim.experiment.statistics.pairs import MOST_REPLICATIONS
from sim.report.charts.study_scales import metric_title, writer

if TYPE_CHECKING:
    import pandas as pd

    from sim.experiment.statistics.compare import Comparison

HEADER = ["Number", "before", "after", "change (95 % interval)", "verdict"]


def rows_of(table: pd.DataFrame) -> list[list[str]]:
    """Return the rows of a comparison as texts under `HEADER`; what nobody measured is left out.

    Args:
        table: rows of `Comparison.table`, of one variant.
    """
    rows = table.to_dict("records")
    return [_row(row) for row in rows if not math.isnan(row["difference"])]


def verdict_sentences(found: Comparison, names: Mapping[str, str]) -> list[str]:
    """Return how many numbers of each variant are better and worse, and the largest of them."""
    said = []
    for name, table in found.table.groupby("variant", sort=False):
        rows = table.to_dict("records")
        parts = []
        for verdict in ("better", "worse"):
            some = [row for row in rows if row["verdict"] == verdict]
            if some:
                told_of = [row for row in some if metric_title(row["metric"]) != row["metric"]]
                most = _row(max(told_of or some, key=_size))
                parts.append(f"{verdict} in {len(some)}, most in {most[0]}: {most[1]} to {most[2]}")
        told = "; ".join(parts) or "no number differs for certain"
        said.append(f"{names.get(str(name), str(name))}: {told}.")
    return said


def _size(row: dict[Any, Any]) -> float:
    """Return how large a difference is beside the value that it changes."""
    return abs(row["difference"] / row["value"]) if row["value"] else math.inf


def _row(row: dict[Any, Any]) -> list[str]:
    metric = str(row["metric"])
    write = writer(metric)
    base = abs(row["value"])
    if base:
        parts = [100 * row[name] / base for name in ("difference", "low", "high")]
        change = [f"{parts[0]:+.1f} %", f"{parts[1]:+.1f}", f"{parts[2]:+.1f}"]
    else:
        change = [write(row[name]) for name in ("difference", "low", "high")]
    ends = f"({change[1]} to {change[2]})" if math.isfinite(row["low"]) else "(too few runs)"
    title = metric_title(metric).removesuffix(" [s]").removesuffix(" [%]")
    values = (write(row["value"]), write(row["variant_value"]))
    return [title, *values, f"{change[0]} {ends}", verdict_text(row)]


def verdict_text(row: dict[Any, Any]) -> str:
    """Return the verdict of a row, and what it takes where there is none yet."""
    more = int(row["more_replications"])
    if not more:
        return str(row["verdict"])
    if more >= MOST_REPLICATIONS:
        return "cannot tell yet: no difference in sight"
    if row["unit"] == "replications":
        return f"cannot tell yet: {more} more replications"
    return f"cannot tell yet: a run {1 + more / int(row['n']):.1f} times as long"
