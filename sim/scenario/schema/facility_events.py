"""What happens to a facility in a run: faults of the plant, and orders to draw less."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from sim.document.quantities import (
    PositiveInt,
    PositiveSeconds,
    PositiveShare,
    PositiveWatts,
    Seconds,
    refusal,
)
from sim.scenario.schema.base import Name, Reference, Section


class Fault(Section):
    """Something in the plant that fails: once at a time, or at random."""

    kind: Literal[
        "chiller",
        "fans",
        "cdu-pump",
        "facility-water",
        "dry-cooler",
        "utility",
        "pdu",
        "ups",
        "switchboard",
    ]
    """What fails."""
    site: Name
    """Name of the site."""
    row: Reference | None = None
    """Row whose distribution unit fails, as hall/row; for `pdu` only."""
    share: PositiveShare = 1.0
    """How much of a cooling part fails."""
    units: PositiveInt = 1
    """How many units fail, for pdu, ups and switchboard; those that are left carry the load."""
    at_s: Seconds | None = None
    """When it fails."""
    duration_s: PositiveSeconds | None = None
    """How long it is out; for good unless given."""
    mtbf_s: PositiveSeconds | None = None
    """Mean time between failures, for random faults."""
    mttr_s: PositiveSeconds | None = None
    """Mean time to repair, for random faults."""

    @model_validator(mode="after")
    def _once_or_at_random(self) -> Self:
        if (self.at_s is None) == (self.mtbf_s is None):
            raise refusal("either at, for a single fault, or mtbf and mttr, for random ones")
        if (self.mtbf_s is None) != (self.mttr_s is None):
            raise refusal("both mtbf and mttr", at=("mtbf" if self.mtbf_s else "mttr",))
        return self


class Curtailment(Section):
    """An order of the grid operator to stay below a power for a while."""

    name: Name | None = None
    """Name in the summary; its number in the list, from 0, unless given."""
    site: Name
    """Name of the site."""
    limit_w: PositiveWatts
    """Most that the whole site may draw, cooling included."""
    from_s: Seconds
    """From when."""
    until_s: PositiveSeconds
    """Until when."""
    strict: bool = False
    """Whether replicas are stopped if slowing them is not enough."""
    grace_s: Seconds = 0.0
    """Time to comply before a breach counts."""

    @model_validator(mode="after")
    def _ends_after_start(self) -> Self:
        if self.until_s <= self.from_s:
            raise refusal("a time after `from`", at=("until",))
        return self
