"""The plan section of a study file: what may be decided, what has to hold, what should be small."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, Strict, model_validator

from sim.document.quantities import NonNegativeInt, PositiveFloat, PositiveInt, Share, refusal
from sim.scenario.schema.base import Name, Reference, Section

Path = Annotated[str, Field(pattern=r"^[^.=\s]+(\.[^.=\s]+)*$", max_length=300)]
"""Dotted path of a value in the scenario, such as ``pools.metro.replicas``."""
Changes = dict[Path, Any]
Values = Annotated[tuple[Any, ...], Strict(False), Field(min_length=1)]


class PlainSection(Section):
    """A section whose numbers have no unit, under whatever key."""

    @model_validator(mode="before")
    @classmethod
    def _mark_bare_numbers(cls, data: Any) -> Any:
        return data


class Variable(PlainSection):
    """One decision: a whole number of something, one of several values, or one of several sets."""

    path: Path | None = None
    """What the decision sets; not for options, which name their own paths."""
    from_: NonNegativeInt | None = Field(default=None, alias="from")
    """Least whole number; more of it means more capacity."""
    to: PositiveInt | None = None
    """Greatest whole number."""
    step: PositiveInt = 1
    """Distance between the numbers."""
    values: Values | None = None
    """Values without an order, such as precisions."""
    options: dict[Name, Changes] | None = Field(default=None, min_length=1)
    """Named sets of changes, such as one per accelerator kind."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        ranged = self.from_ is not None or self.to is not None
        if ranged + (self.values is not None) + (self.options is not None) != 1:
            raise refusal("one of: from and to, values, options")
        if ranged and (self.from_ is None or self.to is None or self.to < self.from_):
            raise refusal("both from and to, in this order")
        if (self.path is None) == (self.options is None):
            raise refusal("a path for a range or values, none for options", at=("path",))
        return self


class Constraint(Section):
    """What has to hold for a number of the summary."""

    metric: Reference
    """Dotted name in the summary, such as ``latency.tiers.premium.ttft_s.p99``."""
    at_most: Any = None
    """Upper limit: a number in the metric's own unit, or text with a unit."""
    at_least: Any = None
    """Lower limit."""
    confidence: Share = 0.95
    """How sure the answer has to be that the limit holds."""
    more: Literal["helps", "hurts", "neither"] | None = None
    """Whether more capacity helps, hurts, or neither; known for the metrics of the summary."""
    relief: Any = None
    """By how much the limit is moved to find the price of relief; 10 % of it by default."""

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if (self.at_most is None) == (self.at_least is None):
            raise refusal("one of at_most, at_least")
        return self


class Plan(Section):
    """A question for ``loadbank plan``."""

    variables: dict[Name, Variable] = Field(min_length=1)
    """What may be decided."""
    constraints: Annotated[tuple[Constraint, ...], Strict(False)] = Field(min_length=1)
    """What has to hold, each with its confidence."""
    minimise: Annotated[tuple[Reference, ...], Strict(False), Field(min_length=1)] = (
        "price_usd_per_h",
    )
    """One number of the summary, or several for a Pareto front; ``price_usd_per_h`` is the rent of
    the accelerators by the catalogue, known without a run."""
    rents: dict[Reference, PositiveFloat] = Field(default={})
    """Rent of an accelerator in USD per hour, where the catalogue has none or another one."""
    runs: PositiveInt = 2000
    """Runs after which the search ends with the best fleet so far."""
