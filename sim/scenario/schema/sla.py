"""The commercial side of a tier: what it pays, how much it may use, when it is turned away."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from sim.document.quantities import (
    PositiveInt,
    RequestsPerSecond,
    Share,
    Tokens,
    TokensPerSecond,
    UsdPerToken,
    refusal,
)
from sim.scenario.schema.base import Section


class Price(Section):
    """What users of a tier pay for completed requests, and get back for slow ones."""

    input_usd_per_token: UsdPerToken = 0.0
    """Price of prompt tokens."""
    output_usd_per_token: UsdPerToken = 0.0
    """Price of answer tokens."""
    credit: Share = 0.0
    """Share of a request's price that is given back when it misses its SLO."""


class Usage(Section):
    """Usage cap by token buckets: what comes above it is rejected."""

    rate_per_s: RequestsPerSecond | None = None
    """Requests per second in the long run."""
    burst: PositiveInt = 1
    """Requests that may come at once."""
    token_rate_per_s: TokensPerSecond | None = None
    """Prompt and answer tokens per second in the long run."""
    token_burst_tokens: Tokens | None = None
    """Tokens that may come at once; by default those of ten seconds."""

    @model_validator(mode="after")
    def _some_limit(self) -> Self:
        if self.rate_per_s is self.token_rate_per_s is None:
            raise refusal("rate or token_rate", got="no limit")
        return self
