"""Service levels: the targets of a tier, and which requests met them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.interfaces import COMPLETED, FAILED, IN_FLIGHT, REJECTED, TIMED_OUT, FloatArray
from sim.table import Columns

_LIMITED = ("ttft_s", "tpot_s", "e2e_s")
_LATE = ("late_ttft", "late_tpot", "late_e2e")
_LOST = {"failed": FAILED, "rejected": REJECTED, "timed_out": TIMED_OUT}
REASONS = (*_LATE, *_LOST, "undecided")
"""Why a request did not attain its SLO; an undecided one was in flight at the end and not late."""


@dataclass(frozen=True, slots=True)
class TierTargets:
    """What a tier was promised; None where nothing was.

    Attributes:
        name: name of the tier.
        ttft_s: longest time to the first token [s].
        tpot_s: longest mean time per output token after the first [s].
        e2e_s: longest time to the last token [s].
        target: share of requests that should attain, for the report.
        require: share of requests below which the run counts as failed.
        input_usd_per_token: price of a prompt token [USD].
        output_usd_per_token: price of an answer token [USD].
        credit: share of a request's price that is given back when it misses its SLO.
    """

    name: str
    ttft_s: float | None = None
    tpot_s: float | None = None
    e2e_s: float | None = None
    target: float | None = None
    require: float | None = None
    input_usd_per_token: float = 0.0
    output_usd_per_token: float = 0.0
    credit: float = 0.0


def limits_s(tiers: Sequence[TierTargets]) -> FloatArray:
    """Return ttft, tpot and e2e limit per tier [s], infinite where there is none, (tiers, 3)."""
    rows = [[getattr(tier, name) for name in _LIMITED] for tier in tiers]
    return np.array([[np.inf if v is None else v for v in row] for row in rows]).reshape(-1, 3)


def attains(columns: Columns, limits: FloatArray) -> NDArray[np.bool_]:
    """Return which requests attain their SLO: completed, and within every stated limit.

    A limit on time per output token holds for an answer of one token, which has none.

    Args:
        columns: columns of the request table, n rows.
        limits: what `limits_s` returns.
    """
    good: NDArray[np.bool_] = columns["status"] == COMPLETED
    for index, name in enumerate(_LIMITED):
        if np.isfinite(limits[:, index]).any():
            good &= ~(columns[name] > limits[columns["tier"], index])
    return good


def miss_reasons(columns: Columns, limits: FloatArray, end_s: float) -> NDArray[np.int8]:
    """Return for each request the place of its miss in `REASONS`, -1 where it attained.

    What was rejected, failed or timed out counts as that; else the first limit that it passed
    counts. A request in flight is late once it has waited longer than a limit allows.

    Args:
        columns: columns of the request table, n rows.
        limits: what `limits_s` returns.
        end_s: end of the run, up to which requests in flight have waited [s].
    """
    unfinished = columns["status"] == IN_FLIGHT
    waited_s = np.where(unfinished, end_s - columns["arrival_s"], np.nan)
    found = np.where(unfinished, REASONS.index("undecided"), -1).astype(np.int8)
    for index in reversed(range(len(_LATE))):
        taken_s = columns[_LIMITED[index]]
        if _LIMITED[index] != "tpot_s":
            taken_s = np.where(np.isnan(taken_s), waited_s, taken_s)
        found[taken_s > limits[columns["tier"], index]] = index
    for reason, code in _LOST.items():
        found[columns["status"] == code] = REASONS.index(reason)
    return found
