"""The cooling plant of a site: from the heat of its racks to the power and water that it takes."""

from __future__ import annotations

from dataclasses import dataclass

from sim.facility.build.constants import value
from sim.facility.cooling.chiller import Chiller, free_share
from sim.facility.cooling.flow import Mover, evaporated_l


@dataclass(frozen=True, slots=True)
class Availability:
    """What of a plant is in service, each as a share of all units [1]."""

    chiller: float = 1.0
    fans: float = 1.0
    pumps: float = 1.0
    facility_water: float = 1.0
    reject: float = 1.0


ALL_WELL = Availability()


@dataclass(frozen=True, slots=True)
class CoolingPlant:
    """Chilled loop for heat in air, warm loop for heat in liquid, and where both end.

    The warm loop is cooled by dry coolers or a tower and uses the chillers only when it is too hot
    outside for its supply temperature. With a tower, chillers reject through it as well.

    Attributes:
        supply_c: supply air [degC].
        return_k: return air above the supply air [K].
        warm_c: supply water of the warm loop [degC].
        warm_return_k: return water above the supply water [K].
        chiller: all chillers together.
        fans: fans of the hall.
        pumps: pumps of the warm loop.
        reject: fans of the dry coolers or the tower, and the heat that these can take.
        approach_k: how far outdoor air has to be below what it cools [K].
        tower: whether heat is rejected by evaporation, at the wet bulb.
        economiser: whether the outside may take heat from the chilled loop.
        cycles: cycles of concentration of the tower's water [1].
    """

    supply_c: float
    return_k: float
    warm_c: float
    warm_return_k: float
    chiller: Chiller
    fans: Mover
    pumps: Mover
    reject: Mover
    approach_k: float = value("plant.approach_k")
    tower: bool = False
    economiser: bool = True
    cycles: float = value("tower.cycles")


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
    sink_c = wet_bulb_c if plant.tower else outside_c
    fans_w = float(plant.fans.power_w(air_w)) * service.fans
    pumps_w = float(plant.pumps.power_w(liquid_w)) * service.pumps
    chilled_w = air_w + fans_w  # fans warm the air that they move
    warm_w = liquid_w + pumps_w
    free_air = _free(plant.supply_c, plant.return_k, sink_c, plant) if plant.economiser else 0.0
    free_warm = _free(plant.warm_c, plant.warm_return_k, sink_c, plant)
    free_w = (free_air * chilled_w + free_warm * warm_w) * service.facility_water
    outlet_w = plant.reject.heat_w * service.reject
    free_w = min(free_w, outlet_w)
    wanted_w = chilled_w + warm_w - free_w
    # A tower's water is warmer than the wet bulb by the approach.
    condenser_c = wet_bulb_c + plant.approach_k if plant.tower else outside_c
    most_w = float(plant.chiller.capacity_w(condenser_c)) * service.chiller
    moved_w = min(wanted_w, most_w * service.facility_water)
    moved_w = _rejectable_w(plant.chiller, moved_w, condenser_c, outlet_w - free_w)
    chiller_w = float(plant.chiller.power_w(moved_w, condenser_c))
    rejected_w = free_w + moved_w + chiller_w
    reject_w = float(plant.reject.power_w(rejected_w)) * service.facility_water
    water = float(evaporated_l(rejected_w, plant.cycles)) if plant.tower else 0.0
    return CoolingDraw(
        fans_w,
        pumps_w,
        chiller_w,
        reject_w,
        water,
        free_w + moved_w,
        free_w / (chilled_w + warm_w) if chilled_w + warm_w > 0.0 else 1.0,
        moved_w / chiller_w if chiller_w > 0.0 else 0.0,
        wanted_w - moved_w,
    )


def _rejectable_w(chiller: Chiller, moved_w: float, condenser_c: float, outlet_w: float) -> float:
    """Return how much of a heat the chiller may move so that dry coolers or tower take it all [W].

    Args:
        chiller: adds its own power to the heat.
        moved_w: heat to move [W].
        condenser_c: temperature at its condenser [degC].
        outlet_w: what can still be rejected [W].
    """
    if moved_w + float(chiller.power_w(moved_w, condenser_c)) <= outlet_w:
        return moved_w
    low_w, high_w = 0.0, moved_w
    for _ in range(50):
        middle_w = 0.5 * (low_w + high_w)
        if middle_w + float(chiller.power_w(middle_w, condenser_c)) > outlet_w:
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
    warm_c: float = 32.0,
    tower: bool = False,
    economiser: bool = True,
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
        tower: whether heat is rejected by evaporation.
        economiser: whether the outside may take heat from the chilled loop.
        margin: capacity over the most heat [1].
        rejection: capacity of dry coolers or tower over that of the chillers [1].
    """
    air_w, liquid_w = max(air_w, 1.0), max(liquid_w, 0.0)
    every_w = margin * (air_w * (1.0 + fan_share) + liquid_w)
    reference_cop = value(f"chiller.{'water' if tower else 'air'}_cooled_cop")
    pump_share, reject_share = value("plant.pump_share"), value("plant.reject_share")
    return CoolingPlant(
        supply_c=supply_c,
        return_k=value("plant.air_return_k"),
        warm_c=warm_c,
        warm_return_k=value("plant.water_return_k"),
        chiller=Chiller(every_w, reference_cop),
        fans=Mover(fan_share * air_w * margin, air_w * margin),
        pumps=Mover(pump_share * liquid_w * margin, liquid_w * margin),
        reject=Mover(reject_share * every_w * rejection, every_w * rejection),
        tower=tower,
        economiser=economiser,
    )


def _free(supply_c: float, rise_k: float, sink_c: float, plant: CoolingPlant) -> float:
    return float(free_share(sink_c, supply_c, supply_c + rise_k, plant.approach_k))
