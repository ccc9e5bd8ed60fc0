"""How racks are cooled: the six methods, and what each asks of the plant behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sim.facility.build.constants import table


@dataclass(frozen=True, slots=True)
class Method:
    """One way to take heat out of a rack; the numbers and their sources stand in the table.

    Attributes:
        name: name in scenarios.
        liquid_share: heat that goes straight into the warm-water loop; the rest into air [1].
        inlet_rise_k: inlet air above the supply at the rack's limit, by recirculation [K].
        fan_share: power of the hall's fans at full flow per watt of heat in air [1].
        densest_w: what it can cool in one rack [W].
    """

    name: str
    liquid_share: float
    inlet_rise_k: float
    fan_share: float
    densest_w: float


METHODS: Mapping[str, Method] = {
    name: Method(
        name,
        *(float(entry[key]) for key in ("liquid_share", "inlet_rise_k", "fan_share", "densest_w")),
    )
    for name, entry in table()["methods"].items()
}
