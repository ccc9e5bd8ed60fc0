"""The cooling plant of a site: from the heat of its racks to the power and water that it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sim.facility.build.constants import value
from sim.facility.cooling.chiller import Chiller, free_share
from sim.facility.cooling.flow import Mover
from sim.facility.cooling.rejection import REJECTION, HeatRejection


@dataclass(frozen=True, slots=True)
class Availability:
    """What of a plant is in service, each as a share of all units [1]."""

    chiller: float = 1.0
    fans: float = 1.0
    pumps: float = 1.0
    facility_water: float = 1.0
    reject: float = 1.0


ALL_WELL = Availability()
Economiser = Literal["none", "water", "air"]


@dataclass(frozen=True, slots=True)
class CoolingPlant:
    """Chilled loop for heat in air, warm loop for heat in liquid, and where both end.

    Either loop goes to the outside as far as that is cold enough, and to the chillers for the rest,
    each at its own temperature: a warm loop asks for little lift.

    Attributes:
        supply_c: supply air [degC].
        return_k: return air above the supply air, and return water above the water of coils [K].
        water_c: water of the cooling coils [degC].
        warm_c: supply water of the warm loop [degC].
        warm_return_k: return water above the supply water [K].
        chiller: all chillers together.
        fans: fans of the hall.
        pumps: pumps of the warm loop.
        reject: fans of the dry coolers or the tower, and the heat that these can take.
        outside: how heat leaves the site.
        economiser: what may take heat from the chilled loop beside chillers: nothing, water that
            the outside cools, or outdoor air itself.
    """

    supply_c: float
    return_k: float
    water_c: float
    warm_c: float
    warm_return_k: float
    chiller: Chiller
    fans: Mover
    pumps: Mover
    reject: Mover
    outside: HeatRejection
    economiser: Economiser = "water"


@dataclass(frozen=True, slots=True)
class CoolingDraw:
    """What cooling takes while it removes heat.

    Attributes:
        fans_w: fans of the hall [W].
        pumps_w: pumps of the warm loop [W].
        chiller_w: compressors [W].
        reject_w: fans of dry coolers or tower [W].
        water_l_per_s: water of the tower [L/s].
        removed_w: heat that left the site, that of fans and pumps included [W].
        free: share of all heat that no chiller touched [1].
        cop: heat moved by chillers over their power; 0 where they rest [1].
        unmet_w: heat that the plant could not take away [W].
    """

    fans_w: float
    pumps_w: float
    chiller_w: float
    reject_w: float
    water_l_per_s: float
    removed_w: float
    free: float
    cop: float
    unmet_w: float

    @property
    def power_w(self) -> float:
        """Everything together [W]."""
        return self.fans_w + self.pumps_w + self.chiller_w + self.reject_w


def draw(
    plant: CoolingPlant,
    air_w: float,
    liquid_w: float,
    outside_c: float,
    wet_bulb_c: float,
    service: Availability = ALL_WELL,
) -> CoolingDraw:
    """Return what the plant takes to remove heat under given weather.

    Args:
        plant: the cooling plant.
        air_w: heat of racks in air [W].
        liquid_w: heat of racks in the warm loop [W].
        outside_c: outdoor dry bulb [degC].
        wet_bulb_c: outdoor wet bulb [degC].
        service: what of the plant is in service.
    """
    fans_w = float(plant.fans.power_w(air_w)) * service.fans
    pumps_w = float(plant.pumps.power_w(liquid_w)) * service.pumps
    chilled_w = air_w + fans_w  # fans warm the air that they move
    warm_w = liquid_w + pumps_w
    outlet_w = plant.reject.heat_w * service.reject
    free_air, free_warm = _free_shares(plant, outside_c, wet_bulb_c)
    free_w = (free_air * chilled_w + free_warm * warm_w) * service.facility_water
    free_w = min(free_w, outlet_w)
    wanted_w = chilled_w + warm_w - free_w
    condenser_c = plant.outside.condenser_c(outside_c, wet_bulb_c)
    share = (1.0 - free_air) * chilled_w, (1.0 - free_warm) * warm_w
    duty = _Duty(
        plant.chiller,
        condenser_c,
        (plant.water_c, plant.warm_c),
        share[0] / sum(share) if sum(share) > 0.0 else 1.0,
        float(plant.chiller.capacity_w(plant.water_c, condenser_c)) * service.chiller,
    )
    moved_w = min(wanted_w, duty.most_w * service.facility_water)
    moved_w = _rejectable_w(duty, moved_w, outlet_w - free_w)
    chiller_w = duty.power_w(moved_w)
    own_w = free_w if plant.outside.fans_in_chiller else free_w + moved_w + chiller_w
    reject_w = float(plant.reject.power_w(own_w)) * service.facility_water if own_w > 0.0 else 0.0
    rejected_w = free_w + moved_w + chiller_w
    return CoolingDraw(
        fans_w,
        pumps_w,
        chiller_w,
        reject_w,
        plant.outside.water_l_per_s(rejected_w, outside_c, wet_bulb_c),
        free_w + moved_w,
        free_w / (chilled_w + warm_w) if chilled_w + warm_w > 0.0 else 1.0,
        moved_w / chiller_w if chiller_w > 0.0 else 0.0,
        wanted_w - moved_w,
    )


@dataclass(frozen=True, slots=True)
class _Duty:
    """What chillers are asked for: two loops at their own temperatures, behind one condenser.

    Attributes:
        chiller: all chillers.
        condenser_c: what enters the condenser [degC].
        leaving_c: water of the chilled and of the warm loop [degC].
        chilled: share of the heat that is the chilled loop's [1].
        most_w: heat that they can move [W].
    """

    chiller: Chiller
    condenser_c: float
    leaving_c: tuple[float, float]
    chilled: float
    most_w: float

    def power_w(self, heat_w: float) -> float:
        """Return what they draw for a heat [W]."""
        load = heat_w / self.most_w if self.most_w > 0.0 else 0.0
        parts = self.chilled * heat_w, (1.0 - self.chilled) * heat_w
        return sum(
            float(self.chiller.power_w(part, leaving, self.condenser_c, load))
            for part, leaving in zip(parts, self.leaving_c, strict=True)
            if part > 0.0
        )


def _free_shares(plant: CoolingPlant, outside_c: float, wet_bulb_c: float) -> tuple[float, float]:
    """Return the shares of both loops' heat that the outside takes [1]."""
    made_c = plant.outside.coolest_c(outside_c, wet_bulb_c)
    warm = float(free_share(made_c, plant.warm_c, plant.warm_c + plant.warm_return_k))
    if plant.economiser == "none":
        return 0.0, warm
    if plant.economiser == "air":
        return float(free_share(outside_c, plant.supply_c, plant.supply_c + plant.return_k)), warm
    return float(free_share(made_c, plant.water_c, plant.water_c + plant.return_k)), warm


