"""Money around a run: who owns what, at which price and for how long, and what users pay."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, Strict, model_validator

from sim import units
from sim.document.quantities import PositiveFloat, Quantity, Share, refusal
from sim.scenario.schema.base import Name, Reference, Section

Usd = Annotated[float, Quantity(units.USD)]
Life = Annotated[float, Quantity(units.TIME, low=units.S_PER_Y / 12.0, high=100.0 * units.S_PER_Y)]
Rate = Annotated[float, Quantity(units.SHARE, high=1.0, bare=True)]


class Asset(Section):
    """Capital of one's own beside what the topology has, or another price for a layer of it."""

    price: Usd
    """What all of it costs today."""
    life: Life
    """How long it is used and paid for."""
    residual: Usd = 0.0
    """What it brings at the end of its life."""
    site: Name | None = None
    """Site that it belongs to; none in particular unless given."""

    @model_validator(mode="after")
    def _loses_value(self) -> Self:
        if self.residual > self.price:
            raise refusal(f"at most the price, {self.price:g} USD", at=("residual",))
        return self


class Subscription(Section):
    """Users who pay by the month, whatever they use."""

    tier: Name
    """Tier whose traffic they make."""
    users: PositiveFloat
    """How many."""
    price_per_month: Usd
    """What each pays a month."""


class Income(Section):
    """What is paid beside the price per token of the tiers."""

    subscriptions: Annotated[tuple[Subscription, ...], Strict(False)] = ()
    """Flat rates."""
    per_request: dict[Name, Usd] = Field(default={})
    """Price of a completed request, by tier."""
    reserved_per_month: Usd = 0.0
    """Reserved capacity and minimum commitments, paid whether used or not."""
    cost_passed_on: Share = 0.0
    """Share of the cost of compute that customers pay back."""


class Economics(Section):
    """Who owns the hardware and the hall, and what that costs."""

    owner: Reference = "operator"
    """Entry of the catalogue's owners: prices around the accelerators, lives, cost of capital."""
    cost_of_capital: Rate | None = None
    """Per year, nominal and before tax; the owner's unless given."""
    facility: Literal["owned", "retrofit", "colocation", "none"] = "owned"
    """Owned: plant and building are capital. Retrofit: the air hall stands and is paid for, liquid
    cooling comes new. Colocation: rent by rated power. None: left out."""
    unplaced: Literal["ours", "others"] = "ours"
    """Whose the accelerators are that no pool uses: billed with the rest, or somebody else's, as in
    a cloud or a shared hall."""
    assets: dict[Name, Asset] = Field(default={})
    """Further capital by name, such as software or fit-out."""
    licences_per_month: Usd = 0.0
    """Software licences and support."""
    income: Income = Income()
    """What users pay beside the tiers' prices per token."""
