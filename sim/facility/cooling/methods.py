"""How racks are cooled: the six methods, and what each asks of the plant behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Method:
    """One way to take heat out of a rack.

    Attributes:
        name: name in scenarios.
        liquid_share: heat that goes straight into the warm-water loop; the rest into air [1].
        inlet_rise_k: inlet air above the supply at the rack's limit, by recirculation [K].
        fan_share: power of the hall's fans at full flow per watt of heat in air [1].
        densest_w: what it can cool in one rack [W].
        kind: how far the numbers can be trusted.
        source: where they come from.
    """

    name: str
    liquid_share: float
    inlet_rise_k: float
    fan_share: float
    densest_w: float
    kind: str
    source: str


# Densities: practical limits as published by vendors and analysts; inlet rise of the perimeter from
# dc-rl's CFD approach temperatures, the others guessed below it; fan shares are guesses that put
# the fans of a hall at 1 to 5 % of its load.
_METHODS = (
    Method("perimeter", 0.0, 5.2, 0.045, 10_000.0, "analyst", "dc-rl rack approach temperatures"),
    Method("contained", 0.0, 2.0, 0.030, 30_000.0, "guess", "practical limits, containment"),
    Method("in-row", 0.0, 1.5, 0.020, 50_000.0, "guess", "practical limits, in-row units"),
    Method("rear-door", 0.0, 1.0, 0.010, 80_000.0, "guess", "practical limits, rear-door"),
    Method("direct-to-chip", 0.75, 2.0, 0.030, 150_000.0, "analyst", "70 to 80 % to liquid"),
    Method("immersion", 1.0, 0.0, 0.0, 200_000.0, "guess", "100 kW and more per tank"),
)
METHODS: Mapping[str, Method] = {method.name: method for method in _METHODS}
AIR_METHODS = tuple(method.name for method in _METHODS if method.liquid_share == 0.0)
LIQUID_METHODS = tuple(method.name for method in _METHODS if method.liquid_share > 0.0)
