"""Token lengths of a scenario: how long prompts and answers are."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, Strict, model_validator

from sim.document.quantities import (
    PositiveSeconds,
    PositiveShare,
    TokenCount,
    Tokens,
    Variation,
    refusal,
)
from sim.scenario.schema.base import Reference, Section, not_empty


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
    cv: Variation
    """Standard deviation over mean."""


class LognormalLengths(Section):
    """Input and output lengths are lognormal and independent."""

    input: Lognormal
    """Length of the prompt."""
    output: Lognormal
    """Length of the answer."""


class RateBandLengths(Section):
    """Pairs drawn from the rows that a trace had at a similar local rate."""

    path: Reference
    """Name of a shipped trace, or a file relative to the scenario."""
    bands: Annotated[int, Field(ge=1, le=100)] = 5
    """Number of bands of the local rate, with equal numbers of requests."""
    window_s: PositiveSeconds = 60.0
    """Window in which the local rate is counted."""


class MixturePart(Section):
    """One part of a mixture."""

    share: PositiveShare
    """Share of the requests."""
    lengths: Lengths
    """How long these are."""


class Lengths(Section):
    """How long prompts and answers are: one of these."""

    constant: ConstantLengths | None = None
    """Every request is the same."""
    empirical: Reference | None = None
    """Pairs drawn from the rows of a trace: its shipped name or path."""
    lognormal: LognormalLengths | None = None
    """Lognormal, input and output independent."""
    by_rate: RateBandLengths | None = None
    """Pairs drawn from the rows that a trace had at a similar rate."""
    mixture: Annotated[tuple[MixturePart, ...], Strict(False), AfterValidator(not_empty)] | None = (
        None
    )
    """Each request follows one of several laws."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        kinds = ("constant", "empirical", "lognormal", "by_rate", "mixture")
        given = [name for name in kinds if getattr(self, name) is not None]
        if len(given) != 1:
            got = " and ".join(given) or "none of them"
            raise refusal("exactly one of " + ", ".join(kinds), got=got)
        total = sum(part.share for part in self.mixture or ())
        if self.mixture is not None and abs(total - 1) > 1e-6:
            raise refusal("shares that sum to 1", got=f"{total:.6g}", at=("mixture",))
        return self


MixturePart.model_rebuild()
