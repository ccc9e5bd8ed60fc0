"""Series for people who run buildings: one CSV, a row per time stamp, a column per point.

The form in which building-management systems export trend logs, with the time zone they leave out.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from sim.facility.account import RACK_RATES, SITE_RATES, FacilitySeries


def write_bms(
    path: Path,
    series: FacilitySeries,
    start: datetime,
    site_names: Sequence[str],
    rack_names: Sequence[str],
) -> None:
    """Write the means of all bins.

    Columns are ``timestamp`` (ISO 8601 with offset, start of the bin) and ``point.quantity`` with
    the unit at the end of the quantity, such as ``metro-fra.facility_w``. Racks without cold
    plates have no column for them.

    Args:
        path: file to write.
        series: means over time.
        start: instant of simulated time 0, with its offset from UTC.
        site_names: name of each site.
        rack_names: name of each rack.
    """
    tables = ((site_names, series.sites, SITE_RATES), (rack_names, series.racks, RACK_RATES))
    columns = {
        f"{name}.{quantity}": values[quantity][at]
        for names, values, quantities in tables
        for at, name in enumerate(names)
        for quantity in quantities
        if not np.isnan(values[quantity][at]).all()
    }
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["timestamp", *columns])
        rows = zip(series.start_s.tolist(), *columns.values(), strict=True)
        for time_s, *values in rows:
            stamp = (start + timedelta(seconds=time_s)).isoformat()
            writer.writerow([stamp, *(f"{value:.6g}" for value in values)])
