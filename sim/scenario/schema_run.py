"""How requests find a pool, how long the run is, and what it records."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from sim.scenario.quantities import NonNegativeInt, PositiveSeconds, PositiveShare, Seconds, refusal
from sim.scenario.schema_base import Name, Section


class Routing(Section):
    """How a request finds its pool."""

    policy: Name = "nearest"
    """Name of the placement policy: nearest, least-loaded, power-of-two, tier-affinity, or one
    that an installed package adds."""
    spill_at: PositiveShare = 0.9
    """A pool with a larger share of its slots taken is full, and the next one is tried."""


class Run(Section):
    """How long to simulate."""

    duration_s: PositiveSeconds | None = None
    """Time during which requests arrive; may be left out when all traces end by themselves."""
    warmup_s: Seconds = 0.0
    """Time at the start whose requests are left out of the statistics."""
    drain: bool = True
    """Whether requests that are under way at the end are finished."""

    @model_validator(mode="after")
    def _warmup_inside(self) -> Self:
        if self.duration_s is not None and self.warmup_s >= self.duration_s:
            raise refusal("a warm-up shorter than the duration", at=("warmup",))
        return self


class Output(Section):
    """What is recorded, and how finely."""

    series_interval_s: PositiveSeconds | None = None
    """Width of the bins of the time series; chosen from the length of the run unless given."""
    exact_quantiles: NonNegativeInt = 1_000_000
    """Up to this many requests, quantiles are exact; beyond, to 0.5 %."""
