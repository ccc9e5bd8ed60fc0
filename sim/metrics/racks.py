"""The table of racks: power of each one against its limit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.interfaces import FloatArray
from sim.table import TEXT, Table

RACK_TYPES = {
    "name": TEXT,
    "site": TEXT,
    "cooling": TEXT,
    "type": TEXT,
    "mean_w": "d",
    "peak_w": "d",
    "limit_w": "d",
    "headroom_w": "d",
    "share_above": "d",
}


def rack_table(
    labels: Sequence[tuple[str, str, str, str]],
    mean_w: FloatArray,
    peak_w: FloatArray,
    limit_w: FloatArray,
    share_above: FloatArray,
) -> Table:
    """Return the table of racks; NaN for limit and headroom where there is no limit.

    Args:
        labels: name, site, cooling and type of each rack.
        mean_w: mean power in the measuring window [W], shape (racks,).
        peak_w: highest power in the measuring window [W], shape (racks,).
        limit_w: limit, infinite where there is none [W], shape (racks,).
        share_above: share of the measuring window above the limit, shape (racks,).
    """
    known_w = np.where(np.isfinite(limit_w), limit_w, np.nan)
    texts = np.array(labels, dtype=object).reshape(-1, 4)
    columns = {
        **dict(zip(RACK_TYPES, texts.T, strict=False)),
        "mean_w": mean_w,
        "peak_w": peak_w,
        "limit_w": known_w,
        "headroom_w": known_w - peak_w,
        "share_above": share_above,
    }
    return Table(RACK_TYPES, chunks=[columns])
