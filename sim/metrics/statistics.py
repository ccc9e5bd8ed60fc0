"""Running statistics of the requests: fates, SLA attainment, latency quantiles, throughput.

Latency and SLA attainment are those of the requests that arrived in the measuring window, whatever
became of them and whenever: a rejected, timed-out or failed request does not attain. One in flight
at the end is undecided, unless its first token is late already, and stands in no share.
Throughput and goodput count what was completed in the window, whenever it had arrived.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.cost.billing import Billing
from sim.interfaces import COMPLETED, STATUS_NAMES, IntArray
from sim.metrics.columns import LATENCIES
from sim.metrics.quantiles import Quantiles
from sim.metrics.sla import REASONS, TierTargets, attains, limits_s, miss_reasons
from sim.metrics.usage import UsageStatistics
from sim.table import Columns


class RequestStatistics:
    """Statistics per tier, updated chunk by chunk in bounded memory.

    Args:
        tiers: targets of each tier, by index.
        window_start_s: end of the warm-up [s].
        exact_up_to: number of measured requests up to which quantiles are exact.
        pools: number of pools.
        models: number of models that are asked for.
    """

    def __init__(
        self,
        tiers: Sequence[TierTargets],
        window_start_s: float,
        exact_up_to: int,
        *,
        pools: int,
        models: int,
    ) -> None:
        self.tiers = tuple(tiers)
        self.exact_up_to = exact_up_to
        self.fates: IntArray = np.zeros((len(tiers), len(STATUS_NAMES)), dtype=np.int64)
        """Every request by tier and status."""
        self.measured_fates: IntArray = np.zeros_like(self.fates)
        """Those that arrived in the window."""
        self.attained: IntArray = np.zeros(len(tiers), dtype=np.int64)
        """Requests that arrived in the window and attained their SLO, by tier."""
        self.missed: IntArray = np.zeros((len(tiers), len(REASONS)), dtype=np.int64)
        """Requests that arrived in the window and did not, by tier and reason."""
        self.end_s = float("nan")
        """End of the run, set before the requests in flight are added [s]."""
        self.completed_in_window = 0
        self.attained_in_window = 0
        self.latencies = [self._fresh() for _ in tiers]
        """Quantiles by tier and latency."""
        self.billing = Billing(tiers)
        self.usage = UsageStatistics(pools, len(tiers), models)
        self._window_start_s = window_start_s
        self._limits = limits_s(tiers)

    def add(self, raw: NDArray[Any], columns: Columns) -> None:
        """Take a chunk of ended requests.

        Args:
            raw: the packed records, shape (n,).
            columns: the same requests as columns of the request table.
        """
        good = attains(columns, self._limits)
        self.fates += self._by_fate(columns)
        in_window = raw["finished_s"] >= self._window_start_s
        done = columns["status"] == COMPLETED
        self.completed_in_window += int(np.count_nonzero(in_window & done))
        self.attained_in_window += int(np.count_nonzero(in_window & good))
        measured = ~columns["warmup"]
        if not measured.all():
            columns = {name: values[measured] for name, values in columns.items()}
            good = good[measured]
        self.measured_fates += self._by_fate(columns)
        self.billing.add(columns, good)
        self.usage.add(columns)
        self.attained += np.bincount(columns["tier"][good], minlength=len(self.tiers))
        self._add_misses(columns)
        self._add_latencies(columns)

    def overall(self) -> dict[str, Quantiles]:
        """Return the quantiles over all tiers, by latency."""
        merged = self._fresh()
        for name, quantiles in merged.items():
            for tier in self.latencies:
                quantiles.merge(tier[name])
        return merged

    def _fresh(self) -> dict[str, Quantiles]:
        return {name: Quantiles(self.exact_up_to) for name in LATENCIES}

    def _by_fate(self, columns: Columns) -> IntArray:
        fates = len(STATUS_NAMES)
        slot = columns["tier"].astype(np.int64) * fates + columns["status"]
        return np.bincount(slot, minlength=len(self.tiers) * fates).reshape(-1, fates)

    def _add_misses(self, columns: Columns) -> None:
        reasons = miss_reasons(columns, self._limits, self.end_s)
        missed = reasons >= 0
        if missed.any():
            slot = columns["tier"][missed].astype(np.int64) * len(REASONS) + reasons[missed]
            counts = np.bincount(slot, minlength=self.missed.size)
            self.missed += counts.reshape(self.missed.shape)

    def _add_latencies(self, columns: Columns) -> None:
        order = np.argsort(columns["tier"], kind="stable")
        edges = np.searchsorted(columns["tier"][order], np.arange(len(self.tiers) + 1))
        for name in LATENCIES:
            values = columns[name][order]
            for tier, (begin, stop) in enumerate(pairwise(edges)):
                mine = values[begin:stop]
                self.latencies[tier][name].add(mine[~np.isnan(mine)])
        if self.measured_fates.sum() > self.exact_up_to:
            for by_name in self.latencies:
                for quantiles in by_name.values():
                    quantiles.make_histogram()
