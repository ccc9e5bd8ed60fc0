"""Series for people who run buildings: one CSV, a row per time stamp, a column per point.

The form in which building-management systems export trend logs, with the time zone they leave out.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from sim.interfaces import FloatArray


def write_bms(
    path: Path, start: datetime, time_s: FloatArray, points: Mapping[str, FloatArray]
) -> int:
    """Write the means of all bins and return the number of points.

    Columns are ``timestamp`` (ISO 8601 with offset, start of the bin) and the points, with the unit
    at the end of their names, such as ``metro-fra.facility_w``. Points that never had a value have
    no column, values that are missing are empty cells.

    Args:
        path: file to write.
        start: instant of simulated time 0, with its offset from UTC.
        time_s: start of each bin (bins,) [s].
        points: means over time by the name of the point, each (bins,).
    """
    known = {name: values for name, values in points.items() if not np.isnan(values).all()}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["timestamp", *known])
        for time, *values in zip(time_s.tolist(), *known.values(), strict=True):
            stamp = (start + timedelta(seconds=time)).isoformat()
            cells = ("" if np.isnan(value) else f"{value:.6g}" for value in values)
            writer.writerow([stamp, *cells])
    return len(known)