def _rejectable_w(duty: _Duty, moved_w: float, outlet_w: float) -> float:
    """Return how much of a heat chillers may move so that the outlet takes it all [W].

    Args:
        duty: what they are asked for; their own power adds to the heat.
        moved_w: heat to move [W].
        outlet_w: what can still be rejected [W].
    """
    if moved_w + duty.power_w(moved_w) <= outlet_w:
        return moved_w
    low_w, high_w = 0.0, moved_w
    for _ in range(50):
        middle_w = 0.5 * (low_w + high_w)
        if middle_w + duty.power_w(middle_w) > outlet_w:
            high_w = middle_w
        else:
            low_w = middle_w
    return low_w


def heat_limit_w(plant: CoolingPlant, outside_c: float, wet_bulb_c: float) -> float:
    """Return the most heat of racks that a plant can take away, in the mix it was built for [W].

    Args:
        plant: the cooling plant.
        outside_c: outdoor dry bulb [degC].
        wet_bulb_c: outdoor wet bulb [degC].
    """
    air_w, liquid_w = plant.fans.heat_w, plant.pumps.heat_w
    low, high = 0.0, 10.0
    for _ in range(40):  # heat that stays grows with the heat, so bisection finds the edge
        middle = 0.5 * (low + high)
        unmet_w = draw(plant, middle * air_w, middle * liquid_w, outside_c, wet_bulb_c).unmet_w
        if unmet_w > 1e-6:
            high = middle
        else:
            low = middle
    return low * (air_w + liquid_w)


def sized_plant(  # noqa: PLR0913 (the choices of a designer)
    air_w: float,
    liquid_w: float,
    fan_share: float,
    *,
    supply_c: float = 24.0,
    water_c: float | None = None,
    warm_c: float = 32.0,
    heat_rejection: str = "dry",
    economiser: Economiser = "water",
    margin: float = 1.2,
    rejection: float = 1.4,
) -> CoolingPlant:
    """Return a plant that is large enough for its racks at their limits.

    The shares of pumps and rejection are guesses; with the chiller curve they put PUE inside the
    published fleet range.

    Args:
        air_w: most heat in air [W].
        liquid_w: most heat in the warm loop [W].
        fan_share: power of the hall's fans at full flow per watt of heat in air [1].
        supply_c: supply air [degC].
        warm_c: supply water of the warm loop [degC].
        water_c: water of the coils [degC]; below the supply air by the usual approach unless given.
        heat_rejection: name of the way in which heat leaves the site.
        economiser: what may take heat from the chilled loop beside chillers.
        margin: capacity over the most heat [1].
        rejection: capacity of dry coolers or tower over that of the chillers [1].
    """
    air_w, liquid_w = max(air_w, 1.0), max(liquid_w, 0.0)
    every_w = margin * (air_w * (1.0 + fan_share) + liquid_w)
    outside = REJECTION.get(heat_rejection)()
    water_c = supply_c - value("coil.approach_k") if water_c is None else water_c
    pump_share, reject_share = value("plant.pump_share"), value("plant.reject_share")
    return CoolingPlant(
        supply_c=supply_c,
        water_c=water_c,
        return_k=value("plant.air_return_k"),
        warm_c=warm_c,
        warm_return_k=value("plant.water_return_k"),
        chiller=Chiller(every_w, outside.curve, water_c),
        fans=Mover(fan_share * air_w * margin, air_w * margin),
        pumps=Mover(pump_share * liquid_w * margin, liquid_w * margin),
        reject=Mover(reject_share * every_w * rejection, every_w * rejection),
        outside=outside,
        economiser=economiser,
    )
