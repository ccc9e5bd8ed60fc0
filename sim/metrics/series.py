"""The time series of a run, one row per bin and site, row, rack or pool."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.interfaces import FloatArray
from sim.metrics.activity import OUTPUT_TOKENS, QUANTITIES, ActivitySeries, ratio, utilisation
from sim.metrics.flow import PoolFlow
from sim.table import Columns, Table

KINDS = ("site", "row", "rack", "pool", "process")

SERIES_TYPES = {
    "time_s": "d",
    "kind": "b",
    "name": "i",
    "power_w": "d",
    "power_max_w": "d",
    "batch": "d",
    "kv_used": "d",
    "queue": "d",
    "busy": "d",
    "requests_per_s": "d",
    "output_tokens_per_s": "d",
    "arrivals_per_s": "d",
    "in_service": "d",
    "facility_w": "d",
    "cooling_w": "d",
    "loss_w": "d",
    "outside_c": "d",
    "price_usd_per_kwh": "d",
    "carbon_g_per_kwh": "d",
    "inlet_c": "d",
    "plate_c": "d",
    "batch_share": "d",
    "clock": "d",
}

# Only there if a user's own processes recorded something.
RECORDED = "value"

_CHUNK_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class SeriesBlock:
    """Series of things of one kind.

    Attributes:
        kind: one of `KINDS`.
        names: the things.
        values: by column of the series table, shape (names, bins).
    """

    kind: str
    names: tuple[str, ...]
    values: Mapping[str, FloatArray]


def load_blocks(
    activity: ActivitySeries,
    flow: PoolFlow,
    pools: tuple[str, ...],
    sites: tuple[str, ...],
    end_s: float,
) -> list[SeriesBlock]:
    """Return what the pools did, by pool and summed by site.

    ``requests_per_s`` counts completions. Queues of a site add up; ``batch`` is the mean over its
    replicas, ``busy`` that over its accelerators and ``kv_used`` that over its memory.

    Args:
        activity: the replicas' activity, complete up to ``end_s``.
        flow: arrivals, completions and queues, complete.
        pools: names of the pools.
        sites: names of the sites.
        end_s: end of the run [s].
    """
    activity.bins.cover(end_s)
    flow.cover(end_s)
    integrals = np.stack([activity.bins.integrals(quantity) for quantity in QUANTITIES])
    # A run of no time has no bin, though something may have happened at its one instant.
    bins = activity.bins.count
    amounts = {
        # Rounding may leave a trace below zero where nobody waits.
        "queue": np.maximum(flow.waiting.level_integrals(end_s), 0.0),
        "requests_per_s": flow.completions.totals(),
        "arrivals_per_s": flow.arrivals.totals(),
        "output_tokens_per_s": integrals[OUTPUT_TOKENS],
    }
    length_s = activity.bins.lengths_s(end_s)
    blocks = []
    for kind, names in (("site", sites), ("pool", pools)):
        used = utilisation(activity.sizes, integrals, length_s, sites=kind == "site")
        values = {
            "batch": used.batch_mean,
            "kv_used": used.kv_used,
            "busy": used.accelerator_busy,
        }
        for column, amount in amounts.items():
            grouped = activity.sizes.by_site(amount) if kind == "site" else amount
            grouped = grouped[:, :bins]
            values[column] = ratio(grouped, length_s)
        blocks.append(SeriesBlock(kind, names, values))
    return blocks


def series_table(time_s: FloatArray, blocks: Iterable[SeriesBlock]) -> Table:
    """Return the series as a table, by kind, name and time; NaN where a column says nothing.

    Args:
        time_s: start of each bin [s].
        blocks: series; blocks of the same kind must have the same names.
    """
    merged: dict[str, SeriesBlock] = {}
    for block in blocks:
        known = merged.get(block.kind)
        values = {**known.values, **block.values} if known else block.values
        merged[block.kind] = SeriesBlock(block.kind, block.names, values)
    ordered = [merged[kind] for kind in KINDS if kind in merged]
    names = tuple(dict.fromkeys(name for block in ordered for name in block.names))
    recorded = any(RECORDED in block.values for block in ordered)
    types = SERIES_TYPES | ({RECORDED: "d"} if recorded else {})
    return Table(types, {"kind": KINDS, "name": names}, _Chunks(time_s, ordered, names, types))


@dataclass(frozen=True, slots=True)
class _Chunks:
    """Writes the long table out some names at a time: it is far larger than the blocks."""

    time_s: FloatArray
    blocks: Sequence[SeriesBlock]
    names: tuple[str, ...]
    types: Mapping[str, str]

    def __iter__(self) -> Iterator[Columns]:
        """Yield the chunks."""
        code = {name: index for index, name in enumerate(self.names)}
        at_once = max(1, _CHUNK_ROWS // max(1, len(self.time_s)))
        for block in self.blocks:
            codes = np.array([code[name] for name in block.names], dtype=np.int32)
            for begin in range(0, len(codes), at_once):
                yield self._chunk(block, codes, slice(begin, begin + at_once))

    def _chunk(self, block: SeriesBlock, codes: NDArray[np.int32], part: slice) -> Columns:
        bins = len(self.time_s)
        some = codes[part]
        empty = np.full(len(some) * bins, np.nan)
        columns: Columns = {
            name: block.values[name][part, :bins].ravel() if name in block.values else empty
            for name in self.types
        }
        columns["time_s"] = np.tile(self.time_s, len(some))
        columns["kind"] = np.full(len(empty), KINDS.index(block.kind), dtype=np.int8)
        columns["name"] = np.repeat(some, bins)
        return columns
