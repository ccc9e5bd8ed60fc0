"""Time series of several replications as one mean with a band."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sim.experiment.statistics.intervals import LEVEL, t_quantile

if TYPE_CHECKING:
    import pandas as pd

KEYS = ["kind", "name", "time_s"]


def series_bands(
    replications: Sequence[pd.DataFrame], column: str, level: float = LEVEL
) -> pd.DataFrame:
    """Return the mean over replications of one column of the series, with a pointwise interval.

    Each value is a time-weighted mean over its bin already, so bins of equal start are averaged.
    A bin that only some replications reached counts those.

    Args:
        replications: the ``series`` tables of the replications; bins have to be equally long.
        column: such as ``power_w``.
        level: confidence level of each point of the band, not of the band as a whole.

    Returns:
        Columns kind, name, time_s, value, low, high and n.
    """
    import numpy as np
    import pandas as pd

    stacked = pd.concat([frame[[*KEYS, column]] for frame in replications])
    grouped = stacked.groupby(KEYS, sort=True)[column].agg(["mean", "std", "count"]).reset_index()
    factor = grouped["count"].map(lambda n: t_quantile(int(n) - 1, level))
    half = (factor * grouped["std"] / np.sqrt(grouped["count"])).fillna(np.inf)
    bands = grouped[KEYS].copy()
    bands["value"] = grouped["mean"]
    bands["low"], bands["high"] = grouped["mean"] - half, grouped["mean"] + half
    bands["n"] = grouped["count"]
    return bands
