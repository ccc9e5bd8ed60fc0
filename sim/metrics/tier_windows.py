"""Latency by tier inside windows of time: what users felt while a site had to draw less."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.metrics.quantiles import Quantiles
from sim.table import Columns

LATENCIES = ("ttft_s", "tpot_s", "e2e_s")
PERCENTILES = {"p50": 0.50, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class SiteWindow:
    """A stretch of time at one site.

    Attributes:
        site: number of the site.
        start_s: its start [s].
        end_s: its end [s].
    """

    site: int
    start_s: float
    end_s: float


class TierWindows:
    """Keeps the latencies of the requests that arrived in windows and were served at their sites.

    Args:
        windows: the windows, which may overlap.
        tiers: names of the tiers, by index.
        exact_up_to: number of requests per window and tier up to which quantiles are exact.
    """

    def __init__(
        self, windows: Sequence[SiteWindow], tiers: Sequence[str], exact_up_to: int
    ) -> None:
        self._windows, self._tiers = tuple(windows), tuple(tiers)
        self._kept = [
            [{name: Quantiles(exact_up_to) for name in LATENCIES} for _ in tiers] for _ in windows
        ]

    def add(self, columns: Columns) -> None:
        """Take a chunk of ended requests, as columns of the request table."""
        for window, kept in zip(self._windows, self._kept, strict=True):
            arrival_s, site = columns["arrival_s"], columns["site"]
            inside = (arrival_s >= window.start_s) & (arrival_s < window.end_s)
            inside &= (site == window.site) & ~columns["warmup"]
            for tier, by_name in enumerate(kept):
                mine = inside & (columns["tier"] == tier)
                for name, quantiles in by_name.items():
                    values = columns[name][mine]
                    quantiles.add(values[~np.isnan(values)])

    def report(self) -> list[Mapping[str, Mapping[str, Any]]]:
        """Return mean and percentiles by tier and latency of every window."""
        return [
            {
                tier: {name: _figures(quantiles) for name, quantiles in by_name.items()}
                for tier, by_name in zip(self._tiers, kept, strict=True)
            }
            for kept in self._kept
        ]


def _figures(values: Quantiles) -> dict[str, float]:
    found = values.quantiles(tuple(PERCENTILES.values())).tolist()
    return {"mean": values.mean, **dict(zip(PERCENTILES, found, strict=True)), "n": values.count}
