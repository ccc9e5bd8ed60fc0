"""What may be off in a business case: prices, lives, demand and physics, and draws of them all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sim.catalog.entries import Accelerator, Owner, Region, Sourced
from sim.economics.fleet import Unit
from sim.experiment.sensitivity.uncertain import places
from sim.interfaces import FloatArray
from sim.scenario.schema.business_case import BusinessCase
from sim.units import S_PER_Y

Values = Mapping[str, FloatArray]
"""A number by draw for each input, by its name."""

# Layers of the ledger and the number of an owner that their price is proportional to.
LAYERS = {
    "servers": "server_share",
    "network": "network_share",
    "storage": "storage_usd",
    "racks": "rack_usd",
    "liquid loop": "liquid_usd",
    "power": "power_usd_per_w",
    "cooling": "cooling_usd_per_w",
    "building": "building_usd_per_w",
    "land": "land_usd_per_w",
    "retrofit": "retrofit_usd_per_w",
    "maintenance": "maintenance_usd_per_w_month",
    "people": "people_usd_per_w_month",
    "colocation": "colocation_usd_per_w_month",
}
ASSUMED = {
    "tokens_per_day": "demand in the first month",
    "growth": "growth of demand",
    "elasticity": "elasticity of demand",
    "price_decay": "fall of the token price",
    "software": "software gains",
    "energy_growth": "growth of the energy price",
    "hardware_decay": "fall of the chip price",
}


@dataclass(frozen=True, slots=True)
class Input:
    """A number that a case rests on.

    Attributes:
        name: key of it in `Values`.
        title: in words.
        value: what is taken.
        low, high: how far it may be off; equal to the value where nobody says.
        kind: where it comes from: given, measured, fitted, vendor, analyst or guess.
    """

    name: str
    title: str
    value: float
    low: float
    high: float
    kind: str

    def at(self, u: FloatArray) -> FloatArray:
        """Return the value at ``u`` in [0, 1]: 0.5 the one that is taken.

        Either side of it is as likely, and equal steps on one side are, as everywhere in Loadbank.
        """
        side = np.where(u < 0.5, self.low, self.high)
        found: FloatArray = self.value + np.abs(2.0 * u - 1.0) * (side - self.value)
        return found


def inputs_of(
    case: BusinessCase,
    units: Sequence[Unit],
    accelerator: Accelerator,
    owner: Owner,
    region: Region,
) -> list[Input]:
    """Return every number of a case; layers of the ledger as factors on their price.

    Args:
        case: the assumptions.
        units: what is compared or bought; their layers and step times count.
        accelerator: the chip that is bought first.
        owner: prices, lives and cost of capital.
        region: price of energy.
    """
    layers = {layer for unit in units for layer in (*unit.it_usd, *unit.hall_usd, *unit.upkeep_usd)}
    return [
        *_assumed(case),
        *_prices(accelerator, layers, any(unit.rent_usd for unit in units)),
        *_owners(owner, layers),
        _energy(region, units),
        Input(
            "step_time",
            "step times",
            1.0,
            min(unit.time_low for unit in units),
            max(unit.time_high for unit in units),
            "physics",
        ),
    ]


def _assumed(case: BusinessCase) -> Iterator[Input]:
    for name, title in ASSUMED.items():
        value = float(getattr(case, name))
        low, high = getattr(case.ranges, name) or (value, value)
        yield Input(name, title, value, low, high, "given")


def _prices(accelerator: Accelerator, layers: set[str], rented: bool) -> Iterator[Input]:
    sources = accelerator.sources
    if "accelerators" in layers:
        mark, price = sources.get("price_usd"), accelerator.price_usd
        yield _factor("accelerators", "price of accelerators", price, mark)
    if rented:
        rent = accelerator.rent_usd_per_h
        yield _factor("rent", "rent of accelerators", rent, sources.get("rent_usd_per_h"))


def _owners(owner: Owner, layers: set[str]) -> Iterator[Input]:
    for layer, field in LAYERS.items():
        if layer in layers:
            yield _factor(layer, f"price of {layer}", getattr(owner, field), _mark(owner, field))
    lives = {
        "cost_of_capital": ("cost of capital", "cost_of_capital", 1.0),
        "it_life_y": ("life of accelerators", "it_life_s", S_PER_Y),
        "it_residual": ("residual value", "it_residual", 1.0),
        "facility_life_y": ("life of the hall", "facility_life_s", S_PER_Y),
    }
    for name, (title, field, unit) in lives.items():
        value, mark = getattr(owner, field), _mark(owner, field)
        low, high = _ends(value, mark)
        kind = mark.kind if mark else "given"
        yield Input(name, title, value / unit, low / unit, high / unit, kind)


def _energy(region: Region, units: Sequence[Unit]) -> Input:
    mark = region.sources.get("usd_per_kwh")
    price = max((unit.usd_per_kwh for unit in units), default=region.usd_per_kwh)
    low, high = _ends(region.usd_per_kwh, mark)
    water = price - region.usd_per_kwh if price else 0.0
    price = price or region.usd_per_kwh
    kind = mark.kind if mark else "given"
    return Input("usd_per_kwh", "price of energy", price, low + water, high + water, kind)


def _mark(owner: Owner, field: str) -> Sourced | None:
    return owner.sources.get(field)


def _ends(value: float, mark: Sourced | None) -> tuple[float, float]:
    low = mark.low if mark and mark.low is not None else value
    high = mark.high if mark and mark.high is not None else value
    return min(low, value), max(high, value)


def _factor(name: str, title: str, value: float | None, mark: Sourced | None) -> Input:
    """Return an input that multiplies a price of the ledger."""
    kind = mark.kind if mark else "given"
    if not value:
        return Input(name, title, 1.0, 1.0, 1.0, kind)
    low, high = _ends(value, mark)
    return Input(name, title, 1.0, low / value, high / value, kind)


def taken(inputs: Sequence[Input]) -> dict[str, FloatArray]:
    """Return the numbers as they are taken, as one draw."""
    return {each.name: np.array([each.value]) for each in inputs}


def drawn(inputs: Sequence[Input], draws: int, seed: int) -> dict[str, FloatArray]:
    """Return draws of all inputs together, a Latin hypercube over their ranges."""
    unit = places(len(inputs), draws, seed)
    return {each.name: each.at(unit[:, at]) for at, each in enumerate(inputs)}


def one_by_one(inputs: Sequence[Input]) -> tuple[list[Input], dict[str, FloatArray]]:
    """Return the inputs with a range, and draws with each of them at its low and its high end.

    Draw 2 i has input i at its low end, draw 2 i + 1 at its high end, the others as taken.
    """
    moved = [each for each in inputs if each.low < each.high]
    values = {each.name: np.full(2 * len(moved), each.value) for each in inputs}
    for at, each in enumerate(moved):
        values[each.name][2 * at : 2 * at + 2] = each.low, each.high
    return moved, values
