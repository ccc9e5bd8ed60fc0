"""The columns of a request: the raw record that the hot path packs, and what follows from it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.interfaces import COMPLETED, STATUS_NAMES, FloatArray, IntArray
from sim.table import Columns

# One packed record. The letters mean the same to struct and to numpy; wide fields come first, so
# that neither of them inserts gaps.
_RAW_FIELDS = {
    "number": "q",
    "arrival_s": "d",
    "sent_s": "d",
    "queued_s": "d",
    "admitted_s": "d",
    "first_token_s": "d",
    "finished_s": "d",
    "downlink_s": "d",
    "input_tokens": "i",
    "output_tokens": "i",
    "replica": "i",
    "preemptions": "i",
    "pool": "h",
    "model": "h",
    "region": "h",
    "tier": "h",
    "status": "h",
}
RECORD = struct.Struct("@" + "".join(_RAW_FIELDS.values()) + "0q")
RECORD_TYPE = np.dtype(list(_RAW_FIELDS.items()), align=True)

LATENCIES = ("ttft_s", "tpot_s", "e2e_s", "queue_s", "network_s")

REQUEST_TYPES = {
    "request": "q",
    "arrival_s": "d",
    "tier": "h",
    "region": "h",
    "model": "h",
    "site": "h",
    "pool": "h",
    "replica": "i",
    "status": "b",
    "input_tokens": "i",
    "output_tokens": "i",
    "queue_s": "d",
    "network_s": "d",
    "ttft_s": "d",
    "tpot_s": "d",
    "e2e_s": "d",
    "preemptions": "i",
    "warmup": "?",
}


@dataclass(frozen=True, slots=True)
class RunNames:
    """The names behind the indices of a run.

    Attributes:
        tiers: SLA tiers.
        regions: regions in which users are.
        models: models that are asked for.
        sites: sites.
        pools: pools.
        pool_site: index of each pool's site, shape (pools,).
    """

    tiers: tuple[str, ...]
    regions: tuple[str, ...]
    models: tuple[str, ...]
    sites: tuple[str, ...]
    pools: tuple[str, ...]
    pool_site: IntArray

    def by_column(self) -> dict[str, tuple[str, ...]]:
        """Return the names by the column of the request table that uses them."""
        return {
            "tier": self.tiers,
            "region": self.regions,
            "model": self.models,
            "site": self.sites,
            "pool": self.pools,
            "status": STATUS_NAMES,
        }


def request_columns(raw: NDArray[Any], pool_site: IntArray, warmup_s: float) -> Columns:
    """Return the request table's columns for packed records; NaN where it has not happened.

    ``ttft_s`` and ``e2e_s`` are what the user sees, from the front door of the region and with
    both ways over the network; ``queue_s`` ends with the first admission.

    Args:
        raw: records of type `RECORD_TYPE`, shape (n,).
        pool_site: index of each pool's site, shape (pools,).
        warmup_s: requests that arrive before this time [s] are marked ``warmup``.
    """
    arrival_s, queued_s, downlink_s = raw["arrival_s"], raw["queued_s"], raw["downlink_s"]
    admitted_s, first_s, finished_s = raw["admitted_s"], raw["first_token_s"], raw["finished_s"]
    admitted, answered = admitted_s >= 0.0, first_s >= 0.0
    completed = raw["status"] == COMPLETED
    after_first = raw["output_tokens"] - 1
    site = np.append(pool_site, -1)[raw["pool"]]  # pool -1, never routed, has site -1
    found = {
        "request": raw["number"],
        "site": site,
        "queue_s": _where(admitted, admitted_s - queued_s),
        "network_s": _where(answered, queued_s - raw["sent_s"] + downlink_s),
        "ttft_s": _where(answered, first_s + downlink_s - arrival_s),
        "tpot_s": _where(
            completed & (after_first > 0), (finished_s - first_s) / np.maximum(after_first, 1)
        ),
        "e2e_s": _where(completed, finished_s + downlink_s - arrival_s),
        "warmup": arrival_s < warmup_s,
    }
    # Always a copy: of a single record, a field is contiguous and would stay a view of the buffer.
    return {
        name: np.array(found[name] if name in found else raw[name], dtype=code, order="C")
        for name, code in REQUEST_TYPES.items()
    }


def _where(happened: NDArray[np.bool_], values: FloatArray) -> FloatArray:
    return np.where(happened, values, np.nan)
