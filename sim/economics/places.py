"""What a place adds to a rack's power over a typical year: cooling, losses and water."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.economics.cells import SITE, Cell, scenario_of
from sim.scenario.schema.economics_study import EconomicsStudy
from sim.simulate import load_scenario
from sim.units import J_PER_KWH, S_PER_H, S_PER_Y
from sim.world import World

MONTHS, LOOKS = 12, 8  # representative days of a year, and looks at each of them
DAY_S = 24.0 * S_PER_H


@dataclass(frozen=True, slots=True)
class SiteYear:
    """A rack in a place at one power.

    Attributes:
        pue: energy of the site over that of its IT [1].
        wue_l_per_kwh: water per energy of the IT [l/kWh].
        unmet_share: share of the heat that cooling could not take [1].
    """

    pue: float
    wue_l_per_kwh: float
    unmet_share: float


def site_years(
    cell: Cell, study: EconomicsStudy, region: str, racks_w: Sequence[float], degree: int
) -> list[SiteYear]:
    """Return the year of a rack at each of some powers.

    The facility is that of a scenario which says nothing of it but the region: contained air or
    liquid to the chip as the rack asks for, economiser, the climate of the region.

    Args:
        cell: any one with the rack.
        study: the study.
        region: of the catalogue.
        racks_w: mean power of the rack [W].
        degree: accelerators of a replica that the cell fits on.
    """
    data = scenario_of(
        cell, study, tensor_parallel=degree, rate_per_s=1.0, duration_s=60.0, warmup_s=0.0
    )
    data["topology"]["sites"][SITE]["region_data"] = region
    data["facility"] = {}
    return [_year(World(load_scenario(data), study.seed), rack_w) for rack_w in racks_w]


def _year(world: World, rack_w: float) -> SiteYear:
    if world.facility is None:
        message = "a scenario with a facility section has no facility"
        raise RuntimeError(message)
    physics = world.facility.parts.physics
    racks_w = np.full(len(world.plant.rack_names), rack_w)
    it_j = facility_j = water_l = unmet_j = 0.0
    step_s = DAY_S / LOOKS
    for month in range(MONTHS):
        for look in range(LOOKS):
            start_s = month * S_PER_Y / MONTHS + look * step_s
            (step,) = physics.step(racks_w, start_s, start_s + step_s)
            it_j += step.it_w * step_s
            facility_j += step.facility_w * step_s
            water_l += step.cooling.water_l_per_s * step_s
            unmet_j += step.unmet_w * step_s
    return SiteYear(facility_j / it_j, water_l / (it_j / J_PER_KWH), unmet_j / it_j)
