"""Client behaviour: what users' software does when an answer is late or does not come."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from sim import units
from sim.document.quantities import (
    NonNegativeInt,
    PositiveSeconds,
    Quantity,
    Share,
    refusal,
)
from sim.scenario.schema.base import Section

Patience = Annotated[float, Quantity(units.TIME, low=1e-3)]
"""How long a client waits: no software counts in less than a millisecond."""


class Backoff(Section):
    """How long a client waits before it tries again."""

    first_s: PositiveSeconds = 0.5
    """Wait before the first retry."""
    factor: Annotated[float, Field(ge=1.0, le=100.0)] = 2.0
    """How many times longer each further wait is."""
    limit_s: PositiveSeconds = 30.0
    """Longest wait."""
    jitter: bool = True
    """Whether the wait is drawn evenly between 0 and that, so that clients do not come at once."""


class ClientBehaviour(Section):
    """Time-outs, retries and hedging of one stream of requests."""

    timeout_s: Patience | None = None
    """Longest time for a whole answer; then the client goes away."""
    first_token_timeout_s: Patience | None = None
    """Longest time to the first token; then the client goes away."""
    tells_server: bool = True
    """Whether the server learns that the client went away and stops; otherwise it works on."""
    retries: Annotated[NonNegativeInt, Field(le=1000)] = 0
    """How often a request is tried again after a time-out, a rejection or a failure."""
    backoff: Backoff = Backoff()
    """Wait before a retry."""
    retry_budget: Share | None = None
    """Retries that the stream may make as a share of its requests, plus ten; no limit unless
    given."""
    hedge_after_s: PositiveSeconds | None = None
    """Time without a first token after which the request is sent a second time; the first answer
    counts, the other one is cancelled."""

    @model_validator(mode="after")
    def _budget_of_retries(self) -> Self:
        if self.retry_budget is not None and not self.retries:
            raise refusal("retries above 0 for a retry_budget", got="0")
        return self
