"""Sites, halls, rows and racks with the power that they can draw against their limits."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

import numpy as np

from sim.explain.views import PlaceView, SiteView
from sim.facility.metering.bounds import PowerBounds
from sim.facility.metering.levels import Level
from sim.plant.hardware import Hardware

PLACES: tuple[Level, ...] = ("hall", "row", "rack")


def site_views(hardware: Hardware, bounds: PowerBounds) -> Iterator[SiteView]:
    """Yield every site, in the order of the topology."""
    sites = len(hardware.site_names)
    racks = np.bincount(hardware.rack_site, minlength=sites)
    nodes = np.bincount(hardware.rack_site[hardware.node_rack], minlength=sites)
    first = bounds.points.spans["site"].start
    for i, name in enumerate(hardware.site_names):
        yield SiteView(
            name,
            hardware.site_kind[i],
            int(np.count_nonzero(hardware.hall_site == i)),
            int(racks[i]),
            int(nodes[i]),
            *_power(bounds, first + i),
        )


def place_views(bounds: PowerBounds) -> Iterator[PlaceView]:
    """Yield halls, rows and racks, those of each level by peak over limit."""
    for level in PLACES:
        for at in bounds.fullest(level):
            yield PlaceView(level, bounds.points.names[at], *_power(bounds, at))


def _power(bounds: PowerBounds, at: int) -> tuple[float, float, float | None]:
    """Return idle power, peak power and limit of a point [W]."""
    limit_w = float(bounds.points.limit_w[at])
    known_w = limit_w if isfinite(limit_w) else None
    return float(bounds.idle_w[at]), float(bounds.peak_w[at]), known_w
