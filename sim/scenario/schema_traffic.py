"""Traffic: who asks for which model, when, and how long prompts and answers are."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from sim.scenario.quantities import (
    PositiveFloat,
    RequestsPerSecond,
    Seconds,
    Share,
    TokenCount,
    Tokens,
    refusal,
)
from sim.scenario.schema_base import Name, Reference, Section, sums_to_one

Shares = Annotated[dict[Name, Share], AfterValidator(sums_to_one)]


class TraceReplay(Section):
    """Replay of recorded requests."""

    path: Reference
    """Name of a shipped trace, or a file relative to the scenario."""
    format: Reference | None = None
    """Format of the file; recognised by its first lines unless given."""
    scale: PositiveFloat = 1.0
    """Factor on the request rate."""
    method: Literal["auto", "superpose", "thin"] = "auto"
    """How the rate is scaled: by leaving requests out (thin), by laying shifted copies over each
    other (superpose), or whichever the factor calls for (auto)."""
    from_s: Seconds = 0.0
    """Start of the window of the file that is replayed."""
    to_s: Seconds | None = None
    """End of that window; by default the end of the file."""
    loop: bool = False
    """Whether the window starts again when it ends."""
    bad_rows: Literal["refuse", "skip"] = "refuse"
    """What to do with malformed rows: refuse the file, or leave them out and count them."""

    @model_validator(mode="after")
    def _window_in_order(self) -> Self:
        if self.to_s is not None and self.to_s <= self.from_s:
            raise refusal("an end of the window after its start (from)", at=("to",))
        return self


class PoissonArrivals(Section):
    """Independent arrivals."""

    process: Literal["poisson"]
    """Name of the process."""
    rate_per_s: RequestsPerSecond
    """Mean rate."""


class GammaArrivals(Section):
    """Independent gaps with a gamma distribution: bursty for a cv above 1."""

    process: Literal["gamma"]
    """Name of the process."""
    rate_per_s: RequestsPerSecond
    """Mean rate."""
    cv: PositiveFloat
    """Standard deviation of the gaps over their mean."""


Arrivals = Annotated[PoissonArrivals | GammaArrivals, Field(discriminator="process")]


class ConstantLengths(Section):
    """Every request is the same."""

    input_tokens: TokenCount
    """Length of the prompt."""
    output_tokens: TokenCount
    """Length of the answer."""


class Lognormal(Section):
    """A lognormal length."""

    mean_tokens: Tokens
    """Mean length."""
    cv: PositiveFloat
    """Standard deviation over mean."""


class LognormalLengths(Section):
    """Input and output lengths are lognormal and independent."""

    input: Lognormal
    """Length of the prompt."""
    output: Lognormal
    """Length of the answer."""


class Lengths(Section):
    """How long prompts and answers are: one of these."""

    constant: ConstantLengths | None = None
    """Every request is the same."""
    empirical: Reference | None = None
    """Pairs drawn from the rows of a trace: its shipped name or path."""
    lognormal: LognormalLengths | None = None
    """Lognormal, input and output independent."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in ("constant", "empirical", "lognormal") if getattr(self, name)]
        if len(given) != 1:
            got = " and ".join(given) or "none of them"
            raise refusal("exactly one of constant, empirical, lognormal", got=got)
        return self


class Workload(Section):
    """A stream of requests for one model."""

    model: Reference
    """Model out of the catalogue."""
    regions: Shares
    """Share of the requests that comes from each user region."""
    tiers: Shares
    """Share of the requests in each tier."""
    trace: TraceReplay | None = None
    """Recorded requests; instead of arrivals and lengths."""
    arrivals: Arrivals | None = None
    """When requests come."""
    lengths: Lengths | None = None
    """How long they are."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        synthetic = [name for name in ("arrivals", "lengths") if getattr(self, name) is not None]
        if self.trace is not None and synthetic:
            got = " and ".join(["trace", *synthetic])
            raise refusal("either trace, or arrivals and lengths", got=got)
        if self.trace is None and len(synthetic) < 2:
            got = f"{synthetic[0]} alone" if synthetic else "no requests"
            raise refusal("either trace, or arrivals and lengths", got=got)
        return self

    @property
    def is_endless(self) -> bool:
        """Whether requests never stop by themselves."""
        return self.trace is None or self.trace.loop
