"""Reads a result the way the charts need it: by tier, by kind of series, by path in the summary."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from sim.interfaces import FloatArray
from sim.report.charts.downsample import Buckets, bucket, row_width_s

if TYPE_CHECKING:
    import pandas as pd

    from sim.result import Result

    Frame: TypeAlias = pd.DataFrame

MOST_STRETCHES = 200
TABLE_STRETCHES = 40


def at(summary: Mapping[str, Any], *path: str) -> Any:
    """Return the value at ``path`` in the summary, or None where a key is missing."""
    value: Any = summary
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def as_float(value: Any) -> float | None:
    """Return a finite number as a float, anything else as None."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return None
    return float(value) if math.isfinite(value) else None


def tier_names(result: Result) -> list[str]:
    """Return the tiers in the order of the summary, which is their order of priority."""
    return [str(name) for name in at(result.summary, "latency", "tiers") or {}]


def latency_by_tier(result: Result, metric: str) -> dict[str, FloatArray]:
    """Return the known values of one latency column per tier, after the warm-up, sorted [s]."""
    requests = result.request_columns("tier", "warmup", metric)
    values = requests[metric].to_numpy(dtype=np.float64)
    measured = np.isfinite(values) & ~requests["warmup"].to_numpy(dtype=bool)
    tiers = requests["tier"].astype("category").cat
    codes = tiers.codes.to_numpy()
    code_of = {str(name): code for code, name in enumerate(tiers.categories)}
    found = {
        name: np.sort(values[measured & (codes == code_of.get(name, -1))])
        for name in tier_names(result)
    }
    return {name: column for name, column in found.items() if len(column)}


def series_by_name(result: Result, kind: str) -> dict[str, Frame]:
    """Return the series of one kind (site, row, rack or pool) by name, in the order of the run."""
    rows = result.series[result.series["kind"] == kind]
    return {
        str(name): rows_of.sort_values("time_s", kind="stable")
        for name, rows_of in rows.groupby("name", sort=False, observed=True)
    }


def stretches(
    rows: Frame, column: str, high: str | None = None, at_most: int = MOST_STRETCHES
) -> Buckets:
    """Return one column of one series, downsampled for display; ``high`` names its peak column."""
    time_s = rows["time_s"].to_numpy(dtype=np.float64)
    mean = rows[column].to_numpy(dtype=np.float64)
    peak = rows[high].to_numpy(dtype=np.float64) if high else mean
    return bucket(time_s, mean, peak, row_width_s(time_s), at_most)


def time_span_s(result: Result) -> tuple[float, float]:
    """Return the start and the end of the series [s]."""
    time_s = result.series["time_s"].to_numpy(dtype=np.float64)
    if len(time_s) == 0:
        return 0.0, 1.0
    return float(time_s.min()), float(time_s.max()) + row_width_s(time_s)


def joules_between(summary: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return between what the energy per output token lies, nine times in ten [J], None if unknown.

    The widest of the pools' intervals; hosts and racks without a pool are taken as they are.
    """
    per_token = as_float(at(summary, "energy", "j_per_output_token"))
    pools = at(summary, "pools") or {}
    known = [
        pool["j_per_token_interval"] for pool in pools.values() if "j_per_token_interval" in pool
    ]
    if per_token is None or not known:
        return None
    low, high = min(low for low, _ in known), max(high for _, high in known)
    return (per_token * low, per_token * high) if low < high else None
