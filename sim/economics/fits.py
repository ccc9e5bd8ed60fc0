"""The inverse: what a limit of power or of money a year holds, by chip, place and way to own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sim.units import H_PER_MONTH, H_PER_YEAR, W_PER_KW

if TYPE_CHECKING:
    import pandas as pd

    from sim.scenario.schema.roadmap import Fits

MONTHS_PER_YEAR = H_PER_YEAR / H_PER_MONTH


def what_fits(table: pd.DataFrame, fits: Fits) -> pd.DataFrame:
    """Return how much of every row fits, in whole replicas, the most tokens first.

    Args:
        table: of `economics`; rows without a price count only against power.
        fits: the limits; where both are given, both hold.
    """
    import pandas as pd

    rows = [_fit(row, fits) for row in table.to_dict("records")]
    names = [*("region", "chip", "model", "pattern", "ownership", "replicas")]
    known = [row for row in rows if row is not None]
    frame = pd.DataFrame(known, columns=None if known else names)
    return frame.sort_values("output_tokens_per_s", ascending=False) if known else frame


def _fit(row: Mapping[Any, Any], fits: Fits) -> dict[str, Any] | None:
    """Return one row at the limit; None where the limit cannot be judged."""
    simulated = row["accelerators"] / row["tensor_parallel"]
    kw = row["it_kw"] * row["pue"] / simulated
    usd = row["usd_per_month"] / simulated * MONTHS_PER_YEAR if row["usd_per_month"] else math.nan
    most = []
    if fits.power_w is not None:
        most.append(("power", fits.power_w / W_PER_KW / kw))
    if fits.usd_per_year is not None:
        if not math.isfinite(usd):
            return None
        most.append(("money", fits.usd_per_year / usd))
    limit, number = min(most, key=lambda each: each[1])
    replicas = math.floor(number * (1.0 + 1e-12))
    scale = replicas / simulated
    kept = ("region", "chip", "model", "pattern", "ownership", "gross_margin", "ttft_p99_s")
    return {
        **{name: row[name] for name in kept},
        "limited_by": limit,
        "replicas": replicas,
        "accelerators": replicas * int(row["tensor_parallel"]),
        "output_tokens_per_s": scale * row["output_tokens_per_s"],
        "requests_per_s": scale * row["requests_per_s"],
        "facility_kw": replicas * kw,
        "usd_per_year": replicas * usd,
    }
