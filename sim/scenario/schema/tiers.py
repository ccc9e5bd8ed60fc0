"""SLA tiers: what users were promised."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from sim.document.quantities import NonNegativeInt, PositiveSeconds, PositiveShare, Share, refusal
from sim.scenario.schema.base import Names, Section, not_empty
from sim.scenario.schema.sla import Price, Usage


class Slo(Section):
    """Latency limits of one request; it meets its SLO when it meets all that are given."""

    ttft_s: PositiveSeconds | None = None
    """Longest time to the first token, from leaving the user's region."""
    tpot_s: PositiveSeconds | None = None
    """Longest mean time per output token after the first."""
    e2e_s: PositiveSeconds | None = None
    """Longest time to the last token."""

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.ttft_s is self.tpot_s is self.e2e_s is None:
            raise refusal("at least one of ttft, tpot, e2e", got="no limit")
        return self


class Tier(Section):
    """An SLA tier."""

    priority: NonNegativeInt = 0
    """Who is served first: smaller is more urgent. By default the order in which tiers stand."""
    slo: Slo
    """Latency limits of a request of this tier."""
    target: PositiveShare = 0.99
    """Share of requests that have to meet the SLO; reports show it."""
    require: Share | None = None
    """Share of requests below which `run` ends with exit code 1."""
    sites: Annotated[Names, AfterValidator(not_empty)] | None = None
    """Only at these sites may requests of the tier be served; at all of them unless given."""
    queue_timeout_s: PositiveSeconds | None = None
    """Longest wait in a pool's queue; a request that waits longer leaves it, timed out."""
    shed_at: PositiveShare | None = None
    """Requests are rejected while a larger share of the slots that could serve them is taken."""
    usage: Usage | None = None
    """Usage cap of the whole tier."""
    price: Price | None = None
    """What its users pay."""
