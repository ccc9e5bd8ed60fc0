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

    ``balance.load = IT + losses + cooling``; heat of racks, fans and pumps = removed +
    stored.

    Attributes:
        it_w: power of the racks, `server_fans_w` included [W].
        server_fans_w: what servers' fans draw beyond the meters because inlets are warm [W].
        loss_w: loss of each electrical stage [W].
        cooling: what cooling took.
        heat_stored_w: heat that racks and loops took up [W].
        unmet_w: heat of this step that cooling left in the loops [W].
        outside_c: outdoor temperature [degC].
        wet_bulb_c: outdoor wet bulb [degC].
        balance: where the power came from.
    """

    it_w: float
    server_fans_w: float
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
        services = [site.service for site in self.sites]
        columns = zip(*((s.fans, s.pumps, s.facility_water) for s in services), strict=True)
        fans, pumps, water = (np.array(column)[self._rack_site] for column in columns)
        heat = self.thermals.step(rack_w, *self._supplies(), (fans, pumps, water), step_s)
        parts = (
            *(rack_w, heat.extra_w, heat.air_w, heat.liquid_w, heat.stored_w),
            *(heat.air_w_per_k, heat.liquid_w_per_k),
        )
        count = len(self.sites)
        sums = np.array([np.bincount(self._rack_site, part, minlength=count) for part in parts]).T
        steps = [
            _site_step(site, _SiteHeat(*totals), start_s, end_s)
            for site, totals in zip(self.sites, sums.tolist(), strict=True)
        ]
        excess = np.array([(site.chilled_excess_k, site.warm_excess_k) for site in self.sites])
        if excess.any():
            self.thermals.warm(*excess[self._rack_site].T)
        return steps

    def _supplies(self) -> tuple[FloatArray, FloatArray]:
        """Return the set points of supply air and facility water at each rack [degC]."""
        points = np.array([(site.cooling.supply_c, site.cooling.warm_c) for site in self.sites])
        supply_c, warm_c = points[self._rack_site].T
        return supply_c, warm_c


class _SiteHeat(NamedTuple):
    """Sums over the racks of a site, means of a step [W], and what a warmer loop changes [W/K]."""

    metered_w: float
    server_fans_w: float
    air_w: float
    liquid_w: float
    stored_w: float
    air_w_per_k: float
    liquid_w_per_k: float


def _site_step(site: SitePhysics, racks: _SiteHeat, start_s: float, end_s: float) -> SiteStep:
    weather = site.weather.over(start_s, end_s)
    cooling, stored_w, unmet_w = _cool(site, racks, weather, end_s - start_s)
    it_w = racks.metered_w + racks.server_fans_w
    losses = tuple(float(loss) for loss in convert(site.stages, it_w, site.failed).loss_w)
    load_w = it_w + sum(losses) + cooling.power_w
    drawn = site.grid.draw(load_w, start_s, end_s)
    return SiteStep(
        *(it_w, racks.server_fans_w, losses, cooling, stored_w, unmet_w, *weather, drawn)
    )


def _cool(
    site: SitePhysics, racks: _SiteHeat, weather: tuple[float, float], step_s: float
) -> tuple[CoolingDraw, float, float]:
    """Advance the loops; return what cooling took, what is stored and what loops kept [W].

    Racks give less heat to a loop that gets warmer; their answer is linear, so the end of the step
    is solved for and not stepped to, which no stiffness can upset (implicit Euler of the loops).
    """
    loops = [capacity / step_s for capacity in site.loops_j_per_k]  # W per kelvin of change
    before_w = site.chilled_excess_k * loops[0], site.warm_excess_k * loops[1]
    # A loop above its set point is pulled down as far as the plant can within the step.
    wanted_w = racks.air_w + before_w[0], racks.liquid_w + before_w[1]
    asked_w = max(wanted_w[0], 0.0), max(wanted_w[1], 0.0)
    cooling = draw(site.cooling, *asked_w, *weather, site.service)
    share = asked_w[0] / sum(asked_w) if sum(asked_w) > 0.0 else 1.0
    left_w = (
        min(wanted_w[0], 0.0) + cooling.unmet_w * share,
        min(wanted_w[1], 0.0) + cooling.unmet_w * (1.0 - share),
    )
    site.chilled_excess_k = left_w[0] / (loops[0] + racks.air_w_per_k)
    site.warm_excess_k = left_w[1] / (loops[1] + racks.liquid_w_per_k)
    after_w = site.chilled_excess_k * loops[0], site.warm_excess_k * loops[1]
    stored_w = (
        racks.stored_w
        + site.chilled_excess_k * racks.air_w_per_k
        + site.warm_excess_k * racks.liquid_w_per_k
        + (sum(after_w) - sum(before_w))
    )
    # What was left over before is asked for again at every step, and counted once.
    kept_w = max(after_w[0], 0.0) + max(after_w[1], 0.0)
    return cooling, stored_w, max(kept_w - max(before_w[0], 0.0) - max(before_w[1], 0.0), 0.0)
