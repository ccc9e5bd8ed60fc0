"""Faults of the plant: when each begins and ends, by schedule or at random with repair."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf

# Which part of a site's cooling plant each kind takes out of service.
COOLING_PARTS = {
    "chiller": "chiller",
    "fans": "fans",
    "cdu-pump": "pumps",
    "facility-water": "facility_water",
    "dry-cooler": "reject",
}
# Which stage of a site's power each kind takes units out of; `pdu` takes those of one row.
POWER_STAGES = ("pdu", "ups", "switchboard")


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """One thing that can fail.

    Attributes:
        kind: chiller, fans, cdu-pump, facility-water, dry-cooler, utility, pdu, ups or
            switchboard.
        site: number of the site.
        row: number of the row, for a distribution unit.
        share: how much of a cooling part fails [1].
        units: how many units of a power stage fail [1].
        at_s: when it fails once, or None for random faults [s].
        duration_s: how long a single fault lasts [s].
        mtbf_s: mean time between a repair and the next failure [s].
        mttr_s: mean time to repair [s].
    """

    kind: str
    site: int
    row: int | None = None
    share: float = 1.0
    units: int = 1
    at_s: float | None = None
    duration_s: float = inf
    mtbf_s: float = inf
    mttr_s: float = 0.0


def outages(plan: FaultPlan, exponential: Callable[[], float]) -> Iterator[tuple[float, float]]:
    """Yield start and end of each time out of service [s]: one, or without end at random.

    Args:
        plan: what fails.
        exponential: draws Exp(1) numbers from the plan's own stream.
    """
    if plan.at_s is not None:
        yield plan.at_s, plan.at_s + plan.duration_s
        return
    now_s = 0.0
    while True:
        start_s = now_s + plan.mtbf_s * exponential()
        now_s = start_s + plan.mttr_s * exponential()
        yield start_s, now_s


def in_service(shares_out: list[float]) -> float:
    """Return what is left of a part when several faults each take a share of it [1]."""
    return max(1.0 - sum(shares_out), 0.0)
