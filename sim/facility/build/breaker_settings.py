"""Which breaker protects what: by site, by level, and by the rating of a site's stages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.facility.metering.levels import MeterPoints
from sim.facility.power.bank import BreakerBank
from sim.facility.power.breaker import CURVES, TripCurve
from sim.plant.plant import Plant
from sim.scenario.schema import facility as schema

UNLIMITED = schema.Breakers()


def point_breakers(electrical: Sequence[schema.Electrical], plant: Plant) -> list[schema.Breakers]:
    """Return the breaker of every metered point, a default one where its site names none.

    Args:
        electrical: the electrical section of each site.
        plant: what stands where.
    """
    row_site = plant.hall_site[plant.row_hall]
    found = [
        electrical[site].rack_breakers or electrical[site].breakers for site in plant.rack_site
    ]
    found += [electrical[site].breakers for site in row_site]
    found += [electrical[site].breakers for site in plant.hall_site]
    found += [section.breakers for section in electrical]
    return [breaker or UNLIMITED for breaker in found]


def breaker_bank(
    breakers: Sequence[schema.Breakers],
    electrical: Sequence[schema.Electrical],
    points: MeterPoints,
) -> BreakerBank | None:
    """Return the breakers of racks and rows, and of sites whose stages have a rating.

    Args:
        breakers: the breaker of every metered point.
        electrical: the electrical section of each site.
        points: the metered points, with the limits that settings refer to.
    """
    stages = ("distribution", "ups", "switchboard")
    rated = any(getattr(e, stage).rating_w is not None for e in electrical for stage in stages)
    named = any(e.breakers or e.rack_breakers for e in electrical)
    if not (rated or named):
        return None
    setting_w = np.full(len(points), np.inf)
    for level in ("rack", "row"):
        span = points.spans[level]
        settings = [_setting(breaker) for breaker in breakers[span]]
        setting_w[span] = points.limit_w[span] * np.array(settings)
    return BreakerBank([_curve(breaker) for breaker in breakers], setting_w)


def _setting(breaker: schema.Breakers) -> float:
    return np.inf if breaker is UNLIMITED else breaker.setting


def _curve(breaker: schema.Breakers) -> TripCurve:
    k_s, alpha = CURVES[breaker.curve]
    return TripCurve(k_s, alpha, breaker.multiplier)
