"""The section ``case`` of an economics study: a fleet over years, and what it competes with."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, Strict, model_validator

from sim import units
from sim.document.quantities import (
    PositiveFloat,
    PositiveInt,
    Quantity,
    UsdPerToken,
    Watts,
    refusal,
)
from sim.scenario.schema.base import Reference, Section, Text

Rate = Annotated[float, Quantity(units.SHARE, low=-0.99, high=100.0, bare=True)]
"""Change per year."""
DailyTokens = Annotated[float, Quantity(units.DAILY_TOKENS, above=True)]
Elasticity = Annotated[float, Field(ge=0.0, le=10.0)]
Month = Annotated[int, Field(ge=0, le=600)]


def _as_date(value: Any) -> Any:
    """Read a date that YAML left as text."""
    if isinstance(value, str):
        try:
            return datetime.date.fromisoformat(value)
        except ValueError:
            raise refusal("a date such as 2026-12-01") from None
    return value


def _in_order(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise refusal("the lower end first")
    return ends


RateRange = Annotated[tuple[Rate, Rate], Strict(False), AfterValidator(_in_order)]
ElasticityRange = Annotated[tuple[Elasticity, Elasticity], Strict(False), AfterValidator(_in_order)]
TokensRange = Annotated[tuple[DailyTokens, DailyTokens], Strict(False), AfterValidator(_in_order)]


class Api(Section):
    """A public price list of somebody else's tokens, which the fleet competes with."""

    name: Text
    """Whose."""
    input_usd_per_token: UsdPerToken
    """Price of prompt tokens."""
    output_usd_per_token: UsdPerToken
    """Price of answer tokens."""
    as_of: Annotated[datetime.date, Strict(False), BeforeValidator(_as_date)]
    """Day on which it held; prices of tokens move by factors in a year."""


class PowerStep(Section):
    """Power that a site may draw from a month on."""

    month: Month
    """First month, 0 is the first."""
    power_w: Watts
    """Rated IT power that may run."""


class Generation(Section):
    """A chip of the study that is bought from a month on."""

    chip: Reference
    """One of the chips of the study."""
    month: Annotated[int, Field(ge=1, le=600)]
    """First month in which it can be bought."""


class Ranges(Section):
    """How far the assumptions of a case may be off; what is not here is taken as it is."""

    tokens_per_day: TokensRange | None = None
    """Demand in the first month."""
    growth: RateRange | None = None
    """Growth of demand at constant prices."""
    elasticity: ElasticityRange | None = None
    """Elasticity of demand."""
    price_decay: RateRange | None = None
    """Fall of the price of tokens."""
    software: RateRange | None = None
    """Gain of throughput."""
    energy_growth: RateRange | None = None
    """Growth of the price of energy."""
    hardware_decay: RateRange | None = None
    """Fall of the price of a chip."""


class BusinessCase(Section):
    """A fleet over years in one place: demand, prices, purchases and what comes back."""

    chip: Reference | None = None
    """Chip of the study; without it the one with the cheapest tokens."""
    model: Reference | None = None
    """Model of the study; without it the first."""
    pattern: Reference | None = None
    """Load of the study; without it the first."""
    region: Reference | None = None
    """Region of the study; without it the one with the cheapest tokens."""
    ownership: Reference | None = None
    """Way to own, of the study; without it the one with the cheapest tokens."""
    months: Annotated[PositiveInt, Field(ge=6, le=120)] = 60
    """How far it looks."""
    tokens_per_day: DailyTokens
    """Answer tokens that users ask for in the first month, at the first price."""
    growth: Rate = 0.0
    """Growth of demand per year at constant prices."""
    price_decay: Rate = 0.0
    """Fall of the price of tokens per year: 50 % halves it."""
    elasticity: Elasticity = 0.0
    """By how many percent demand rises when the price falls by one."""
    lag: Annotated[int, Field(ge=0, le=36)] = 1
    """Months until demand follows the price."""
    software: Rate = 0.0
    """Gain of throughput of the same hardware per year."""
    software_most: PositiveFloat = 3.0
    """Greatest gain of all years together, as a factor."""
    energy_growth: Rate = 0.0
    """Growth of the price of energy per year."""
    hardware_decay: Rate = 0.0
    """Fall of the price of the same hardware per year."""
    order_ahead: Annotated[int, Field(ge=0, le=36)] = 0
    """Months before they are needed in which accelerators are bought."""
    power: Annotated[tuple[PowerStep, ...], Strict(False)] = ()
    """Power by month; none of the first one's month runs before it. Without it there is enough."""
    wait_for_power: bool = True
    """Whether purchases wait for power; otherwise accelerators stand idle until it is there."""
    generations: Annotated[tuple[Generation, ...], Strict(False)] = ()
    """Chips that later purchases are made of."""
    api: Api | None = None
    """What tokens cost elsewhere."""
    draws: Annotated[PositiveInt, Field(ge=100, le=100_000)] = 2000
    """Samples of everything that may be off."""
    ranges: Ranges = Ranges()
    """How far the assumptions may be off."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for name, steps in (("power", self.power), ("generations", self.generations)):
            months = [step.month for step in steps]
            if months != sorted(set(months)):
                raise refusal("months that rise", at=(name,))
        for name, ends in self.ranges:
            value = getattr(self, name)
            if ends is not None and not ends[0] <= value <= ends[1]:
                shown = f"a range around the {name} of the case, {value:g}"
                raise refusal(shown, at=("ranges", name))
        return self
