"""The topology: user regions, sites with halls, rows and racks, and the links between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, Strict, model_validator

from sim.catalog.entries import Cooling
from sim.document.quantities import (
    BitsPerSecond,
    PositiveWatts,
    Seconds,
    UsdPerGb,
    refusal,
)
from sim.scenario.schema.base import Name, Reference, Section, Text, not_empty

Latitude = Annotated[float, Field(ge=-90.0, le=90.0)]
Longitude = Annotated[float, Field(ge=-180.0, le=180.0)]
SiteKind = Literal["metro", "remote", "edge"]


class UserRegion(Section):
    """A place where users are."""

    lat: Latitude
    """Latitude in degrees, north positive."""
    lon: Longitude
    """Longitude in degrees, east positive."""


class RackGroup(Section):
    """Equal racks that stand side by side."""

    type: Reference
    """Rack type out of the catalogue."""
    count: Annotated[int, Field(gt=0, le=10_000)] = 1
    """How many."""
    name: Name | None = None
    """First part of the names of these racks."""
    power_limit_w: PositiveWatts | None = None
    """Power limit of each of these racks; by default the one of the rack type."""


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


RackGroups = Annotated[
    tuple[RackGroup, ...], Strict(False), BeforeValidator(_listed), AfterValidator(not_empty)
]


class Row(Section):
    """A row of racks behind one feed."""

    power_limit_w: PositiveWatts | None = None
    """Power limit of the row."""
    racks: RackGroups
    """A group of equal racks, or a list of groups."""

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [group.name for group in self.racks]
        for index, name in enumerate(names):
            if name is not None and name in names[:index]:
                expected = "a name of its own for each group of the row"
                raise refusal(expected, got=f"{name!r} twice", at=("racks", index, "name"))
        return self


class Hall(Section):
    """A data hall of a site."""

    cooling: Cooling = "air"
    """How its racks are cooled, unless their type says otherwise."""
    power_limit_w: PositiveWatts | None = None
    """Power limit of the hall."""
    rows: dict[Name, Row] = Field(min_length=1)
    """Rows of racks by name."""


class Site(Section):
    """A data centre."""

    kind: SiteKind
    """Metro: near users; remote: far away, cheap power; edge: small and very near users."""
    lat: Latitude
    """Latitude in degrees, north positive."""
    lon: Longitude
    """Longitude in degrees, east positive."""
    region_data: Reference | None = None
    """Catalogue region for electricity price and carbon intensity."""
    power_limit_w: PositiveWatts | None = None
    """Power limit of the site's IT load."""
    halls: dict[Name, Hall] = Field(min_length=1)
    """Data halls by name."""

    def rack_groups(self) -> Iterator[tuple[tuple[str, str, int], RackGroup]]:
        """Yield every group of racks with its hall, row and position in the row."""
        for hall_name, hall in self.halls.items():
            for row_name, row in hall.rows.items():
                for index, group in enumerate(row.racks):
                    yield (hall_name, row_name, index), group


class Link(Section):
    """A network link, used in both directions."""

    start: Name = Field(alias="from")
    """A region or site."""
    end: Name = Field(alias="to")
    """Another region or site."""
    latency_s: Seconds
    """One-way propagation delay."""
    jitter_s: Seconds = 0.0
    """Mean of the random extra delay, one way."""
    bandwidth_bps: BitsPerSecond | None = None
    """Bandwidth that one request may use; without it, sending takes no time."""
    shared: bool = False
    """Whether the prompts that are under way share the bandwidth; else each has it to itself."""
    egress_usd_per_gb: UsdPerGb = 0.0
    """Price of data sent from the site to the user."""

    @model_validator(mode="after")
    def _something_to_share(self) -> Self:
        if self.shared and self.bandwidth_bps is None:
            raise refusal("a bandwidth for the requests to share", got="no bandwidth")
        return self


class Topology(Section):
    """Where users and data centres are, what stands in them, and how they are linked."""

    version: Literal[1] = 1
    """Version of this format."""
    name: Name
    """Name for reports."""
    description: Text = ""
    """What it stands for."""
    regions: dict[Name, UserRegion] = Field(min_length=1)
    """User regions by name."""
    sites: dict[Name, Site] = Field(min_length=1)
    """Data centres by name."""
    links: Annotated[tuple[Link, ...], Strict(False)] = ()
    """Links between regions and sites."""
