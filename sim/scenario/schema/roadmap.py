"""The sections ``roadmap`` and ``fits`` of an economics study: what to do, how much of it fits."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from sim import units
from sim.catalog.entries import Precision
from sim.document.quantities import PositiveShare, Quantity, Watts, refusal
from sim.scenario.schema.base import Name, Reference, Section, Text

Money = Annotated[float, Quantity(units.USD)]
CHANGES = ("chip", "region", "ownership", "precision", "used", "pool")


class Action(Section):
    """Something that can be done to a fleet; what it saves is found by runs."""

    chip: Reference | None = None
    """Another chip of the study."""
    region: Reference | None = None
    """Another region of the study."""
    ownership: Reference | None = None
    """Another way to own, of the study."""
    precision: Precision | None = None
    """Another number format of the weights; what it does to answers is not simulated."""
    used: PositiveShare | None = None
    """Another mean load over the load at which the target holds."""
    pool: dict[str, Any] = Field(default_factory=dict)
    """Keys of a pool, as in a scenario, such as ``speculation`` or ``batching``."""
    cost: Money = 0.0
    """What it costs once."""
    note: Text = ""
    """What has to be known about it."""

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if not any(getattr(self, name) for name in CHANGES):
            raise refusal(f"at least one of {', '.join(CHANGES)}")
        return self


class Roadmap(Section):
    """Where a fleet stands, and what could be done."""

    chip: Reference
    """Chip of the study that it has."""
    region: Reference
    """Where it is."""
    ownership: Reference
    """How it is owned."""
    model: Reference | None = None
    """Model of the study; without it the first."""
    pattern: Reference | None = None
    """Load of the study; without it the first."""
    actions: Annotated[dict[Name, Action], Field(min_length=1, max_length=30)]
    """What could be done, by name."""


class Fits(Section):
    """A limit that a fleet has to stay below."""

    power_w: Watts | None = None
    """At the meter of the site."""
    usd_per_year: Money | None = None
    """All in."""

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.power_w is self.usd_per_year is None:
            raise refusal("power or usd_per_year")
        return self
