"""Where heat leaves a site: dry coolers, cooling towers, dry coolers behind wetted pads.

A kind says how cold it makes water in given weather, what a chiller's condenser sees and how much
water it evaporates; a new one is one class and one name in `REJECTION`.
"""

from __future__ import annotations

from typing import Protocol

from sim.facility.build.constants import value
from sim.facility.cooling.chiller import AIR_COOLED, WATER_COOLED, ChillerCurve
from sim.facility.cooling.flow import evaporated_l
from sim.registry import Registry


class HeatRejection(Protocol):
    """How heat leaves a site."""

    @property
    def curve(self) -> ChillerCurve:
        """Kind of chiller that goes with it."""
        ...

    @property
    def fans_in_chiller(self) -> bool:
        """Whether the chiller's own draw has the fans of its condenser."""
        ...

    def coolest_c(self, dry_c: float, wet_c: float) -> float:
        """Return the water that it makes without a chiller, all approaches included [degC]."""
        ...

    def condenser_c(self, dry_c: float, wet_c: float) -> float:
        """Return what enters the condenser of a chiller [degC]."""
        ...

    def water_l_per_s(self, heat_w: float, dry_c: float, wet_c: float) -> float:
        """Return the water that it takes to reject a heat [L/s]."""
        ...


REJECTION: Registry[HeatRejection] = Registry("heat rejection")


@REJECTION.register("dry")
class DryCooler:
    """Outdoor air and nothing else; chillers are air-cooled."""

    curve = AIR_COOLED
    fans_in_chiller = True

    def coolest_c(self, dry_c: float, wet_c: float) -> float:
        """Return the air and the approach of cooler and exchanger."""
        return dry_c + value("dry.approach_k")

    def condenser_c(self, dry_c: float, wet_c: float) -> float:
        """Return the air."""
        return dry_c

    def water_l_per_s(self, heat_w: float, dry_c: float, wet_c: float) -> float:
        """Return nothing."""
        return 0.0


@REJECTION.register("tower")
class Tower:
    """Evaporation at the wet bulb; chillers are water-cooled."""

    curve = WATER_COOLED
    fans_in_chiller = False

    def coolest_c(self, dry_c: float, wet_c: float) -> float:
        """Return the tower's water and the approach of the plate exchanger."""
        return self.condenser_c(dry_c, wet_c) + value("plate_exchanger.approach_k")

    def condenser_c(self, dry_c: float, wet_c: float) -> float:
        """Return the wet bulb and the tower's approach."""
        return wet_c + value("tower.approach_k")

    def water_l_per_s(self, heat_w: float, dry_c: float, wet_c: float) -> float:
        """Return evaporation and blow-down."""
        return float(evaporated_l(heat_w, value("tower.cycles")))


@REJECTION.register("adiabatic")
class Adiabatic(DryCooler):
    """Dry coolers that draw their air through wetted pads on hot days."""

    def coolest_c(self, dry_c: float, wet_c: float) -> float:
        """Return the cooled air and the approach."""
        return super().coolest_c(self.condenser_c(dry_c, wet_c), wet_c)

    def condenser_c(self, dry_c: float, wet_c: float) -> float:
        """Return the air behind the pads: nearer to the wet bulb above the switching point."""
        if dry_c <= value("adiabatic.switch_c"):
            return dry_c
        cooled_c = dry_c - value("adiabatic.efficiency") * (dry_c - wet_c)
        return max(cooled_c, min(value("adiabatic.switch_c"), dry_c))

    def water_l_per_s(self, heat_w: float, dry_c: float, wet_c: float) -> float:
        """Return what cools the coolers' air, and blow-down."""
        cooled_k = dry_c - self.condenser_c(dry_c, wet_c)
        share = cooled_k / value("adiabatic.air_rise_k")  # of the heat that the air takes up
        return float(evaporated_l(heat_w * share, value("tower.cycles")))
