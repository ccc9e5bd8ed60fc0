"""How requests find a pool, how long the run is, and what it records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from pydantic import model_validator

from sim.document.quantities import (
    NonNegativeInt,
    PositiveSeconds,
    PositiveShare,
    Seconds,
    Share,
    TokenCount,
    refusal,
)
from sim.scenario.schema.base import Name, Names, Reference, Section


class ModelCascade(Section):
    """Simple requests for a large model try a small one first."""

    model: Reference
    """The large model, which traffic asks for."""
    small: Reference
    """The model that is tried first."""
    longest_input_tokens: TokenCount | None = None
    """Longer prompts go to the large model at once; no limit unless given."""
    share: Share = 1.0
    """Part of the other requests that is taken for simple."""
    escalation: Share
    """Part of the small model's answers that is not good enough; the large one answers anew."""


class Routing(Section):
    """How a request finds its pool."""

    policy: Name = "nearest"
    """Name of the placement policy: nearest, least-loaded, power-of-two, tier-affinity,
    prefix-affinity, cheapest, carbon-aware, power-headroom, slo-aware, edge-first, spill-chain, or
    one that an installed package adds."""
    spill_at: PositiveShare = 0.9
    """A pool with a larger share of its slots taken is full, and the next one is tried."""
    chain: Names | None = None
    """Pools in the order in which they fill up, for the policy spill-chain."""
    telemetry_s: PositiveSeconds | None = None
    """Time between two reports of the pools' counters to the policy; by default it sees them as
    they are."""
    cascade: ModelCascade | None = None
    """A small model before a large one."""
    residency: dict[Name, Names] | None = None
    """Sites that the requests of a user region may go to, where not all of them may be used."""

    def models(self, asked: Sequence[str]) -> tuple[str, ...]:
        """Return the models that traffic asks for and those that routing asks in their place."""
        extra = () if self.cascade is None else (self.cascade.small,)
        return tuple(dict.fromkeys((*asked, *extra)))


class Run(Section):
    """How long to simulate."""

    duration_s: PositiveSeconds | None = None
    """Time during which requests arrive; may be left out when all traces end by themselves."""
    from_s: Seconds = 0.0
    """Time of the traffic at which the run starts: what arrives earlier is left out. All other
    times count from the start of the run, warm-up included."""
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
