"""The site's power balance: grid, generation and storage against load, watt by watt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import cos, pi, radians, sin

from sim.facility.grid.storage import Battery


@dataclass(frozen=True, slots=True)
class Generator:
    """A backup generator.

    Attributes:
        power_w: what it can carry [W].
        start_s: from the loss of the grid until it carries load [s].
        usd_per_kwh: fuel [USD/kWh].
        gco2_per_kwh: carbon of the fuel [g/kWh].
    """

    power_w: float
    start_s: float = 60.0
    usd_per_kwh: float = 0.40
    gco2_per_kwh: float = 700.0


@dataclass(frozen=True, slots=True)
class Balance:
    """Where the power of an interval came from and went to [W].

    ``grid + generator + solar + discharge + unserved = load + charge``, always.

    Attributes:
        load_w: what the site wanted.
        grid_w: from the grid.
        generator_w: from the generator.
        solar_w: used of the solar power.
        spilled_w: solar power that nothing could take.
        discharge_w: from the battery.
        charge_w: into the battery.
        unserved_w: load that nothing carried.
        stored_j: energy in the battery afterwards [J].
    """

    load_w: float
    grid_w: float
    generator_w: float
    solar_w: float
    spilled_w: float
    discharge_w: float
    charge_w: float
    unserved_w: float
    stored_j: float

    @property
    def residual_w(self) -> float:
        """What is wrong with the balance; 0 up to rounding [W]."""
        sources_w = self.grid_w + self.generator_w + self.solar_w + self.discharge_w
        return sources_w + self.unserved_w - self.load_w - self.charge_w


@dataclass(frozen=True, slots=True)
class Supply:
    """What a site can draw on in an interval.

    Attributes:
        grid_w: most that the grid gives; 0 in an outage [W].
        solar_w: solar power at hand [W].
        generator_w: what a running generator can carry [W].
        battery: the battery, or None.
        stored_j: energy in it [J].
        wanted_w: what its policy asks for: above 0 to discharge, below 0 to charge [W].
    """

    grid_w: float
    solar_w: float = 0.0
    generator_w: float = 0.0
    battery: Battery | None = None
    stored_j: float = 0.0
    wanted_w: float = 0.0


def balance(load_w: float, supply: Supply, step_s: float) -> Balance:
    """Return how a load is met: solar first, then the battery's wish, the grid, emergency sources.

    The battery never charges from the generator, and covers what the grid cannot, reserve included.

    Args:
        load_w: what the site draws [W].
        supply: what it can draw on.
        step_s: length of the interval [s].
    """
    solar_w = min(supply.solar_w, load_w)
    net_w, extra_w = load_w - solar_w, supply.solar_w - solar_w
    battery, stored_j = supply.battery, supply.stored_j
    discharge_w = charge_w = 0.0
    if battery is not None:
        missing_w = max(net_w - supply.grid_w - supply.generator_w, 0.0)
        if extra_w > 0.0 or (supply.wanted_w < 0.0 and missing_w == 0.0):
            room_w = extra_w + max(supply.grid_w - net_w, 0.0)
            wanted_w = -min(max(extra_w, -supply.wanted_w), room_w)
        else:
            wanted_w = min(max(supply.wanted_w, missing_w), net_w)
        emergency = missing_w > 0.0
        stored_j, power_w = battery.exchange(stored_j, wanted_w, step_s, emergency=emergency)
        discharge_w, charge_w = max(power_w, 0.0), max(-power_w, 0.0)
    from_sun_w = min(charge_w, extra_w)
    left_w = net_w - discharge_w + charge_w - from_sun_w
    grid_w = min(left_w, supply.grid_w)
    generator_w = min(left_w - grid_w, supply.generator_w)
    return Balance(
        load_w=load_w,
        grid_w=grid_w,
        generator_w=generator_w,
        solar_w=solar_w + from_sun_w,
        spilled_w=extra_w - from_sun_w,
        discharge_w=discharge_w,
        charge_w=charge_w,
        unserved_w=left_w - grid_w - generator_w,
        stored_j=stored_j,
    )


def with_ups(
    drawn: Balance, ups: Battery, ups_j: float, spare_w: float, step_s: float
) -> tuple[Balance, float]:
    """Return the balance with an uninterruptible supply at work, and the energy left in it [J].

    It carries what nothing else does, and is recharged from what the grid has to spare.

    Args:
        drawn: the balance without it.
        ups: its batteries.
        ups_j: energy in them before [J].
        spare_w: what the grid could give beyond the balance [W].
        step_s: length of the interval [s].
    """
    wanted_w = drawn.unserved_w if drawn.unserved_w > 0.0 else -max(spare_w, 0.0)
    left_j, power_w = ups.exchange(ups_j, wanted_w, step_s, emergency=True)
    given_w, taken_w = max(power_w, 0.0), max(-power_w, 0.0)
    changed = replace(
        drawn,
        grid_w=drawn.grid_w + taken_w,
        charge_w=drawn.charge_w + taken_w,
        discharge_w=drawn.discharge_w + given_w,
        unserved_w=drawn.unserved_w - given_w,
    )
    return changed, left_j


def solar_power_w(peak_w: float, latitude: float, day_of_year: int, hour: float) -> float:
    """Return the power of panels under a clear sky, by the height of the sun [W].

    ``peak sin(elevation)`` with the declination of Cooper (1969), Solar Energy 12; clouds and
    panel temperature are not modelled.

    Args:
        peak_w: power with the sun overhead [W].
        latitude: of the site [degrees].
        day_of_year: 1 to 366.
        hour: local solar time, 0 to 24 [h].
    """
    declination = radians(23.45) * sin(2.0 * pi * (284 + day_of_year) / 365.0)
    north, turn = radians(latitude), pi * (hour - 12.0) / 12.0
    height = sin(north) * sin(declination) + cos(north) * cos(declination) * cos(turn)
    return peak_w * max(height, 0.0)
