"""A site battery: what it can take and give, and when it should."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Protocol

from sim.registry import Registry


@dataclass(frozen=True, slots=True)
class Battery:
    """A battery behind the meter.

    Attributes:
        capacity_j: usable energy [J].
        charge_w: highest power that it takes [W].
        discharge_w: highest power that it gives [W].
        round_trip: energy given over energy taken, split evenly over both ways [1].
        reserve: share of the capacity that is kept for outages [1].
    """

    capacity_j: float
    charge_w: float
    discharge_w: float
    round_trip: float = 0.88
    reserve: float = 0.0

    def exchange(
        self, stored_j: float, wanted_w: float, step_s: float, *, emergency: bool = False
    ) -> tuple[float, float]:
        """Return the stored energy after a step [J] and the power exchanged [W].

        Args:
            stored_j: energy stored before [J].
            wanted_w: above 0 to discharge, below 0 to charge [W].
            step_s: length of the step [s].
            emergency: whether the reserve may be used.
        """
        one_way = sqrt(self.round_trip)
        if wanted_w >= 0.0:
            kept_j = 0.0 if emergency else self.reserve * self.capacity_j
            most_w = max(stored_j - kept_j, 0.0) * one_way / step_s
            given_w = min(wanted_w, self.discharge_w, most_w)
            return max(stored_j - given_w * step_s / one_way, 0.0), given_w
        room_w = max(self.capacity_j - stored_j, 0.0) / (one_way * step_s)
        taken_w = min(-wanted_w, self.charge_w, room_w)
        return min(stored_j + taken_w * step_s * one_way, self.capacity_j), -taken_w


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a storage policy knows about the interval.

    Attributes:
        load_w: what the site draws, on-site generation taken off [W].
        usd_per_kwh: price [USD/kWh].
        gco2_per_kwh: carbon intensity [g/kWh].
    """

    load_w: float
    usd_per_kwh: float
    gco2_per_kwh: float


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """What every storage policy is built from.

    Attributes:
        low: charge below this price [USD/kWh], carbon [g/kWh] or grid power [W].
        high: discharge above it.
        power_w: power with which price and carbon policies charge and discharge [W].
    """

    low: float
    high: float
    power_w: float


class StoragePolicy(Protocol):
    """Says how much a battery should give."""

    def wanted_w(self, outlook: Outlook) -> float:
        """Return the power to discharge, below 0 to charge [W]."""
        ...


STORAGE: Registry[StoragePolicy] = Registry("storage policy")


@STORAGE.register("standby")
class Standby:
    """Kept full for outages."""

    def __init__(self, settings: StorageSettings) -> None:
        self._power_w = settings.power_w

    def wanted_w(self, outlook: Outlook) -> float:
        """Ask for charge."""
        return -self._power_w


@STORAGE.register("peak-shaving")
class PeakShaving:
    """Takes the tops of the load away and refills in its valleys."""

    def __init__(self, settings: StorageSettings) -> None:
        self._settings = settings

    def wanted_w(self, outlook: Outlook) -> float:
        """Return what is above ``high``, or below 0 what is missing to ``low``."""
        if outlook.load_w > self._settings.high:
            return outlook.load_w - self._settings.high
        return min(outlook.load_w - self._settings.low, 0.0)


def _between(value: float, settings: StorageSettings) -> float:
    if value > settings.high:
        return settings.power_w
    return -settings.power_w if value < settings.low else 0.0


@STORAGE.register("price-following")
class PriceFollowing:
    """Charges when power is cheap, discharges when it is dear."""

    follows = "price"

    def __init__(self, settings: StorageSettings) -> None:
        self._settings = settings

    def wanted_w(self, outlook: Outlook) -> float:
        """Return full power by the price, never more than the load."""
        return min(_between(outlook.usd_per_kwh, self._settings), max(outlook.load_w, 0.0))


@STORAGE.register("carbon-following")
class CarbonFollowing:
    """Charges when the grid is clean, discharges when it is dirty."""

    follows = "carbon"

    def __init__(self, settings: StorageSettings) -> None:
        self._settings = settings

    def wanted_w(self, outlook: Outlook) -> float:
        """Return full power by the carbon intensity, never more than the load."""
        return min(_between(outlook.gco2_per_kwh, self._settings), max(outlook.load_w, 0.0))
