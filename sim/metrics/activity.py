"""What the replicas did over time: batch, KV memory, busy time and tokens, per pool and bin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.binning import Bins
from sim.interfaces import ACTIVITY_COLUMNS, FloatArray, IntArray

QUANTITIES = BATCH, KV_TOKENS, BUSY, OUTPUT_TOKENS = range(4)

_REPLICA, _START, _END, _, _BATCH, _KV_TOKENS, _, _OUTPUT_TOKENS = range(len(ACTIVITY_COLUMNS))


@dataclass(frozen=True, slots=True)
class PoolSizes:
    """How large the pools are.

    Attributes:
        site: index of each pool's site, shape (pools,).
        sites: number of sites.
        replicas: replicas of each pool, shape (pools,).
        accelerators: accelerators per replica, shape (pools,).
        kv_tokens: KV-cache capacity per replica [tokens], shape (pools,).
    """

    site: IntArray
    sites: int
    replicas: IntArray
    accelerators: IntArray
    kv_tokens: FloatArray

    def by_site(self, per_pool: FloatArray) -> FloatArray:
        """Return sums over the pools of each site, (pools, ...) to (sites, ...)."""
        sums = np.zeros((self.sites, *per_pool.shape[1:]))
        np.add.at(sums, self.site, per_pool)
        return sums


@dataclass(frozen=True, slots=True)
class Utilisation:
    """How far groups of replicas were used, on average; each field has the shape of the groups.

    Attributes:
        accelerator_busy: share of the accelerators whose replica has requests in its batch.
        kv_used: share of the KV memory that holds tokens.
        batch_mean: requests in the batch of a replica, over all time.
        batch_busy: requests in the batch of a replica, over the time in which it has some.
    """

    accelerator_busy: FloatArray
    kv_used: FloatArray
    batch_mean: FloatArray
    batch_busy: FloatArray


class ActivitySeries:
    """Integrals of the activity rows, per pool and time bin and over the measuring window.

    Args:
        replica_pool: index of each replica's pool, shape (replicas,).
        sizes: how large the pools are.
        window_start_s: end of the warm-up [s].
        width_s: width of the time bins [s], None for bins that widen themselves.
    """

    def __init__(
        self,
        replica_pool: IntArray,
        sizes: PoolSizes,
        window_start_s: float = 0.0,
        width_s: float | None = None,
    ) -> None:
        pools = len(sizes.site)
        self.sizes = sizes
        self.bins = Bins(pools, len(QUANTITIES), width_s)
        self.totals: FloatArray = np.zeros((len(QUANTITIES), pools))
        """Integral over the measuring window by quantity and pool."""
        self._replica_pool = replica_pool
        self._window_start_s = window_start_s

    def advance(self, rows: FloatArray, until_s: float) -> None:
        """Take the activity up to ``until_s``.

        Args:
            rows: `ACTIVITY_COLUMNS`, shape (n, 8); none of them ends after ``until_s``.
            until_s: time up to which every replica's rows are complete [s].
        """
        self.bins.cover(until_s)
        columns = np.ascontiguousarray(rows.T)
        pool = self._replica_pool[columns[_REPLICA].astype(np.int64)]
        start_s, end_s, batch = columns[_START], columns[_END], columns[_BATCH]
        length_s = end_s - start_s
        tokens_per_s = np.zeros(len(rows))
        np.divide(columns[_OUTPUT_TOKENS], length_s, out=tokens_per_s, where=length_s > 0.0)
        busy = (batch > 0.0).astype(np.float64)
        rates = (batch, columns[_KV_TOKENS], busy, tokens_per_s)  # in the order of QUANTITIES
        added = self.bins.add(pool, start_s, end_s, *rates)
        late = start_s >= self._window_start_s
        if not late.all():
            measured_s = np.clip(end_s - self._window_start_s, 0.0, length_s)
            pools = len(self.sizes.site)
            added = np.stack([np.bincount(pool, rate * measured_s, pools) for rate in rates])
        self.totals += added

    def by_site(self, window_s: float) -> Utilisation:
        """Return the mean utilisation of each site over a measuring window this long [s]."""
        return utilisation(self.sizes, self.totals, np.float64(window_s), sites=True)


def utilisation(
    sizes: PoolSizes, integrals: FloatArray, length_s: FloatArray | np.float64, *, sites: bool
) -> Utilisation:
    """Return means from integrals; NaN where a group has no replica or the time no length.

    Args:
        sizes: how large the pools are.
        integrals: by quantity and pool, shape (4, pools) or (4, pools, bins).
        length_s: time over which they were taken [s], a number or shape (bins,).
        sites: whether to group the pools by site.
    """
    shape = (-1,) + (1,) * (integrals.ndim - 2)
    accelerators = sizes.accelerators.astype(np.float64).reshape(shape)
    replicas = sizes.replicas.astype(np.float64).reshape(shape)
    kv_tokens = sizes.kv_tokens.reshape(shape)

    def grouped(per_pool: FloatArray) -> FloatArray:
        return sizes.by_site(per_pool) if sites else per_pool

    batch = grouped(integrals[BATCH])
    return Utilisation(
        accelerator_busy=ratio(
            grouped(integrals[BUSY] * accelerators), grouped(replicas * accelerators) * length_s
        ),
        kv_used=ratio(grouped(integrals[KV_TOKENS]), grouped(replicas * kv_tokens) * length_s),
        batch_mean=ratio(batch, grouped(replicas) * length_s),
        batch_busy=ratio(batch, grouped(integrals[BUSY])),
    )


def ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Return part over whole, NaN where the whole is 0; ``whole`` is broadcast to ``part``."""
    out = np.full(part.shape, np.nan)
    np.divide(part, whole, out=out, where=whole > 0.0)
    return out
