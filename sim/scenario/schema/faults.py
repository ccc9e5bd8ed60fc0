"""Faults: what breaks, when, for how long, and what becomes of the requests on it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, Strict, model_validator

from sim.document.quantities import PositiveInt, PositiveSeconds, Seconds, Share, refusal
from sim.scenario.schema.base import Name, Names, Section, Text


class LinkEnds(Section):
    """A network link."""

    start: Name = Field(alias="from")
    """A region or site."""
    end: Name = Field(alias="to")
    """The other one."""


class Outage(Section):
    """Something that is out of service for a known time; everything given goes at once."""

    at_s: Seconds
    """When it begins."""
    lasting_s: PositiveSeconds | None = None
    """How long it lasts; to the end of the run unless given."""
    sites: Names = ()
    """Sites that are down."""
    racks: Annotated[tuple[Text, ...], Strict(False)] = ()
    """Racks that are down, by full name such as `metro-fra/h1/r1/rack-03`."""
    nodes: Annotated[tuple[Text, ...], Strict(False)] = ()
    """Nodes that are down, by rack and number from 1, such as `metro-fra/h1/r1/rack-03/node-2`."""
    pools: Names = ()
    """Pools of which replicas are down."""
    replicas: PositiveInt | None = None
    """How many replicas of each of these pools, the first ones; all of them unless given."""
    accelerators: PositiveInt | None = None
    """Only so many accelerators of each of these replicas are down; see `lost_accelerator`."""
    links: Annotated[tuple[LinkEnds, ...], Strict(False)] = ()
    """Links that are cut."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.sites or self.racks or self.nodes or self.pools or self.links):
            raise refusal("at least one of sites, racks, nodes, pools, links", got="nothing")
        if self.accelerators and not self.pools:
            raise refusal("pools whose accelerators are down", got="no pools", at=("accelerators",))
        return self


class RandomFaults(Section):
    """Faults of many equal things, at random and with repair."""

    of: Literal["accelerator", "node", "rack", "site", "link"]
    """What fails, each on its own."""
    mtbf_s: PositiveSeconds
    """Mean time between failures of one of them; times are exponential."""
    mttr_s: PositiveSeconds
    """Mean time to repair."""
    mttr_cv: Annotated[float, Field(gt=0.0)] = 1.0
    """Standard deviation of the time to repair over its mean: 1 is exponential, other values are
    lognormal."""
    sites: Names | None = None
    """Only at these sites; everywhere unless given."""
    spreads: Share = 0.0
    """Chance that a fault takes the whole rack with it (accelerators and nodes)."""


class Faults(Section):
    """What breaks."""

    in_flight: Literal["restart", "resume", "lose"] = "restart"
    """What becomes of the requests on a replica that fails: they start anew on another replica of
    the pool, go on there after their context has been computed again, or fail."""
    lost_accelerator: Literal["out", "degrade"] = "out"
    """What a tensor-parallel group does that lost an accelerator: it is out of service until the
    repair, or loads its weights again onto half, a quarter, ... of its accelerators, where they
    fit, and is slower by that factor."""
    outages: Annotated[tuple[Outage, ...], Strict(False)] = ()
    """Faults at known times."""
    random: Annotated[tuple[RandomFaults, ...], Strict(False)] = ()
    """Faults at random times."""
