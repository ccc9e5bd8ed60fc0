"""One step of a facility's physics: racks' watts in, temperatures, losses, water and grid out.

Pure arrays, no events: the same code runs inside a simulation and for a year by itself.
Order within a step: racks warm or cool; their heat meets the cooling plant of the site, and what
it cannot take warms its loops; electrical losses; the power balance with grid and storage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sim.facility.build.constants import value
from sim.facility.cooling.racks import RackCooling, RackThermals
from sim.facility.cooling.site import ALL_WELL, Availability, CoolingDraw, CoolingPlant, draw
from sim.facility.grid.balance import Balance
from sim.facility.grid.source import SiteGrid
from sim.facility.grid.weather import Weather
from sim.facility.power.conversion import Stage, convert
from sim.interfaces import FloatArray, IntArray

LOOP_J_PER_K_PER_W = value("plant.loop_j_per_k_per_w")


@dataclass(slots=True)
class SitePhysics:
    """A site's plant and the state that its parts carry from step to step.

    Attributes:
        name: name of the site.
        cooling: its cooling plant.
        stages: electrical stages from the racks upwards.
        weather: outside.
        grid: where its power comes from.
        service: what of the cooling plant is in service.
        failed: units of each electrical stage that are out of service, none if empty [1].
        chilled_excess_k: chilled loop above its set point [K].
        warm_excess_k: warm loop above its set point [K].
    """

    name: str
    cooling: CoolingPlant
    stages: tuple[Stage, ...]
    weather: Weather
    grid: SiteGrid
    service: Availability = ALL_WELL
    failed: tuple[int, ...] = ()
    chilled_excess_k: float = 0.0
    warm_excess_k: float = 0.0

    @property
    def loops_j_per_k(self) -> tuple[float, float]:
        """Heat capacity of the chilled and of the warm loop [J/K]."""
        chilled_w, warm_w = self.cooling.fans.heat_w, self.cooling.pumps.heat_w
        return LOOP_J_PER_K_PER_W * max(chilled_w, 1.0), LOOP_J_PER_K_PER_W * max(warm_w, 1.0)


@dataclass(frozen=True, slots=True)
class SiteStep:
    """What happened at a site, means over the step.

    ``balance.load = IT + losses + cooling``; heat of racks, fans and pumps = removed + stored.

    Attributes:
        it_w: power of the racks [W].
        loss_w: loss of each electrical stage [W].
        cooling: what cooling took.
        heat_stored_w: heat that racks and loops took up [W].
        unmet_w: heat of this step that cooling left in the loops [W].
        outside_c: outdoor temperature [degC].
        wet_bulb_c: outdoor wet bulb [degC].
        balance: where the power came from.
    """

    it_w: float
    loss_w: tuple[float, ...]
    cooling: CoolingDraw
    heat_stored_w: float
    unmet_w: float
    outside_c: float
    wet_bulb_c: float
    balance: Balance

    @property
    def facility_w(self) -> float:
        """What the site draws, storage aside [W]."""
        return self.balance.load_w

    @property
    def pue(self) -> float:
        """Facility power over IT power [1]; 0 without IT power."""
        return self.facility_w / self.it_w if self.it_w > 0.0 else 0.0


class FacilityPhysics:
    """Racks and sites together.

    Args:
        racks: how each rack is cooled.
        rack_site: site of each rack.
        sites: the plant of each site.
        power_w: power of the racks at the start, with which they are in balance [W].
    """

    def __init__(
        self,
        racks: RackCooling,
        rack_site: IntArray,
        sites: Sequence[SitePhysics],
        power_w: FloatArray,
    ) -> None:
        self.sites = list(sites)
        self._rack_site = rack_site
        supply_c, warm_c = self._supplies()
        self.thermals = RackThermals(racks, supply_c, warm_c, power_w)

    def step(self, rack_w: FloatArray, start_s: float, end_s: float) -> list[SiteStep]:
        """Advance everything over an interval in which power and weather are taken as constant.

        Args:
            rack_w: mean power of each rack (racks,) [W].
            start_s: start of the interval [s].
            end_s: its end, later [s].
        """
        step_s = end_s - start_s
        supply_c, warm_c = self._supplies()
        services = [site.service for site in self.sites]
        columns = zip(*((s.fans, s.pumps, s.facility_water) for s in services), strict=True)
        fans, pumps, water = (np.array(column)[self._rack_site] for column in columns)
        heat = self.thermals.step(rack_w, supply_c, warm_c, (fans, pumps, water), step_s)
        parts = np.stack([rack_w, heat.air_w, heat.liquid_w, heat.stored_w])
        count = len(self.sites)
        sums = np.stack([np.bincount(self._rack_site, part, minlength=count) for part in parts]).T
        return [
            _site_step(site, _SiteHeat(*totals), start_s, end_s)
            for site, totals in zip(self.sites, sums.tolist(), strict=True)
        ]

    def _supplies(self) -> tuple[FloatArray, FloatArray]:
        supply = [site.cooling.supply_c + site.chilled_excess_k for site in self.sites]
        warm = [site.cooling.warm_c + site.warm_excess_k for site in self.sites]
        return np.array(supply)[self._rack_site], np.array(warm)[self._rack_site]


class _SiteHeat(NamedTuple):
    """Sums over the racks of a site, means of the step [W]."""

    it_w: float
    air_w: float
    liquid_w: float
    stored_w: float


def _site_step(site: SitePhysics, racks: _SiteHeat, start_s: float, end_s: float) -> SiteStep:
    weather = site.weather.over(start_s, end_s)
    cooling, loops_stored_w, unmet_w = _cool(site, racks, weather, end_s - start_s)
    losses = tuple(float(loss) for loss in convert(site.stages, racks.it_w, site.failed).loss_w)
    load_w = racks.it_w + sum(losses) + cooling.power_w
    drawn = site.grid.draw(load_w, start_s, end_s)
    stored_w = racks.stored_w + loops_stored_w
    return SiteStep(racks.it_w, losses, cooling, stored_w, unmet_w, *weather, drawn)


def _cool(
    site: SitePhysics, racks: _SiteHeat, weather: tuple[float, float], step_s: float
) -> tuple[CoolingDraw, float, float]:
    """Advance the loops; return what cooling took, what they stored and what they kept [W]."""
    chilled_j_per_k, warm_j_per_k = site.loops_j_per_k
    # A loop above its set point is pulled down as far as the plant can within the step.
    chilled_before_w = site.chilled_excess_k * chilled_j_per_k / step_s
    warm_before_w = site.warm_excess_k * warm_j_per_k / step_s
    chilled_w, warm_w = racks.air_w + chilled_before_w, racks.liquid_w + warm_before_w
    asked = max(chilled_w, 0.0), max(warm_w, 0.0)
    cooling = draw(site.cooling, *asked, *weather, site.service)
    share = asked[0] / sum(asked) if sum(asked) > 0.0 else 1.0
    chilled_left_w = min(chilled_w, 0.0) + cooling.unmet_w * share
    warm_left_w = min(warm_w, 0.0) + cooling.unmet_w * (1.0 - share)
    site.chilled_excess_k = chilled_left_w * step_s / chilled_j_per_k
    site.warm_excess_k = warm_left_w * step_s / warm_j_per_k
    stored_w = chilled_left_w + warm_left_w - chilled_before_w - warm_before_w
    # What was left over before is asked for again at every step, and counted once.
    backlog_w = max(chilled_before_w, 0.0) + max(warm_before_w, 0.0)
    return cooling, stored_w, max(cooling.unmet_w - backlog_w, 0.0)
